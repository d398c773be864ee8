"""vacation: its arguments, its handle, its refusals (RFC 5230, RFC 6131, RFC 8580)."""

import pytest

from kit.sieve import at, problems_of, run_script
from pillarbox.formats.sieve.actions import FileInto, Keep, Vacation
from pillarbox.formats.sieve.compiling import compile_script

DAY = 86_400
ALL = (
    'require ["vacation", "vacation-seconds", "fcc", "imap4flags", "mailbox", "special-use", '
    '"mailboxid", "variables"];\n'
)


def reply(script: str) -> Vacation:
    outcome = run_script(ALL + script)
    assert outcome.failure is None
    assert any(isinstance(action, Keep) and action.implicit for action in outcome.actions)
    (found,) = (action for action in outcome.actions if isinstance(action, Vacation))
    return found


def test_a_reason_alone() -> None:
    found = reply('vacation "I am away";')
    assert (found.reason, found.period_s, found.subject, found.sender, found.addresses) == (
        *("I am away", 7 * DAY, "", ""),
        (),
    )
    assert not found.mime
    assert found.fcc is None
    assert found.handle


def test_all_arguments() -> None:
    found = reply(
        'vacation :days 3 :subject "Away\r\n now" :from "Ann  B <ann@example.org>"\n'
        ':addresses ["a@example.org", "A B <b@example.org>"] :handle "h"\n'
        ':fcc "Sent" :flags "\\\\seen" :create :specialuse "\\\\Sent" :mailboxid "i" "Away";'
    )
    assert (found.period_s, found.subject, found.sender, found.handle) == (
        *(3 * DAY, "Away now"),
        *("Ann B <ann@example.org>", "h"),
    )
    assert found.addresses == ("a@example.org", "b@example.org")
    assert found.fcc == FileInto("Sent", ("\\Seen",), True, "\\Sent", "i", where=found.where)


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        (":days 0", DAY),
        (":days 1", DAY),
        (":days 365", 365 * DAY),
        (":days 100000", 365 * DAY),
        (":seconds 0", 0),
        (":seconds 90", 90),
        (":seconds 999999999", 365 * DAY),
    ],
)
def test_periods(period: str, seconds: int) -> None:
    assert reply(f'vacation {period} "x";').period_s == seconds


def test_seconds_bring_vacation_along() -> None:
    assert problems_of('require "vacation-seconds"; vacation :seconds 1 "x";') == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (':days 1 :seconds 1 "x"', "column 18: ':seconds' can't be used together with ':days'"),
        (':from "nobody" "x"', "column 10: that is not an address"),
        (':addresses "nobody" "x"', 'column 10: "nobody" is not an address'),
        (':create "x"', "column 10: :create needs :fcc"),
        (':flags "a" "x"', "column 10: :flags needs :fcc"),
        (':fcc "" "x"', "column 10: the name of a mailbox can't be empty"),
        (':mime "Hello there"', "column 16: a MIME entity begins with fields"),
        (':mime "Content-Type: text/plain\r\nTo: x@y.z\r\n\r\nx"', "column 16: a MIME entity"),
        (f':handle "{"x" * 1001}" "x"', "column 10: a handle has at most 1000 characters"),
    ],
)
def test_refusals(arguments: str, told: str) -> None:
    (problem,) = problems_of(f"{ALL}vacation {arguments};")
    assert problem.startswith(f"line 2, {told}")


def test_too_many_addresses() -> None:
    many = ", ".join(f'"a{n}@example.org"' for n in range(101))
    (problem,) = problems_of(f'{ALL}vacation :addresses [{many}] "x";')
    assert problem.endswith(":addresses takes at most 100 addresses")


def test_mime() -> None:
    found = reply('vacation :mime "Content-Type: text/html;\r\n charset=utf-8\r\n\r\n<p>Away</p>";')
    assert found.mime
    assert reply('vacation :mime "\r\nplain";').reason == "\r\nplain"


def test_bad_values_from_variables() -> None:
    outcome = run_script(f'{ALL}vacation :from "${{a}}" "x";')
    assert str(outcome.failure) == 'line 2, column 10: that is not an address: ""'
    found = reply('set "a" "nobody";vacation :addresses ["${a}", "b@example.org"] "x";')
    assert found.addresses == ("b@example.org",)


def test_only_once() -> None:
    outcome = run_script(f'{ALL}vacation "x";\nvacation "y";')
    assert str(outcome.failure) == (
        "line 3, column 1: vacation can be used only once; it was in line 2 already"
    )


def test_of_two_scripts_the_first_replies() -> None:
    outcome = run_script(
        'require ["vacation", "include"]; vacation "x"; include "other";',
        included={"other": 'require "vacation"; vacation "y";'},
    )
    assert outcome.failure is None
    found = [action.reason for action in outcome.actions if isinstance(action, Vacation)]
    assert found == ["x"]


def test_not_for_what_lies_in_a_mailbox() -> None:
    outcome = run_script(f'{ALL}vacation "x";', here=at(in_mailbox=True))
    assert "lies in a mailbox" in str(outcome.failure)


def test_handles() -> None:
    scripts = (
        'vacation "x";',
        'vacation "y";',
        'vacation :subject "x" "x";',
        'vacation :subject "" "x";',
        'vacation :from "a@example.org" "x";',
        'vacation :mime "\r\nx";',
    )
    handles = [reply(script).handle for script in scripts]
    assert len(set(handles)) == len(scripts)
    assert reply('vacation :days 30 "x";').handle == handles[0]


def test_replies_that_are_written_differently_have_other_handles() -> None:
    one, other = reply('vacation "Out, ${0}";'), reply('vacation "Ill, ${0}";')
    assert one.handle != other.handle


def test_what_variables_hold_does_not_change_the_handle() -> None:
    one = reply('set "s" "one"; vacation :subject "Re: ${s}" "x";')
    two = reply('set "s" "two"; vacation :subject "Re: ${s}" "x";')
    assert one.subject != two.subject
    assert one.handle == two.handle


def test_compiles_for_many_runs() -> None:
    assert compile_script(b'require "vacation"; vacation "x";').extensions == {"vacation"}

"""notify, as it is (RFC 5435) and as it was, and denotify."""

import pytest

from kit.sieve import LIMITS, problems_of, run_script
from pillarbox.formats.sieve.actions import FileInto, Keep, Notify
from pillarbox.formats.sieve.run import Outcome

NEW = 'require ["enotify", "variables", "fcc", "imap4flags"];\n'
OLD = 'require ["notify", "variables"];\n'


def notices(outcome: Outcome) -> list[Notify]:
    assert outcome.failure is None
    assert any(isinstance(action, Keep) and action.implicit for action in outcome.actions)
    return [action for action in outcome.actions if isinstance(action, Notify)]


def test_a_method_alone() -> None:
    (found,) = notices(run_script(f'{NEW}notify "mailto:a@example.org";'))
    assert found == Notify("mailto:a@example.org", where=found.where)
    assert found.importance == 2


def test_all_arguments() -> None:
    script = (
        f'{NEW}set "a" "x"; notify :from "Ann <a@example.org>" :importance "1"\n'
        ':options ["Tries=3", "tries=4", "b.c="] :message "New: ${a}" :fcc "Sent" :flags "x"\n'
        '"mailto:b@example.org?subject=x";'
    )
    (found,) = notices(run_script(script))
    assert (found.sender, found.importance, found.message) == ("Ann <a@example.org>", 1, "New: x")
    assert found.options == (("tries", "3"), ("b.c", ""))
    assert found.fcc == FileInto("Sent", ("x",), where=found.where)
    assert found.method == "mailto:b@example.org?subject=x"


def test_the_same_notice_is_sent_once() -> None:
    script = f'{NEW}notify "mailto:a@b.org"; notify "mailto:a@b.org"; notify "mailto:c@b.org";'
    assert len(notices(run_script(script))) == 2


def test_no_more_than_so_many() -> None:
    script = NEW + "".join(
        f'notify "mailto:a{n}@example.org";\n' for n in range(LIMITS.notifications + 1)
    )
    assert str(run_script(script).failure) == (
        "line 7, column 1: notify: a message goes to at most 5 notifications"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", "column 1: notify lacks the method"),
        ('"xmpp:a@example.org"', "column 8: people are told by mail only"),
        ('"mailto:"', "column 8: the URI names no address"),
        ('"mailto:a#example.org"', "column 8: a character of the URI"),
        (':from "" "mailto:a@example.org"', "column 8: that is not an address"),
        (':importance "4" "mailto:a@example.org"', 'column 8: the importance is "1"'),
        (':options "a" "mailto:a@example.org"', 'column 8: "a" is not an option'),
        (':options "=b" "mailto:a@example.org"', 'column 8: "=b" is not an option'),
        (':id "x" "mailto:a@example.org"', "column 8: notify of enotify has no :id"),
        (':high "mailto:a@example.org"', "column 8: notify of enotify has no :high"),
        (':flags "x" "mailto:a@example.org"', "column 8: :flags needs :fcc"),
    ],
)
def test_refusals(arguments: str, told: str) -> None:
    (problem,) = problems_of(f"{NEW}notify {arguments};")
    assert problem.startswith(f"line 2, {told}")


def test_too_many_options() -> None:
    many = ", ".join(f'"a{n}=b"' for n in range(21))
    (problem,) = problems_of(f'{NEW}notify :options [{many}] "mailto:a@example.org";')
    assert problem.endswith(":options takes at most 20 options")


@pytest.mark.parametrize(
    "arguments",
    [
        ':importance "${x}" "mailto:a@example.org"',
        ':options "${x}" "mailto:a@example.org"',
        ':from "${x}" "mailto:a@example.org"',
        '"${x}"',
    ],
)
def test_bad_values_from_variables(arguments: str) -> None:
    outcome = run_script(f'{NEW}set "x" "9";\n  notify {arguments};')
    assert outcome.failure is not None
    assert outcome.failure.problem.line == 3
    assert outcome.failure.problem.column == 10


# As it was


def test_the_old_one() -> None:
    script = (
        f'{OLD}notify :method "mailto" :id "i" :options ["a@example.org", "<b@example.org>"] '
        ':message "m" :low;'
    )
    (found,) = notices(run_script(script))
    assert found.method == "mailto:a@example.org,b@example.org"
    assert (found.id, found.message, found.importance) == ("i", "m", 3)


def test_nobody_is_told_twice() -> None:
    script = (
        f'{OLD}notify :options ["a@b.org", "c@b.org"]; notify :options ["c@b.org", "d@b.org"];'
        'notify :options "a@b.org";'
    )
    found = notices(run_script(script))
    assert [one.to for one in found] == [("a@b.org", "c@b.org"), ("d@b.org",)]


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ("", []),
        (":high", ["one", "two"]),
        (":low", ["two", "three"]),
        ('"one"', ["two", "three"]),
        (':contains "t"', ["one"]),
        (':matches "t*" ', ["one"]),
        (':high :contains "t"', ["one", "two"]),
    ],
)
def test_denotify(arguments: str, left: list[str]) -> None:
    script = (
        f'{OLD}notify :id "one" :low :options "a@b.org"; notify :id "two" :options "b@b.org";'
        f'notify :id "three" :high :options "c@b.org"; denotify {arguments};'
    )
    assert [one.id for one in notices(run_script(script))] == left


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("notify;", "column 1: notify needs :options"),
        ('notify :options "";', 'column 8: "" is not an address'),
        ("notify :options [];", "column"),
        ('notify :method "sms" :options "a@b.org";', "column 8: people are told by mail only"),
        ('notify :options "a@b.org" "mailto:a@b.org";', "column 27: notify of notify takes"),
        ('notify :from "a@b.org" :options "a@b.org";', "column 8: notify of notify has no :from"),
        ("denotify :contains;", "column 1: denotify lacks the id"),
    ],
)
def test_refusals_of_the_old_one(script: str, told: str) -> None:
    problems = problems_of(OLD + script)
    assert len(problems) == 1
    assert problems[0].startswith(f"line 2, {told}")


def test_not_both() -> None:
    assert problems_of('require ["enotify", "notify"];')

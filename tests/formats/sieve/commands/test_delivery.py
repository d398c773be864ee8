"""keep, fileinto, redirect, discard: what they ask for, what they refuse, their limits."""

from dataclasses import replace

import pytest

from kit.sieve import HERE, LIMITS, at, problems_of, run_script
from pillarbox.formats.sieve.actions import Discard, FileInto, Keep, Redirect
from pillarbox.formats.sieve.run import Outcome


def kept(outcome: Outcome) -> list[Keep]:
    return [action for action in outcome.actions if isinstance(action, Keep)]


def filed(outcome: Outcome) -> list[FileInto]:
    return [action for action in outcome.actions if isinstance(action, FileInto)]


def sent(outcome: Outcome) -> list[str]:
    return [action.address for action in outcome.actions if isinstance(action, Redirect)]


def failure(outcome: Outcome) -> str:
    assert outcome.failure is not None
    assert [type(action) for action in outcome.actions] == [Keep]
    assert outcome.actions[0].implicit  # type: ignore[union-attr]
    return str(outcome.failure)


# keep


def test_the_implicit_keep_stands_without_commands() -> None:
    assert [action.implicit for action in kept(run_script(""))] == [True]


def test_keep_is_explicit() -> None:
    outcome = run_script("\nkeep;")
    assert [(action.implicit, action.where.line) for action in kept(outcome)] == [(False, 2)]
    assert [step.text for step in outcome.steps][-1] == "keep"


def test_keep_twice_is_once_with_the_last_flags() -> None:
    outcome = run_script('require "imap4flags"; keep; keep :flags "\\\\seen x";')
    assert [action.flags for action in kept(outcome)] == [("\\Seen", "x")]


def test_keep_has_the_internal_flags() -> None:
    outcome = run_script('require "imap4flags"; setflag "a"; keep; setflag "b";')
    assert [action.flags for action in kept(outcome)] == [("a",)]


def test_the_implicit_keep_has_the_flags_at_the_end() -> None:
    outcome = run_script('require "imap4flags"; setflag "a"; addflag "\\\\Flagged";')
    assert [(action.flags, action.implicit) for action in kept(outcome)] == [
        (("a", "\\Flagged"), True)
    ]


# fileinto


def test_fileinto_cancels_the_implicit_keep() -> None:
    outcome = run_script('require "fileinto"; fileinto "Lists";')
    assert filed(outcome) == list(outcome.actions)
    assert outcome.actions == (FileInto("Lists", where=outcome.actions[0].where),)
    assert outcome.steps[-1].text == 'fileinto "Lists"'


def test_fileinto_copy_leaves_it() -> None:
    outcome = run_script('require ["fileinto", "copy"]; fileinto :copy "Lists";')
    assert [action.mailbox for action in filed(outcome)] == ["Lists"]
    assert len(kept(outcome)) == 1


def test_all_that_fileinto_takes() -> None:
    outcome = run_script(
        'require ["fileinto", "mailbox", "special-use", "mailboxid", "imap4flags"];\n'
        'fileinto :create :specialuse "\\\\Junk" :mailboxid "F1-x" :flags ["a b", "\\\\seen"] "S";'
    )
    (action,) = filed(outcome)
    assert (action.mailbox, action.create, action.special_use, action.mailbox_id, action.flags) == (
        *("S", True, "\\Junk", "F1-x"),
        ("a", "b", "\\Seen"),
    )


def test_one_mailbox_gets_one_copy() -> None:
    outcome = run_script(
        'require ["fileinto", "imap4flags", "mailbox"];'
        'fileinto :create :flags "a" "X"; fileinto :flags "b" "X"; fileinto "Y"; fileinto "Y";'
    )
    assert [(action.mailbox, action.flags, action.create) for action in filed(outcome)] == [
        ("X", ("b",), True),
        ("Y", (), False),
    ]


@pytest.mark.parametrize("name", ["INBOX", "inbox", "Inbox"])
def test_the_inbox_gets_one_copy_whatever_asks_for_it(name: str) -> None:
    outcome = run_script(f'require "fileinto"; keep; fileinto "{name}";')
    assert len(outcome.actions) == 1
    assert kept(outcome)


def test_keep_in_another_place_is_not_the_inbox() -> None:
    outcome = run_script(
        'require "fileinto"; keep; fileinto "INBOX";', here=at(default_mailbox="Junk")
    )
    assert [type(action) for action in outcome.actions] == [Keep, FileInto]


EDIT = 'require ["fileinto", "editheader", "replace", "copy", "imap4flags"];'


@pytest.mark.parametrize(
    "script",
    [
        'fileinto "X"; addheader "X-A" "1"; fileinto "X";',
        'fileinto :copy "INBOX"; addheader "X-A" "1";',
        'keep; addheader "X-A" "1"; keep;',
        'redirect "a@b.org"; addheader "X-A" "1"; redirect "a@b.org";',
    ],
)
def test_an_edit_of_the_header_makes_no_second_copy(script: str) -> None:
    (one,) = run_script(EDIT + script).actions
    assert isinstance(one, (Keep, FileInto, Redirect))
    assert one.content is not None
    assert one.content.startswith(b"X-A: 1\r\n")


def test_an_edit_of_the_body_makes_two_copies() -> None:
    plain, edited = filed(run_script(f'{EDIT} fileinto "X"; replace "new"; fileinto "X";'))
    assert plain.content is None
    assert edited.content is not None
    assert edited.content.endswith(b"\r\n\r\nnew")


def test_flags_that_come_later_are_those_of_the_copy_in_the_mailbox() -> None:
    (one,) = run_script(f'{EDIT} fileinto :copy "INBOX"; addflag "\\\\Flagged";').actions
    assert isinstance(one, FileInto)
    assert one.flags == ("\\Flagged",)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "line 2, column 10: the name of a mailbox can't be empty"),
        ("  ", "line 2, column 10: the name of a mailbox can't be empty"),
        ("a${hex:07}b", "line 2, column 10: the name of a mailbox can't hold control characters"),
        ("${hex:ff}rop", "line 2, column 10: the name of a mailbox has to be UTF-8"),
        ("x" * 1001, "line 2, column 10: the name of a mailbox has at most 1000 characters"),
    ],
)
def test_names_that_are_none(name: str, told: str) -> None:
    assert problems_of(f'require ["fileinto", "encoded-character"];\nfileinto "{name}";') == [told]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a//b", 'column 10: a level of the mailbox name is empty: "a//b"'),
        ("/".join("a" * 33), "the name of a mailbox has at most 32 levels"),
        ("x" * 256, "a level of the mailbox name is too long"),
        ("${nothing}", "the name of a mailbox can't be empty"),
    ],
)
def test_names_that_stop_the_run(name: str, told: str) -> None:
    script = f'require ["fileinto", "variables", "copy"];\nfileinto "{name}";'
    assert problems_of(script) == []
    assert told in failure(run_script(script))
    assert failure(run_script(script)).startswith("line 2, ")


def test_names_are_in_one_form() -> None:
    (action,) = filed(run_script('require "fileinto"; fileinto "Cafe\u0301";'))
    assert action.mailbox == "Caf\u00e9"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (':specialuse "Junk" "X"', 10),
        (':specialuse "\\\\a b" "X"', 10),
        (':mailboxid "a b" "X"', 10),
        (':mailboxid "" "X"', 10),
    ],
)
def test_tags_that_are_none(arguments: str, place: int) -> None:
    script = f'require ["fileinto", "special-use", "mailboxid"];\nfileinto {arguments};'
    (told,) = problems_of(script)
    assert told.startswith(f"line 2, column {place}: ")


@pytest.mark.parametrize(
    "script",
    [
        'fileinto "X";',
        'require "fileinto"; fileinto :copy "X";',
        'require "fileinto"; fileinto :create "X";',
        'require "fileinto"; fileinto :flags "a" "X";',
        'require "fileinto"; fileinto :specialuse "\\\\Junk" "X";',
        'require "fileinto"; fileinto :mailboxid "a" "X";',
        'keep :flags "a";',
        'redirect :copy "a@example.org";',
    ],
)
def test_extensions_have_to_be_required(script: str) -> None:
    assert len(problems_of(script)) == 1


# redirect


def test_redirect_cancels_the_implicit_keep() -> None:
    outcome = run_script('redirect "Ann <ann@example.net>";')
    assert outcome.actions == (Redirect("ann@example.net", None, outcome.actions[0].where),)


def test_redirect_copy_leaves_it() -> None:
    outcome = run_script('require "copy"; redirect :copy "ann@example.net";')
    assert sent(outcome) == ["ann@example.net"]
    assert len(kept(outcome)) == 1


def test_the_same_address_gets_one() -> None:
    outcome = run_script(
        'redirect "a@example.net"; redirect "<A@EXAMPLE.NET>"; redirect "b@x.org";'
    )
    assert sent(outcome) == ["a@example.net", "b@x.org"]


def test_no_more_than_so_many_redirects() -> None:
    script = "".join(f'redirect "a{n}@example.net";\n' for n in range(LIMITS.redirects + 1))
    assert failure(run_script(script)) == (
        "line 6, column 1: redirect: a message goes to at most 5 addresses"
    )
    short = "".join(f'redirect "a{n}@example.net";\n' for n in range(LIMITS.redirects))
    assert len(sent(run_script(short))) == LIMITS.redirects


def test_an_address_that_is_none() -> None:
    assert problems_of('redirect\n  "ann at example.net";') == [
        "line 2, column 3: that is not an address"
    ]
    script = 'require "variables";\nset "a" "ann at x";\nredirect "${a}";'
    assert failure(run_script(script)) == ('line 3, column 10: that is not an address: "ann at x"')


def test_redirect_takes_no_list() -> None:
    (told,) = problems_of('require "extlists";\nredirect :list "urn:ietf:params:sieve:addrbook:x";')
    assert told == (
        "line 2, column 10: no mail is sent to whole lists: name the addresses one by one"
    )


# discard


def test_discard() -> None:
    outcome = run_script("discard; discard;")
    assert [type(action) for action in outcome.actions] == [Discard]


def test_discard_does_not_undo_keep() -> None:
    assert len(kept(run_script("keep; discard;"))) == 1


# Limits


def test_no_more_than_so_many_actions() -> None:
    script = 'require "fileinto";\n' + "".join(f'fileinto "{n}";\n' for n in range(33))
    assert failure(run_script(script)) == ("line 34, column 1: the script does more than 32 things")


def test_many_copies_of_a_large_message_are_too_many() -> None:
    script = 'require ["fileinto", "editheader"];\n' + "".join(
        f'addheader "X-A" "{n}";\nfileinto "{n}";\n' for n in range(20)
    )
    large = b"Subject: x\r\n\r\n" + b"x" * (8 << 20)
    assert "too many steps" in failure(run_script(script, large))
    assert len(filed(run_script(script))) == 20


def test_limits_are_those_of_the_run() -> None:
    outcome = run_script(
        'redirect "a@b.org"; redirect "c@b.org";', limits=replace(LIMITS, redirects=1)
    )
    assert "at most 1 addresses" in failure(outcome)


def test_scripts_pass_flags_of_the_message_on() -> None:
    outcome = run_script("", here=replace(HERE, flags=("\\Seen",)))
    assert kept(outcome)[0].flags == ("\\Seen",)

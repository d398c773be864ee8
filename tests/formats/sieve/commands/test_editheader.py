"""addheader and deleteheader (RFC 5293): what the message is then, and what may not be edited."""

import pytest

from kit.sieve import LIMITS, problems_of, run_script
from pillarbox.formats.sieve.actions import FileInto, Keep, Redirect

EDIT = 'require ["editheader", "fileinto", "regex", "variables", "copy", "encoded-character"];\n'
MAIL = (
    b"Received: from a\r\nReceived: from b\r\nX-A: one\r\nX-B:  two \r\nX-A: three\r\n"
    b"Auto-Submitted: no\r\nSubject: =?utf-8?Q?Caf=C3=A9?=\r\n\r\nText\r\n"
)


def edited(script: str, message: bytes = MAIL) -> bytes:
    outcome = run_script(EDIT + script, message)
    assert outcome.failure is None
    (keep,) = outcome.actions
    assert isinstance(keep, Keep)
    return message if keep.content is None else keep.content


def names(content: bytes) -> list[str]:
    header = content.partition(b"\r\n\r\n")[0].decode()
    return [line.partition(":")[0] for line in header.split("\r\n")]


def test_a_field_comes_first() -> None:
    assert edited('addheader "X-New" "value";') == b"X-New: value\r\n" + MAIL


def test_or_last() -> None:
    head, _, body = MAIL.partition(b"\r\n\r\n")
    assert edited('addheader :last "X-New" "value";') == (head + b"\r\nX-New: value\r\n\r\n" + body)


def test_a_value_brings_no_field_along() -> None:
    content = edited('addheader "X-New" "a\r\nX-Evil: b\r\n\r\nc";')
    assert names(content)[:2] == ["X-New", "Received"]


def test_text_beyond_ascii_is_encoded() -> None:
    assert edited('addheader "X-New" "\u00fc";').startswith(b"X-New: =?utf-8?")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ('"X-A"', ["X-B"]),
        ('"x-a"', ["X-B"]),
        (':index 1 "X-A"', ["X-B", "X-A"]),
        (':index 1 :last "X-A"', ["X-A", "X-B"]),
        (':index 2 "X-A"', ["X-A", "X-B"]),
        (':index 3 "X-A"', ["X-A", "X-B", "X-A"]),
        ('"X-A" "ONE"', ["X-B", "X-A"]),
        (':comparator "i;octet" "X-A" "ONE"', ["X-A", "X-B", "X-A"]),
        (':contains "X-A" ["e"]', ["X-B"]),
        (':matches "X-A" ["th*", "z"]', ["X-A", "X-B"]),
        (':regex "X-A" "^o.e$"', ["X-B", "X-A"]),
        (':index 2 :contains "X-A" "one"', ["X-A", "X-B", "X-A"]),
        ('"X-B" "two"', ["X-A", "X-A"]),
        ('"X-C"', ["X-A", "X-B", "X-A"]),
    ],
)
def test_delete(arguments: str, left: list[str]) -> None:
    content = edited(f"deleteheader {arguments};")
    assert [name for name in names(content) if name.startswith("X-")] == left


def test_values_are_decoded() -> None:
    assert "Subject" not in names(edited('deleteheader "Subject" "Caf\u00e9";'))


@pytest.mark.parametrize("name", ["Received", "received", "Auto-Submitted", "Delivered-To"])
def test_what_has_to_stay(name: str) -> None:
    assert edited(f'deleteheader "{name}";') == MAIL


@pytest.mark.parametrize("name", ["Received", "Return-Path", "Delivered-To"])
def test_what_only_the_server_writes(name: str) -> None:
    assert edited(f'addheader "{name}" "x";') == MAIL


def test_tests_and_actions_see_the_edit() -> None:
    outcome = run_script(
        f'{EDIT}addheader "X-New" "v"; fileinto :copy "A"; redirect "a@example.org";', MAIL
    )
    filed, sent = outcome.actions
    assert isinstance(filed, FileInto)
    assert isinstance(sent, Redirect)
    assert filed.content == sent.content == b"X-New: v\r\n" + MAIL


def test_an_action_before_does_not() -> None:
    outcome = run_script(f'{EDIT}fileinto "A"; addheader "X-New" "v";', MAIL)
    assert [getattr(action, "content", b"") for action in outcome.actions] == [None]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('addheader "X:" "v";', "column 11: that is no name of a header field"),
        ('addheader "X Y" "v";', "column 11: that is no name"),
        ('addheader "" "v";', "column 11: that is no name"),
        (f'addheader "{"x" * 77}" "v";', "column 11: that is no name"),
        ('addheader "X" "${hex:00}";', "column 15: the value of a header field can't hold NUL"),
        (f'addheader "X" "{"x" * 8001}";', "column 15: the value of a header field has at most"),
        ('deleteheader "X:";', "column 14: that is no name"),
        ('deleteheader ["X", "Y"];', "column 14: deleteheader takes one name"),
        ('deleteheader ["X"] "v";', "column 14: deleteheader takes one name"),
        ('deleteheader :last "X";', "column 14: :last needs :index"),
        ('deleteheader :index 0 "X";', "column 14: header fields are counted from 1"),
        ('deleteheader :regex "X" "(";', "column 25: "),
    ],
)
def test_refusals(script: str, told: str) -> None:
    (problem,) = problems_of(EDIT + script)
    assert problem.startswith(f"line 2, {told}")


def test_bad_names_from_variables() -> None:
    outcome = run_script(f'{EDIT}addheader "${{x}}" "v";', MAIL)
    assert str(outcome.failure) == 'line 2, column 11: that is no name of a header field: ""'


def test_no_more_than_so_many_edits() -> None:
    script = EDIT + 'addheader "X" "v";\n' * (LIMITS.header_edits + 1)
    outcome = run_script(script, MAIL)
    assert str(outcome.failure) == "line 102, column 1: a message is edited at most 100 times"
    assert len(names(edited('addheader "X" "v";\n' * LIMITS.header_edits))) == 107


def test_edits_of_a_long_header_cost_more() -> None:
    long = b"".join(b"X-%d: %b\r\n" % (n, b"x" * 900) for n in range(1000)) + b"\r\n"
    outcome = run_script(EDIT + 'addheader "X" "v";\n' * 90, long)
    assert "too many steps" in str(outcome.failure)

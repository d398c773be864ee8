import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.list import List
from pillarbox.wire.imap.parse.metadata import MAX_ENTRIES, GetMetadata, SetMetadata
from pillarbox.wire.imap.receiver import Literal

GOOD = [
    (b'GETMETADATA "" /shared/a', GetMetadata("", ("/shared/a",))),
    (b"GETMETADATA inbox (/shared/a /b)", GetMetadata("INBOX", ("/shared/a", "/b"))),
    (b"GETMETADATA (maxsize 9 DEPTH 1) a /b", GetMetadata("a", ("/b",), 1, 9)),
    (b"GETMETADATA a (DEPTH INFINITY) (/b)", GetMetadata("a", ("/b",), None)),
    (b'GETMETADATA a ("/b")', GetMetadata("a", ("/b",))),
    (b'SETMETADATA a (/b NIL /c "d")', SetMetadata("a", (("/b", None), ("/c", b"d")))),
    (
        b"LIST (SUBSCRIBED) a * RETURN (METADATA (/a /b) CHILDREN)",
        List(
            "a",
            ("*",),
            frozenset({"SUBSCRIBED"}),
            frozenset({"CHILDREN"}),
            metadata=("/a", "/b"),
            extended=True,
        ),
    ),
]
BAD = [
    b"GETMETADATA a",
    b"GETMETADATA a ()",
    b"GETMETADATA (DEPTH 2) a /b",
    b"GETMETADATA (DEPTH 1 OTHER 2) a /b",
    b"GETMETADATA () a /b",
    b"GETMETADATA a (" + b" ".join([b"/b"] * (MAX_ENTRIES + 1)) + b")",
    b"SETMETADATA a /b NIL",
    b"SETMETADATA a (/b)",
    b"SETMETADATA a (/b c)",
    b"SETMETADATA a ()",
    b"SETMETADATA a (" + b" ".join([b"/b NIL"] * (MAX_ENTRIES + 1)) + b")",
    b'LIST "" * RETURN (METADATA)',
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)


def test_a_value_may_be_any_octets():
    value = parse(b"SETMETADATA a (/b ", Literal(b"\0\xff", binary=True), b")")
    assert value == SetMetadata("a", (("/b", b"\0\xff"),))

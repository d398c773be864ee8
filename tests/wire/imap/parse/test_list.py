"""LIST with its options and LIST-STATUS (RFC 5819 §2); LSUB (RFC 3501 §6.3.9)."""

import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.list import List, Lsub

GOOD = [
    (b'LIST "" "*"', List("", ("*",))),
    (b'LIST "" ""', List("", ("",))),
    (b"list a/ %", List("a/", ("%",))),
    (b'LSUB "" *', Lsub("", "*")),
    (
        b'LIST (SUBSCRIBED) "" "*"',
        List("", ("*",), selection=frozenset({"SUBSCRIBED"}), extended=True),
    ),
    (b'LIST () "" ("a" b*)', List("", ("a", "b*"), extended=True)),
    (b'LIST "" % RETURN ()', List("", ("%",), extended=True)),
    (
        b'LIST "" % RETURN (children Special-Use)',
        List("", ("%",), returns=frozenset({"CHILDREN", "SPECIAL-USE"}), extended=True),
    ),
    (
        b'LIST (RECURSIVEMATCH SUBSCRIBED) "" % RETURN (STATUS (MESSAGES SIZE) SUBSCRIBED)',
        List(
            "",
            ("%",),
            selection=frozenset({"RECURSIVEMATCH", "SUBSCRIBED"}),
            returns=frozenset({"SUBSCRIBED"}),
            status=("MESSAGES", "SIZE"),
            extended=True,
        ),
    ),
    (b'LIST "" &ZeVnLIqe-', List("", ("日本語",))),
]
BAD = [
    b"LIST",
    b'LIST ""',
    b'LIST "" ()',
    b'LIST (OTHER) "" *',
    b'LIST (RECURSIVEMATCH) "" *',
    b'LIST (RECURSIVEMATCH REMOTE) "" *',
    b'LIST "" * CHILDREN',
    b'LIST "" * RETURN CHILDREN',
    b'LIST "" * RETURN (OTHER)',
    b'LIST "" * RETURN (STATUS)',
    b'LIST "" * RETURN (CHILDREN',
    b'LIST "" (' + b" ".join([b"a"] * 101) + b")",
    b'LSUB "" (a)',
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)

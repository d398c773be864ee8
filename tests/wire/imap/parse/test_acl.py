"""Commands about access lists (RFC 4314 §3, §7)."""

import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.acl import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from pillarbox.wire.imap.receiver import Literal

GOOD = [
    (b"SETACL inbox ann lrs", SetAcl("INBOX", "ann", "", "lrs")),
    (b"setacl a -ann +llrcd", SetAcl("a", "-ann", "+", "lrcd")),
    (b'SETACL a "group:x y@z" "-"', SetAcl("a", "group:x y@z", "-", "")),
    (b'SETACL a anyone ""', SetAcl("a", "anyone", "", "")),
    (b"DELETEACL &ZeVnLIqe- ann", DeleteAcl("日本語", "ann")),
    (b"GETACL a/b", GetAcl("a/b")),
    (b'LISTRIGHTS a "J\xc3\xbcrgen@example.org"', ListRights("a", "Jürgen@example.org")),
    (b"MYRIGHTS a", MyRights("a")),
]
BAD = [
    b"SETACL a",
    b"SETACL a b",
    b"SETACL a b lR",
    b"SETACL a b l1",
    b"SETACL a b +-l",
    b'SETACL a b "l r"',
    b'SETACL a "" l',
    b"SETACL a - l",
    b"SETACL a -- l",
    b'SETACL a "x\ty" l',
    b"SETACL a " + b"x" * 401 + b" l",
    b"SETACL a b l m",
    b"DELETEACL a",
    b"DELETEACL a b c",
    b"GETACL",
    b"GETACL a b",
    b"LISTRIGHTS a",
    b"MYRIGHTS",
    b"MYRIGHTS *",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)


def test_literals():
    value = parse(b"SETACL ", Literal(b"a b"), b" ", Literal(b"ann"), b" ", Literal(b"+l"), b"")
    assert value == SetAcl("a b", "ann", "+", "l")

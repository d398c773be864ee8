"""Commands about mailboxes: NAMESPACE (RFC 2342 §5), special uses in CREATE (RFC 6154 §3)."""

import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.mailboxes import Create, Delete, Namespace, Rename, Subscribe
from pillarbox.wire.imap.receiver import Literal

GOOD = [
    (b"CREATE Work/", Create("Work/")),
    (b"CREATE S (USE (\\sent))", Create("S", (r"\Sent",))),
    (b"CREATE S (USE (\\Sent \\Junk \\Sent))", Create("S", (r"\Sent", r"\Junk"))),
    (b"CREATE S (USE ())", Create("S")),
    (b"DELETE &ZeVnLIqe-", Delete("日本語")),
    (b"RENAME a inbox/b", Rename("a", "INBOX/b")),
    (b"SUBSCRIBE R&-D", Subscribe("R&D", on=True)),
    (b"UNSUBSCRIBE a", Subscribe("a", on=False)),
    (b"NAMESPACE", Namespace()),
]
BAD = [
    b"CREATE",
    b"CREATE a*",
    b"CREATE S (USE (\\Noselect))",
    b"CREATE S (USE (Sent))",
    b"CREATE S (OTHER (x))",
    b"CREATE S (USE (\\Sent)",
    b"CREATE S (USE (" + b" ".join([b"\\Sent"] * 9) + b"))",
    b"DELETE a b",
    b"RENAME a",
    b"NAMESPACE x",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)


def test_names_are_utf8_once_that_is_enabled():
    assert parse(b"DELETE R&-D", utf8=True) == Delete("R&-D")
    assert parse('DELETE "ü"'.encode(), utf8=True) == Delete("ü")


def test_names_can_be_literals():
    assert parse(b"RENAME ", Literal(b"a b"), b" ", Literal(b"c"), b"") == Rename("a b", "c")

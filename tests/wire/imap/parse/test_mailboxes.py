"""Commands about mailboxes: NAMESPACE (RFC 2342 §5), special uses in CREATE (RFC 6154 §3)."""

import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.mailboxes import Create, Delete, Namespace, Rename, Subscribe
from pillarbox.wire.imap.parse.table import COMMANDS
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


def parse(*pieces, utf8=False):
    first, *rest = pieces
    return parse_command((b"a " + first, *rest), COMMANDS, utf8=utf8).args


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.tag == "a"
    assert not caught.value.refused


def test_names_are_utf8_once_that_is_enabled():
    assert parse(b"DELETE R&-D", utf8=True) == Delete("R&-D")
    assert parse('DELETE "ü"'.encode(), utf8=True) == Delete("ü")


def test_names_can_be_literals():
    assert parse(b"RENAME ", Literal(b"a b"), b" ", Literal(b"c"), b"") == Rename("a b", "c")

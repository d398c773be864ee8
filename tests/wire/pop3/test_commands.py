"""The grammar of POP3 commands."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.pop3 import commands as c
from pillarbox.wire.pop3.commands import parse_command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"USER alice", c.User("alice")),
        (b"user   J\xc3\xbcrgen@example.test ", c.User("Jürgen@example.test")),
        (b"PASS secret", c.Pass("secret")),
        (b"PASS  two words ", c.Pass(" two words ")),
        (b"AUTH PLAIN", c.Auth("PLAIN")),
        (b"auth scram-sha-256 =", c.Auth("SCRAM-SHA-256", b"")),
        (b"AUTH PLAIN AGEAYg==", c.Auth("PLAIN", b"\0a\0b")),
        (b"STLS", c.Stls()),
        (b"UTF8", c.Utf8()),
        (b"CAPA ", c.Capa()),
        (b"Quit", c.Quit()),
        (b"NOOP", c.Noop()),
        (b"STAT", c.Stat()),
        (b"LIST", c.List()),
        (b"LIST  7 ", c.List(7)),
        (b"UIDL", c.Uidl()),
        (b"UIDL 0012", c.Uidl(12)),
        (b"RETR 1", c.Retr(1)),
        (b"TOP 1  0", c.Top(1, 0)),
        (b"DELE 9999999999", c.Dele(9_999_999_999)),
        (b"RSET", c.Rset()),
        (b"XTND x y", c.Unknown("XTND")),
        (b"APOP a b", c.Unknown("APOP")),
    ],
)
def test_well_formed(line: bytes, command: c.Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b" NOOP",
        b"ab",
        b"\xff\xfe\xfd",
        b"NOOP\n",
        b"NOOP\rNOOP",
        b"USER",
        b"USER  ",
        b"USER \xff",
        b"USER a\0b",
        b"PASS",
        b"PASS ",
        b"AUTH",
        b"AUTH PLAIN !!!",
        b"AUTH PLAIN AGEAYg",
        b"AUTH PLAIN \xc3\xbc",
        b"AUTH " + b"X" * 21,
        b"LIST 1 2",
        b"LIST x",
        b"LIST -1",
        b"LIST 1.0",
        b"LIST \xd9\xa1",  # a digit, but not ours
        b"RETR",
        b"RETR 12345678901",
        b"TOP",
        b"TOP 1",
        b"TOP 1 2 3",
        b"DELE 1,2",
        b"STAT 1",
        b"QUIT now",
        b"USER " + b"x" * 20_000,
    ],
)
def test_malformed(line: bytes) -> None:
    with pytest.raises(GrammarError):
        parse_command(line)


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(parse_command(b"PASS secret"))
    assert "AGEAYg" not in repr(parse_command(b"AUTH PLAIN AGEAYg=="))
    assert "x00a" not in repr(parse_command(b"AUTH PLAIN AGEAYg=="))

"""The grammar of each command (RFC 5804 §4)."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.managesieve import commands as c
from pillarbox.wire.managesieve.receiver import Line, Receiver, ReceiverLimits
from pillarbox.wire.managesieve.tokens import Word


def words(line: bytes) -> tuple[Word, ...]:
    receiver = Receiver(ReceiverLimits())
    receiver.feed(line + b"\r\n")
    event = receiver.next_event()
    assert isinstance(event, Line)
    return event.words


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b'AuthenticatE "plain"', c.Authenticate("PLAIN")),
        (b'AUTHENTICATE "PLAIN" ""', c.Authenticate("PLAIN", b"")),
        (b'AUTHENTICATE "PLAIN" {4+}\r\nAGEA', c.Authenticate("PLAIN", b"\0a\0")),
        (b"StartTls", c.StartTls()),
        (b"LOGOUT", c.Logout()),
        (b"CAPABILITY ", c.Capability()),
        (b'HAVESPACE "a" 4294967295', c.HaveSpace("a", 4294967295)),
        (b'HAVESPACE  "\xc3\xb6"  0', c.HaveSpace("ö", 0)),
        (b'PUTSCRIPT "a" {5+}\r\nkeep;', c.PutScript("a", b"keep;")),
        (b'PUTSCRIPT {1+}\r\na "keep;"', c.PutScript("a", b"keep;")),
        (b"LISTSCRIPTS", c.ListScripts()),
        (b'SETACTIVE ""', c.SetActive("")),
        (b'GETSCRIPT "a\\\\b"', c.GetScript("a\\b")),
        (b'DELETESCRIPT "a"', c.DeleteScript("a")),
        (b'RENAMESCRIPT "a" "b"', c.RenameScript("a", "b")),
        (b'CHECKSCRIPT ""', c.CheckScript(b"")),
        (b"NOOP", c.Noop()),
        (b'NOOP ""', c.Noop("")),
        (b"UNAUTHENTICATE", c.Unauthenticate()),
        (b'XYZZY "1" {1+}\r\n2', c.Unknown("XYZZY")),
    ],
)
def test_commands(line: bytes, command: c.Command) -> None:
    assert c.parse_command(words(line)) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'"NOOP"',
        b"LOGOUT now",
        b"AUTHENTICATE",
        b"AUTHENTICATE PLAIN",
        b'AUTHENTICATE "PL AIN"',
        b'AUTHENTICATE "PLAIN" "no base64"',
        b'AUTHENTICATE "PLAIN" "AA==" "AA=="',
        b'HAVESPACE "a"',
        b'HAVESPACE "a" "1"',
        b'HAVESPACE "a" 01',
        b'HAVESPACE "a" -1',
        b'HAVESPACE "a" 4294967296',
        b'HAVESPACE "" 1',
        b'PUTSCRIPT "a"',
        b'PUTSCRIPT a "keep;"',
        b'PUTSCRIPT "" "keep;"',
        b'PUTSCRIPT "a" "' + b"#" * 1025 + b'"',
        b"SETACTIVE",
        b'GETSCRIPT ""',
        b'GETSCRIPT "\xff"',
        b'RENAMESCRIPT "a" ""',
        b"CHECKSCRIPT",
        b'NOOP "a" "b"',
    ],
)
def test_malformed_commands(line: bytes) -> None:
    with pytest.raises(GrammarError):
        c.parse_command(words(line))


def test_responses() -> None:
    assert c.parse_response(words(b'""')) == b""
    assert c.parse_response(words(b'"AGEA"')) == b"\0a\0"
    assert c.parse_response(words(b"{4+}\r\nAGEA")) == b"\0a\0"
    assert c.parse_response(words(b'"*"')) is None
    for line in (b"*", b"", b'"a"', b'"AGEA" "AGEA"', b"AGEA"):
        with pytest.raises(GrammarError):
            c.parse_response(words(line))


def test_long_tokens_may_be_quoted() -> None:
    response = b"AAAA" * 1000
    command = c.parse_command(words(b'AUTHENTICATE "OAUTHBEARER" "' + response + b'"'))
    assert command == c.Authenticate("OAUTHBEARER", b"\0" * 3000)

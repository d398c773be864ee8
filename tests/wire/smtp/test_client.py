"""Commands a client sends, read back by the server's grammar."""

from datetime import UTC, datetime

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp import client
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp.data import DataReader
from pillarbox.wire.smtp.params import (
    Body,
    MailParams,
    Notify,
    OriginalRecipient,
    RcptParams,
    Ret,
)
from pillarbox.wire.smtp.replies import Reply

FULL = MailParams(
    size_bytes=5,
    body=Body.BINARY,
    smtputf8=True,
    auth="a+b@c",
    ret=Ret.FULL,
    envid="x y=z",
    require_tls=True,
    hold_until=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (client.ehlo("x.example"), c.Ehlo("x.example")),
        (client.helo("x"), c.Helo("x")),
        (client.lhlo("[127.0.0.1]"), c.Lhlo("[127.0.0.1]")),
        (client.mail(None), c.Mail(None)),
        (client.mail("a@b", FULL), c.Mail("a@b", FULL)),
        (client.mail("a@b", MailParams(auth="")), c.Mail("a@b", MailParams(auth=""))),
        (client.mail("a@b", MailParams(hold_for_s=9)), c.Mail("a@b", MailParams(hold_for_s=9))),
        (client.rcpt("ö@b"), c.Rcpt("ö@b")),
        (client.auth("PLAIN", b"\0a\0b"), c.Auth("PLAIN", b"\0a\0b")),
        (client.auth("PLAIN", b""), c.Auth("PLAIN", b"")),
        (client.auth("LOGIN"), c.Auth("LOGIN")),
        (client.DATA, c.Data()),
        (client.STARTTLS, c.StartTls()),
        (client.RSET, c.Rset()),
    ],
)
def test_commands(line: bytes, command: c.Command) -> None:
    assert line.endswith(b"\r\n")
    assert c.parse_command(line[:-2]) == command


@pytest.mark.parametrize(
    "params",
    [
        RcptParams(frozenset({Notify.NEVER})),
        RcptParams(frozenset({Notify.DELAY, Notify.SUCCESS}), OriginalRecipient("rfc822", "a=b@c")),
        RcptParams(orcpt=OriginalRecipient("utf-8", "ö +\\=ü@b")),
    ],
)
def test_rcpt_params(params: RcptParams) -> None:
    line = client.rcpt("a@b", params)
    assert c.parse_command(line[:-2]) == c.Rcpt("a@b", params)


@pytest.mark.parametrize("path", ["a@b\r\nRCPT TO:<x@y>", "a@b>", "a@b\x00", "<a@b", "\ud800@b"])
def test_nothing_can_be_injected(path: str) -> None:
    with pytest.raises(GrammarError):
        client.mail(path)
    with pytest.raises(GrammarError):
        client.rcpt(path)


def test_ehlo_cannot_be_injected() -> None:
    with pytest.raises(GrammarError):
        client.ehlo("x\r\nRSET")


def test_bdat() -> None:
    assert client.bdat(b"ab\r\n", last=False) == b"BDAT 4\r\nab\r\n"
    assert client.bdat(b"", last=True) == b"BDAT 0 LAST\r\n"


def test_auth_response() -> None:
    assert client.auth_response(b"user") == b"dXNlcg==\r\n"


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b".a\r\n..b\r\n.", b"..a\r\n...b\r\n..\r\n.\r\n"),
    ],
)
def test_stuff(content: bytes, wire: bytes) -> None:
    assert client.stuff(content) == wire
    reader = DataReader(1000)
    assert reader.feed(wire)
    assert reader.content.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")


@pytest.mark.parametrize("content", [b"a\nb", b"\r", b"a\r\n.\n", b"a\r\n\0.\r\n"])
def test_stuff_refuses_bare_newlines_and_nul(content: bytes) -> None:
    """RFC 5321 §2.3.8, RFC 2045 §2.8."""
    with pytest.raises(GrammarError):
        client.stuff(content)


def test_capabilities() -> None:
    lines = ("mx.example hello", "SIZE 1000", "auth PLAIN login", "AUTH=LOGIN", "PIPELINING", "?")
    found = client.Capabilities.from_reply(Reply(250, None, lines))
    assert found.domain == "mx.example"
    assert found.size_limit_bytes == 1000
    assert found.mechanisms == ("PLAIN", "LOGIN")
    assert "PIPELINING" in found
    assert "STARTTLS" not in found
    assert set(found.keywords) == {"SIZE", "AUTH", "PIPELINING"}


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE x", "SIZE ²", "SIZE " + "9" * 30, "X"])
def test_no_size_limit(size: str) -> None:
    assert client.Capabilities.from_reply(Reply(250, None, ("m", size))).size_limit_bytes is None


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("LIMITS RCPTMAX=20 MAILMAX=5", 20),
        ("limits mailmax=5 rcptmax=7", 7),
        ("LIMITS MAILMAX=5", None),
        ("LIMITS RCPTMAX=0", None),
        ("LIMITS RCPTMAX=many", None),
        ("LIMITS RCPTMAX", None),
        ("LIMITS RCPTMAX=12345678", None),
        ("SIZE RCPTMAX=20", None),
    ],
)
def test_limits(line: str, limit: int | None) -> None:
    found = client.Capabilities.from_reply(Reply(250, None, ("x", line)))
    assert found.limit("RCPTMAX") == limit


@pytest.mark.parametrize(
    ("size", "end", "long"),
    [(998, b"", False), (998, b"\r\n", False), (999, b"", True), (999, b"\r\n", True)],
)
def test_long_lines(size: int, end: bytes, long: bool) -> None:
    line = b"x" * size + end
    assert client.has_long_line(line) == long
    assert client.has_long_line(b"a\r\n" * 500 + line) == long
    if end:
        assert client.has_long_line(line + b"a\r\n" * 500) == long

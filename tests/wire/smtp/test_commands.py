"""The grammar of SMTP commands, as a table."""

from datetime import UTC, datetime

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp.params import (
    Body,
    MailParams,
    Notify,
    OriginalRecipient,
    RcptParams,
    Ret,
    UnknownParameter,
)

ACCEPTED = [
    (b"EHLO mail.example.org", c.Ehlo("mail.example.org")),
    (b"ehlo  host_1 ", c.Ehlo("host_1")),
    (b"EHLO [192.0.2.1]", c.Ehlo("[192.0.2.1]")),
    (b"EHLO [IPv6:2001:db8::1]", c.Ehlo("[IPv6:2001:db8::1]")),
    (b"HELO localhost", c.Helo("localhost")),
    (b"LHLO x.example", c.Lhlo("x.example")),
    (b"MAIL FROM:<>", c.Mail(None)),
    (b"MAIL FROM: <> SIZE=5", c.Mail(None, MailParams(size_bytes=5))),
    (b"MAIL FROM:<a@b>", c.Mail("a@b")),
    (b"mail from: <A.b+c@Example.ORG>  ", c.Mail("A.b+c@example.org")),
    (b"MAIL  FROM:<a@b>", c.Mail("a@b")),
    (b"MAIL FROM:<@x.org,@y.org:a@b>", c.Mail("a@b")),
    (b"MAIL FROM:<@[IPv6:::1]:a@b>", c.Mail("a@b")),
    (b'MAIL FROM:<"a b"@c>', c.Mail('"a b"@c')),
    (b'MAIL FROM:<"abc"@c>', c.Mail("abc@c")),
    (rb'MAIL FROM:<"a\"\\>@"@c>', c.Mail(r'"a\"\\>@"@c')),
    (b"MAIL FROM:<a@[192.0.2.1]>", c.Mail("a@[192.0.2.1]")),
    (b"MAIL FROM:<a@[ipv6:2001:DB8:0::1]>", c.Mail("a@[IPv6:2001:db8::1]")),
    ("MAIL FROM:<jö@exämple.org> SMTPUTF8".encode(),
     c.Mail("jö@exämple.org", MailParams(smtputf8=True))),
    (b"MAIL FROM:<a@b> BODY=8bitmime  RET=hdrs ENVID=QQ+3D+2B",
     c.Mail("a@b", MailParams(body=Body.EIGHT_BIT, ret=Ret.HEADERS, envid="QQ=+"))),
    (b"MAIL FROM:<a@b> AUTH=<> REQUIRETLS", c.Mail("a@b", MailParams(auth="", require_tls=True))),
    (b"MAIL FROM:<a@b> AUTH=x+2By@z", c.Mail("a@b", MailParams(auth="x+y@z"))),
    (b"MAIL FROM:<a@b> HOLDFOR=60", c.Mail("a@b", MailParams(hold_for_s=60))),
    (b"MAIL FROM:<a@b> HOLDUNTIL=2030-01-02T03:04:05Z",
     c.Mail("a@b", MailParams(hold_until=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)))),
    (b"RCPT TO:<a@b>", c.Rcpt("a@b")),
    (b"RCPT TO: <PostMaster>", c.Rcpt("PostMaster")),
    (b"RCPT TO:<a@b> NOTIFY=success,DELAY ORCPT=rfc822;x+2By@z",
     c.Rcpt("a@b", RcptParams(frozenset({Notify.SUCCESS, Notify.DELAY}),
                              OriginalRecipient("rfc822", "x+y@z")))),
    (b"RCPT TO:<a@b> ORCPT=utf-8;j\\x{F6}@z",
     c.Rcpt("a@b", RcptParams(orcpt=OriginalRecipient("utf-8", "jö@z")))),
    ("RCPT TO:<a@b> ORCPT=utf-8;jö@z".encode(),
     c.Rcpt("a@b", RcptParams(orcpt=OriginalRecipient("utf-8", "jö@z")))),
    (b"RCPT TO:<a@b> NOTIFY=NEVER", c.Rcpt("a@b", RcptParams(frozenset({Notify.NEVER})))),
    (b"DATA", c.Data()),
    (b"DATA  ", c.Data()),
    (b"BDAT 0 last", c.Bdat(0, True)),
    (b"BDAT 86", c.Bdat(86, False)),
    (b"RSET", c.Rset()),
    (b"NOOP whatever", c.Noop()),
    (b"quit", c.Quit()),
    (b"VRFY Jones", c.Vrfy("Jones")),
    (b"EXPN list", c.Expn("list")),
    (b"HELP", c.Help("")),
    (b"STARTTLS", c.StartTls()),
    (b"AUTH login", c.Auth("LOGIN")),
    (b"AUTH PLAIN =", c.Auth("PLAIN", b"")),
    (b"AUTH PLAIN AGEAYg==", c.Auth("PLAIN", b"\0a\0b")),
    (b"GET / HTTP/1.1", c.Unknown("GET")),
    (b"xdebug", c.Unknown("XDEBUG")),
]  # fmt: skip

REFUSED = [
    b"",
    b" NOOP",
    b"\xff\xfe",
    b"NOOP\x00",
    b"NOOP\n",
    b"NOOP\r",
    b"NO\x7fOP",
    b"NOOP a\rb",
    b"NOOP a\x7f",
    b"VRFY a\x1bb",
    b"RSET x",
    b"DATA x",
    b"QUIT now",
    b"STARTTLS x",
    b"EHLO",
    b"EHLO a b",
    b"EHLO (x)",
    b"EHLO " + b"a" * 256,
    b"MAIL",
    b"MAIL FROM",
    b"MAIL FROM:a@b",
    b"MAIL TO:<a@b>",
    b"MAIL FROM:<a@b",
    b"MAIL FROM:<a@b>SIZE=1",
    b"MAIL FROM:<<a@b>>",
    b"MAIL FROM:<a>",
    b"MAIL FROM:<a@>",
    b"MAIL FROM:<@b>",
    b"MAIL FROM:<postmaster>",
    b"MAIL FROM:<a b@c>",
    b"MAIL FROM:<.a@b>",
    b"MAIL FROM:<a.@b>",
    b"MAIL FROM:<a..b@c>",
    b"MAIL FROM:<a@b@c>",
    b"MAIL FROM:<a@-b>",
    b"MAIL FROM:<a@b->",
    b"MAIL FROM:<a@b..c>",
    b"MAIL FROM:<a@b.>",
    b'MAIL FROM:<""@b>',
    b'MAIL FROM:<"a"b@c>',
    b'MAIL FROM:<"a@c>',
    b"MAIL FROM:<a@[1.2.3]>",
    b"MAIL FROM:<a@[IPv6:1.2.3.4]>",
    b"MAIL FROM:<a@[x-tag:y]>",
    b"MAIL FROM:<a@" + b"b" * 64 + b">",
    b"MAIL FROM:<a@" + b".".join([b"b" * 60] * 5) + b">",
    b"MAIL FROM:<" + b"a" * 256 + b"@b>",
    b"MAIL FROM:<a\xff@b>",
    "MAIL FROM:<a\u0085@b>".encode(),
    "MAIL FROM:<a\u2028@b>".encode(),
    b"MAIL FROM:<a@b> SIZE=",
    b"MAIL FROM:<a@b> SIZE=-1",
    b"MAIL FROM:<a@b> SIZE=1x",
    b"MAIL FROM:<a@b> SIZE=" + b"1" * 21,
    "MAIL FROM:<a@b> SIZE=²".encode(),
    b"MAIL FROM:<a@b> SIZE=1 size=1",
    b"MAIL FROM:<a@b> BODY=9BIT",
    b"MAIL FROM:<a@b> SMTPUTF8=1",
    b"MAIL FROM:<a@b> REQUIRETLS=1",
    b"MAIL FROM:<a@b> RET=SOME",
    b"MAIL FROM:<a@b> ENVID=a+0D+0A",
    b"MAIL FROM:<a@b> ENVID=a+0",
    b"MAIL FROM:<a@b> ENVID=a+2b",
    b"MAIL FROM:<a@b> ENVID=" + b"a" * 101,
    b"MAIL FROM:<a@b> ENVID=+C3+B6",
    b"MAIL FROM:<a@b> AUTH=nonsense",
    b"MAIL FROM:<a@b> AUTH",
    b"MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=2030-01-02T03:04:05Z",
    b"MAIL FROM:<a@b> HOLDFOR=1234567890",
    b"MAIL FROM:<a@b> HOLDUNTIL=2030-13-02T03:04:05Z",
    b"MAIL FROM:<a@b> HOLDUNTIL=9999-12-31T23:59:59-23:59",
    b"MAIL FROM:<a@b> HOLDUNTIL=tomorrow",
    b"MAIL FROM:<a@b> =x",
    b"MAIL FROM:<a@b>" + b" X" * 30,
    b"RCPT TO:<>",
    b"RCPT TO:a@b",
    b"RCPT TO:<a@b> NOTIFY=NEVER,DELAY",
    b"RCPT TO:<a@b> NOTIFY=DELAY,DELAY",
    b"RCPT TO:<a@b> NOTIFY=",
    b"RCPT TO:<a@b> NOTIFY=SUCCESS,",
    b"RCPT TO:<a@b> ORCPT=x@y",
    b"RCPT TO:<a@b> ORCPT=rfc822;",
    b"RCPT TO:<a@b> ORCPT=rfc822;a+0Ab",
    b"RCPT TO:<a@b> ORCPT=utf-8;a\\x{0A}b",
    b"RCPT TO:<a@b> ORCPT=utf-8;a\\x{FFFFFF}b",
    b"RCPT TO:<a@b> ORCPT=utf-8;a\\x{D800}b",
    b"BDAT",
    b"BDAT -1",
    b"BDAT x",
    b"BDAT 1 LASTLY",
    b"BDAT 1 2",
    b"VRFY",
    b"AUTH",
    b"AUTH PLAIN !!!!",
    b"AUTH PLAIN AGEAYg",
    b"AUTH PLAIN AGEA Yg==",
    b"AUTH PL\xc3\xa4IN",
    b"X" * 33,
    b"NOOP " + b"x" * 20000,
]  # fmt: skip


@pytest.mark.parametrize(("line", "command"), ACCEPTED, ids=lambda value: repr(value)[:60])
def test_accepted(line: bytes, command: c.Command) -> None:
    assert c.parse_command(line) == command


@pytest.mark.parametrize("line", REFUSED, ids=lambda value: repr(value)[:60])
def test_refused(line: bytes) -> None:
    with pytest.raises(GrammarError):
        c.parse_command(line)


@pytest.mark.parametrize("line", [b"MAIL FROM:<a@b> FOO=1", b"RCPT TO:<a@b> SIZE=1"])
def test_an_unknown_parameter_is_told_apart(line: bytes) -> None:
    """RFC 5321 §4.1.1.11: 555, not 501."""
    with pytest.raises(UnknownParameter):
        c.parse_command(line)


def test_is_ascii_tells_whether_smtputf8_is_needed() -> None:
    """RFC 6531 §3.4: the session refuses such a path without the parameter."""
    assert c.Mail(None).is_ascii
    assert c.Mail("a@b").is_ascii
    assert not c.Mail("jö@b").is_ascii
    assert not c.Rcpt("a@exämple.org").is_ascii


def test_position_points_at_the_fault() -> None:
    with pytest.raises(GrammarError) as caught:
        c.parse_command(b"NOOP a\nb")
    assert caught.value.position == 6


def test_a_long_hostile_path_is_refused_in_linear_time() -> None:
    for filler in (b"a.", b'"\\"', b"@a,", b"a-", b"1"):
        with pytest.raises(GrammarError):
            c.parse_command(b"MAIL FROM:<" + filler * (12000 // len(filler)))

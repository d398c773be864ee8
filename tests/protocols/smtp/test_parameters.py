"""What the parameters of MAIL and RCPT do, from the wire to the queue."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kit.login import PASSWORD
from kit.smtp import HOSTNAME, House, Talk, TalkTo
from pillarbox.base.clock import to_ms
from pillarbox.base.ids import IdSource
from pillarbox.domain.queue import suppression
from pillarbox.domain.sending.model import Limits, SendingLimits
from pillarbox.pipeline.submission.limits import SendingWatch
from pillarbox.protocols.smtp.policy import Role, SmtpOptions

ALICE = "alice@example.test"
LOGIN = b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()
CONTENT = "From: alice@example.test\r\n\r\nhi\r\n.\r\n"


async def logged_in(talk: TalkTo, options: SmtpOptions | None = None) -> Talk:
    session = await talk(Role.SUBMISSION, options, tls=True)
    await session.lines("EHLO c.test")
    assert (await session.lines(f"AUTH PLAIN {LOGIN}"))[0].startswith("235")
    return session


async def send(session: Talk, mail: str, *rcpts: str) -> str:
    """Send a message; gives the last line of the answer."""
    lines = [f"MAIL FROM:<{ALICE}>{mail}", *(f"RCPT TO:{rcpt}" for rcpt in rcpts), "DATA"]
    answers = await session.lines(*lines)
    assert answers[-1].startswith("354"), answers
    return (await session.say(CONTENT.encode())).decode()


async def test_what_is_asked_of_reports_reaches_the_queue(talk: TalkTo, house: House) -> None:
    session = await logged_in(talk)
    await send(
        session,
        " RET=hdrs ENVID=QQ+2B1 BODY=8BITMIME REQUIRETLS",
        "<ann@elsewhere.test> notify=delay,success ORCPT=rfc822;a+2Bb@x.test",
        "<joe@elsewhere.test> NOTIFY=NEVER",
        "<sue@elsewhere.test>",
    )
    rows = await house.queue_rows()
    assert [(row["dsn_notify"], row["dsn_orcpt"]) for row in rows] == [
        ("SUCCESS,DELAY", "rfc822;a+2Bb@x.test"),
        ("NEVER", None),
        (None, None),
    ]
    assert {(row["dsn_ret"], row["dsn_envid"]) for row in rows} == {("HDRS", "QQ+1")}
    assert {(row["require_tls"], row["eight_bit"], row["binary_body"]) for row in rows} == {
        (1, 1, 0)
    }


@pytest.mark.parametrize(
    ("orcpt", "kept"),
    [
        ("utf-8;j\\x{F6}rg@x.test", "utf-8;j\\x{F6}rg@x.test"),
        ("utf-8;jörg@x.test", "utf-8;j\\x{F6}rg@x.test"),
        ("utf-8;a\\x{2B}b@x.test", "utf-8;a\\x{2B}b@x.test"),
        ("utf-8;" + "ö" * 200, None),
        ("X400;c+3Dxx+3Bs+3Dy", "x400;c+3Dxx;s+3Dy"),
    ],
)
async def test_original_recipients_in_every_form(
    talk: TalkTo, house: House, orcpt: str, kept: str | None
) -> None:
    session = await logged_in(talk)
    await send(session, " SMTPUTF8", f"<ann@elsewhere.test> ORCPT={orcpt}")
    (row,) = await house.queue_rows()
    assert row["dsn_orcpt"] == kept


@pytest.mark.parametrize(
    ("parameter", "until"),
    [
        ("HOLDFOR=3600", datetime(2026, 1, 1, 13, tzinfo=UTC)),
        ("HOLDUNTIL=2026-02-01T00:00:00+01:00", datetime(2026, 1, 31, 23, tzinfo=UTC)),
    ],
)
async def test_held_messages_wait_for_all_recipients(
    talk: TalkTo, house: House, parameter: str, until: datetime
) -> None:
    session = await logged_in(talk)
    recipients = ("<bob@example.test>", "<ann@elsewhere.test>")
    assert (await send(session, f" {parameter}", *recipients)).startswith("250")
    assert await house.contents("bob@example.test") == []
    rows = await house.queue_rows()
    assert [row["address"] for row in rows] == ["bob@example.test", "ann@elsewhere.test"]
    assert {row["next_attempt_ms"] for row in rows} == {to_ms(until)}


async def test_holding_can_be_turned_off(talk: TalkTo) -> None:
    session = await logged_in(talk, SmtpOptions(HOSTNAME, max_hold_s=0))
    assert "FUTURERELEASE" not in " ".join(await session.lines("EHLO c.test"))
    (answer,) = await session.lines(f"MAIL FROM:<{ALICE}> HOLDFOR=60")
    assert answer.startswith("555 5.5.4")


async def test_a_time_that_is_past_holds_nothing(talk: TalkTo, house: House) -> None:
    session = await logged_in(talk)
    await send(session, " HOLDUNTIL=2025-12-31T00:00:00Z", "<bob@example.test>")
    await send(session, " HOLDFOR=0", "<bob@example.test>")
    assert len(await house.contents("bob@example.test")) == 2


async def test_deliver_by_ends_the_tries_or_tells(talk: TalkTo, house: House) -> None:
    session = await logged_in(talk)
    await send(session, " BY=600;R", "<ann@elsewhere.test>")
    await send(session, " BY=+600;nt", "<ann@elsewhere.test>")
    returned, told = await house.queue_rows()
    in_time_ms = house.clock.now_ms() + 600_000
    assert (returned["expires_ms"], returned["notify_delay_ms"]) == (in_time_ms, None)
    assert told["expires_ms"] > in_time_ms
    assert told["notify_delay_ms"] == in_time_ms


async def test_the_limit_of_recipients_is_announced_and_kept(talk: TalkTo) -> None:
    """RFC 9422 §3."""
    session = await talk(options=SmtpOptions(HOSTNAME, max_recipients=1))
    assert "250-LIMITS RCPTMAX=1" in await session.lines("EHLO c.test")
    answers = await session.lines(
        "MAIL FROM:<a@b.test>", "RCPT TO:<alice@example.test>", "RCPT TO:<bob@example.test>"
    )
    assert answers[-1].startswith("452 4.5.3")


BINARY = b"Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r\xff"


async def test_binary_content_is_kept_as_it_came(talk: TalkTo, house: House) -> None:
    session = await talk()
    await session.lines("EHLO c.test")
    answer = await session.say(
        b"MAIL FROM:<a@b.test> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\n"
        b"RCPT TO:<away@example.test>\r\nBDAT 20\r\n" + BINARY[:20]
    )
    answer = await session.say(b"BDAT %d LAST\r\n" % (len(BINARY) - 20) + BINARY[20:])
    assert answer.startswith(b"250 2.6.0")
    (stored,) = await house.contents("alice@example.test")
    assert stored.endswith(BINARY)
    (row,) = await house.queue_rows()
    assert (row["binary_body"], row["eight_bit"]) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\rFrom: bob@example.test\r\n\r\nhi",
        b"Subject: x\n\nhi\r\n\r\n",
        b"Subject: x\n",
    ],
)
async def test_binary_content_has_a_header_all_read_alike(
    talk: TalkTo, house: House, content: bytes
) -> None:
    session = await talk()
    await session.lines("EHLO c.test", "MAIL FROM:<a@b.test> BODY=BINARYMIME")
    await session.lines("RCPT TO:<alice@example.test>")
    answer = await session.say(b"BDAT %d LAST\r\n" % len(content) + content)
    assert answer.startswith(b"554 5.6.0")
    assert await house.contents("alice@example.test") == []


async def test_over_a_limit_mail_waits_with_the_client(talk: TalkTo, house: House) -> None:
    submission = house.submission
    watch = SendingWatch(
        house.database,
        house.store.keys,
        SendingLimits(user=Limits(messages_hour=1, recipients_day=3)),
        submission.recipients,
        submission.delivery,
        house.clock,
        IdSource(),
        HOSTNAME,
    )
    house.submission = replace(submission, watch=watch)
    first, second = await logged_in(talk), await logged_in(talk)
    begun = [f"MAIL FROM:<{ALICE}>", "RCPT TO:<bob@example.test>", "DATA"]
    for session in (first, second):
        assert (await session.lines(*begun))[-1].startswith("354")
    assert (await first.say(CONTENT.encode())).startswith(b"250")
    refused = (await second.say(CONTENT.encode())).decode()
    assert refused.startswith("450 4.7.1 You can send 1 messages within an hour, no more; there is")
    assert len(await house.contents("bob@example.test")) == 1
    (refused,) = await second.lines(f"MAIL FROM:<{ALICE}>")
    assert refused.startswith("450 4.7.1")
    house.clock.advance(hours=1)
    assert (await send(second, "", "<bob@example.test>")).startswith("250")


async def test_suppressed_recipients_are_refused_with_words(talk: TalkTo, house: House) -> None:
    house.submission = replace(house.submission, suppressions=house.database)
    await house.database.write(suppression.add, None, "ann@elsewhere.test", "it bounced")
    session = await logged_in(talk)
    _, answer = await session.lines(f"MAIL FROM:<{ALICE}>", "RCPT TO:<Ann@elsewhere.test>")
    assert answer.startswith("550 5.7.1 Nothing is sent to this address (it bounced)")


async def test_mail_that_goes_in_circles_is_refused(talk: TalkTo, house: House) -> None:
    session = await talk()
    await session.lines("EHLO c.test", "MAIL FROM:<a@b.test>", "RCPT TO:<away@example.test>")
    await session.lines("DATA")
    answer = await session.say(b"Delivered-To: away@example.test\r\n\r\nx\r\n.\r\n")
    assert answer.startswith(b"554 5.4.6")
    assert await house.queued() == []

"""SpamAssassin: what it is asked, how its score counts here, what it is taught."""

import asyncio
import time

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.daemon import daemon, floods, hangs, leaves, nobody, resets, says
from kit.peers import Session
from pillarbox.base.errors import Unavailable
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.inbound.checks.spamassassin import SpamAssassinCheck
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.spamassassin import SpamAssassin, SpamAssassinOptions

MAIL = "From: ann@sender.test\nSubject: x\n\nhi\n"


def spamassassin(
    address: DaemonAddress, clock: FakeClock, timeout_s: float = 10, user: str = ""
) -> SpamAssassin:
    options = GuardOptions(timeout_s)
    return SpamAssassin(
        SpamAssassinOptions(address, max_bytes=10_000, user=user),
        Guard("SpamAssassin", options, clock),
        Guard("lessons", options, clock),
    )


def check(one: SpamAssassin, clock: FakeClock) -> SpamAssassinCheck:
    return SpamAssassinCheck(one, "mx.example.test", clock)


def answer(spam: str, points: str, threshold: str, rules: str = "RULE_A,RULE_B") -> bytes:
    return (
        f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(rules)}\r\n"
        f"Spam: {spam} ; {points} / {threshold}\r\n\r\n{rules}"
    ).encode()


async def asked(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    size = int(head.partition("Content-length: ")[2].partition("\r")[0])
    return head, await reader.readexactly(size)


async def test_it_sees_who_sent_it(clock: FakeClock) -> None:
    seen = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await asked(reader))
        writer.write(answer("False", "1.5", "5.0"))

    async with daemon(session) as address:
        one = spamassassin(address, clock, user="vmail")
        (finding,) = await check(one, clock).run(arrival(MAIL))
    ((head, content),) = seen
    assert head.startswith("SYMBOLS SPAMC/1.5\r\n")
    assert "\r\nUser: vmail\r\n" in head
    assert content.startswith(b"Return-Path: <ann@sender.test>\r\nReceived: from mail.sender.test")
    assert b"192.0.2.7" in content
    assert content.endswith(b"\r\nFrom: ann@sender.test\r\nSubject: x\r\n\r\nhi\r\n")
    assert finding.name == "spamassassin_score"
    assert finding.detail == "1.5 of 5: RULE_A, RULE_B"


@pytest.mark.parametrize(
    ("said", "name", "points"),
    [
        (answer("True", "5.0", "5.0"), "spamassassin_spam", 5),
        (answer("True", "8", "10"), "spamassassin_spam", 4),
        (answer("True", "1000.0", "5.0"), "spamassassin_spam", 10),
        (answer("False", "-102.5", "5.0"), "spamassassin_score", -3),
        (answer("False", "2.5", "5.0", ""), "spamassassin_score", 2.5),
        (answer("False", "2.5", "0", ""), "spamassassin_score", 2.5),
    ],
)
async def test_its_threshold_is_ours(
    clock: FakeClock, said: bytes, name: str, points: float
) -> None:
    async with daemon(says(said, asked)) as address:
        (finding,) = await check(spamassassin(address, clock), clock).run(arrival(MAIL))
    assert (finding.name, finding.points, finding.action) == (name, points, None)


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (says(b"SPAMD/1.0 76 Bad header line\r\n", asked), "76"),
        (says(b"SPAMD/1.1 0 EX_OK\r\nContent-length: 10\r\n\r\nX", asked), "cut off"),
        (says(b"SPAMD/1.1 0 EX_OK\r\nSpam: Tr", asked), "cut off"),
        (says(b"SPAMD/1.1 0 EX_OK\r\n\r\n", asked), "no score"),
        (says(answer("True", "nan", "5"), asked), "no score"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n", asked), "not spamd's"),
        (leaves, ""),
        (resets, ""),
        (floods(b"SPAMD/1.1 0 EX_OK\r\n"), "more than"),
    ],
)
async def test_no_answer_is_a_failure(clock: FakeClock, session: Session, why: str) -> None:
    async with daemon(session) as address:
        one = check(spamassassin(address, clock), clock)
        with pytest.raises(Unavailable) as raised:
            await one.run(arrival(MAIL))
    assert why in (raised.value.cause or "")
    assert one.failed(arrival(MAIL), "x") == ()


async def test_hanging_takes_its_time_and_no_more(clock: FakeClock) -> None:
    begun_s = time.monotonic()
    async with daemon(hangs(b"SPAMD/1.1 0 EX_OK\r\n")) as address:
        one = check(spamassassin(address, clock, timeout_s=0.1), clock)
        assert one.deadline_s < 2
        with pytest.raises(Unavailable):
            await one.run(arrival(MAIL))
    assert time.monotonic() - begun_s < 5


async def test_large_mail_is_not_shown(clock: FakeClock) -> None:
    one = spamassassin(await nobody(), clock)
    large = MAIL.encode() + bytes(10_000)
    assert await check(one, clock).run(arrival(large)) == ()
    await one.learn(large, spam=True)


@pytest.mark.parametrize(("spam", "word"), [(True, "spam"), (False, "ham")])
async def test_lessons(clock: FakeClock, spam: bool, word: str) -> None:
    seen = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await asked(reader))
        writer.write(b"SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\nContent-length: 0\r\n\r\n")

    async with daemon(session) as address:
        await spamassassin(address, clock).learn(b"mail", spam)
    ((head, content),) = seen
    assert head.startswith("TELL SPAMC/1.5\r\n")
    assert f"\r\nMessage-class: {word}\r\nSet: local\r\n" in head
    assert content == b"mail"


async def test_refused_lessons_stop_no_checks(clock: FakeClock) -> None:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await asked(reader)
        tell = b"SPAMD/1.0 69 TELL commands are not enabled, set the --allow-tell switch.\r\n"
        writer.write(tell if head.startswith("TELL") else answer("False", "0", "5"))

    async with daemon(session) as address:
        one = spamassassin(address, clock)
        for _ in range(5):
            with pytest.raises(Unavailable):
                await one.learn(b"mail", True)
        assert await check(one, clock).run(arrival(MAIL))

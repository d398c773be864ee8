"""rspamd: what it is told, how its judgement counts here, what it is taught."""

import asyncio
import json
import time

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.daemon import daemon, floods, hangs, leaves, nobody, resets, says
from kit.peers import Session
from pillarbox.base.errors import Unavailable
from pillarbox.domain.judgement.model import Action
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.inbound.checks.rspamd import RspamdCheck
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.rspamd import Rspamd, RspamdOptions

MAIL = "From: ann@sender.test\nSubject: x\n\nhi\n"


def rspamd(address: DaemonAddress, clock: FakeClock, timeout_s: float = 10) -> Rspamd:
    options = GuardOptions(timeout_s)
    return Rspamd(
        RspamdOptions(address, "/filter", "secret word", max_bytes=10_000),
        Guard("rspamd", options, clock),
        Guard("lessons", options, clock),
    )


async def asked(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    (size,) = [int(one.partition(": ")[2]) for one in lines if one.startswith("Content-Length")]
    return [one for one in lines if one], await reader.readexactly(size)


def http(body: bytes, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answer(**found: object) -> bytes:
    return http(json.dumps(found).encode())


async def test_it_is_told_of_the_client(clock: FakeClock) -> None:
    seen = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await asked(reader))
        writer.write(answer(action="no action", score=0))

    message = arrival(
        MAIL, to=("bob@example.test", "bö b@example.test"), helo="a\r\nPassword: x", tls=True
    )
    message.results.verified_name = "mail.sender.test"
    async with daemon(session) as address:
        await RspamdCheck(rspamd(address, clock)).run(message)
    ((lines, content),) = seen
    assert lines[0] == "POST /filter/checkv2 HTTP/1.1"
    assert content.endswith(b"\r\n\r\nhi\r\n")
    assert set(lines) >= {
        "IP: 192.0.2.7",
        "Helo: a??Password: x",
        "Hostname: mail.sender.test",
        "From: ann@sender.test",
        "Rcpt: bob@example.test",
        "Rcpt: b? b@example.test",
        "TLS-Version: TLS",
        "Password: secret word",
    }


@pytest.mark.parametrize(
    ("action", "score", "name", "points", "wants"),
    [
        ("no action", 0, "rspamd_score", -1, None),
        ("no action", -50, "rspamd_score", -3, None),
        ("no action", 3, "rspamd_score", 1.5, None),
        ("add header", 6, "rspamd_spam", 5, None),
        ("add header", 1, "rspamd_spam", 5, None),
        ("rewrite subject", 9, "rspamd_spam", 7.5, None),
        ("reject", 15, "rspamd_reject", 10, None),
        ("reject", 0, "rspamd_reject", 8, None),
        ("soft reject", 1.2, "rspamd_defer", 1, Action.DEFER),
        ("greylist", 4.8, "rspamd_defer", 4, Action.DEFER),
        ("something new", 3, "rspamd_score", 1.5, None),
    ],
)
async def test_actions(
    clock: FakeClock, action: str, score: float, name: str, points: float, wants: Action | None
) -> None:
    said = answer(action=action, score=score, required_score=15, symbols={})
    async with daemon(says(said, asked)) as address:
        (finding,) = await RspamdCheck(rspamd(address, clock)).run(arrival(MAIL))
    assert (finding.name, finding.points, finding.action) == (name, points, wants)


async def test_symbols_thresholds_and_reply(clock: FakeClock) -> None:
    said = answer(
        action="soft reject",
        score=4,
        thresholds={"add header": 8, "greylist": None},
        symbols={"LESS": {"score": -0.5, "name": "LESS"}, "MORE": {"score": 3.5, "options": ["x"]}},
        messages={"smtp_message": "Try\r\nlater"},
    )
    async with daemon(says(said, asked)) as address:
        (finding,) = await RspamdCheck(rspamd(address, clock)).run(arrival(MAIL))
    assert finding.points == 2.5
    assert finding.detail == "soft reject, 4: MORE 3.5, LESS -0.5"
    assert finding.reply == "Try??later"


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (says(http(b"{}"), asked), "no judgement"),
        (says(http(b'{"action":"reject","score":1e999}'), asked), "no"),
        (says(http(b"[" * 100_000), asked), "no judgement"),
        (says(http(b"\xff"), asked), "no judgement"),
        (says(http(b"{}", 401), asked), "401"),
        (says(b"HTTP/1.1 200 x\r\nContent-Length: 9\r\n\r\n{", asked), "complete message"),
        (says(b"SPAMD/1.1 0 EX_OK\r\n\r\n", asked), "HTTP"),
        (says(http(b" " * (2 << 20)), asked), "more than"),
        (leaves, ""),
        (resets, ""),
        (floods(b"HTTP/1.1 100 x\r\n\r\n"), "point"),
    ],
)
async def test_no_answer_is_a_failure(clock: FakeClock, session: Session, why: str) -> None:
    async with daemon(session) as address:
        one = RspamdCheck(rspamd(address, clock))
        with pytest.raises(Unavailable) as raised:
            await one.run(arrival(MAIL))
    assert why in (raised.value.cause or "")
    assert "secret" not in (raised.value.cause or "")
    assert one.failed(arrival(MAIL), "x") == ()


async def test_hanging_takes_its_time_and_no_more(clock: FakeClock) -> None:
    begun_s = time.monotonic()
    async with daemon(hangs(b"HTTP/1.1 200 x\r\n")) as address:
        with pytest.raises(Unavailable):
            await RspamdCheck(rspamd(address, clock, 0.1)).run(arrival(MAIL))
    assert time.monotonic() - begun_s < 5


async def test_large_mail_is_not_shown(clock: FakeClock) -> None:
    large = MAIL.encode() + bytes(10_000)
    assert await RspamdCheck(rspamd(await nobody(), clock)).run(arrival(large)) == ()


async def test_lessons(clock: FakeClock) -> None:
    seen = []
    answers = [
        http(b'{"success":true}'),
        http(b'{"error":"x"}', 208),
        http(b'{"error":"why"}', 500),
    ]

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await asked(reader))
        writer.write(answers[len(seen) - 1])

    async with daemon(session) as address:
        one = rspamd(address, clock)
        await one.learn(b"mail", True)
        await one.learn(b"mail", False)
        with pytest.raises(Unavailable) as raised:
            await one.learn(b"mail", False)
    assert "why (status 500)" in (raised.value.cause or "")
    assert [lines[0].split()[1] for lines, _ in seen] == [
        "/filter/learnspam",
        "/filter/learnham",
        "/filter/learnham",
    ]
    assert all("Password: secret word" in lines for lines, _ in seen)
    assert "secret" not in repr(one._options)


async def test_a_lesson_that_it_has_no_use_for_does_not_end_lessons(clock: FakeClock) -> None:
    seen = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await asked(reader))
        writer.write(http(b'{"error":"too few tokens"}', 204 if len(seen) < 5 else 208))

    async with daemon(session) as address:
        one = rspamd(address, clock)
        for _ in range(4):
            with pytest.raises(Unavailable):
                await one.learn(b"mail", True)
        await one.learn(b"mail", True)
    assert len(seen) == 5

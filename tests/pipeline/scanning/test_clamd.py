"""ClamAV: what it is sent, what its answers come to, and how it fails."""

import asyncio
import time
from pathlib import Path

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.daemon import daemon, floods, hangs, leaves, nobody, resets, says
from kit.peers import Session
from pillarbox.base.errors import Unavailable
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Rules, Run, Stage, Verdict
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.inbound.checks.clamav import ClamavCheck
from pillarbox.pipeline.scanning.clamd import Clamd, ClamdOptions
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.model import Scan

CONTENT = b"Subject: x\r\n\r\n" + bytes(range(256)) * 1000


def clamd(
    address: DaemonAddress, clock: FakeClock, timeout_s: float = 10, keep_ms: int = 0
) -> Clamd:
    options = ClamdOptions(address, max_bytes=1 << 20, chunk_bytes=10_000, keep_ms=keep_ms)
    return Clamd(options, Guard("ClamAV", GuardOptions(timeout_s), clock), clock)


async def take(reader: asyncio.StreamReader) -> bytes:
    """A whole INSTREAM, put together."""
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    whole = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        assert size <= 10_000
        whole += await reader.readexactly(size)
    return whole


async def test_the_whole_content_arrives(clock: FakeClock) -> None:
    taken = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await take(reader))
        writer.write(b"stream: Some.Virus-1 FOUND\0")

    async with daemon(session) as address:
        assert await clamd(address, clock).scan(CONTENT) == Scan(virus="Some.Virus-1")
    assert taken == [CONTENT]


async def test_clean_and_skipped(clock: FakeClock) -> None:
    async with daemon(says(b"stream: OK\0", take)) as address:
        assert await clamd(address, clock).scan(CONTENT) == Scan()
        assert "1048576" in (await clamd(address, clock).scan(bytes((1 << 20) + 1))).skipped
    async with daemon(says(b"INSTREAM size limit exceeded. ERROR\0")) as address:
        assert (await clamd(address, clock).scan(CONTENT)).skipped == "larger than clamd takes"


async def test_results_are_kept_for_a_while(clock: FakeClock) -> None:
    asked: list[int] = []
    async with daemon(says(b"stream: V FOUND\0", take), asked) as address:
        scanner = clamd(address, clock, keep_ms=300_000)
        for content in (b"a", b"a", b"b", b"a"):
            assert (await scanner.scan(content)).virus == "V"
        assert len(asked) == 2
        clock.advance(seconds=301)
        await scanner.scan(b"a")
        assert len(asked) == 3


async def test_failures_are_not_kept(clock: FakeClock) -> None:
    asked: list[int] = []
    async with daemon(says(b"stream: broken ERROR\0", take), asked) as address:
        scanner = clamd(address, clock, keep_ms=300_000)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await scanner.scan(b"a")
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (says(b"stream: Unable to read ERROR\0", take), "Unable to read"),
        (says(b"stream: V FOU", take), "cut off"),
        (says(b"", take), "cut off"),
        (says(b"\xff\xfe\r\n\0", take), "answered"),
        (floods(b"stream: OK\0"), "more than 4096"),
        (resets, ""),
        (leaves, ""),
    ],
)
async def test_no_answer_is_a_failure(clock: FakeClock, session: Session, why: str) -> None:
    async with daemon(session) as address:
        with pytest.raises(Unavailable) as raised:
            await clamd(address, clock).scan(CONTENT)
    assert why in (raised.value.cause or "")


@pytest.mark.parametrize("first", [b"", b"stream: OK"])
async def test_hanging_takes_its_time_and_no_more(clock: FakeClock, first: bytes) -> None:
    begun_s = time.monotonic()
    async with daemon(hangs(first)) as address:
        with pytest.raises(Unavailable):
            await clamd(address, clock, timeout_s=0.1).scan(CONTENT)
    assert time.monotonic() - begun_s < 5


async def test_nobody_there(clock: FakeClock, tmp_path: Path) -> None:
    for address, why in (
        (await nobody(), "connection refused"),
        (DaemonAddress(path=f"{tmp_path}/none.ctl"), "no such file or directory"),
        (DaemonAddress(host="nobody.invalid", port=3310), "its host is not known"),
    ):
        with pytest.raises(Unavailable) as raised:
            await clamd(address, clock).scan(CONTENT)
        assert raised.value.cause == f"ClamAV: {why}"


# The check


async def test_a_virus_is_refused_with_its_name(clock: FakeClock) -> None:
    async with daemon(says(b"stream: Some.Virus-1 FOUND\0", take)) as address:
        check = ClamavCheck(clamd(address, clock), 10)
        findings = tuple(await check.run(arrival("Subject: x\n\nhi\n")))
    runs = [Run("clamav", Stage.DATA, 0, findings)]
    decision = decide(runs, Rules())
    assert decision.verdict is Verdict.REFUSE
    assert decision.reply == "The message has a virus: Some.Virus-1"
    kept = decide(runs, Rules(actions={"virus": Action.QUARANTINE}))
    assert kept.verdict is Verdict.QUARANTINE
    tagged = decide(runs, Rules(actions={"virus": None}))
    assert tagged.verdict is Verdict.JUNK


async def test_unscanned_mail_is_accepted_unless_the_domain_says_otherwise() -> None:
    check = ClamavCheck(None, 10)  # type: ignore[arg-type]
    findings = tuple(check.failed(arrival("Subject: x\n\nhi\n"), "ClamAV: broken"))
    runs = [Run("clamav", Stage.DATA, 0, findings)]
    assert decide(runs, Rules()).verdict is Verdict.ACCEPT
    put_off = decide(runs, Rules(actions={"clamav_failed": Action.DEFER}))
    assert put_off.verdict is Verdict.DEFER
    assert "try again later" in put_off.reply


async def test_what_was_not_looked_at_is_noted(clock: FakeClock) -> None:
    check = ClamavCheck(clamd(await nobody(), clock), 10)
    (finding,) = await check.run(arrival(b"Subject: x\r\n\r\n" + bytes(1 << 20)))
    assert (finding.name, finding.points, finding.action) == ("clamav_skipped", 0, None)
    assert await check.run(arrival()) == ()

"""The runner when the database, the clock or the process fails it: nothing stranded, or sent twice.

What is written of the database's failures here is what a caller sees of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from kit.clock import FakeClock
from kit.outbound import DAY_MS, NOBODY, NotedReports, Post, fails, open_post, says
from pillarbox.base.errors import Invalid, Unavailable
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import inspect, lease, steer
from pillarbox.domain.queue.model import LeasedMessage, Result, Stage, Status
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.jobs.queue_upkeep import QueueUpkeep
from pillarbox.pipeline.outbound import destination
from pillarbox.pipeline.outbound.reports import PreparedReport
from pillarbox.pipeline.outbound.runner import Outbound, OutboundOptions
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

DOMAIN = "elsewhere.test"
ANN = f"ann@{DOMAIN}"
MX = f"mx.{DOMAIN}"


class Wavering:
    """A database that fails as a test says; `unsure` does its work first, and then fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.away = False
        self.unsure: set[str] = set()
        self.refused: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write(self, fn: Callable[..., object], *args: object) -> object:
        if self.away:
            self.refused.append(fn.__name__)
            raise Unavailable("away")
        found = await self._database.write(fn, *args)
        if fn.__name__ in self.unsure:
            self.unsure.remove(fn.__name__)
            raise Unavailable("the connection was lost at the commit")
        return found

    async def lookup(self, fn: Callable[..., object], *args: object) -> object:
        if self.away:
            raise Unavailable("away")
        return await self._database.lookup(fn, *args)


@pytest.fixture
def wavering(database: Database) -> Wavering:
    return Wavering(database)


@pytest.fixture
def post(wavering: Wavering, tmp_path: Path, clock: FakeClock) -> Post:
    return open_post(cast(Database, wavering), tmp_path, clock)


async def until(condition: Callable[[], object]) -> None:
    """Wait until a function of no arguments says yes."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it is about has no event
            await asyncio.sleep(0.005)


async def until_quiet(post: Post) -> None:
    """Wait until no destination is left."""
    async with asyncio.timeout(20):
        while await post.database.read(inspect.destinations):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(runner: Outbound) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def everybody(post: Post) -> list[str]:
    return sorted(address for _, _, addresses in post.hosts.sent for address in addresses)


async def test_a_database_that_is_away_for_longer_than_a_lease(
    post: Post, wavering: Wavering, clock: FakeClock
) -> None:
    post.lease_ms, post.per_destination = 300, 2
    given = [f"u{number:02}@{DOMAIN}" for number in range(10)]
    for address in given:
        await post.enqueue(address)
    post.hosts.gate = asyncio.Event()
    async with running(post.runner()):
        await until(lambda: post.hosts.waiting == 2)
        wavering.away = True
        post.hosts.gate.set()
        await until(lambda: wavering.refused.count("renew") >= 4)
        clock.advance(seconds=1)
        assert len(post.hosts.sent) == 2  # who knows whether another is sending them
        wavering.away = False
        await until_quiet(post)
    assert everybody(post) == given


async def test_what_was_taken_though_it_seemed_to_fail(post: Post, wavering: Wavering) -> None:
    post.lease_ms = 300
    message = await post.enqueue(ANN)
    wavering.unsure.add("_take")
    async with running(post.runner()):
        # Something else is being sent all the time.
        post.hosts.gate = asyncio.Event()
        await until(lambda: "_take" not in wavering.unsure)
        await post.enqueue("x@slow.test")
        await until(lambda: len(post.hosts.sent) == 2)
        post.hosts.gate.set()
        await until_quiet(post)
    assert (await post.recipient(message)).status is Status.DELIVERED


async def test_what_was_settled_though_it_seemed_to_fail(post: Post, wavering: Wavering) -> None:
    post.hosts.always[MX] = says(NOBODY, Stage.RCPT)
    given = [f"u{number:02}@{DOMAIN}" for number in range(60)]
    for address in given:
        await post.enqueue(address)
    wavering.unsure.add("_settle")
    await post.work()
    assert everybody(post) == given
    assert post.reports.filed == len(given)


class Refusing(NotedReports):
    """Reports that can never be filed."""

    def file(self, tx: Tx, prepared: PreparedReport) -> None:
        raise Invalid("There is no such mailbox")


async def test_a_report_that_is_refused_for_good_is_given_up(post: Post) -> None:
    post.reports = Refusing()
    post.hosts.always[MX] = says(NOBODY, Stage.RCPT)
    message = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(message)).status is Status.FAILED
    assert everybody(post) == [ANN]


class Slow(NotedReports):
    """Reports that take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.waiting = False

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None:
        self.waiting = True
        await self.gate.wait()
        return await super().prepare(message, content, results, kinds)


async def test_what_hosts_have_answered_is_noted_at_the_end(post: Post) -> None:
    reports = Slow()
    post.reports = reports
    post.hosts.always[MX] = says(NOBODY, Stage.RCPT)
    message = await post.enqueue(ANN)
    runner = post.runner(options=OutboundOptions(close_s=0.05))
    await runner.look()
    await until(lambda: reports.waiting)
    closing = asyncio.ensure_future(runner.close())
    await asyncio.sleep(0.2)
    reports.gate.set()
    await closing
    assert (await post.recipient(message)).status is Status.FAILED
    assert reports.filed == 1


class Failing(NotedReports):
    """Reports that can't be made at first."""

    failures = 2

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("away")
        return await super().prepare(message, content, results, kinds)


async def test_a_report_that_can_not_be_made_now_is_made_later(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "PAUSE_AT_FIRST_S", 0.01)
    reports = Failing()
    post.reports = reports
    post.hosts.always[MX] = says(NOBODY, Stage.RCPT)
    message = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(message)).status is Status.FAILED
    assert reports.filed == 1
    assert len(post.hosts.sent) == 1


async def test_what_waits_behind_a_slow_host_can_be_steered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "LOOK_EVERY_S", 0.05)
    post.per_destination, post.slow_s = 1, 0.1
    given = [f"u{number}@{DOMAIN}" for number in range(4)]
    queued = [await post.enqueue(address) for address in given]
    post.hosts.gate = asyncio.Event()
    async with running(post.runner()):
        async with asyncio.timeout(20):
            while [(await post.recipient(one)).attempts for one in queued] != [1, 0, 0, 0]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await post.database.write(steer.cancel, queued[2])
        post.hosts.gate.set()
        await until_quiet(post)
    del given[2]
    assert everybody(post) == given
    assert await _state(post, queued[2]) is Status.CANCELLED


async def test_a_clock_that_was_set_takes_nothing_from_the_living(
    post: Post, clock: FakeClock
) -> None:
    await post.enqueue(ANN)
    post.hosts.gate = asyncio.Event()
    first = post.runner("first")
    await first.look()
    await until(lambda: post.hosts.waiting)
    steady_s = clock.now_ms() / 1000
    second = post.runner("second")
    second._patience._steady_s = lambda: steady_s
    second._patience.look()
    for hours in (2, -5, 24):
        clock.advance(hours=hours)
        await second.look()
        assert not second._running
        await first._renew()
        steady_s += 31
        clock.advance(seconds=31)
        await second.look()
        assert not second._running
    # But of one that does not renew its leases it takes them over.
    clock.advance(hours=1)
    await second.look()
    steady_s += 31
    clock.advance(seconds=31)
    await second.look()
    assert [one.domain for one in second._running] == [DOMAIN]
    post.hosts.gate.set()


@pytest.mark.parametrize("hours", [-5, -24 * 365])
async def test_leases_from_the_future_are_none(post: Post, clock: FakeClock, hours: int) -> None:
    await post.enqueue(ANN)
    await post.database.write(lease.take_destinations, "dead", 10, 60_000)
    clock.advance(hours=hours)  # the machine starts anew, and does not know the time
    message = await post.enqueue(f"ben@{DOMAIN}")
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED


async def test_mail_for_a_closed_destination_goes_back_in_time(
    post: Post, wavering: Wavering, clock: FakeClock
) -> None:
    post.hosts.always[MX] = fails()
    early = await post.enqueue(ANN, age_ms=DAY_MS)
    late = await post.enqueue(f"ben@{DOMAIN}", age_ms=3 * DAY_MS)
    await post.work()
    until_ms = clock.now_ms() + 30 * DAY_MS
    await post.database.write(steer.close_destination, DOMAIN, until_ms)
    upkeep = QueueUpkeep(cast(Database, wavering), post.store.blobs, clock)
    tried = len(post.hosts.sent)
    for days, ended in ((0.5, set[QueueId]()), (1, {early}), (1, {early}), (1, {early, late})):
        clock.advance(hours=24 * days)
        await upkeep.run_strays()
        await post.work()
        found = {one for one in (early, late) if await _state(post, one) is Status.EXPIRED}
        assert found == ended
    assert len(post.hosts.sent) == tried
    told = [reply for address, kind, reply in post.reports.told if kind is Action.FAILED]
    assert len(told) == 2
    assert "connection refused" in told[0]  # and not that an administrator gave it up
    (found_here,) = await post.database.read(inspect.destinations)
    assert found_here.health.closed_until_ms == until_ms


async def _state(post: Post, message: QueueId) -> Status:
    return (await post.recipient(message)).status


async def test_tarpits_keep_no_other_mail_waiting(post: Post) -> None:
    """All places are taken by hosts that answer nothing; then mail comes for one that does."""
    slow = asyncio.Event()
    given = [f"u@tar{number}.test" for number in range(40)]
    for address in given:
        await post.enqueue(address)
    hosts_send = post.hosts.send

    async def send(hop, letter):  # type: ignore[no-untyped-def]
        if hop.host.startswith("mx.tar"):
            await slow.wait()
        return await hosts_send(hop, letter)

    post.hosts.send = send  # type: ignore[method-assign]
    runner = post.runner(options=OutboundOptions(destinations=20, slow_s=0.2))
    async with running(runner):
        await until(lambda: len(runner._running) == 20)
        message = await post.enqueue(ANN)
        await until(lambda: post.hosts.sent)
        assert everybody(post) == [ANN]
        slow.set()
        await until_quiet(post)
    assert (await post.recipient(message)).status is Status.DELIVERED
    assert everybody(post) == sorted([ANN, *given])

"""Many who enqueue and many who send, at once: nobody is stranded, nobody is pulled twice."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.database import NEEDS_POSTGRES, open_database
from kit.queue import LEASE_MS, put_without_blob, settlement, states, stranded
from pillarbox.base.errors import Conflict
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import inspect, lease, settle, steer
from pillarbox.domain.queue.model import Health, LeasedMessage, Outcome, Status
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.tx import Tx

PROCESSES = 4
ENQUEUERS = 6
SENDERS = 6
ROUNDS = 40
DOMAINS = ROUNDS // 2 + 1
WELL = Health()


@pytest.fixture
async def databases(
    dialect: Dialect, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[list[Database]]:
    """What several processes would have: each its own threads and connections."""
    opened = [open_database(dialect, tmp_path, clock, lambda topic: None) for _ in range(PROCESSES)]
    async with AsyncExitStack() as stack:
        for database in opened:
            stack.push_async_callback(database.close)
        yield opened


@dataclass
class Play:
    """Who was pulled at which attempt, by whom, and who was enqueued."""

    clock: FakeClock
    draw: random.Random = field(default_factory=lambda: random.Random(7))
    pulled: Counter[tuple[int, int]] = field(default_factory=Counter)
    delivered: Counter[int] = field(default_factory=Counter)
    enqueued: int = 0

    async def enqueue(self, database: Database, who: int) -> None:
        for number in range(ROUNDS):
            # All are at the same few domains, and soon no more mail comes to mend a miss.
            first = number // 2
            names = [f"r{who}-{number}@d{first + n}.test" for n in range(1 + number % 2)]
            await database.write(_put_slowly, self.draw.random() / 100, *names)
            self.enqueued += len(names)

    async def send(self, database: Database, owner: str, done: Callable[[], bool]) -> None:
        while not done():
            taken = await database.write(lease.take_destinations, owner, 2, LEASE_MS)
            for one in taken:
                for message in await database.write(lease.pull, owner, one.domain, 3):
                    await self._attempt(database, message)
                await database.write(lease.release, owner, one.domain, WELL)
            if not taken:
                await asyncio.sleep(0.001)

    async def _attempt(self, database: Database, message: LeasedMessage) -> None:
        for recipient in message.recipients:
            self.pulled[recipient.id, recipient.attempts] += 1
        if self.draw.random() < 0.5:
            pause_ms = self.draw.choice((0, 60_000))
            again = settlement(message, Outcome.DEFERRED, self.clock.now_ms() + pause_ms)
            await database.write(settle.settle, again)
            return
        settled = await database.write(settle.settle, settlement(message, Outcome.DELIVERED))
        self.delivered.update(settled.applied)


async def test_nobody_is_stranded(databases: list[Database], clock: FakeClock) -> None:
    play = Play(clock)
    enqueuing = [
        asyncio.create_task(play.enqueue(databases[n % PROCESSES], n)) for n in range(ENQUEUERS)
    ]
    done = asyncio.Event()
    sending = [
        asyncio.create_task(play.send(databases[n % PROCESSES], f"p{n}", done.is_set))
        for n in range(SENDERS)
    ]
    await asyncio.gather(*enqueuing)
    done.set()
    await asyncio.gather(*sending)
    assert await databases[0].read(stranded) == []
    # Nobody holds anything any more: all there is comes by what is due alone.
    for _ in range(60):
        clock.advance(minutes=2)
        await play.send(databases[0], "last", _once())
        if set((await databases[0].read(states)).values()) == {Status.DELIVERED}:
            break
    found = await databases[0].read(states)
    assert set(found.values()) == {Status.DELIVERED}
    assert len(play.delivered) == play.enqueued
    assert set(play.delivered.values()) == {1}
    assert set(play.pulled.values()) == {1}
    assert await databases[0].read(lease.next_due_ms) is None


def _put_slowly(tx: Tx, pause_s: float, *names: str) -> None:
    """As in a transaction that has more to do, so that others come in between."""
    put_without_blob(tx, *names)
    time.sleep(pause_s)


def _once() -> Callable[[], bool]:
    """False for as many times as there are destinations, and a few more."""
    left = iter(range(DOMAINS + 2))
    return lambda: next(left, None) is None


async def test_hands_and_senders_get_on(databases: list[Database], clock: FakeClock) -> None:
    """Holding, releasing and retrying while mail is sent strands nobody either."""
    play = Play(clock)
    done = asyncio.Event()

    async def steer_at_random(database: Database) -> None:
        while not done.is_set():
            ids = await database.read(_ids)
            if ids:
                await database.write(_steer, play.draw.choice(ids), play.draw.random())
            await asyncio.sleep(0)

    tasks = [
        *(play.send(databases[n % PROCESSES], f"p{n}", done.is_set) for n in range(3)),
        *(steer_at_random(databases[n]) for n in range(2)),
    ]
    running = [asyncio.create_task(task) for task in tasks]
    await asyncio.gather(*(play.enqueue(databases[n % PROCESSES], n) for n in range(3)))
    done.set()
    await asyncio.gather(*running)
    assert await databases[0].read(stranded) == []
    assert set(play.pulled.values()) == {1}


def _ids(tx: Tx) -> list[int]:
    return [message.id for message in inspect.list_of(tx, limit=50)]


def _steer(tx: Tx, message_id: int, draw: float) -> None:
    act = steer.hold if draw < 0.4 else steer.release_held if draw < 0.8 else steer.retry
    try:
        with tx.savepoint():
            act(tx, QueueId(message_id))
    except Conflict:
        return


PATIENCE_S = 0.3
"""How long a transaction stays open for another that should not be able to end before it."""


def _linger(
    tx: Tx, act: Callable[[Tx], object], begun: threading.Event, go: threading.Event
) -> None:
    act(tx)
    begun.set()
    go.wait(PATIENCE_S)


def _put(tx: Tx) -> None:
    put_without_blob(tx, "late@d.test")


def _release(tx: Tx) -> None:
    lease.release(tx, "me", "d.test", WELL)


@pytest.mark.parametrize("others", [False, True], ids=["it is the only one", "others are deferred"])
@pytest.mark.parametrize("order", [(_put, _release), (_release, _put)], ids=["put", "release"])
async def test_a_release_and_an_enqueuer_wait_for_each_other(
    databases: list[Database],
    clock: FakeClock,
    order: tuple[Callable[[Tx], None], Callable[[Tx], None]],
    others: bool,
) -> None:
    first, second = order
    await databases[0].write(put_without_blob, "early@d.test")
    await databases[0].write(lease.take_destinations, "me", 1, LEASE_MS)
    (message,) = await databases[0].write(lease.pull, "me", "d.test", 1)
    outcome = Outcome.DEFERRED if others else Outcome.DELIVERED
    later_ms = clock.now_ms() + LEASE_MS
    await databases[0].write(settle.settle, settlement(message, outcome, later_ms))
    begun, go = threading.Event(), threading.Event()
    lingering = asyncio.create_task(databases[0].write(_linger, first, begun, go))
    await asyncio.to_thread(begun.wait)
    await databases[1].write(second)
    go.set()
    await lingering
    assert await databases[0].read(stranded) == []
    assert await databases[0].read(lease.next_due_ms) == clock.now_ms()


async def test_nobody_else_waits_for_an_enqueuer(databases: list[Database]) -> None:
    if databases[0].dialect.compiler.name == "sqlite":
        pytest.skip(NEEDS_POSTGRES)
    await databases[0].write(put_without_blob, "early@d.test")
    begun, go = threading.Event(), threading.Event()
    held = asyncio.create_task(databases[0].write(_wait_for_ever, begun, go))
    await asyncio.to_thread(begun.wait)
    await asyncio.wait_for(databases[1].write(put_without_blob, "second@d.test"), 20)
    taken = await databases[1].write(lease.take_destinations, "me", 1, LEASE_MS)
    assert [one.domain for one in taken] == ["d.test"]
    assert await databases[2].write(lease.pull, "me", "d.test", 5) != []
    assert not held.done()
    go.set()
    await held


def _wait_for_ever(tx: Tx, begun: threading.Event, go: threading.Event) -> None:
    put_without_blob(tx, "first@d.test")
    begun.set()
    go.wait(30)

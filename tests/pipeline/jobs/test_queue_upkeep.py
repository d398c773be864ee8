"""Upkeep of the queue: what has ended goes after its time, strays are found."""

from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from kit.clock import FakeClock
from kit.queue import put, settlement, stranded, take_all
from pillarbox.domain.queue import inspect, log, settle, steer, suppression
from pillarbox.domain.queue.log import LogFilter
from pillarbox.domain.queue.model import LeasedMessage, Outcome
from pillarbox.domain.queue.tables import queue_destinations
from pillarbox.pipeline.jobs import queue_upkeep
from pillarbox.pipeline.jobs.queue_upkeep import QueueUpkeep
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.blobs.tables import blobs as blob_table
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_upkeep, "STEP", 2)
    monkeypatch.setattr(queue_upkeep, "STRAYS_STEP", 2)


def _end(tx: Tx) -> None:
    ends = {"d": Outcome.DELIVERED, "f": Outcome.FAILED, "e": Outcome.EXPIRED}
    for message in take_all(tx):
        for recipient in message.recipients:
            alone = LeasedMessage(message.id, None, "", 0, 0, (recipient,))
            if recipient.address[0] in ends:
                settle.settle(tx, settlement(alone, ends[recipient.address[0]], began_ms=tx.now_ms))


def _left(tx: Tx) -> tuple[set[str], int]:
    """Who is left, and how many blobs."""
    found = {one.address for message in inspect.list_of(tx) for one in message.recipients}
    return found, int(tx.select(select(func.count()).select_from(blob_table))[0][0])


async def test_what_has_ended_goes_after_its_time(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    store = BlobStore(tmp_path / "blobs", None)
    for number in range(5):
        await database.write(put, store, f"d{number}@c.test")
    both = await database.write(put, store, "d@c.test", "f@c.test")
    await database.write(put, store, "e@c.test", "waits@c.test")
    cancelled = await database.write(put, store, "cancelled@c.test")
    await database.write(steer.cancel, cancelled)
    await database.write(_end)
    await database.write(suppression.add, None, "x@c.test", "for now", clock.now_ms() + 1000)
    job = QueueUpkeep(database, store, clock)
    await job.run()
    assert len((await database.read(_left))[0]) == 10
    clock.advance(days=7, seconds=1)
    await job.run()
    assert await database.read(_left) == (
        {"f@c.test", "e@c.test", "waits@c.test", "cancelled@c.test"},
        8,  # those of delivered mail are released by whoever settles
    )
    assert await database.read(suppression.list_of) == []
    assert len(await database.read(log.search, LogFilter())) == 9
    clock.advance(days=23)
    await job.run()
    assert (await database.read(_left))[0] == {"waits@c.test"}
    assert (await database.read(_left))[1] == 6
    assert await database.read(inspect.get, both) is None
    assert await database.read(log.search, LogFilter()) == []


async def test_strays_are_mended(database: Database, clock: FakeClock, tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", None)
    await database.write(put, store, *(f"x@{letter}.test" for letter in "abcde"))
    job = QueueUpkeep(database, store, clock)
    await job.run_strays()
    await database.write(lambda tx: tx.change(delete(queue_destinations)))
    assert len(await database.read(stranded)) == 5
    await job.run_strays()
    assert await database.read(stranded) == []

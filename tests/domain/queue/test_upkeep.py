"""Mending what nobody would look at."""

from sqlalchemy import delete, update

from kit.clock import FakeClock
from kit.queue import HOUR_MS, due, put_without_blob, stranded, take_all
from pillarbox.domain.queue import destinations, lease, upkeep
from pillarbox.domain.queue.tables import queue_destinations
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _lose(tx: Tx, domain: str) -> None:
    tx.change(delete(queue_destinations).where(queue_destinations.c.domain == domain))


def _put_off(tx: Tx, domain: str, due_ms: int) -> None:
    table = queue_destinations
    tx.change(update(table).where(table.c.domain == domain).values(due_ms=due_ms))


async def test_strays_are_found(database: Database, clock: FakeClock) -> None:
    now_ms = clock.now_ms()
    await database.write(put_without_blob, *(f"x@{letter}.test" for letter in "abcdef"))
    assert await database.read(destinations.stray, "", 100) == (None, {})
    for letter in "ad":
        await database.write(_lose, f"{letter}.test")
    await database.write(_put_off, "e.test", now_ms + 7 * HOUR_MS)
    await database.write(_put_off, "f.test", now_ms + HOUR_MS)  # as a pace may
    assert await database.read(stranded) == [f"x@{one}.test" for one in "adef"]
    last, found = await database.read(destinations.stray, "", 4)
    assert (last, found) == ("d.test", {"a.test": now_ms, "d.test": now_ms})
    last, more = await database.read(destinations.stray, "d.test", 4)
    assert (last, more) == (None, {"e.test": now_ms})
    await database.write(upkeep.heal, found | more)
    assert await database.read(stranded) == ["x@f.test"]
    assert len(await database.write(take_all)) == 5
    assert await database.read(destinations.stray, "", 100) == (None, {})


async def test_what_was_being_sent_is_a_stray_without_its_destination(
    database: Database, clock: FakeClock
) -> None:
    await database.write(put_without_blob, "x@a.test")
    await database.write(take_all)
    await database.write(_lose, "a.test")
    _, found = await database.read(destinations.stray, "", 100)
    await database.write(upkeep.heal, found)
    assert await database.read(due) == {"a.test": clock.now_ms()}
    assert len(await database.write(take_all, "another")) == 1


async def test_a_held_destination_is_no_stray(database: Database, clock: FakeClock) -> None:
    await database.write(put_without_blob, "x@a.test")
    await database.write(lease.take_destinations, "me", 1, 1000)
    await database.write(_put_off, "a.test", clock.now_ms() + 7 * HOUR_MS)
    assert await database.read(destinations.stray, "", 100) == (None, {})
    clock.advance(seconds=1)
    assert (await database.read(destinations.stray, "", 100))[1] != {}

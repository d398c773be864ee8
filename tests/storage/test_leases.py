"""Leases: one holder at a time, and none for ever."""

from kit.clock import FakeClock
from pillarbox.storage import leases
from pillarbox.storage.db import Database

MINUTE_MS = 60_000


async def test_one_owner_at_a_time(database: Database) -> None:
    assert await database.write(leases.take, "purge", "a", MINUTE_MS)
    assert not await database.write(leases.take, "purge", "b", MINUTE_MS)
    assert await database.write(leases.take, "other", "b", MINUTE_MS)


async def test_lease_of_the_dead_runs_out(database: Database, clock: FakeClock) -> None:
    assert await database.write(leases.take, "purge", "a", MINUTE_MS)
    clock.advance(seconds=50)
    assert await database.write(leases.renew, "purge", "a", MINUTE_MS)
    clock.advance(seconds=50)
    assert not await database.write(leases.take, "purge", "b", MINUTE_MS)
    clock.advance(seconds=11)
    assert await database.write(leases.take, "purge", "b", MINUTE_MS)
    assert not await database.write(leases.renew, "purge", "a", MINUTE_MS)
    await database.write(leases.release, "purge", "a", 0)
    assert not await database.write(leases.take, "purge", "c", MINUTE_MS)


async def test_released_lease_waits_until_it_is_due(database: Database, clock: FakeClock) -> None:
    await database.write(leases.take, "purge", "a", MINUTE_MS)
    await database.write(leases.release, "purge", "a", 10 * MINUTE_MS)
    assert not await database.write(leases.take, "purge", "a", MINUTE_MS)
    assert await database.lookup(leases.busy_until) == {"purge": clock.now_ms() + 10 * MINUTE_MS}
    clock.advance(minutes=10)
    assert await database.write(leases.take, "purge", "b", MINUTE_MS)


async def test_leases_from_the_future_are_none(database: Database, clock: FakeClock) -> None:
    await database.write(leases.take, "purge", "a", MINUTE_MS)
    await database.write(leases.take, "other", "a", MINUTE_MS)
    await database.write(leases.release, "other", "a", 7 * 24 * 60 * MINUTE_MS)
    assert not await database.write(leases.take, "other", "b", MINUTE_MS)
    clock.advance(hours=-24 * 365)
    busy = await database.read(leases.busy_until)
    assert max(busy.values()) <= clock.now_ms()
    assert await database.write(leases.take, "purge", "b", MINUTE_MS)
    assert await database.write(leases.take, "other", "b", MINUTE_MS)
    assert not await database.write(leases.take, "other", "c", MINUTE_MS)

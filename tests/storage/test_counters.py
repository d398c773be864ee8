from kit.clock import FakeClock
from pillarbox.storage import counters
from pillarbox.storage.counters import NOTHING
from pillarbox.storage.db import Database


async def test_a_window_ends_by_itself(database: Database, clock: FakeClock) -> None:
    for hits in (1, 2, 3):
        assert (await database.write(counters.hit, "a", 60_000)).hits == hits
        clock.advance(seconds=10)
    assert (await database.read(counters.read, "a")).hits == 3
    clock.advance(seconds=30)
    assert await database.read(counters.read, "a") == NOTHING
    assert (await database.write(counters.hit, "a", 60_000)).hits == 1


async def test_the_limit_holds_longer(database: Database, clock: FakeClock) -> None:
    for _ in range(2):
        await database.write(counters.hit, "a", 60_000, 2, 3_600_000)
    clock.advance(minutes=59)
    # Hits while it holds do not hold it any longer.
    assert (await database.write(counters.hit, "a", 60_000, 2, 3_600_000)).hits == 3
    clock.advance(minutes=1)
    assert await database.read(counters.read, "a") == NOTHING


async def test_names_and_clearing(database: Database, clock: FakeClock) -> None:
    for name in ("x/1", "x/2", "y/1"):
        await database.write(counters.hit, name, 60_000)
    assert list(await database.read(counters.beginning_with, "x/")) == ["x/1", "x/2"]
    assert await database.write(counters.clear, "x/1")
    assert not await database.write(counters.clear, "x/1")
    assert list(await database.read(counters.beginning_with, "x/")) == ["x/2"]


async def test_names_begin_with_a_prefix_whatever_the_order_of_texts(database: Database) -> None:
    for name in ("a:1", "a:z", "a;", "a", "A:1", "ab", "a%"):
        await database.write(counters.hit, name, 60_000)
    assert set(await database.read(counters.beginning_with, "a:")) == {"a:1", "a:z"}
    assert await database.read(counters.beginning_with, "%") == {}


async def test_old_counters_are_swept_when_new_ones_begin(
    database: Database, clock: FakeClock
) -> None:
    await database.write(counters.hit, "old", 1000)
    clock.advance(seconds=2)
    await database.write(counters.hit, "new", 1000)
    assert not await database.write(counters.clear, "old")

"""Triplets that come, come again, and are forgotten; networks that are let through."""

import asyncio

from kit.clock import FakeClock
from pillarbox.domain.greylist import greylist
from pillarbox.domain.greylist.greylist import DAY_MS, Standing, State, Terms, Triplet, look, note
from pillarbox.storage.db import Database

MINUTE_MS = 60_000
TERMS = Terms(5 * MINUTE_MS, 35 * DAY_MS, 3)
ONE, TWO = Triplet(1, 1001), Triplet(2, 1002)


async def came(database: Database, triplet: Triplet, terms: Terms = TERMS) -> State:
    return (await database.write(note, triplet, terms)).state


async def passed(
    database: Database, clock: FakeClock, triplet: Triplet, terms: Terms = TERMS
) -> None:
    assert await came(database, triplet, terms) is State.NEW
    clock.advance(minutes=6)
    assert await came(database, triplet, terms) is State.PASSED


async def test_a_triplet_comes_again(database: Database, clock: FakeClock) -> None:
    assert await database.read(look, ONE, TERMS) == Standing(State.NEW, True, 0, 5 * MINUTE_MS)
    assert await came(database, ONE) is State.NEW
    clock.advance(minutes=4, seconds=59)
    early = Standing(State.EARLY, False, 299_000, 1000)
    assert await database.write(note, ONE, TERMS) == early
    clock.advance(seconds=1)
    assert await came(database, ONE) is State.PASSED
    assert await came(database, ONE) is State.KNOWN
    assert await came(database, TWO) is State.NEW


async def test_who_comes_too_late_begins_anew(database: Database, clock: FakeClock) -> None:
    await came(database, ONE)
    clock.advance(hours=36)
    assert await came(database, ONE) is State.NEW
    clock.advance(minutes=4)
    assert await came(database, ONE) is State.EARLY


async def test_use_keeps_a_triplet(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, ONE)
    for _ in range(3):
        clock.advance(days=34)
        assert await came(database, ONE) is State.KNOWN
    clock.advance(days=35)
    assert await came(database, ONE) is State.NEW


async def test_a_year_is_the_end(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, ONE)
    for _ in range(12):
        clock.advance(days=30)
        assert await came(database, ONE) is State.KNOWN
    clock.advance(days=10)
    assert await came(database, ONE) is State.NEW


async def test_it_is_noted_once_a_day(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, ONE)
    clock.advance(hours=23)
    assert not (await database.read(look, ONE, TERMS)).stale
    clock.advance(hours=1)
    assert (await database.read(look, ONE, TERMS)).stale
    await came(database, ONE)
    assert not (await database.read(look, ONE, TERMS)).stale


async def test_a_network_is_let_through(database: Database, clock: FakeClock) -> None:
    for key in range(1, 4):
        await passed(database, clock, Triplet(key, 7))
    assert await came(database, Triplet(4, 7)) is State.NETWORK
    assert await came(database, Triplet(9, 8)) is State.NEW
    never = Terms(TERMS.delay_ms, TERMS.expiry_ms, 0)
    assert await came(database, Triplet(4, 7), never) is State.NEW
    clock.advance(days=34)
    assert await came(database, Triplet(5, 7)) is State.NETWORK
    clock.advance(days=34)
    assert await came(database, Triplet(6, 7)) is State.NETWORK
    clock.advance(days=36)
    assert await came(database, Triplet(7, 7)) is State.NEW


async def test_one_triplet_lets_no_network_through(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, Triplet(1, 7))
    for _ in range(9):
        clock.advance(days=2)
        assert await came(database, Triplet(1, 7)) is State.KNOWN
    assert await came(database, Triplet(2, 7)) is State.NEW


async def test_passes_of_a_network_run_out(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, Triplet(1, 7))
    await passed(database, clock, Triplet(2, 7))
    clock.advance(days=36)
    await passed(database, clock, Triplet(3, 7))
    assert await came(database, Triplet(4, 7)) is State.NEW


async def test_many_at_once(database: Database, clock: FakeClock) -> None:
    async def all_at_once() -> list[State]:
        return list(await asyncio.gather(*(came(database, ONE) for _ in range(20))))

    first = await all_at_once()
    assert set(first) <= {State.NEW, State.EARLY}
    clock.advance(minutes=5)
    assert State.PASSED in await all_at_once()
    # However many passed at once, it was one pass of the network.
    await passed(database, clock, Triplet(5, ONE.network))
    assert await came(database, Triplet(6, ONE.network)) is State.NEW


async def test_what_is_over_is_swept(database: Database, clock: FakeClock) -> None:
    await passed(database, clock, ONE)
    for key in range(10, 15):
        await came(database, Triplet(key, key))
    clock.advance(hours=37)
    before_ms = await database.read(greylist.forgotten_from)
    assert before_ms == clock.now_ms()
    assert not await database.write(greylist.sweep, before_ms)
    assert await database.read(greylist.forgotten_from, 0) > clock.now_ms()  # the one that passed
    assert await came(database, ONE) is State.KNOWN


async def test_too_many_are_reduced(database: Database, clock: FakeClock) -> None:
    for key in range(1, 6):
        await came(database, Triplet(key, key))
        clock.advance(minutes=1)
    before_ms = await database.read(greylist.forgotten_from, 3)
    await database.write(greylist.sweep, before_ms)
    states = [(await database.read(look, Triplet(key, key), TERMS)).state for key in range(1, 6)]
    assert states[:2] == [State.NEW, State.NEW]
    assert State.NEW not in states[2:]

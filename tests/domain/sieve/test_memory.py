"""What runs of scripts remember: replies, messages seen, failures told."""

import asyncio
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import User
from pillarbox.domain.sieve import memory
from pillarbox.domain.sieve.memory import DAY_MS
from pillarbox.domain.sieve.tables import sieve_failures, sieve_memory
from pillarbox.pipeline.jobs.sieve_upkeep import SieveUpkeep
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

OLD = KeyRing({1: b"k" * 32})
KEYS = KeyRing({1: b"k" * 32, 2: b"n" * 32})
BOB = "bob@example.net"


@pytest.fixture
async def ann(database: Database, add_user) -> User:
    return await database.write(add_user, "ann@example.org")


async def count(database: Database) -> int:
    def look(tx: Tx) -> int:
        return int(tx.select(select(func.count()).select_from(sieve_memory))[0][0])

    return await database.read(look)


async def test_one_reply_a_period(database: Database, ann: User, clock: FakeClock) -> None:
    account = ann.account_id

    async def reply(handle: str, sender: str, days: int = 7, keys: KeyRing = KEYS) -> bool:
        until_ms = clock.now_ms() + days * DAY_MS
        return await database.write(memory.remember_reply, keys, account, handle, sender, until_ms)

    async def replied(handle: str, sender: str) -> bool:
        return await database.read(memory.replied, KEYS, account, handle, sender)

    assert not await replied("away", BOB)
    assert await reply("away", BOB)
    assert await replied("away", BOB)
    assert await replied("away", "Bob@Example.NET")
    assert not await reply("away", BOB)
    assert await reply("other", BOB)
    assert await reply("away", "eve@example.net")
    clock.advance(days=7)
    assert not await replied("away", BOB)
    assert await reply("away", BOB)


async def test_of_several_at_once_one_replies(
    database: Database, ann: User, clock: FakeClock
) -> None:
    until_ms = clock.now_ms() + DAY_MS
    replies = [
        database.write(memory.remember_reply, KEYS, ann.account_id, "away", BOB, until_ms)
        for _ in range(10)
    ]
    assert sum(await asyncio.gather(*replies)) == 1


async def test_what_was_noted_under_an_older_key_counts(
    database: Database, ann: User, clock: FakeClock
) -> None:
    account, until_ms = ann.account_id, clock.now_ms() + DAY_MS
    await database.write(memory.remember_reply, OLD, account, "away", BOB, until_ms)
    await database.write(memory.remember_marks, OLD, account, {"m": until_ms})
    assert await database.read(memory.replied, KEYS, account, "away", BOB)
    assert not await database.write(memory.remember_reply, KEYS, account, "away", BOB, until_ms)
    assert await database.read(memory.seen, KEYS, account, ["m"]) == {"m"}


async def test_marks(database: Database, ann: User, add_user, clock: FakeClock) -> None:
    account, now = ann.account_id, clock.now_ms()
    marks = {"a": now + 1000, "b": now + 9000, "\udcff": now + 9000}
    await database.write(memory.remember_marks, KEYS, account, marks)
    every = ["a", "b", "c", "\udcff"]
    assert await database.read(memory.seen, KEYS, account, every) == {"a", "b", "\udcff"}
    assert await database.read(memory.seen, KEYS, account, []) == set()
    # A handle of a reply is no mark, nor are another user's marks mine.
    assert not await database.read(memory.replied, KEYS, account, "a", "")
    bob = await database.write(add_user, BOB)
    assert await database.read(memory.seen, KEYS, bob.account_id, every) == set()
    clock.advance(seconds=1)
    assert await database.read(memory.seen, KEYS, account, ["a", "b"]) == {"b"}
    await database.write(memory.remember_marks, KEYS, account, {"a": now + 5000})
    assert await database.read(memory.seen, KEYS, account, ["a"]) == {"a"}
    await database.write(memory.remember_marks, KEYS, account, {})


async def test_nothing_in_clear(database: Database, ann: User, clock: FakeClock) -> None:
    await database.write(memory.remember_marks, KEYS, ann.account_id, {"m": clock.now_ms() + 1})
    (row,) = await database.read(lambda tx: tx.select(select(sieve_memory)))
    assert all(isinstance(value, int) for value in row)


async def test_upkeep(database: Database, ann: User, add_user, clock: FakeClock) -> None:
    account, now = ann.account_id, clock.now_ms()
    bob = (await database.write(add_user, BOB)).account_id
    over = {f"over {number}": now + 1000 for number in range(1500)}
    running = {f"running {number}": now + 10_000 + number for number in range(30)}
    await database.write(memory.remember_marks, KEYS, account, over | running)
    await database.write(memory.remember_marks, KEYS, bob, {"one": now + 5000})
    clock.advance(seconds=1)
    await SieveUpkeep(database).run()
    assert await count(database) == 31
    # Of what is too much, what ends first goes.
    await SieveUpkeep(database, kept=30).run()
    assert await count(database) == 31
    await SieveUpkeep(database, kept=20).run()
    assert await count(database) == 21
    left = await database.read(memory.seen, KEYS, account, running)
    assert left == {f"running {number}" for number in range(10, 30)}


async def test_failures_are_told_once_a_day(
    database: Database, ann: User, clock: FakeClock
) -> None:
    told = await asyncio.gather(
        *(database.write(memory.note_failure, ann.account_id) for _ in range(5))
    )
    assert sum(told) == 1
    clock.advance(hours=23)
    assert not await database.write(memory.note_failure, ann.account_id)
    clock.advance(hours=1)
    assert await database.write(memory.note_failure, ann.account_id)
    assert not await database.write(memory.note_failure, ann.account_id)


async def test_it_goes_with_the_account(database: Database, ann: User, clock: FakeClock) -> None:
    until_ms = clock.now_ms() + DAY_MS
    await database.write(memory.remember_marks, KEYS, ann.account_id, {"a": until_ms})
    await database.write(memory.note_failure, ann.account_id)
    await database.write(users.delete, ann.account_id)
    assert await count(database) == 0
    assert await database.read(lambda tx: tx.select(select(sieve_failures))) == []


@pytest.mark.parametrize("overfull", [False, True])
async def test_what_is_renewed_meanwhile_stays(
    database: Database, ann: User, clock: FakeClock, overfull: bool
) -> None:
    account = ann.account_id

    def remember(tx: Tx, days: int) -> None:
        marks = {"a": tx.now_ms + days * DAY_MS, "b": tx.now_ms + DAY_MS}
        memory.remember_marks(tx, KEYS, account, marks)

    class Raced:
        """A transaction in which another one commits after each look."""

        def __init__(self, tx: Tx) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def all(self, statement: Statement, **values: Any) -> list[Row]:
            found = self._tx.all(statement, **values)
            marks = {"a": clock.now_ms() + 30 * DAY_MS}
            memory.remember_marks(self._tx, KEYS, account, marks)
            return found

    def forget(tx: Tx) -> int:
        raced = cast(Tx, Raced(tx))
        if overfull:
            return memory.forget_until(raced, account, tx.now_ms + 9 * DAY_MS, 10)
        return memory.forget_expired(raced, 10)

    await database.write(remember, 2)
    if not overfull:
        clock.advance(days=3)
    assert await database.write(forget) == 2
    assert await database.read(memory.seen, KEYS, account, ["a", "b"]) == {"a"}

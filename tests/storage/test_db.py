"""The promises of `Database`, on every kind of database."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import text

from kit.clock import FakeClock
from kit.database import open_database
from kit.storage_children import add, numbers
from pillarbox.base.errors import Busy, Conflict, Unavailable
from pillarbox.storage import group_commit, threads
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.tx import Tx
from pillarbox.storage.units import MAX_TRIES


class Gate:
    """A unit of work that holds its thread until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = 0
        self._open = threading.Event()

    def __call__(self, tx: Tx, number: int) -> int:
        self.entered += 1
        if not self._open.wait(20):
            raise TimeoutError
        return add(tx, number)

    def open(self) -> None:
        self._open.set()

    async def until_entered(self, count: int = 1) -> None:
        for _ in range(10_000):
            if self.entered >= count:
                return
            await asyncio.sleep(0.001)
        raise TimeoutError


def add_and_fail(tx: Tx, number: int) -> NoReturn:
    add(tx, number)
    raise Conflict("no")


async def test_written_rows_are_read(database: Database) -> None:
    assert await database.write(add, 7) == 7
    assert await database.read(numbers) == [7]
    assert await database.lookup(numbers) == [7]


async def test_failed_unit_leaves_nothing(database: Database, published: list[str]) -> None:
    with pytest.raises(Conflict):
        await database.write(add_and_fail, 1)
    assert await database.read(numbers) == []
    assert published == []


async def test_one_of_many_fails_alone(database: Database, published: list[str]) -> None:
    gate = Gate()
    first = asyncio.ensure_future(database.write(gate, 0))
    await gate.until_entered()
    units = [database.write(add_and_fail if n % 3 == 1 else add, n) for n in range(1, 12)]
    together = asyncio.gather(first, *units, return_exceptions=True)
    await asyncio.sleep(0)
    gate.open()
    outcomes = await together
    good = [n for n in range(12) if n == 0 or n % 3 != 1]
    assert [n for n, outcome in enumerate(outcomes) if outcome == n] == good
    assert all(isinstance(outcomes[n], Conflict) for n in range(12) if n not in good)
    assert await database.read(numbers) == good
    assert sorted(published) == sorted(f"row:{n}" for n in good)


async def test_hints_come_after_the_commit(
    dialect: Dialect, tmp_path: Path, clock: FakeClock
) -> None:
    connection = dialect.connect(write=False)
    seen: list[list[int]] = []

    def look(topic: str) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT account_id FROM subscriptions", {})
        seen.append([row[0] for row in cursor.fetchall()])

    database = open_database(dialect, tmp_path, clock, look)
    await database.write(add, 5)
    await asyncio.sleep(0)
    await database.close()
    connection.close()
    assert seen == [[5]]


async def test_same_hints_of_a_unit_come_once(database: Database, published: list[str]) -> None:
    def emit(tx: Tx) -> None:
        for topic in ("a", "b", "a"):
            tx.emit(topic)

    await database.write(emit)
    assert published == ["a", "b"]


async def test_caller_that_goes_does_not_stop_its_write(
    database: Database, published: list[str]
) -> None:
    gate = Gate()
    task = asyncio.ensure_future(database.write(gate, 3))
    await gate.until_entered()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    await database.write(add, 4)
    for _ in range(5000):
        if len(published) == 2:
            break
        await asyncio.sleep(0.001)
    assert await database.read(numbers) == [3, 4]
    assert sorted(published) == ["row:3", "row:4"]


async def test_read_sees_one_state(database: Database) -> None:
    await database.write(add, 1)
    entered, go_on = threading.Event(), threading.Event()

    def twice(tx: Tx) -> tuple[list[int], list[int]]:
        before = numbers(tx)
        entered.set()
        go_on.wait(20)
        return before, numbers(tx)

    reading = asyncio.ensure_future(database.read(twice))
    await asyncio.to_thread(entered.wait, 20)
    await database.write(add, 2)
    assert await database.lookup(numbers) == [1, 2]
    go_on.set()
    assert await reading == ([1], [1])
    assert await database.read(numbers) == [1, 2]


async def test_reader_cannot_write(database: Database) -> None:
    for door in (database.read, database.lookup):
        with pytest.raises(Exception, match=r"read.only|read just now"):
            await door(add, 1)
    assert await database.read(numbers) == []


async def test_defects_are_not_called_outages(database: Database) -> None:
    def divide(tx: Tx) -> float:
        return 1 / 0

    def misspell(tx: Tx) -> None:
        tx.select(text("SELEKT 1"))

    for door in (database.read, database.lookup, database.write):
        with pytest.raises(ZeroDivisionError):
            await door(divide)
        with pytest.raises(Exception, match="SELEKT") as caught:
            await door(misspell)
        assert not isinstance(caught.value, Unavailable)
    assert await database.write(add, 1) == 1


async def test_lost_race_is_run_again(database: Database, published: list[str]) -> None:
    await database.write(add, 1)
    tries: list[int] = []

    def insert(tx: Tx) -> int:
        tries.append(len(tries))
        tx.emit("try")
        return add(tx, min(len(tries), 3))

    await database.write(add, 2)
    published.clear()
    assert await database.write(insert) == 3
    assert len(tries) == 3
    assert await database.read(numbers) == [1, 2, 3]
    assert published == ["try", "row:3"]


async def test_race_lost_every_time_is_told(database: Database) -> None:
    await database.write(add, 1)
    tries: list[int] = []

    def insert(tx: Tx) -> int:
        tries.append(1)
        return add(tx, 1)

    outcomes = await asyncio.gather(
        database.write(insert), database.write(add, 2), return_exceptions=True
    )
    assert isinstance(outcomes[0], Conflict)
    assert outcomes[0].temporary  # a client of SMTP is to try again
    assert outcomes[1] == 2
    assert len(tries) == MAX_TRIES


async def test_busy_when_far_too_many_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    monkeypatch.setattr(threads, "MAX_WAITING", 3)
    at_once = 1 if database.dialect.compiler.name == "sqlite" else 4
    gate = Gate()
    held = []
    for n in range(at_once):
        held.append(asyncio.ensure_future(database.write(gate, n)))
        await gate.until_entered(n + 1)
    waiting = [asyncio.ensure_future(database.write(add, 10 + n)) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await database.write(add, 20)
    gate.open()
    await asyncio.gather(*held, *waiting)
    assert await database.write(add, 20) == 20


async def test_close_finishes_what_waits(
    dialect: Dialect, tmp_path: Path, clock: FakeClock
) -> None:
    database = open_database(dialect, tmp_path, clock, lambda topic: None)
    writes = [asyncio.ensure_future(database.write(add, n)) for n in range(150)]
    reads = [asyncio.ensure_future(database.read(numbers)) for _ in range(5)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*writes) == list(range(150))
    await asyncio.gather(*reads)
    for door in (database.read, database.lookup, database.write):
        with pytest.raises(Unavailable):
            await door(numbers)
    again = open_database(dialect, tmp_path, clock, lambda topic: None)
    assert await again.read(numbers) == list(range(150))
    await again.close()


async def test_missing_database_is_unavailable(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "missing"
    database = Database(
        SqliteDialect(folder / "mail.db", checkpoint=True),
        clock=clock,
        ids=None,  # type: ignore[arg-type]
        publish=lambda topic: None,
        lock_path=tmp_path / "lock",
    )
    for door in (database.read, database.lookup, database.write):
        with pytest.raises(Unavailable):
            await door(numbers)
    folder.mkdir()
    assert await database.write(lambda tx: tx.select(text("SELECT 1"))) == [(1,)]
    await database.close()


async def test_unreachable_server_is_unavailable(tmp_path: Path, clock: FakeClock) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg")
    database = open_database(
        PostgresDialect(f"host={tmp_path}"), tmp_path, clock, lambda topic: None
    )
    for door in (database.read, database.lookup, database.write):
        with pytest.raises(Unavailable):
            await door(numbers)
    await database.close()


async def test_a_swallowed_error_is_never_told_as_done(database: Database) -> None:
    """On PostgreSQL a failed statement undoes the transaction, and COMMIT does not say so."""

    def swallow(tx: Tx) -> int:
        add(tx, 1)
        with suppress(Exception):
            add(tx, 1)
        return 1

    try:
        await database.write(swallow)
    except RuntimeError:
        assert await database.read(numbers) == []
    else:
        assert await database.read(numbers) == [1]

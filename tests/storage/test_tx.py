"""Savepoints: what a block did before it raised is undone, what was done around it stays."""

import asyncio

import pytest

from kit.storage_children import add, numbers
from pillarbox.base.errors import Conflict, OverQuota
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def add_and_fail(tx: Tx, number: int) -> None:
    add(tx, number)
    raise OverQuota("no room")


def add_then_fail_around(tx: Tx, number: int) -> None:
    with tx.savepoint():
        add(tx, number)
    raise Conflict("later")


def caught(tx: Tx, first: int) -> None:
    """Adds `first` and `first + 4`; what lies between is undone."""
    add(tx, first)
    for number in (first + 1, first + 2):
        with pytest.raises(OverQuota), tx.savepoint():
            add_and_fail(tx, number)
    with pytest.raises(Conflict), tx.savepoint():
        add_then_fail_around(tx, first + 3)
    with tx.savepoint():
        with pytest.raises(OverQuota), tx.savepoint():
            add_and_fail(tx, first + 3)
        add(tx, first + 4)


async def test_a_failed_block_is_undone(database: Database, published: list[str]) -> None:
    await database.write(caught, 1)
    assert await database.read(numbers) == [1, 5]
    assert published == ["row:1", "row:5"]


async def test_units_of_one_batch_do_not_meet(database: Database, published: list[str]) -> None:
    await asyncio.gather(*(database.write(caught, 10 * number) for number in range(8)))
    expected = [10 * number + more for number in range(8) for more in (0, 4)]
    assert await database.read(numbers) == expected
    assert sorted(published) == sorted(f"row:{number}" for number in expected)


async def test_a_statement_that_failed_is_undone(database: Database) -> None:
    def clash(tx: Tx) -> None:
        add(tx, 1)
        with pytest.raises(Exception, match=r"(?i)unique"), tx.savepoint():
            add(tx, 1)
        add(tx, 2)

    await database.write(clash)
    assert await database.read(numbers) == [1, 2]


async def test_what_is_not_caught_undoes_the_unit(database: Database) -> None:
    def fail(tx: Tx) -> None:
        add(tx, 1)
        with tx.savepoint():
            add_and_fail(tx, 2)

    with pytest.raises(OverQuota):
        await database.write(fail)
    assert await database.read(numbers) == []

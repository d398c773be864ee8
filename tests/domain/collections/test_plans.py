"""A large calendar: what is done often takes few statements and reads what it needs, no more."""

from typing import Any

import pytest

from kit.collections import KEYS, Home
from pillarbox.domain.collections import items
from pillarbox.domain.collections.model import ComponentKind, ItemFacts
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.tx import Tx

LOCK_AND_CHARGE = 2


class Watched:
    """A cursor that counts statements, and notes which index each of them reads on SQLite."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.plans: list[str] = []

    def execute(self, sql: str, params: Any) -> None:
        self._cursor.execute("EXPLAIN QUERY PLAN " + sql, params)
        self.plans.append("\n".join(str(row[-1]) for row in self._cursor.fetchall()))
        self._cursor.execute(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@pytest.fixture(autouse=True)
def sqlite_only(dialect: Dialect) -> None:
    if dialect.compiler.name != "sqlite":
        pytest.skip("PostgreSQL plans by what is in its tables")


def watch(tx: Tx, act: Any) -> list[str]:
    cursor = tx._cursor
    watched = Watched(cursor)
    tx._cursor = watched
    try:
        act()
    finally:
        tx._cursor = cursor
    return watched.plans


def prepared(uid: str) -> items.Prepared:
    return items.prepare(ItemFacts(uid, ComponentKind.VEVENT, 1, 2), b"words")


async def test_changes(ann: Home) -> None:
    def run(tx: Tx) -> None:
        access = ann.access(tx)
        allowed = {"made": 5, "replaced": 4, "removed": 6}
        for what, most in allowed.items():
            if what == "removed":
                plans = watch(tx, lambda: items.delete(tx, KEYS, access, "a"))
            else:
                plans = watch(tx, lambda: items.put(tx, KEYS, access, "a", prepared("a")))
            assert len(plans) <= LOCK_AND_CHARGE + most, (what, plans)
            for plan in plans:
                assert "SCAN collection" not in plan
                assert "PRIMARY KEY (collection_id=?)" not in plan, (what, plan)

    await ann.database.write(run)


async def test_looks(ann: Home) -> None:
    await ann.put("a", when=(1, 2))
    collection = (await ann.see()).collection

    def run(tx: Tx) -> None:
        looks = {
            "href": lambda: items.get(tx, KEYS, collection, "a"),
            "uid": lambda: items.by_uid(tx, KEYS, collection, "a"),
            "named": lambda: items.read(tx, KEYS, collection, ["a", "b"]),
            "time": lambda: items.within(tx, KEYS, collection, 1, 2),
            "changes": lambda: items.changed_since(tx, KEYS, collection, 1, 10),
            "anywhere": lambda: items.everywhere(
                tx, KEYS, collection.account_id, collection.kind, "a"
            ),
        }
        for what, look in looks.items():
            plans = watch(tx, look)
            assert len(plans) <= 3, what
            assert "PRIMARY KEY (collection_id=?)" not in "\n".join(plans), (what, plans)
            assert "SCAN" not in "\n".join(plans), (what, plans)
        assert len(watch(tx, lambda: items.list_of(tx, KEYS, collection))) == 2

    await ann.database.read(run)

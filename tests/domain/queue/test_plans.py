"""A long queue: what is done often reads what it needs out of an index, and no more."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kit.clock import FakeClock
from kit.queue import LEASE_MS, ME, put_without_blob, settlement, take_all
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import destinations, inspect, lease, log, settle, steer, upkeep
from pillarbox.domain.queue.inspect import QueueFilter
from pillarbox.domain.queue.log import LogFilter
from pillarbox.domain.queue.model import Health, Outcome, Status
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

MESSAGES = 3000
OPEN = QueueFilter(statuses=(Status.PENDING, Status.SENDING, Status.HELD))


EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (COSTS OFF) "}


class Watched:
    """A cursor that notes how each statement is going to be run."""

    def __init__(self, cursor: Any, explain: str) -> None:
        self._cursor = cursor
        self._explain = explain
        self.plans: list[tuple[str, str]] = []

    def execute(self, sql: str, params: Any) -> None:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            self._cursor.execute(self._explain + sql, params)
            plan = "\n".join(str(row[-1]) for row in self._cursor.fetchall())
            self.plans.append((sql, plan))
        self._cursor.execute(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@contextmanager
def watched(tx: Tx) -> Iterator[Watched]:
    cursor = Watched(tx._cursor, EXPLAIN[tx.dialect])
    tx._cursor = cursor
    try:
        yield cursor
    finally:
        tx._cursor = cursor._cursor


def _plans(tx: Tx, act: Callable[[Tx], object]) -> list[tuple[str, str]]:
    with watched(tx) as cursor:
        act(tx)
    return cursor.plans


def _fill(tx: Tx) -> list[QueueId]:
    return [put_without_blob(tx, f"x{n}@c.test", f"x{n}@d{n % 50}.test") for n in range(MESSAGES)]


def _settle_some(tx: Tx) -> None:
    for message in take_all(tx, ME, 5):
        settle.settle(tx, settlement(message, Outcome.DEFERRED, tx.now_ms + 60_000))


def _release(tx: Tx) -> None:
    for domain in lease.renew(tx, ME, LEASE_MS):
        lease.release(tx, ME, domain, Health())


ACTS: dict[str, Callable[[Tx], object]] = {
    "take, pull and settle": _settle_some,
    "release": _release,
    "next due": lease.next_due_ms,
    "strays": lambda tx: destinations.stray(tx, "c", 5),
    "list": lambda tx: inspect.list_of(tx, 0, 10, OPEN),
    "list of a sender": lambda tx: inspect.list_of(
        tx, 0, 10, QueueFilter(OPEN.statuses, sender="ann@here.test")
    ),
    "destinations": lambda tx: inspect.destinations(tx, "", 10),
    "retry all": lambda tx: steer.retry_all(tx, "", 10),
    "log": lambda tx: log.search(tx, LogFilter(), None, 10),
    "log of a domain": lambda tx: log.search(tx, LogFilter(domain="c.test"), None, 10),
    "drop": lambda tx: upkeep.drop_ended(tx, Status.DELIVERED, tx.now_ms, 10),
    "drop lines": lambda tx: upkeep.drop_lines(tx, tx.now_ms - 1, 10),
}


def _has_scan(dialect: str, plan: str) -> bool:
    """Whether a table is read, or its rows are sorted, that an index could have given in order."""
    if dialect == "postgresql":
        return re.search(r"Seq Scan on (queue_\w+|delivery_log)", plan) is not None
    scans = re.search(r"^SCAN (?!CONSTANT|\(|.*USING (COVERING )?INDEX)", plan, re.M)
    return scans is not None or ("TEMP B-TREE" in plan and "LAST TERM" not in plan)


def _with_statistics(tx: Tx) -> None:
    if tx.dialect == "postgresql":
        tx._cursor.execute("ANALYZE queue_messages, queue_recipients, queue_destinations", {})


def _plans_of_large_tables(tx: Tx, act: Callable[[Tx], object]) -> list[tuple[str, str]]:
    if tx.dialect == "postgresql":  # these few rows are read quicker than an index
        tx._cursor.execute("SET LOCAL enable_seqscan = off", {})
    return _plans(tx, act)


async def test_nothing_is_scanned_or_sorted(database: Database) -> None:
    await database.write(_fill)
    await database.write(_with_statistics)
    for name, act in ACTS.items():
        plans = await database.write(_plans_of_large_tables, act)
        assert plans, name
        for sql, plan in plans:
            found = _has_scan(database.dialect.compiler.name, plan)
            assert not found, f"{name}: {sql}\n{plan}"


async def test_a_long_queue_is_taken_in_small_bites(database: Database, clock: FakeClock) -> None:
    await database.write(_fill)
    taken = await database.write(lease.take_destinations, ME, 1, LEASE_MS)
    assert len(taken) == 1
    messages = await database.write(lease.pull, ME, taken[0].domain, 7)
    assert sum(len(message.recipients) for message in messages) == 7
    shown = await database.read(inspect.list_of, 0, 10, OPEN)
    assert [len(message.recipients) for message in shown] == [2] * 10
    pages, after = 0, 0
    while page := await database.read(inspect.list_of, after, 1000, OPEN):
        after, pages = page[-1].id, pages + 1
    assert pages == MESSAGES // 1000

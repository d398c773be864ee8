"""Connection threads: how many start; against PostgreSQL, deadlocks and lost connections."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import bindparam, text, update

from kit.clock import FakeClock
from kit.database import new_dialect, open_database
from kit.mail import add_account
from kit.storage_children import add, numbers
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId, IdSource
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.statement import Statement
from pillarbox.storage.threads import ConnectionThreads
from pillarbox.storage.tx import Tx
from pillarbox.storage.units import Settler, Unit

_USE = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(used_bytes=accounts.c.used_bytes + 1)
    .returning(accounts.c.used_bytes)
)


@pytest.fixture
async def server_database(
    tmp_path: Path, clock: FakeClock, new_postgres_dsn: Callable[[], str]
) -> Database:
    dialect = new_dialect("postgresql", tmp_path, new_postgres_dsn)
    return open_database(dialect, tmp_path, clock, lambda topic: None)


class NextSettler(Settler):
    """Submits the next unit while the thread that ran the last one is still here."""

    def __init__(self, submit: Callable[[], None]) -> None:
        super().__init__(asyncio.get_running_loop(), lambda topic: None)
        self.submit_next = submit

    def settle(self, units: Sequence[Unit]) -> None:
        self.submit_next()


def new_threads(tmp_path: Path, clock: FakeClock, settler: Settler) -> ConnectionThreads:
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=True)
    return ConnectionThreads(dialect, settler, clock, IdSource(), write=False, count=4)


async def test_one_after_the_other_needs_one_thread(tmp_path: Path, clock: FakeClock) -> None:
    ran: list[int] = []
    done = threading.Event()

    def work(tx: Tx) -> None:
        ran.append(1)

    def next_one() -> None:
        if len(ran) < 50:
            threads.submit(Unit(work, (), future))
        else:
            done.set()

    future = asyncio.get_running_loop().create_future()
    threads = new_threads(tmp_path, clock, NextSettler(next_one))
    before = set(threading.enumerate())
    next_one()
    done.wait(20)
    started = set(threading.enumerate()) - before
    threads.close()
    assert len(ran) == 50
    assert len(started) == 1


async def test_units_that_need_each_other_have_a_thread_each(
    tmp_path: Path, clock: FakeClock
) -> None:
    meet = threading.Barrier(4)
    database = open_database(
        SqliteDialect(tmp_path / "t.db", checkpoint=True), tmp_path, clock, lambda topic: None
    )
    for _ in range(20):
        await asyncio.gather(*(database.read(lambda tx: meet.wait(20)) for _ in range(4)))
    await database.close()


async def test_deadlock_is_run_again(server_database: Database) -> None:
    database = server_database
    one, two = [await database.write(add_account, 0) for _ in range(2)]
    meet = threading.Barrier(2)
    tries: list[int] = []

    def use(tx: Tx, first: AccountId, second: AccountId) -> int:
        tries.append(1)
        tx.one(_USE, account=first)
        if len(tries) <= 2:
            meet.wait(20)
        return int(tx.scalar(_USE, account=second))

    done = await asyncio.gather(database.write(use, one, two), database.write(use, two, one))
    assert sorted(done) == [1, 2]
    assert len(tries) >= 3  # more where the second try met the first one's winner again
    await database.close()


async def test_lost_connection_is_replaced(server_database: Database) -> None:
    database = server_database
    await database.write(add, 1)
    await database.read(numbers)
    mine = text("SELECT pg_backend_pid()")
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def cut(tx: Tx) -> int:
        tx.select(others)
        return int(tx.select(mine)[0][0])

    await database.write(cut)
    for _ in range(3):
        assert await asyncio.gather(*(database.read(numbers) for _ in range(8))) == [[1]] * 8


async def test_connection_lost_in_a_transaction_is_told(server_database: Database) -> None:
    database = server_database
    tries: list[int] = []

    def die(tx: Tx) -> None:
        tries.append(add(tx, 1))
        tx.select(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(Unavailable):
        await database.write(die)
    assert tries == [1]
    assert await database.write(add, 2) == 2
    assert await database.read(numbers) == [2]
    await database.close()

"""Connection threads against PostgreSQL: deadlocks, lost connections."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import bindparam, text, update

from kit.clock import FakeClock
from kit.database import new_dialect, open_database
from kit.mail import add_account
from kit.storage_children import add, numbers
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.db import Database
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

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

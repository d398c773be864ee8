"""How PostgreSQL is connected to, for how long it is waited for, and what is told of failures."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from kit.clock import FakeClock
from kit.database import open_database
from kit.storage_children import add
from pillarbox.base.errors import Invalid, Unavailable
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.tx import Tx

NAMES = ("statement_timeout", "lock_timeout", "application_name")


def settings(dsn: str, *, write: bool) -> dict[str, str]:
    """What the server says of a new connection."""
    connection = PostgresDialect(dsn).connect(write=write)
    cursor = connection.cursor()
    found = {}
    for name in NAMES:
        cursor.execute(f"SHOW {name}", {})
        found[name] = cursor.fetchall()[0][0]
    connection.close()
    return found


def test_time_limits(new_postgres_dsn: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = new_postgres_dsn()
    assert list(settings(dsn, write=False).values()) == ["1min", "0", "pillarbox"]
    assert list(settings(dsn, write=True).values()) == ["0", "30s", "pillarbox"]
    own = f"application_name=mine options='-c statement_timeout=5s -c lock_timeout=7s' {dsn}"
    for write in (False, True):
        assert list(settings(own, write=write).values()) == ["5s", "7s", "mine"]
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=9s")
    assert settings(dsn, write=False)["statement_timeout"] == "9s"


def test_a_vanished_server_is_noticed(new_postgres_dsn: Callable[[], str]) -> None:
    dialect = PostgresDialect(f"keepalives_idle=7 {new_postgres_dsn()}")
    connection = dialect.connect(write=False)
    given = connection.info.get_parameters()  # type: ignore[attr-defined]
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == ("7", "30000")
    connection.close()


async def test_waiting_too_long_is_an_outage(
    new_postgres_dsn: Callable[[], str], tmp_path: Path, clock: FakeClock
) -> None:
    limits = "options='-c statement_timeout=200 -c lock_timeout=20'"
    dialect = PostgresDialect(f"{limits} {new_postgres_dsn()}")
    database = open_database(dialect, tmp_path, clock, lambda topic: None)

    def wait(tx: Tx) -> None:
        tx.select(text("SELECT pg_sleep(30)"))

    with pytest.raises(Unavailable):
        await database.read(wait)
    holder = dialect.connect(write=True)
    cursor = holder.cursor()
    cursor.execute("BEGIN", {})
    cursor.execute("LOCK TABLE subscriptions", {})
    tries: list[int] = []

    def blocked(tx: Tx) -> int:
        tries.append(1)
        return add(tx, 1)

    with pytest.raises(Unavailable):
        await database.write(blocked)
    assert tries == [1]
    cursor.execute("ROLLBACK", {})
    holder.close()
    assert await asyncio.gather(database.write(add, 1), database.read(lambda tx: 2)) == [1, 2]
    await database.close()


@pytest.mark.parametrize(
    "dsn", ["postgresql://mail:hunter2%zz@host/mail", "password='hunter2", "hunter2"]
)
def test_a_faulty_dsn_is_refused_without_its_password(dsn: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Invalid) as refused:
        PostgresDialect(dsn).connect(write=True)
    told = [refused.value, refused.value.__cause__, refused.value.cause]
    assert "DB_DSN" in refused.value.public
    assert "hunter2" not in str(told)

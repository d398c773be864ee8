"""Fixtures every test may ask for."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from kit import postgres
from kit.clock import FakeClock
from kit.database import KINDS, NEEDS_POSTGRES, new_dialect, open_database
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.migrate import ensure_schema


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server of this run's own; it starts with the first test that asks."""
    if postgres.binaries() is None:
        pytest.skip(NEEDS_POSTGRES)
    pytest.importorskip("psycopg", reason=NEEDS_POSTGRES)
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def new_postgres_dsn(postgres_server: postgres.PostgresServer) -> Callable[[], str]:
    """Makes PostgreSQL databases with the schema: copies of one, which is quick."""
    dsn = postgres_server.new_database()
    ensure_schema(PostgresDialect(dsn), None)
    name = dsn.rpartition("=")[2]
    return lambda: postgres_server.new_database(name)


@pytest.fixture(params=KINDS)
def dialect(request: pytest.FixtureRequest, tmp_path: Path) -> Dialect:
    """A new database with the schema, of each kind in turn."""

    def new_dsn() -> str:
        make: Callable[[], str] = request.getfixturevalue("new_postgres_dsn")
        return make()

    return new_dialect(request.param, tmp_path, new_dsn)


@pytest.fixture
def published() -> list[str]:
    """The hints that were published by `database`."""
    return []


@pytest.fixture
async def database(
    dialect: Dialect, tmp_path: Path, clock: FakeClock, published: list[str]
) -> AsyncIterator[Database]:
    """A new database with the schema, of each kind in turn, on the test's clock."""
    opened = open_database(dialect, tmp_path, clock, published.append)
    yield opened
    await opened.close()

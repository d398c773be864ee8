"""Fixtures every test may ask for."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from kit import postgres
from kit.clock import FakeClock
from kit.database import KINDS, NEEDS_POSTGRES, new_dialect, open_database
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture(scope="session")
def new_postgres_dsn() -> Iterator[Callable[[], str]]:
    """Makes PostgreSQL databases; the server starts with the first test that asks."""
    if postgres.binaries() is None:
        pytest.skip(NEEDS_POSTGRES)
    pytest.importorskip("psycopg", reason=NEEDS_POSTGRES)
    with postgres.running() as server:
        yield server.new_database


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

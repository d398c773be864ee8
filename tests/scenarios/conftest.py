"""Fixtures of the scenarios: a running server on each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import AppUnderTest
from kit.database import KINDS


@pytest.fixture(params=KINDS)
def database_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings for each kind of database in turn."""
    if request.param == "sqlite":
        return {}
    make = request.getfixturevalue("new_postgres_dsn")
    return {"DB_DRIVER": "postgresql", "DB_DSN": make()}


@pytest.fixture
async def server(tmp_path: Path, database_settings: dict[str, str]) -> AsyncIterator[AppUnderTest]:
    """A server with the users alice and bob."""
    async with AppUnderTest(tmp_path / "data", database_settings) as running:
        await running.add_users("alice", "bob")
        yield running

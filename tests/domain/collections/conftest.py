"""Three people with calendars, on each kind of database."""

import pytest

from kit.collections import Home
from pillarbox.storage.db import Database


@pytest.fixture
async def ann(database: Database, add_user) -> Home:
    return await Home.open(database, await database.write(add_user, "ann@example.org"))


@pytest.fixture
async def bob(database: Database, add_user) -> Home:
    return await Home.open(database, await database.write(add_user, "bob@example.org"))


@pytest.fixture
async def carl(database: Database, add_user) -> Home:
    return await Home.open(database, await database.write(add_user, "carl@example.net"))

"""A house to deliver to, on every kind of database."""

from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.smtp import House, open_house
from pillarbox.storage.db import Database


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: FakeClock) -> House:
    return await open_house(database, tmp_path, clock)

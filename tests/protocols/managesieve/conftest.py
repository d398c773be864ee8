"""A house with mail for the tests of ManageSieve sessions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.database import new_dialect, open_database
from kit.imap import MailHouse, open_mail_house
from pillarbox.cluster.bus import LocalBus


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock) -> AsyncIterator[MailHouse]:
    """One user with the default mailboxes, in SQLite."""
    bus = LocalBus()
    dialect = new_dialect("sqlite", tmp_path, lambda: "")
    database = open_database(dialect, tmp_path, clock, bus.publish)
    yield await open_mail_house(database, bus, tmp_path, clock)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for session in left:
        session.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await database.close()

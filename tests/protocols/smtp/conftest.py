"""A house and sessions in front of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.connection import FakeConnection
from kit.database import new_dialect, open_database
from kit.smtp import House, Talk, TalkTo, open_house
from pillarbox.protocols.smtp.policy import Role, SmtpOptions


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    dialect = new_dialect("sqlite", tmp_path, str)
    database = open_database(dialect, tmp_path, clock, lambda topic: None)
    yield await open_house(database, tmp_path, clock)
    await database.close()


@pytest.fixture
async def talk(house: House) -> AsyncIterator[TalkTo]:
    """Opens sessions; the greeting has been read."""
    talks: list[Talk] = []

    async def open_talk(
        role: Role = Role.MX,
        options: SmtpOptions | None = None,
        *,
        tls: bool = False,
        can_start_tls: bool = False,
        in_flight: int = 1 << 26,
    ) -> Talk:
        connection = FakeConnection(tls=tls, can_start_tls=can_start_tls)
        opened = Talk(connection, role, house.services(options, in_flight))
        talks.append(opened)
        await opened.hear()
        return opened

    yield open_talk
    for opened in talks:
        if not opened.task.done():
            await opened.hang_up()

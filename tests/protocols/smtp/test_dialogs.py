"""The dialogs of `tests/dialogs/smtp` against real sessions."""

from pathlib import Path

import pytest

from kit.connection import FakeConnection
from kit.dialog import dialogs, play
from kit.smtp import House, Talk
from pillarbox.protocols.smtp.policy import Role


@pytest.mark.parametrize("path", dialogs("smtp"), ids=lambda path: path.stem)
async def test_dialog(path: Path, house: House) -> None:
    async def begin(role: str, starttls: str = "no") -> Talk:
        connection = FakeConnection(can_start_tls=starttls == "yes")
        return Talk(connection, Role[role.upper()], house.services())

    await play(path, begin)

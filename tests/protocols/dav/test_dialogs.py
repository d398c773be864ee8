"""The dialogs of `tests/dialogs/dav` with the composed server."""

from pathlib import Path

import pytest

from kit.app import AppUnderTest
from kit.dialog import dialogs
from kit.http import HttpWire
from kit.http_dialog import play_http

USERS = {"0": "", "1": "alice", "2": "bob"}


@pytest.mark.parametrize("path", dialogs("dav"), ids=lambda path: path.stem)
async def test_dialog(path: Path, tmp_path: Path) -> None:
    async with AppUnderTest(tmp_path) as app:
        await app.add_users("alice", "bob")

        async def session(digit: str) -> HttpWire:
            return await app.http(USERS[digit])

        await play_http(path, session)

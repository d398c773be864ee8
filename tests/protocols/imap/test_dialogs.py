"""Plays the dialogs of `tests/dialogs/imap` against real sessions."""

from pathlib import Path

import pytest

from kit.imap import MailHouse, play

DIALOGS = sorted((Path(__file__).parents[2] / "dialogs" / "imap").glob("*.txt"))


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
async def test_dialog(house: MailHouse, path: Path) -> None:
    await play(house, path)

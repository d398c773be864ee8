"""The dialogs of `tests/dialogs/managesieve` against real sessions."""

from dataclasses import replace
from pathlib import Path

import pytest

from kit.dialog import dialogs, play
from kit.imap import MailHouse
from kit.managesieve import OPTIONS, Talk, managesieve_talk
from pillarbox.domain.sieve.model import ScriptQuota


@pytest.mark.parametrize("path", dialogs("managesieve"), ids=lambda path: path.stem)
async def test_dialog(path: Path, house: MailHouse) -> None:
    async def begin(
        tls: str = "yes",
        login: str = "no",
        binding: str = "",
        scripts: str = "5",
        size: str = "32768",
        skipped: str = "65536",
    ) -> Talk:
        talk = managesieve_talk(
            house,
            tls=tls == "yes",
            can_start_tls=tls == "start",
            end_point=binding.encode() or None,
            options=replace(OPTIONS, skipped_octets=int(skipped)),
            quota=ScriptQuota(int(scripts), int(size)),
        )
        return await talk.login() if login == "yes" else talk

    await play(path, begin)

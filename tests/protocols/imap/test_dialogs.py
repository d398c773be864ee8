"""The dialogs of `tests/dialogs/imap` against real sessions."""

from pathlib import Path

import pytest

from kit.dialog import dialogs, play
from kit.imap import USER, MailHouse, Talk


@pytest.mark.parametrize("path", dialogs("imap"), ids=lambda path: path.stem)
async def test_dialog(path: Path, house: MailHouse) -> None:
    begun = 0

    async def begin(
        tls: str = "yes", login: str = "no", other: str = "", binding: str = ""
    ) -> Talk:
        # `other` is the user of the second session.
        nonlocal begun
        begun += 1
        user = USER
        if other:
            await house.add_user(other)
            user = other if begun == 2 else USER
        talk = house.talk(
            tls=tls == "yes", can_start_tls=tls == "no", end_point=binding.encode() or None
        )
        return await talk.login(user=user) if login == "yes" else talk

    await play(path, begin)

"""The dialogs of `tests/dialogs/pop3` against real sessions; INBOX holds `MESSAGES`."""

from pathlib import Path

import pytest

from kit.dialog import dialogs, play
from kit.imap import MailHouse
from kit.pop3 import Talk, pop3_talk

MESSAGES = (
    b"Subject: one\r\n\r\nHello\r\n.dots\r\n..\r\n.\r\n",
    b"Subject: two\nX: bare\n\nline 1\nline 2\nline 3",
    b"Subject: three\r\n\r\n1\r\n2\r\n3\r\n",
)


@pytest.mark.parametrize("path", dialogs("pop3"), ids=lambda path: path.stem)
async def test_dialog(path: Path, house: MailHouse) -> None:
    for content in MESSAGES:
        await house.deliver(content)

    async def begin(tls: str = "yes", stls: str = "no") -> Talk:
        return pop3_talk(house, tls=tls == "yes", can_start_tls=stls == "yes")

    await play(path, begin)

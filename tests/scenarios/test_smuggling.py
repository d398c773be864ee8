"""What comes in by SMTP and leaves again holds one message, however leniently it is read."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.nameserver import NameServer
from kit.sender import ALICE, BOB, Sender
from kit.sink import ALL_KEYWORDS, KEYWORDS, Sink, running
from kit.wire import SmtpWire
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp import client

AWAY = "away@example.test"
HEAD = (
    b"From: ann@far.test\r\nTo: away@example.test\r\nSubject: hello\r\n"
    b"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@far.test>\r\n"
)
EVIL = b"MAIL FROM:<evil@far.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n\r\nevil\r\n.\r\n"
RIGHT = b"\r\n.\r\n"
"""The end after DATA, and nothing in a chunk."""
MARKS = (
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\0\n.\r\n", b"\r\r\n.\r\n", b"\n\r\n.\r\n", b"\0\r\n.\r\n",
    RIGHT, b"\r\n..\r\n", b"\r\n. \r\n",
)  # fmt: skip
LENIENT_END = re.compile(rb"(?:\r\n?|\n)[\0\r]*\.[\0\r]*(?:\r\n?|\n)")
"""Whatever a server that mends line ends, or leaves NULs out, takes for an end."""


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with NameServer({"far.test": "@ MX 10 mx\nmx A 127.0.0.1", "test": "@ TXT x"}) as running:
        yield running


def forward(tx: Tx) -> None:
    aliases.create(tx, AWAY, ("ann@far.test", ALICE))


def ends(content: bytes) -> int:
    """How many ends there are in a message as it goes after DATA."""
    return len(LENIENT_END.findall(b"\r\n" + client.stuff(content)))


@pytest.mark.parametrize("keywords", [KEYWORDS, ALL_KEYWORDS], ids=["plain", "chunks"])
async def test_one_message_in_one_message_out(
    tmp_path: Path, names: NameServer, keywords: tuple[str, ...]
) -> None:
    async with running(Sink(keywords)) as sink:
        server = Sender(tmp_path / "data", names, sink.port, {"DKIM_ALGO": "none"})
        await server.start()
        try:
            services = server.app.services
            await services.database.write(forward)
            services.bus.publish(TOPIC)
            taken = 0
            for mark in MARKS:
                body = HEAD + b"\r\nhi" + mark + EVIL
                if mark != RIGHT:
                    taken += await by_data(server, body)
                taken += await by_chunks(server, body, "")
                assert await by_chunks(server, body, " BODY=BINARYMIME") == 1
                taken += 1
            await sink.wait_for(taken)
            assert taken > len(MARKS)
            assert len(await server.inbox()) == taken
            assert await server.inbox(BOB) == []
            assert sink.bare_newlines == 0
            for one in sink.taken:
                assert one.recipients == ("ann@far.test",)
                if not one.by_bdat:
                    assert ends(one.content) == 1
        finally:
            await server.stop()


async def by_data(server: Sender, body: bytes) -> int:
    """Send it as it is after DATA, with all that is behind it; gives how many were taken."""
    smtp = await SmtpWire.open(server.app.ports["smtp"])
    async with smtp.wire:
        await smtp.begin("ann@far.test", (AWAY,))
        await smtp.say("DATA", 354)
        await smtp.wire.send(body + b"QUIT\r\n")
        code, text = await smtp.reply()
        assert code in (250, 554), text
        return code == 250


async def by_chunks(server: Sender, body: bytes, params: str) -> int:
    smtp = await SmtpWire.open(server.app.ports["smtp"])
    async with smtp.wire:
        await smtp.say(f"MAIL FROM:<ann@far.test>{params}", 250)
        await smtp.say(f"RCPT TO:<{AWAY}>", 250)
        await smtp.wire.send(client.bdat(body, last=True))
        code, text = await smtp.reply()
        assert code in (250, 554), text
        await smtp.say("QUIT", 221)
        return code == 250

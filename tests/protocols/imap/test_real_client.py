"""A client library that many programs use, over TCP on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kit.imap import USER, MailHouse
from kit.login import PASSWORD
from pillarbox.base.log import logger
from pillarbox.protocols.imap.conversation import Conversation
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.registry import CORE
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.listener import (
    ConnectionLimits,
    LimitOptions,
    Listener,
    ListenerSpec,
)

imapclient = pytest.importorskip("imapclient")

MESSAGE = (
    b"From: Ann <ann@elsewhere.test>\r\nTo: alice@example.test\r\n"
    b"Subject: =?utf-8?q?gr=C3=BCn?=\r\n"
    b"Date: Thu, 1 Feb 2024 10:00:00 +0000\r\nMessage-ID: <1@elsewhere.test>\r\n\r\nHello\r\n"
)


@pytest.fixture
async def port(house: MailHouse) -> AsyncIterator[int]:
    """A listener in front of the house."""
    services = house.services(ImapOptions("mx.example.test", allow_plaintext_login=True))

    async def serve(connection: Connection) -> None:
        await Conversation(ImapSession(connection, services), CORE).run()

    with socket.create_server(("127.0.0.1", 0)) as bound:
        spec = ListenerSpec("imap", [bound], False, None, serve)
        limits = ConnectionLimits(LimitOptions(), lambda ip: False)
        listener = Listener(spec, limits, logger("test"))
        await listener.start()
        yield bound.getsockname()[1]
        await listener.drain(1.0)


async def test_daily_work(port: int) -> None:
    await asyncio.to_thread(_daily_work, port)


def _daily_work(port: int) -> None:
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client:
        client.login(USER, PASSWORD)
        assert client.has_capability("UIDPLUS")
        assert client.namespace().personal == (("", "/"),)
        assert client.find_special_folder(rb"\Sent") == "Sent"
        client.create_folder("Grün/Blatt")
        assert "Grün/Blatt" in [name for _, _, name in client.list_folders()]
        when = datetime(2024, 2, 1, 10, tzinfo=UTC)
        client.append("INBOX", MESSAGE, (imapclient.FLAGGED,), when)
        client.append("INBOX", MESSAGE)
        assert client.folder_status("INBOX", ["MESSAGES", "UNSEEN"])[b"MESSAGES"] == 2
        assert client.select_folder("INBOX")[b"EXISTS"] == 2
        _read(client)
        client.move([1], "Grün/Blatt")
        client.delete_messages([2])
        client.expunge()
        assert client.search() == []
        client.idle()
        assert client.idle_check(timeout=0) == []
        client.idle_done()
        client.rename_folder("Grün", "Rot")
        client.delete_folder("Rot/Blatt")
        client.logout()


def _read(client: "imapclient.IMAPClient") -> None:
    assert client.search(["FROM", "ann"]) == [1, 2]
    assert client.search(["SUBJECT", "GRÜN"], charset="UTF-8") == [1, 2]
    assert client.search("UNFLAGGED") == [2]
    items = [
        "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE",
        "BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY.PEEK[]",
    ]  # fmt: skip
    found = client.fetch([1, 2], items)
    assert found[1][b"BODY[]"] == MESSAGE
    assert found[1][b"FLAGS"] == (b"\\Flagged", b"\\Recent")
    assert found[2][b"ENVELOPE"].message_id == b"<1@elsewhere.test>"
    assert found[2][b"RFC822.SIZE"] == len(MESSAGE)
    assert found[2][b"BODY[HEADER.FIELDS (SUBJECT)]"].startswith(b"Subject: =?utf-8")
    client.add_flags([1], [imapclient.SEEN, "Work"])
    assert b"Work" in client.get_flags([1])[1]

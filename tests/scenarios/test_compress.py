"""COMPRESS=DEFLATE with a whole server: literals, IDLE, large answers, stopping (RFC 4978)."""

import asyncio
import os
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire

ALICE = "alice@example.test"


async def _compressed(server: AppUnderTest, *, tls: bool = False) -> ImapWire:
    port = server.ports["imaps" if tls else "imap"]
    imap = await ImapWire.open(port, ALICE, PASSWORD, tls=tls)
    assert b"COMPRESS=DEFLATE" in b" ".join((await imap.ok("CAPABILITY"))[0])
    await imap.ok("COMPRESS DEFLATE")
    imap.wire.start_compression()
    return imap


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AppUnderTest]:
    async with AppUnderTest(tmp_path / "data") as running:
        await running.add_users("alice")
        yield running


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
async def test_mail_goes_both_ways(server: AppUnderTest, tls: bool) -> None:
    imap = await _compressed(server, tls=tls)
    contents = [
        b"Subject: small\r\n\r\nhello\r\n",
        b"Subject: noise\r\n\r\n" + os.urandom(3_000_000).replace(b"\0", b"x"),
        b"Subject: same\r\n\r\n" + b"again and again\r\n" * 300_000,
    ]
    for content in contents:
        assert (await imap.append("INBOX", content)).startswith(b"OK")
    await imap.ok("SELECT INBOX")
    assert list((await imap.bodies()).values()) == contents
    _, status = await imap.do("COMPRESS DEFLATE")
    assert status.startswith(b"NO [COMPRESSIONACTIVE]")
    _, status = await imap.do("STARTTLS")
    assert status.startswith(b"BAD")
    await imap.ok("LOGOUT")
    imap.wire.abort()


async def test_idle_tells_what_others_do(server: AppUnderTest) -> None:
    imap = await _compressed(server)
    other = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    await imap.ok("SELECT INBOX")
    await imap.wire.send(b"i IDLE\r\n")
    assert (await imap.line())[0].startswith(b"+ ")
    assert (await other.append("INBOX", b"Subject: x\r\n\r\n")).startswith(b"OK")
    assert (await imap.line())[0] == b"* 1 EXISTS"
    await imap.wire.send(b"DONE\r\n")
    await imap.until_tag(b"i")
    await imap.wire.close()
    await other.wire.close()


async def test_a_server_that_stops_says_so_compressed(server: AppUnderTest) -> None:
    imap = await _compressed(server)
    stopping = asyncio.ensure_future(server.drain())
    assert (await imap.line())[0].startswith(b"* BYE")
    imap.wire.abort()
    await stopping


async def test_commands_sent_too_early_end_the_connection(server: AppUnderTest) -> None:
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    await imap.wire.send(b"c COMPRESS DEFLATE\r\nd NOOP\r\n")
    assert (await imap.line())[0].startswith(b"c OK")
    assert b"d OK" not in await imap.wire.rest()
    imap.wire.abort()


async def test_a_bomb_is_stopped_by_the_limits_of_input(server: AppUnderTest) -> None:
    imap = await _compressed(server)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(b"x" * (300 << 20)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 400_000
    imap.wire.writer.write(bomb)
    assert (await imap.line())[0].startswith(b"* BYE")
    imap.wire.abort()

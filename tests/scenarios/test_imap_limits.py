"""What IMAP clients may do to a whole server: commands without sense, length or end, and rest."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.live import live_server
from kit.wire import ImapWire, SmtpWire, Wire

ALICE = "alice@example.test"
KIB = 1024
LINE_BYTES = 64 * KIB
EARLY_LITERAL_BYTES = 8 * KIB
MESSAGE_BYTES = 1 << 20
BAD_COMMANDS = 10_000
RESTING = 300
RESTING_BYTES = 64 * KIB
"""Most that one client at rest may take; how much it is, the bench tells."""
NEWS_S = 20.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AppUnderTest]:
    async with AppUnderTest(tmp_path, {"MAX_MESSAGE_SIZE": str(MESSAGE_BYTES)}) as running:
        await running.add_users("alice")
        yield running


@pytest.fixture
async def imap(server: AppUnderTest) -> AsyncIterator[ImapWire]:
    client = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select="INBOX")
    yield client
    await client.wire.close()


async def test_ten_thousand_bad_commands(imap: ImapWire) -> None:
    """All are answered, in order, and the session goes on (a client may pipeline nonsense)."""
    bad = (b"FROBNICATE", b"FETCH", b"SEARCH (", b"STORE 1 FLAGS", b'SELECT "', b"\xff\x00")

    async def send() -> None:
        for start in range(0, BAD_COMMANDS, 100):
            numbers = range(start, start + 100)
            await imap.wire.send(b"".join(b"n%d %b\r\n" % (n, bad[n % 6]) for n in numbers))

    sending = asyncio.ensure_future(send())
    for number in range(BAD_COMMANDS):
        line = await imap.wire.line()
        assert line.startswith(b"n%d BAD " % number), line
    await sending
    assert (await imap.append("INBOX", b"Subject: x\r\n\r\n")).startswith(b"OK")
    assert (await imap.status("INBOX"))["MESSAGES"] == 1


async def test_command_lines_have_an_end(imap: ImapWire) -> None:
    def line(size: int) -> str:
        return 'SEARCH SUBJECT "' + "x" * (size - len('t1 SEARCH SUBJECT ""')) + '"'

    _, status = await imap.do(line(LINE_BYTES - 16))
    assert status.startswith(b"OK")
    for size in (LINE_BYTES + 16, 512 * KIB):
        _, status = await imap.do(line(size))
        assert status.startswith(b"BAD"), status
    await imap.ok("NOOP")


async def test_literals_before_login_are_small(server: AppUnderTest) -> None:
    async with await Wire.open(server.ports["imap"]) as wire:
        await wire.line()
        await wire.send(b"a LOGIN {%d}\r\n" % (EARLY_LITERAL_BYTES + 1))
        answer = await wire.line()
        assert answer.startswith(b"a NO [TOOBIG]"), answer
        await wire.send(b"b LOGIN {%d}\r\n" % len(ALICE))
        assert (await wire.line()).startswith(b"+ ")
        await wire.send(ALICE.encode() + b' "%b"\r\n' % PASSWORD.encode())
        assert b"b OK" in await wire.line()


async def test_literals_sent_unasked_before_login_are_passed_over(server: AppUnderTest) -> None:
    async with await Wire.open(server.ports["imap"]) as wire:
        await wire.line()
        size = EARLY_LITERAL_BYTES + 1
        await wire.send(b"a LOGIN {%d+}\r\n" % size + b"x" * size + b' "y"\r\nb NOOP\r\n')
        answer = await wire.line()
        assert answer.startswith(b"a NO [TOOBIG]"), answer
        assert (await wire.line()).startswith(b"b OK")
        await wire.send(b"c LOGIN {99999999999+}\r\n")
        assert await wire.rest() == b"* BYE literal too large\r\n"


async def test_literals_after_login(imap: ImapWire) -> None:
    """A message may be as large as messages may be, other arguments only as long as a line."""
    content = b"Subject: x\r\n\r\n".ljust(MESSAGE_BYTES, b"x")
    assert (await imap.append("INBOX", content)).startswith(b"OK [APPENDUID")
    assert (await imap.append("INBOX", content + b"x")).startswith(b"NO [TOOBIG]")
    tag = imap.next_tag()
    await imap.wire.send(tag + b" SEARCH SUBJECT {%d}\r\n" % (LINE_BYTES + 1))
    _, status = await imap.until_tag(tag)
    assert status.startswith(b"NO [TOOBIG]"), status
    await imap.ok("NOOP")


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB
    raise AssertionError("no VmRSS")


async def test_three_hundred_clients_at_rest(tmp_path: Path) -> None:
    """Each takes little, all hear of new mail, and who works meanwhile is served."""
    with live_server(tmp_path, {"TLS_MODE": "off"}) as server:

        async def rest() -> ImapWire:
            port = server.port("IMAP")
            made = await ImapWire.open(port, ALICE, server.password, select="INBOX")
            await made.wire.send(b"i IDLE\r\n")
            assert (await made.line())[0].startswith(b"+ ")
            return made

        clients = [await rest() for _ in range(5)]
        (worker,) = server.workers()
        before = _resident_bytes(worker)
        while len(clients) < RESTING:
            clients += await asyncio.gather(*(rest() for _ in range(5)))
        taken = (_resident_bytes(worker) - before) / (RESTING - 5)
        smtp = await SmtpWire.open(server.port("SMTP"))
        async with smtp.wire:
            content = b"Subject: news\r\n\r\nx\r\n"
            assert (await smtp.data("a@outside.test", (ALICE,), content))[0] == 250
        begun = time.monotonic()
        told = await asyncio.gather(*(client.line() for client in clients))
        assert {line[0] for line in told} == {b"* 1 EXISTS"}
        assert time.monotonic() - begun < NEWS_S
        for client in clients:
            await client.wire.close()
        assert taken < RESTING_BYTES, f"{taken / KIB:.0f} KiB for each client"
        assert server.stop() == 0
        assert "Traceback" not in server.log()

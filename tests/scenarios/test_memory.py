"""A large message is in memory once: while it comes in, while it is stored, while it is sent."""

import asyncio
import base64
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.live import LiveServer, live_server
from kit.wire import ImapWire

ALICE = "alice@example.test"
MIB = 1 << 20
CONTENT_BYTES = 46 * MIB
ROOM_BYTES = 12 * MIB
"""What may be taken above the message itself: code read for the first time, slices, buffers."""
TAKEN_AT_ONCE = 64 * 1024


def _attachment() -> bytes:
    """A message that hardly gets smaller, as pictures and archives do."""
    head = (
        b"Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    data = random.Random(1).randbytes(CONTENT_BYTES * 57 // 78)
    return head + base64.encodebytes(data).replace(b"\n", b"\r\n")


@pytest.fixture(scope="module")
def content() -> bytes:
    return _attachment()


@pytest.fixture(params=["clear", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "tls")


@pytest.fixture
def server(tmp_path: Path, tls: bool) -> Iterator[LiveServer]:
    settings = {"MAX_MESSAGE_SIZE": "64M"} | ({} if tls else {"TLS_MODE": "off"})
    with live_server(tmp_path, settings) as running:
        yield running


class Memory:
    """What a process takes, and the most it has taken since `begin`."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._before = 0

    def begin(self) -> None:
        """Count from here."""
        (self._folder / "clear_refs").write_text("5")  # the peak is what is there now
        self._before = self._of("VmRSS")

    def more_bytes(self) -> int:
        """The most that was there beyond what was there at the beginning."""
        return self._of("VmHWM") - self._before

    def _of(self, name: str) -> int:
        for line in (self._folder / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(name)


async def _imap(server: LiveServer, tls: bool) -> ImapWire:
    port = server.port("IMAPS" if tls else "IMAP")
    return await ImapWire.open(port, ALICE, server.password, tls=tls, select="INBOX")


async def _drop(imap: ImapWire, command: str) -> int:
    """Run a command and take its answer without keeping it; gives how many bytes it had."""
    tag = imap.next_tag()
    await imap.wire.send(tag + b" " + command.encode() + b"\r\n")
    taken, end = 0, b""
    while b"\r\n" + tag + b" OK" not in end:
        data = await asyncio.wait_for(imap.wire.reader.read(TAKEN_AT_ONCE), 60)
        assert data, "the server has hung up"
        taken += len(data)
        end = (end + data)[-200:]
    return taken


async def test_a_large_message_is_in_memory_once(
    server: LiveServer, content: bytes, tls: bool
) -> None:
    imap = await _imap(server, tls)
    # Whatever is made on first use is there before anything is counted.
    small = content[: 2 * MIB]
    for _ in range(3):
        assert (await imap.append("INBOX", small)).startswith(b"OK")
    await _drop(imap, "FETCH 1:3 (BODY.PEEK[] BODYSTRUCTURE)")
    (worker,) = server.workers()
    memory = Memory(worker)
    memory.begin()
    assert (await imap.append("INBOX", content)).startswith(b"OK")
    appended = memory.more_bytes()
    memory.begin()
    assert await _drop(imap, "FETCH 4 BODY.PEEK[]") > len(content)
    fetched = memory.more_bytes()
    assert (await imap.append("INBOX", content)).startswith(b"OK")
    memory.begin()
    # One after the other, and the part of it as well.
    await _drop(imap, "FETCH 4:5 (BODY.PEEK[1] BODY.PEEK[]<100.40000000>)")
    both = memory.more_bytes()
    await imap.wire.close()
    found = {"append": appended, "fetch": fetched, "two": both}
    most = len(content) + ROOM_BYTES
    assert all(one < most for one in found.values()), {
        name: f"{one / MIB:.1f} MiB" for name, one in found.items()
    }

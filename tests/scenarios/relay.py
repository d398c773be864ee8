"""A TCP relay that keeps what clients sent, to compare it with what a server has stored."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"

_CONTENT = re.compile(rb"\r\nDATA\r\n(.*?\r\n)\.\r\n", re.S)
_TRACE = re.compile(rb"Return-Path: <[^\r]*>\r\nReceived: [^\r]*\r\n(?:\t[^\r]*\r\n)+")


class Relay:
    """Passes connections on to `target`; `streams` holds the bytes of each client."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.streams: list[bytearray] = []
        self.clients: set[asyncio.Task[None]] = set()
        self.port = 0

    def contents(self) -> list[bytes]:
        """The content of every message that was sent with DATA, without stuffed dots."""
        found = []
        for stream in self.streams:
            for match in _CONTENT.finditer(bytes(stream)):
                content = b"\r\n" + match[1]
                found.append(content.replace(b"\r\n..", b"\r\n.")[2:])
        return found

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        task = asyncio.current_task()
        assert task is not None
        self.clients.add(task)
        stream = bytearray()
        self.streams.append(stream)
        back, forth = await asyncio.open_connection(HOST, self._target)
        try:
            await asyncio.gather(_pass(reader, forth, stream), _pass(back, writer, bytearray()))
        finally:
            for end in (forth, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()


async def _pass(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, kept: bytearray
) -> None:
    try:
        while data := await source.read(1 << 16):
            kept += data
            target.write(data)
            await target.drain()
        target.write_eof()
    except OSError:
        target.transport.abort()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """A relay for as long as the block lasts."""
    relay = Relay(port)
    listener = await asyncio.start_server(relay.accept, HOST, 0)
    relay.port = listener.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        listener.close()
        await listener.wait_closed()
        if relay.clients:
            await asyncio.wait(relay.clients, timeout=10)


def without_trace(stored: bytes) -> bytes:
    """What was sent, from what is stored: without the two fields that delivery adds."""
    found = _TRACE.match(stored)
    assert found is not None, stored[:300]
    return stored[found.end() :]

"""Fake daemons of a test, on loopback: what they answer, and in which ways they don't."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kit.peers import Peers, Session
from pillarbox.net.daemon_address import DaemonAddress

HOST = "127.0.0.1"
FLOOD_BYTES = 4 << 20

Ask = Callable[[asyncio.StreamReader], Awaitable[object]]


async def anything(reader: asyncio.StreamReader) -> bytes:
    """Read what has come so far."""
    return await reader.read(1 << 16)


@asynccontextmanager
async def daemon(session: Session, count: list[int] | None = None) -> AsyncIterator[DaemonAddress]:
    """Run `session` for every client; `count` gets one number for each."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if count is not None:
            count.append(len(count))
        await session(reader, writer)

    peers = Peers()
    try:
        yield DaemonAddress(host=HOST, port=await peers.serve(run))
    finally:
        await peers.close()


def says(answer: bytes, ask: Ask = anything) -> Session:
    """Answers so, whatever it was told, and leaves."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ask(reader)
        writer.write(answer)
        await writer.drain()

    return session


def hangs(first: bytes = b"") -> Session:
    """Takes everything, says `first` and then no more."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while await reader.read(1 << 16):
            pass
        await asyncio.Event().wait()

    return session


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection."""
    await anything(reader)
    writer.transport.abort()


async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
    await anything(reader)


def floods(unit: bytes) -> Session:
    """Says the same over and over."""
    return says(unit * (FLOOD_BYTES // len(unit)))


async def nobody() -> DaemonAddress:
    """An address where nothing listens."""
    peers = Peers()
    port = await peers.serve(leaves)
    await peers.close()
    return DaemonAddress(host=HOST, port=port)

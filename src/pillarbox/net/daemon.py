"""Connections to daemons of the admin, over a Unix socket or TCP, in clear.

Where they are says the configuration, so private addresses are as good as others. Called by
`pipeline/scanning`.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pillarbox.base.errors import GrammarError
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.net.stream import ClientStream

PIECE_BYTES = 64 * 1024


@asynccontextmanager
async def connected(address: DaemonAddress, timeout_s: float) -> AsyncIterator[ClientStream]:
    """A connection, gone at the end; raises `OSError` or `TimeoutError`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if address.path:
                _, stream = await loop.create_unix_connection(
                    lambda: ClientStream(address.path, 0), address.path
                )
            else:
                _, stream = await loop.create_connection(
                    lambda: ClientStream(address.host, address.port), address.host, address.port
                )
    except TimeoutError:
        raise TimeoutError("no connection in time") from None
    except socket.gaierror as error:
        raise ConnectionError("its host is not known") from error
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ConnectionError(why) from error
    try:
        yield stream
    finally:
        stream.abort()


async def send(stream: ClientStream, data: bytes, timeout_s: float) -> None:
    """Write something large piece by piece, as fast as it is taken."""
    whole = memoryview(data)
    for start in range(0, len(whole), PIECE_BYTES):
        stream.write(bytes(whole[start : start + PIECE_BYTES]))
        await stream.drain(timeout_s)


async def read_to_end(stream: ClientStream, max_bytes: int, timeout_s: float) -> bytes:
    """All that comes until the daemon closes; raises `GrammarError` for more than `max_bytes`."""
    parts: list[bytes] = []
    size = 0
    while data := await stream.read(timeout_s):
        parts.append(data)
        size += len(data)
        if size > max_bytes:
            raise GrammarError(f"an answer of more than {max_bytes} bytes")
    return b"".join(parts)

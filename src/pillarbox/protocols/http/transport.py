"""What uvicorn takes for its transport: writes go to the connection, the rest is the session's.

Reading is not paused here: the session feeds a piece only when the exchange wants one. Nor is
writing: `http/answering` waits for the connection before it hands on more.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pillarbox.protocols.stream.connection import Connection


class StreamTransport(asyncio.Transport):
    """A transport over a `Connection`, which stays open: `close` only says that it is to end."""

    def __init__(self, connection: Connection, changed: Callable[[], None]) -> None:
        """`changed` is called when there may be something for the session to do."""
        peer = (connection.peer_ip, connection.peer_port)
        super().__init__({"peername": peer, "sslcontext": connection.tls})
        self._connection = connection
        self._changed = changed
        self.closed = asyncio.Event()

    def write(self, data: Any) -> None:
        self._connection.write(data)

    def close(self) -> None:
        self.closed.set()
        self._changed()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        self._changed()

    def abort(self) -> None:
        self._connection.abort()
        self.close()

"""One client's HTTP connection: reads in pieces, with limits of time, and sees to its end.

Called by the listener. What the pieces mean is `http/engine`'s, which is loaded when the first
client of the process has sent something.
"""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pillarbox.protocols.http.options import HttpOptions, HttpServices
from pillarbox.protocols.http.visit import Visit
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.login import client_facts, may_send_password

if TYPE_CHECKING:
    from pillarbox.protocols.http.engine import Exchange, Fault
    from pillarbox.protocols.http.web import WebApp

PIECE_BYTES = 64 * 1024
BODY_BYTES_A_SECOND = 500.0
"""Content comes at least so fast after the grace; telephones in trains do better."""
LINGER_S = 5.0
LINGER_SILENCE_S = 1.0

_LATE = "The request did not come in time"
_CUT = "The request has no end"


class HttpSession:
    """Serves one connection until its client or the server ends it."""

    def __init__(
        self, connection: Connection, services: HttpServices, build: "Callable[[], WebApp]"
    ) -> None:
        """`build` makes the application, for the first client of the process."""
        self._connection = connection
        self._services = services
        self._build = build

    async def run(self) -> None:
        """Serve. Raises what the connection raises, `Draining` among it."""
        connection, services = self._connection, self._services
        try:
            data = await connection.read(services.options.head_timeout_s, at_rest=True)
        except TimeoutError:
            return
        if not data:
            return
        engine = await services.site.engine(self._build)
        exchange = engine.exchange(connection, self._visit(), services.in_flight)
        try:
            await self._serve(exchange, data)
            if exchange.fault is not None and not exchange.answered:
                connection.write(_last_words(exchange.fault))
            await self._linger(exchange)
        finally:
            await exchange.end()

    def _visit(self) -> Visit:
        connection, services = self._connection, self._services
        secure = may_send_password(connection, services.options) or _is_here(connection.peer_ip)
        return Visit(client_facts(connection, "http"), secure=secure, key=services.key)

    async def _serve(self, exchange: "Exchange", data: bytes) -> None:
        patience = _Patience(self._services.options)
        while data:
            for start in range(0, len(data), PIECE_BYTES):
                exchange.feed(data[start : start + PIECE_BYTES])
                await exchange.until_ready()
                if exchange.over:
                    return
            data = await self._next(exchange, patience)

    async def _next(self, exchange: "Exchange", patience: "_Patience") -> bytes:
        """What the client sends next; nothing at the end."""
        loop = asyncio.get_running_loop()
        left_s, began_s = patience.left_s(exchange), loop.time()
        at_rest = not exchange.phase
        data: bytes | None = b""
        try:
            if left_s > 0 and at_rest:
                data = await self._connection.read(left_s, at_rest=True)
            elif left_s > 0:
                data = await self._connection.read_or(exchange.closed, left_s, at_rest=False)
        except TimeoutError:
            left_s = 0.0
        patience.waited_s += loop.time() - began_s
        if data is None:
            return b""
        if not data and not at_rest:
            exchange.fail(*((400, _CUT) if left_s > 0 else (408, _LATE)))
            await exchange.until_ready()
        return data

    async def _linger(self, exchange: "Exchange") -> None:
        """Let a client that is still sending read the answer: who closes on it cuts that off."""
        connection = self._connection
        if exchange.fault is None and not exchange.phase:
            return
        try:
            async with asyncio.timeout(LINGER_S):
                while await connection.read(LINGER_SILENCE_S):
                    pass
        except TimeoutError:
            return


class _Patience:
    """How long a client may take; time in which the server works does not count."""

    __slots__ = ("_options", "_stage", "waited_s")

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._stage = -1
        self.waited_s = 0.0

    def left_s(self, exchange: "Exchange") -> float:
        """How long it may stay silent now."""
        options = self._options
        if exchange.stage != self._stage:
            self._stage = exchange.stage
            self.waited_s = 0.0
        if exchange.phase == exchange.phase.REST:
            return options.keep_alive_s - self.waited_s
        if exchange.phase == exchange.phase.HEAD:
            return options.head_timeout_s - self.waited_s
        most_s = options.body_grace_s + exchange.body_bytes / BODY_BYTES_A_SECOND
        return min(options.body_silence_s, most_s - self.waited_s)


def _is_here(ip: str) -> bool:
    """Whether the peer is on this machine, or came by a Unix socket."""
    return not ip or ip_address(ip).is_loopback


def _last_words(fault: "Fault") -> bytes:
    """The answer to what was no request."""
    from http import HTTPStatus

    text = f"{fault.text}\n".encode("ascii", "replace")
    head = (
        f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + text

"""Requests of one connection: uvicorn's parser and cycle, with limits and strict about what it is.

Fed by `http/session`, one piece at a time. httptools (llhttp) refuses most of what smuggling needs:
two lengths, a length beside a coding, bare line feeds, folded fields, spaces before colons. What it
lets pass is refused here: other codings than `chunked`, a coding in HTTP/1.0, no `Host` or two, a
body behind an upgrade, fields behind the body (RFC 9112 §11.2).
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pillarbox.protocols.http.answering import Answer
from pillarbox.protocols.http.transport import StreamTransport
from pillarbox.protocols.http.visit import ROOM, VISIT, Room, Visit
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection

if TYPE_CHECKING:
    from pillarbox.protocols.http.web import WebApp

MAX_HEAD_BYTES = 64 * 1024
MAX_TARGET_BYTES = 16 * 1024
MAX_FIELDS = 100

_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_SILENT = logging.Logger("uvicorn", logging.CRITICAL + 1)
"""uvicorn has nothing to say that is not logged here."""


class Phase(IntEnum):
    """What comes next from the client."""

    REST = 0
    HEAD = 1
    BODY = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a connection can't go on, and what its client is told."""

    status: int
    text: str


class Engine:
    """Makes an `Exchange` for each connection; one for a process."""

    def __init__(self, app: "WebApp") -> None:
        self._config = Config(
            app,
            http=HttpToolsProtocol,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        self._config.load()

    def exchange(self, connection: Connection, visit: Visit, in_flight: InFlight) -> "Exchange":
        """What runs the requests of one connection."""
        return Exchange(self._config, connection, visit, in_flight)


class Exchange(HttpToolsProtocol):
    """The requests of one connection and their answers, in order.

    `feed` while `wants_input`; `until_ready` waits for that or for the end (`over`).
    """

    def __init__(
        self, config: Config, connection: Connection, visit: Visit, in_flight: InFlight
    ) -> None:
        super().__init__(config, ServerState(), {VISIT: visit})
        self.logger = _SILENT
        self._connection = connection
        self._in_flight = in_flight
        self._changed = asyncio.Event()
        self.fault: Fault | None = None
        self.phase = Phase.REST
        self.stage = 0
        """Goes up whenever the phase changes."""
        self.body_bytes = 0
        """What came of this request's content."""
        self._fed_bytes = self._field_bytes = self._fields = 0
        transport = StreamTransport(connection, self._changed.set)
        self.closed = transport.closed
        """Set when the last answer is given, which may be before all of its request has come."""
        self.connection_made(transport)

    # What the session uses.

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or waits for that."""
        return bool(self.tasks) or (bool(self.pipeline) and not self.transport.is_closing())

    @property
    def over(self) -> bool:
        """Whether the connection is to end."""
        if self.fault is not None:
            return not self.busy
        return self.transport.is_closing()

    @property
    def wants_input(self) -> bool:
        """Whether there is somebody to take more of what the client sends."""
        if self.fault is not None or self.pipeline or self.transport.is_closing():
            return False
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return self.phase is Phase.BODY and len(cycle.body) <= HIGH_WATER_LIMIT

    @property
    def answered(self) -> bool:
        """Whether the client has had an answer to what is at fault, or will see none."""
        cycle: RequestResponseCycle | None = self.cycle
        if self.transport.is_closing():
            return True
        return self.phase is Phase.BODY and cycle is not None and cycle.response_started

    async def until_ready(self) -> None:
        """Wait until input is wanted or all is over."""
        while not self.wants_input and not self.over:
            self._changed.clear()
            await self._changed.wait()

    def feed(self, data: bytes) -> None:
        """Parse what came; `fault` then says what is wrong with it, if anything is."""
        began, body_bytes = self.phase, self.body_bytes
        self._fed_bytes += len(data)
        while self.fault is None:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                continue
            except httptools.HttpParserInvalidMethodError:
                self.fail(501, "This method is not known here")
            except httptools.HttpParserError as error:
                self.fail(400, f"This is not HTTP: {error}")
            break
        if self.phase is Phase.BODY and (began != self.phase or self.body_bytes != body_bytes):
            self._fed_bytes = 0  # only what brings the request no further is counted
        if self._fed_bytes > MAX_HEAD_BYTES:
            self._too_large()

    def fail(self, status: int, text: str) -> None:
        """Take no more from the client; who waits for the rest of a request is told."""
        if self.fault is not None:
            return
        self.fault = Fault(status, text)
        cycle: RequestResponseCycle | None = self.cycle
        if self.phase is Phase.BODY and cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self._changed.set()

    async def end(self) -> None:
        """Let go of all that is under way."""
        self.pipeline.clear()
        running = tuple(self.tasks)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        self.parser = None  # type: ignore[assignment]

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._turn(Phase.HEAD)
        self._field_bytes = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self.fail(414, "The address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._fields > MAX_FIELDS or self._field_bytes > MAX_HEAD_BYTES:
            self._too_large()
        elif self.phase is Phase.HEAD:  # fields behind the body mean nothing
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._fed_bytes = 0
        fault = self._head_fault()
        if fault is not None:
            self.fail(*fault)
        if self.fault is not None:
            return
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False
        try:
            super().on_headers_complete()
        except httptools.HttpParserError:
            self.fail(400, "The address is none")
            return
        self._turn(Phase.BODY)
        self.body_bytes = 0
        self.scope["state"][ROOM] = Room(self._in_flight)

    def on_body(self, body: bytes) -> None:
        if self.fault is None:
            self.body_bytes += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.fault is None:
            super().on_message_complete()
            self._turn(Phase.REST)
            self._fed_bytes = 0

    def on_response_complete(self) -> None:
        if self.pipeline and not self.transport.is_closing():
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        self._changed.set()

    # Inside.

    def _turn(self, phase: Phase) -> None:
        self.phase = phase
        self.stage += 1

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        answer = Answer(self._connection, cycle)

        async def run(scope: Any, receive: Any, send: Any) -> None:
            await answer.run(app, scope, receive, send)

        task = self.loop.create_task(cycle.run_asgi(run))
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        self._changed.set()

    def _too_large(self) -> None:
        self.fail(431, f"A request has at most {MAX_FIELDS} fields and {MAX_HEAD_BYTES} bytes")

    def _head_fault(self) -> tuple[int, str] | None:
        """What the parser lets pass and we do not."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return 505, "HTTP/1.1 is spoken here"
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (version == "1.1" and not hosts):
            return 400, "A request has one Host"
        if hosts and _HOST.fullmatch(hosts[0]) is None:
            return 400, "The Host is none"
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings and version == "1.0":
            return 400, "HTTP/1.0 has no Transfer-Encoding"
        if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
            return 501, "No Transfer-Encoding is known but chunked"
        if self.parser.get_method() == b"CONNECT":
            return 501, "This is no proxy"
        if self.parser.should_upgrade() and self._has_body():
            # The parser takes what follows for another protocol's, a proxy for the body.
            return 400, "A request to change the protocol has no body"
        return None

    def _has_body(self) -> bool:
        fields = dict(self.headers)
        return b"transfer-encoding" in fields or int(fields.get(b"content-length", b"0")) > 0

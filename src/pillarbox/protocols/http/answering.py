"""Running the application for one request: what every answer has, and one line in the log.

Called by `http/engine`. Holds the application up while the client reads slowly, decides whether the
connection goes on, and turns what the application fails with into an answer.
"""

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from pillarbox.base.log import logger
from pillarbox.protocols.http.visit import ROOM, USER, VISIT, Room, Visit
from pillarbox.protocols.stream.connection import Connection

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

DISCARDED_BYTES = 64 * 1024
"""As much of a request that nobody wanted to read is read, so that the connection can go on."""
SECRET_PATHS = ("/calendars/public/", "/calendars/attachments/")
"""Behind these a path holds what opens it, which the log must not."""
HOMES = ("calendars", "contacts")
"""Collections of users; the names of what is in them are told to nobody but them."""
SHOWN_PATH_BYTES = 300

_FIELDS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
_log = logger("http")


class Answer:
    """The answer to one request, on its way."""

    __slots__ = ("_connection", "_cycle", "_ends_by_closing", "_send", "_sent_bytes", "_status")

    def __init__(self, connection: Connection, cycle: "RequestResponseCycle") -> None:
        self._connection = connection
        self._cycle = cycle
        self._ends_by_closing = False
        self._status = self._sent_bytes = 0

    async def run(self, app: "ASGIApp", scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Have `app` answer; raises nothing but a cancellation."""
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        self._send = send
        try:
            await app(scope, receive, self._on)
        except (ClientDisconnect, ConnectionError, TimeoutError):
            if not self._cycle.disconnected:  # the session does not know yet
                if not self._connection.lost:
                    _log.exception("request failed", **_told(scope))
                self._cycle.disconnected = True
                self._cycle.transport.close()
        except Exception:
            # Starlette has answered already, where the answer had not begun.
            _log.exception("request failed", **_told(scope))
        finally:
            room: Room = scope["state"][ROOM]
            room.give_back()
            self._note(scope, clock.time() - began_s)

    async def _on(self, message: "Message") -> None:
        """Hand on a part of the answer; waits while the client has not read what went before."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        if message["type"] == "http.response.start":
            await self._connection.drain()
            self._begin(message)
            fields = _complete(list(message.get("headers", ())))
            await self._send({**message, "headers": fields})
            return
        size_bytes = len(message.get("body", b""))
        self._sent_bytes += size_bytes
        if self._ends_by_closing:
            cycle.expected_content_length = size_bytes
        await self._send(message)
        if message.get("more_body"):
            await self._connection.drain()

    def _begin(self, message: "Message") -> None:
        """Decide how the answer ends, and whether the connection does so with it."""
        cycle = self._cycle
        self._status = int(message["status"])
        if not self._may_go_on():
            cycle.keep_alive = False
        names = {name.lower() for name, _ in message.get("headers", ())}
        if cycle.scope["http_version"] == "1.0" and b"content-length" not in names:
            self._ends_by_closing = True
            cycle.chunked_encoding = False

    def _may_go_on(self) -> bool:
        """Whether the client may send another request over this connection."""
        cycle = self._cycle
        if self._connection.draining:
            return False
        if not cycle.more_body:
            return True
        if cycle.waiting_for_100_continue:
            return False  # nobody knows whether what it announced will come
        length = dict(cycle.scope["headers"]).get(b"content-length")
        return length is not None and int(length) <= DISCARDED_BYTES

    def _note(self, scope: "Scope", took_s: float) -> None:
        visit: Visit = scope["state"][VISIT]
        _log.info(
            "request",
            ip=visit.client.ip,
            **_told(scope),
            status=self._status,
            bytes=self._sent_bytes,
            ms=round(took_s * 1000, 1),
            user=scope["state"].get(USER),
        )


def _told(scope: "Scope") -> dict[str, Any]:
    """What the log says of a request: no query, no path that is a secret, no name of an object."""
    path: bytes = scope["raw_path"][:SHOWN_PATH_BYTES]
    for secret in SECRET_PATHS:
        if scope["path"].startswith(secret):
            path = secret.encode() + b"..."
    # /dav/calendars/<address>/<collection>/<object>
    parts = path.split(b"/")
    if len(parts) > 5 and parts[5] and parts[2].decode("ascii", "replace") in HOMES:
        path = b"/".join(parts[:5]) + b"/..."
    return {"method": scope["method"], "path": path.decode("ascii", "replace")}


def _complete(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The fields of an answer and those that every answer has."""
    names = {name.lower() for name, _ in fields}
    fields += [field for field in _FIELDS if field[0] not in names]
    if b"date" not in names:
        fields.append((b"date", formatdate(usegmt=True).encode("ascii")))
    return fields

"""HTTP/1.1 as a client over a connection that is there, bounded in time and size.

Called by `https` for other people's servers, by `pipeline/scanning` for the admin's daemons.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pillarbox.net.stream import ClientStream

if TYPE_CHECKING:
    import h11

HEADER_BYTES_MAX = 16 * 1024
_PIECE_BYTES = 64 * 1024
_EVENTS_AT_ONCE = 100
_EARLY_ANSWERS_MAX = 10


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of a name in lower case, or empty."""
        return next((text for key, text in self.headers if key == name), "")


class HttpFailure(Exception):
    """There was no whole answer; `why` says so to people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class HttpExchange:
    """One request and its answer, over a connection that is for it alone."""

    def __init__(self, stream: ClientStream, max_bytes: int, timeout_s: float) -> None:
        import h11

        self._stream = stream
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX)
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._parts: list[bytes] = []
        self._body_bytes = 0
        self._early = 0

    async def run(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> Response:
        """Send and wait; `headers` must have Host and, with a body, Content-Length.

        Raises `HttpFailure`, and what the connection raises.
        """
        import h11

        try:
            await self._send(h11.Request(method=method, target=path, headers=headers))
            for start in range(0, len(body), _PIECE_BYTES):
                await self._send(h11.Data(data=body[start : start + _PIECE_BYTES]))
            await self._send(h11.EndOfMessage())
            await self._receive()
        except h11.ProtocolError as error:
            raise HttpFailure(f"this is no proper HTTP: {error}") from error
        return Response(self._status, self._headers, b"".join(self._parts))

    async def _send(self, event: "h11.Event") -> None:
        data = self._connection.send(event)
        if data:
            self._stream.write(data)
            await self._stream.drain(self._timeout_s)

    async def _receive(self) -> None:
        import h11

        events = 0
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                self._connection.receive_data(await self._more())
            elif isinstance(event, h11.EndOfMessage):
                return
            elif isinstance(event, h11.Response):
                self._status = event.status_code
                self._headers = tuple(
                    (name.decode("latin-1"), text.decode("latin-1")) for name, text in event.headers
                )
            elif isinstance(event, h11.Data):
                self._take(event.data)
            else:
                self._count_early()
            events += 1
            if events % _EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)  # a body in pieces of a byte takes a while

    async def _more(self) -> bytes:
        data = await self._stream.read(self._timeout_s)
        if not data and not self._stream.finished:
            raise HttpFailure("the answer was cut off")
        return data

    def _take(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._max_bytes:
            raise HttpFailure(f"the answer has more than {self._max_bytes} bytes")
        self._parts.append(bytes(data))

    def _count_early(self) -> None:
        self._early += 1
        if self._early > _EARLY_ANSWERS_MAX:
            raise HttpFailure("the answer does not come to its point")

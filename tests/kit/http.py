"""An HTTP client for tests: h11 over a `Wire`, or raw bytes where a request is to be wrong."""

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass

import h11

from kit.wire import ANSWER_S, Wire


@dataclass(frozen=True)
class Heard:
    """An answer; the names of fields are in lower case, repeated ones joined by a comma."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class HttpWire:
    """One connection. Requests by `ask`; raw ones by `wire.send`, and their answers by `hear`."""

    def __init__(self, wire: Wire, authorization: str = "") -> None:
        self.wire = wire
        self.authorization = authorization
        """What is sent as `Authorization` with each request, unless that has its own."""
        self._is_closed = False
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 24)

    @classmethod
    async def open(
        cls, port: int, user: str = "", password: str = "", *, tls: bool = True, ip: str = ""
    ) -> "HttpWire":
        """Connect, to log in by Basic with each request if a user is given; `ip` as in `Wire`."""
        wire = await Wire.open(port, tls=tls, ip=ip)
        return cls(wire, basic(user, password) if user else "")

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        fields: dict[str, str] | None = None,
        *,
        chunks: tuple[bytes, ...] = (),
    ) -> Heard:
        """Send a request, in chunks if some are given, and hear the answer."""
        await self.say(method, target, body, fields, chunks=chunks)
        return await self.hear()

    async def say(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        fields: dict[str, str] | None = None,
        *,
        chunks: tuple[bytes, ...] = (),
    ) -> None:
        """Send a request; `hear` gives the answer."""
        sent = {"Host": "mail.example.test"}
        if self.authorization:
            sent["Authorization"] = self.authorization
        if chunks:
            sent["Transfer-Encoding"] = "chunked"
        elif body or method in ("PUT", "POST"):
            sent["Content-Length"] = str(len(body))
        sent |= fields or {}
        request = h11.Request(method=method, target=target, headers=list(sent.items()))
        data = self._h11.send(request) or b""
        for piece in chunks or ((body,) if body else ()):
            data += self._h11.send(h11.Data(data=piece)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        await self.wire.send(data)

    async def hear(self, method: str = "") -> Heard:
        """The next answer; raises `ConnectionError` when the server closes instead.

        For raw requests `method` says whether the answer has a body (HEAD has none).
        """
        if self._h11.our_state is h11.IDLE:
            raw = h11.Request(method=method or "GET", target="/", headers=[("Host", "raw")])
            self._h11.send(raw)
            self._h11.send(h11.EndOfMessage())
        response: h11.Response | None = None
        body = b""
        while not isinstance(
            event := await self._event(), (h11.EndOfMessage, h11.ConnectionClosed)
        ):
            if isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
        if response is None:
            raise ConnectionResetError("the server closed the connection")
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the server closed the connection within its answer")
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        fields: dict[str, str] = {}
        for name, value in response.headers:
            key, text = name.decode(), value.decode("latin-1")
            fields[key] = f"{fields[key]}, {text}" if key in fields else text
        return Heard(response.status_code, fields, body)

    async def continued(self) -> bool:
        """Whether the server asks for the body (100) before it answers."""
        event = await self._event()
        assert isinstance(event, (h11.InformationalResponse, h11.Response)), event
        return event.status_code == 100

    async def ended(self) -> bool:
        """Whether the server has closed, having said nothing more; waits for that."""
        rest = await self.wire.rest()
        return not rest and not self._h11.trailing_data[0]

    async def close(self) -> None:
        """Close the connection."""
        await self.wire.close()

    async def __aenter__(self) -> "HttpWire":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.__aexit__()

    async def _event(self) -> object:
        """What h11 sees next."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                if self._is_closed:
                    return h11.ConnectionClosed()
                raise
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await asyncio.wait_for(self.wire.reader.read(1 << 16), ANSWER_S)
            except (ConnectionError, ssl.SSLError):
                data = b""
            self._is_closed = not data
            self._h11.receive_data(data)


def basic(user: str, password: str) -> str:
    """The field `Authorization` of a login by Basic."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()

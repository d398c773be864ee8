"""Fetching and posting over HTTPS, for policies and reports of the security of mail.

Only to public addresses, which are looked up once and connected to as they are, so that no name
can be made to lead inside. Certificates are always checked; no redirect is followed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pillarbox.base.errors import Unavailable
from pillarbox.net.addresses import is_public
from pillarbox.net.client_tls import ClientContexts, TlsClientOptions, TlsFailure
from pillarbox.net.dial import DialOptions, dial
from pillarbox.net.dns import Resolver
from pillarbox.net.stream import ClientStream

if TYPE_CHECKING:
    import h11

URL_CHARACTERS_MAX = 2048
HEADER_BYTES_MAX = 16 * 1024
_CONNECT_S = 10.0
_PORT = 443
_LOWEST_PORT = 1024  # others than 443 below it belong to other services
_PIECE_BYTES = 64 * 1024
_EVENTS_AT_ONCE = 100
_EARLY_ANSWERS_MAX = 10
_TOO_LATE = "it took too long"


@dataclass(frozen=True, slots=True)
class HttpsOptions:
    """`user_agent` names us; `allow_private` permits addresses not of the public network."""

    user_agent: str = "pillarbox"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of a name in lower case, or empty."""
        return next((text for key, text in self.headers if key == name), "")


class HttpsFailure(Exception):
    """There was no whole answer; `certificate` says that the server's was to blame."""

    def __init__(self, why: str, *, certificate: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.certificate = certificate


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        return self.host if self.port == _PORT else f"{self.host}:{self.port}"


class HttpsClient:
    """One per process; each request has its own connection."""

    def __init__(self, resolver: Resolver, contexts: ClientContexts, options: HttpsOptions) -> None:
        self._resolver = resolver
        self._contexts = contexts
        self._options = options

    async def get(self, url: str, *, max_bytes: int, timeout_s: float) -> Response:
        """Fetch; raises `HttpsFailure`, also when the body is over the limit.

        Any status is an answer, a redirect too.
        """
        return await self._request("GET", url, [], b"", max_bytes, timeout_s)

    async def post(
        self, url: str, body: bytes, content_type: str, *, max_bytes: int, timeout_s: float
    ) -> Response:
        """Post `body`; else as `get`."""
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        return await self._request("POST", url, headers, body, max_bytes, timeout_s)

    async def _request(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes,
        max_bytes: int,
        timeout_s: float,
    ) -> Response:
        target = _target(url)
        common = [
            ("Host", target.authority),
            ("User-Agent", self._options.user_agent),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        try:
            async with asyncio.timeout(timeout_s), self._connected(target, timeout_s) as stream:
                exchange = _Exchange(stream, max_bytes, timeout_s)
                return await exchange.run(method, target.path, common + headers, body)
        except TlsFailure as error:
            raise HttpsFailure(error.why, certificate=error.certificate) from error
        except TimeoutError as error:
            raise HttpsFailure(_TOO_LATE) from error
        except OSError as error:  # DialFailure and lost connections
            raise HttpsFailure(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def _connected(self, target: _Target, timeout_s: float) -> AsyncIterator[ClientStream]:
        try:
            found = await self._resolver.addresses(target.host)
        except Unavailable as error:
            raise HttpsFailure(f"{target.host}: {error.cause or error.public}") from error
        if not self._options.allow_private:
            found = tuple(ip for ip in found if is_public(ip))
        if not found:
            raise HttpsFailure(f"{target.host} has no public address")
        options = DialOptions(
            timeout_s=min(timeout_s, _CONNECT_S), allow_private=self._options.allow_private
        )
        stream = await dial(found, target.port, options)
        try:
            tls = TlsClientOptions(
                target.host, verified=True, names=(target.host,), timeout_s=timeout_s
            )
            await stream.start_tls(tls, self._contexts)
            yield stream
        finally:
            stream.abort()


class _Exchange:
    """One request and its answer."""

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
        import h11

        try:
            await self._send(h11.Request(method=method, target=path, headers=headers))
            for start in range(0, len(body), _PIECE_BYTES):
                await self._send(h11.Data(data=body[start : start + _PIECE_BYTES]))
            await self._send(h11.EndOfMessage())
            await self._receive()
        except h11.ProtocolError as error:
            raise HttpsFailure(f"this is no proper HTTP: {error}") from error
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
            raise HttpsFailure("the answer was cut off")
        return data

    def _take(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._max_bytes:
            raise HttpsFailure(f"the answer has more than {self._max_bytes} bytes")
        self._parts.append(bytes(data))

    def _count_early(self) -> None:
        self._early += 1
        if self._early > _EARLY_ANSWERS_MAX:
            raise HttpsFailure("the answer does not come to its point")


def _target(url: str) -> _Target:
    if len(url) > URL_CHARACTERS_MAX:
        raise HttpsFailure("the address is too long")
    if not all(" " < one < "\x7f" for one in url):
        raise HttpsFailure("the address has characters that must be escaped")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORT
    except ValueError as error:
        raise HttpsFailure("this is no web address") from error
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise HttpsFailure("the address must be https://, with a host and without a user")
    if _is_address(host):
        raise HttpsFailure("the address must name a host")
    if port != _PORT and port < _LOWEST_PORT:
        raise HttpsFailure(f"port {port} is not for the web")
    path = parts.path or "/"
    return _Target(host, port, f"{path}?{parts.query}" if parts.query else path)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True

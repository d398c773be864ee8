"""Fetching and posting over HTTPS, for policies and reports of the security of mail.

Only to public addresses, which are looked up once and connected to as they are, so that no name
can be made to lead inside. Certificates are always checked; no redirect is followed.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pillarbox.base.errors import Unavailable
from pillarbox.net.addresses import is_public
from pillarbox.net.client_tls import ClientContexts, TlsClientOptions, TlsFailure
from pillarbox.net.dial import DialOptions, dial
from pillarbox.net.dns import Resolver
from pillarbox.net.http_exchange import HttpExchange, HttpFailure, Response
from pillarbox.net.stream import ClientStream

__all__ = ["HttpsClient", "HttpsFailure", "HttpsOptions", "Response"]

URL_CHARACTERS_MAX = 2048
_CONNECT_S = 10.0
_PORT = 443
_LOWEST_PORT = 1024  # others than 443 below it belong to other services
_TOO_LATE = "it took too long"


@dataclass(frozen=True, slots=True)
class HttpsOptions:
    """`user_agent` names us; `allow_private` permits addresses not of the public network."""

    user_agent: str = "pillarbox"
    allow_private: bool = False


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

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """Fetch; raises `HttpsFailure`, also when the body is over the limit.

        Any status is an answer, a redirect too.
        """
        return await self._request("GET", url, list(headers), b"", max_bytes, timeout_s)

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
                exchange = HttpExchange(stream, max_bytes, timeout_s)
                return await exchange.run(method, target.path, common + headers, body)
        except HttpFailure as error:
            raise HttpsFailure(error.why) from error
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

"""An HTTPS server of a test, on loopback: answers as the test says, notes what it was asked."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from kit.authority import Authority
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.peers import Peers
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.https import HttpsClient, HttpsOptions


@dataclass
class Page:
    """What is answered to a request."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain"
    headers: tuple[str, ...] = ()


@dataclass
class Web:
    """A server for every host name; `pages` by host, `asked` as `METHOD host/path`.

    While `held` is clear, requests wait.
    """

    authority: Authority = field(default_factory=Authority)
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    context: ssl.SSLContext | None = None
    """What it shows; one good for `*.test` names if there is none."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 is any that is free."""
    _peers: Peers = field(default_factory=Peers)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def client(self, zone: Zone, clock: FakeClock, folder: Path) -> HttpsClient:
        """A client that believes this server's authority and finds it by the zone."""
        path = folder / "authority.pem"
        path.write_bytes(self.authority.pem)
        contexts = ClientContexts(path)
        return HttpsClient(FakeDns(zone, clock), contexts, HttpsOptions(allow_private=True))

    async def wait_for(self, count: int) -> None:
        """Wait until so much was asked."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.asked) >= count)

    def vouch(self, *names: str) -> None:
        """Show a good certificate for these names from now on."""
        self.show(self.authority.issue(*names).server_context())

    def show(self, context: ssl.SSLContext) -> None:
        """Show what is in a context from now on."""
        self.context = context

    async def __aenter__(self) -> "Web":
        self.held.set()
        first = self.authority.issue("localhost").server_context()

        def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            if self.context is not None:
                connection.context = self.context

        first.sni_callback = choose  # type: ignore[assignment]
        self.port = await self._peers.serve(self._answer, tls=first, host=self.host, port=self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._peers.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        method, path, _ = request.split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines if line)
        host = fields["host"].partition(":")[0]
        async with self._news:
            self.asked.append(f"{method} {host}{path}")
            self._news.notify_all()
        if "content-length" in fields:
            self.posted.append(await reader.readexactly(int(fields["content-length"])))
        await self.held.wait()
        page = self.pages.get(host, Page(status=404))
        answer = [
            f"HTTP/1.1 {page.status} x",
            f"Content-Type: {page.content_type}",
            f"Content-Length: {len(page.body)}",
            *page.headers,
        ]
        writer.write("\r\n".join((*answer, "\r\n")).encode() + page.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

"""HTTPS to a server others wrote, and to peers that do not speak it well."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kit.authority import Authority
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.peers import Peers
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.https import HttpsClient, HttpsFailure, HttpsOptions, Response

HOST = "mta-sts.example.test"
POLICY = b"version: STSv1\nmode: enforce\nmx: *.example.test\nmax_age: 86400\n"
OK = b"HTTP/1.1 200 OK\r\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "https://127.0.0.1/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._say(POLICY if self.path.startswith("/.well-known/") else self.headers.as_bytes())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(f"{self.headers['Content-Type']} {len(body)} {body[:3]!r}".encode())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that do not believe it


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[Authority, int]]:
    """A server of Python's library, and who vouches for it."""
    authority = Authority()
    server = Server(("127.0.0.1", 0), Handler)
    context = authority.issue(HOST).server_context()
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield authority, server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def zone() -> Zone:
    return Zone(
        addresses={HOST: ("127.0.0.1",), "other.test": ("127.0.0.1",)}, failing={"broken.test"}
    )


@pytest.fixture
def client(zone: Zone, clock: FakeClock, contexts: ClientContexts) -> HttpsClient:
    """One that believes the `authority` of these tests and may connect to loopback."""
    options = HttpsOptions("pillarbox/1", allow_private=True)
    return HttpsClient(FakeDns(zone, clock), contexts, options)


async def get(client: HttpsClient, url: str, max_bytes: int = 65_536) -> Response:
    return await client.get(url, max_bytes=max_bytes, timeout_s=5)


class TestServer:
    @pytest.fixture
    def url(self, web: tuple[Authority, int]) -> str:
        return f"https://{HOST}:{web[1]}"

    @pytest.fixture
    def authority(self, web: tuple[Authority, int]) -> Authority:
        return web[0]

    async def test_get(self, client: HttpsClient, url: str) -> None:
        response = await get(client, url + "/.well-known/mta-sts.txt")
        assert (response.status, response.body) == (200, POLICY)
        assert response.header("content-type") == "text/plain"
        assert response.header("missing") == ""

    async def test_what_is_sent(self, client: HttpsClient, url: str) -> None:
        sent = (await get(client, url + "/?a=b")).body.decode().lower()
        assert f"host: {url.removeprefix('https://')}\n" in sent
        assert "user-agent: pillarbox/1\n" in sent
        assert "connection: close\n" in sent

    async def test_post(self, client: HttpsClient, url: str) -> None:
        body = b"abc" * 100_000
        response = await client.post(
            url + "/report", body, "application/tlsrpt+gzip", max_bytes=4096, timeout_s=5
        )
        assert response.body == b"application/tlsrpt+gzip 300000 b'abc'"

    async def test_redirects_are_not_followed(self, client: HttpsClient, url: str) -> None:
        response = await get(client, url + "/moved")
        assert (response.status, response.body) == (301, b"")

    async def test_too_much(self, client: HttpsClient, url: str) -> None:
        with pytest.raises(HttpsFailure, match="more than 10 bytes"):
            await get(client, url + "/.well-known/mta-sts.txt", 10)

    async def test_another_s_certificate(self, client: HttpsClient, url: str) -> None:
        with pytest.raises(HttpsFailure) as raised:
            await get(client, url.replace(HOST, "other.test"))
        assert raised.value.certificate

    async def test_nobody_s_certificate(
        self, client: HttpsClient, url: str, zone: Zone, clock: FakeClock
    ) -> None:
        strict = HttpsClient(FakeDns(zone, clock), ClientContexts(), HttpsOptions("x", True))
        with pytest.raises(HttpsFailure) as raised:
            await get(strict, url)
        assert raised.value.certificate

    async def test_nothing_inside_is_reached(
        self, url: str, zone: Zone, clock: FakeClock, contexts: ClientContexts
    ) -> None:
        strict = HttpsClient(FakeDns(zone, clock), contexts, HttpsOptions())
        for addresses in (("127.0.0.1",), ("10.0.0.1", "::1"), ("::ffff:127.0.0.1",), ()):
            zone.addresses[HOST] = addresses
            with pytest.raises(HttpsFailure, match="no public address"):
                await get(strict, url)

    async def test_names_that_can_not_be_looked_up(self, client: HttpsClient) -> None:
        with pytest.raises(HttpsFailure, match=r"broken\.test"):
            await get(client, "https://broken.test/")
        with pytest.raises(HttpsFailure, match="no public address"):
            await get(client, "https://nobody.test/")


class TestPeer:
    @pytest.fixture
    def serve(self, peers: Peers, authority: Authority) -> Callable[[bytes], Awaitable[str]]:
        """Answers any request with these bytes; gives the address."""

        async def serve(answer: bytes) -> str:
            async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()

            port = await peers.serve(session, tls=authority.issue(HOST).server_context())
            return f"https://{HOST}:{port}/"

        return serve

    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
            (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
            (OK + b"\r\nok", b"ok"),
            (b"HTTP/1.0 200 OK\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 204 No\r\n\r\n", b""),
        ],
    )
    async def test_ways_to_answer(
        self,
        client: HttpsClient,
        serve: Callable[[bytes], Awaitable[str]],
        answer: bytes,
        body: bytes,
    ) -> None:
        assert (await get(client, await serve(answer))).body == body

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (b"", "proper HTTP"),
            (b"220 mx ESMTP\r\n", "proper HTTP"),
            (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "proper HTTP"),
            (OK + b"Content-Length: 5\r\n\r\nok", "proper HTTP"),
            (OK + b"Content-Length: -5\r\n\r\nok", "proper HTTP"),
            (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok", "proper HTTP"),
            (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "proper HTTP"),
            (OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n", "proper HTTP"),
            (OK + b"Content-Length: 9999999\r\n\r\n" + b"x" * 99_999, "more than 65536"),
            (OK + b"\r\n" + b"x" * 99_999, "more than 65536"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "does not come to its point"),
        ],
    )
    async def test_answers_that_are_none(
        self,
        client: HttpsClient,
        serve: Callable[[bytes], Awaitable[str]],
        answer: bytes,
        why: str,
    ) -> None:
        with pytest.raises(HttpsFailure, match=why) as raised:
            await get(client, await serve(answer))
        assert not raised.value.certificate

    async def test_a_body_that_is_cut_off_is_none(
        self, client: HttpsClient, peers: Peers, authority: Authority
    ) -> None:
        """Without a length only the alert of TLS tells an end from a cut."""

        async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK + b"\r\nversion: STSv1\nmode: none\n")
            await writer.drain()
            writer.transport.abort()

        port = await peers.serve(cut, tls=authority.issue(HOST).server_context())
        with pytest.raises(HttpsFailure):
            await get(client, f"https://{HOST}:{port}/")

    @pytest.mark.parametrize("when", ["handshake", "answer", "drip"])
    async def test_time_is_bounded(
        self, client: HttpsClient, peers: Peers, authority: Authority, when: str
    ) -> None:
        async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while when == "drip":
                writer.write(b"H")
                await asyncio.sleep(0.02)
            await asyncio.Event().wait()

        tls = None if when == "handshake" else authority.issue(HOST).server_context()
        port = await peers.serve(session, tls=tls)
        with pytest.raises(HttpsFailure, match=r"too long|proper HTTP"):
            await client.get(f"https://{HOST}:{port}/", max_bytes=10, timeout_s=0.3)

    async def test_nobody_is_there(self, client: HttpsClient, zone: Zone) -> None:
        zone.addresses[HOST] = ("127.0.0.99",)
        with pytest.raises(HttpsFailure, match=r"127\.0\.0\.99: connection refused"):
            await get(client, f"https://{HOST}:1999/")


@pytest.mark.parametrize(
    "url",
    ["", "x", "http://mta-sts.example.test/", "https:///x", "https://", "ftp://mta-sts.example.test/",
     "https://user@mta-sts.example.test/", "https://u:p@mta-sts.example.test/", "https://127.0.0.1/",
     "https://[::1]/", "https://[::1", "https://mta-sts.example.test:25/",
     "https://mta-sts.example.test:99999/", "https://mta-sts.example.test:x/",
     "https://mta-sts.example.test/a b", "https://mta-sts.example.test/\r\nX: y",
     "https://mta-sts.example.test/\u00fc", "https://mta-sts.example.test/" + "x" * 3000,
     "file:///etc/passwd", "https://.", "//mta-sts.example.test/"],
)  # fmt: skip
async def test_addresses_that_are_refused(client: HttpsClient, zone: Zone, url: str) -> None:
    with pytest.raises(HttpsFailure):
        await get(client, url)
    assert isinstance(client._resolver, FakeDns)
    assert not client._resolver.asked

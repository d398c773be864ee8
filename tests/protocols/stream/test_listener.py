"""The listener on loopback: reading, writing, TLS, limits, draining."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from pillarbox.base.log import logger
from pillarbox.net import certs
from pillarbox.protocols.stream.connection import READ_AHEAD_BYTES, Connection, Draining
from pillarbox.protocols.stream.listener import (
    ConnectionLimits,
    LimitOptions,
    Listener,
    ListenerSpec,
)
from pillarbox.protocols.stream.tls import TlsContexts

Session = Callable[[Connection], Awaitable[None]]


@pytest.fixture(scope="session")
def pair() -> certs.KeyPair:
    return certs.make(("localhost", "127.0.0.1"), datetime.now(UTC))


class Server:
    """A listener on a loopback port and the way to it."""

    def __init__(self, pair: certs.KeyPair) -> None:
        self.pair = pair
        self.running: list[Listener] = []
        self.port = 0

    async def start(
        self,
        session: Session,
        *,
        implicit: bool = False,
        limits: LimitOptions | None = None,
        trusted: bool = False,
    ) -> Listener:
        bound = socket.create_server(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        tls = TlsContexts(certs.server_context(self.pair))
        spec = ListenerSpec("test", (bound,), implicit, tls, session, b"421 no\r\n")
        listener = Listener(
            spec, ConnectionLimits(limits or LimitOptions(), lambda ip: trusted), logger("test")
        )
        await listener.start()
        self.running.append(listener)
        return listener

    async def connect(
        self, *, tls: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self.client_context() if tls else None
        name = "localhost" if tls else None
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.pair.chain.decode())


@pytest.fixture
async def server(pair: certs.KeyPair) -> AsyncIterator[Server]:
    made = Server(pair)
    yield made
    for listener in made.running:
        await listener.drain(0.1)


async def echo(connection: Connection) -> None:
    while data := await connection.read(5):
        connection.write(data)


async def test_echo_and_half_close(server: Server) -> None:
    await server.start(echo)
    reader, writer = await server.connect()
    writer.write(b"hello")
    writer.write_eof()
    assert await reader.read() == b"hello"
    writer.close()


async def test_implicit_tls(server: Server) -> None:
    facts = []

    async def session(connection: Connection) -> None:
        facts.append(connection.tls)
        assert not connection.can_start_tls
        await echo(connection)

    await server.start(session, implicit=True)
    reader, writer = await server.connect(tls=True)
    payload = bytes(range(256)) * 800
    writer.write(payload)
    assert await reader.readexactly(len(payload)) == payload
    writer.close()
    await writer.wait_closed()
    assert facts[0] is not None
    assert facts[0].version == "TLSv1.3"
    assert facts[0].server_name == "localhost"


async def test_starttls_drops_what_came_before(server: Server) -> None:
    injected = asyncio.Event()

    async def session(connection: Connection) -> None:
        assert connection.can_start_tls
        await connection.read(5)
        await injected.wait()
        await asyncio.sleep(0.02)
        assert connection._chunks == [b"injected\r\n"]
        connection.write(b"go\r\n")
        await connection.start_tls()
        connection.write(b"secure " + await connection.read(5))

    await server.start(session)
    reader, writer = await server.connect()
    writer.write(b"STARTTLS\r\n")
    await asyncio.sleep(0.02)
    writer.write(b"injected\r\n")
    injected.set()
    assert await reader.readline() == b"go\r\n"
    await writer.start_tls(server.client_context(), server_hostname="localhost")
    writer.write(b"inside")
    assert await reader.read() == b"secure inside"
    writer.close()


async def test_handshake_that_is_none_ends_the_connection_only(server: Server) -> None:
    await server.start(echo, implicit=True)
    reader, writer = await server.connect()
    writer.write(b"EHLO there\r\n")
    await reader.read()
    writer.close()
    reader, writer = await server.connect(tls=True)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    writer.close()


async def test_read_times_out(server: Server) -> None:
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def session(connection: Connection) -> None:
        assert await connection.read(60) == b"first"
        try:
            await connection.read(0.02)
        except TimeoutError:
            outcome.set_result("timeout")

    await server.start(session)
    _, writer = await server.connect()
    writer.write(b"first")
    assert await asyncio.wait_for(outcome, 5) == "timeout"
    writer.close()


async def test_read_or_wakes_without_losing_input(server: Server) -> None:
    wake = asyncio.Event()
    seen: list[bytes | None] = []

    async def session(connection: Connection) -> None:
        connection.write(b"ready")
        seen.append(await connection.read_or(wake, 5))
        wake.clear()
        connection.write(b"woken")
        seen.append(await connection.read_or(wake, 5))

    await server.start(session)
    reader, writer = await server.connect()
    await reader.readexactly(5)
    wake.set()
    await reader.readexactly(5)
    writer.write(b"DONE")
    assert await reader.read() == b""
    assert seen == [None, b"DONE"]
    writer.close()


async def test_input_comes_before_a_hint(server: Server) -> None:
    """Who is woken again and again hears the client all the same."""
    wake = asyncio.Event()
    wake.set()
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def session(connection: Connection) -> None:
        connection.write(b"ready")
        for turn in range(100_000):
            if await connection.read_or(wake, 5):
                heard.set_result(turn)
                return
            await asyncio.sleep(0)
        heard.set_result(-1)

    await server.start(session)
    reader, writer = await server.connect()
    await reader.readexactly(5)
    writer.write(b"NOOP")
    assert await asyncio.wait_for(heard, 30) >= 0
    writer.close()


async def test_writes_of_one_turn_leave_together(server: Server) -> None:
    sent: list[bytes] = []

    async def session(connection: Connection) -> None:
        transport = connection._transport
        assert transport is not None

        class Recording:
            def write(self, data: bytes) -> None:
                sent.append(data)
                transport.write(data)

            def __getattr__(self, name: str) -> object:
                return getattr(transport, name)

        connection._transport = Recording()  # type: ignore[assignment]
        for _ in range(10):
            connection.write(b"line\r\n")
        await connection.read(5)

    await server.start(session)
    reader, writer = await server.connect()
    assert await reader.readexactly(60) == b"line\r\n" * 10
    assert len(sent) == 1
    writer.close()


async def test_reading_pauses_while_the_session_is_behind(server: Server) -> None:
    go = asyncio.Event()
    held: list[int] = []

    async def session(connection: Connection) -> None:
        await go.wait()
        held.append(connection._buffered_bytes)
        total = 0
        while data := await connection.read(5):
            total += len(data)
        connection.write(str(total).encode())

    await server.start(session)
    reader, writer = await server.connect()
    size = 8 << 20
    writer.write(bytes(size))
    await asyncio.sleep(0.1)
    go.set()
    await writer.drain()
    writer.write_eof()
    assert await reader.read() == str(size).encode()
    assert READ_AHEAD_BYTES < held[0] <= 2 * READ_AHEAD_BYTES
    writer.close()


async def test_drain_waits_for_a_slow_peer(server: Server) -> None:
    progress: list[int] = []

    async def session(connection: Connection) -> None:
        for number in range(64):
            connection.write(bytes(1 << 18))
            await connection.drain()
            progress.append(number)

    await server.start(session)
    reader, writer = await server.connect()
    reader._limit = 1 << 16  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    assert len(progress) < 64
    total = 0
    while data := await reader.read(1 << 20):
        total += len(data)
    assert total == 64 << 18
    writer.close()


async def test_limits_refuse_and_trusted_are_exempt(server: Server) -> None:
    await server.start(echo, limits=LimitOptions(total=0, per_ip=1))
    first = await server.connect()
    reader, writer = await server.connect()
    assert await reader.read() == b"421 no\r\n"
    writer.close()
    first[1].close()
    await server.start(echo, limits=LimitOptions(total=2, per_ip=1), trusted=True)
    pairs = [await server.connect() for _ in range(2)]
    reader, writer = await server.connect()
    assert await reader.read() == b"421 no\r\n"
    for _, other in (*pairs, (reader, writer)):
        other.close()


async def test_room_is_given_back(server: Server) -> None:
    await server.start(echo, limits=LimitOptions(total=1))
    for _ in range(3):
        reader, writer = await server.connect()
        writer.write(b"x")
        writer.write_eof()
        assert await reader.read() == b"x"
        writer.close()


async def test_failing_session_ends_alone(server: Server) -> None:
    async def session(connection: Connection) -> None:
        if await connection.read(5) == b"fail":
            raise ZeroDivisionError
        connection.write(b"fine")

    await server.start(session)
    reader, writer = await server.connect()
    writer.write(b"fail")
    assert await reader.read() == b""
    writer.close()
    reader, writer = await server.connect()
    writer.write(b"work")
    assert await reader.read() == b"fine"
    writer.close()


async def test_draining_ends_sessions_at_rest_and_spares_busy_ones(server: Server) -> None:
    release = asyncio.Event()

    async def session(connection: Connection) -> None:
        connection.write(b"hi")
        try:
            if await connection.read(5, at_rest=True) == b"work":
                await release.wait()
                connection.write(b"done")
                await connection.read(5, at_rest=True)
        except Draining:
            connection.write(b" bye")

    listener = await server.start(session)
    resting, busy = await server.connect(), await server.connect()
    for reader, _ in (resting, busy):
        assert await reader.readexactly(2) == b"hi"
    busy[1].write(b"work")
    await asyncio.sleep(0.02)
    draining = asyncio.create_task(listener.drain(5))
    assert await resting[0].read() == b" bye"
    assert not draining.done()
    release.set()
    assert await busy[0].read() == b"done bye"
    await draining
    with pytest.raises(OSError):
        await server.connect()
    for _, writer in (resting, busy):
        writer.close()


async def test_draining_cuts_off_the_stubborn(server: Server) -> None:
    async def session(connection: Connection) -> None:
        await asyncio.Event().wait()

    listener = await server.start(session)
    reader, writer = await server.connect()
    await asyncio.sleep(0.02)
    await asyncio.wait_for(listener.drain(0.05), 5)
    assert await reader.read() == b""
    writer.close()


async def test_one_network_of_ipv6_counts_as_one_client() -> None:
    limits = ConnectionLimits(LimitOptions(per_ip=1), lambda ip: False)

    def come(ip: str) -> Connection | None:
        connection = Connection()
        connection.peer_ip = ip
        return connection if limits.enter(connection) else None

    first = come("2001:db8:0:1::1")
    assert first is not None
    assert come("2001:db8:0:1:ffff::2") is None
    assert come("2001:db8:0:2::1") is not None
    limits.leave(first)
    assert come("2001:db8:0:1:ffff::2") is not None
    assert come("192.0.2.1") is not None
    assert come("192.0.2.2") is not None


async def test_input_is_waited_for_and_not_taken(server: Server) -> None:
    seen: list[bool | bytes] = []

    async def session(connection: Connection) -> None:
        seen.append(await connection.input_within(0.02))
        connection.write(b"ready")
        await connection.drain()
        seen.append(await connection.input_within(60))
        seen.append(await connection.read(5))
        seen.append(await connection.input_within(60))
        connection.write(b"gone")

    await server.start(session)
    reader, writer = await server.connect()
    await reader.readexactly(5)
    writer.write(b"early")
    writer.write_eof()
    assert await reader.read() == b"gone"
    assert seen == [False, True, b"early", False]
    writer.close()

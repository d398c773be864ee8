"""Connections that a proxy passes on: whose they are, and what is no such connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kit.proxy import own, proxied, proxied_binary
from kit.wire import Wire, trusting_context
from pillarbox.base.log import logger
from pillarbox.net import certs
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.listener import (
    PROXY_TIMEOUT_S,
    ConnectionLimits,
    LimitOptions,
    Listener,
    ListenerSpec,
)
from pillarbox.protocols.stream.tls import TlsContexts

PROXY, TRUSTED = "127.0.0.1", "192.0.2.99"


class House:
    """Starts a listener whose clients are told who they are."""

    def __init__(self, pair: certs.KeyPair) -> None:
        self._pair = pair
        self._listeners: list[Listener] = []
        self.limits = ConnectionLimits(LimitOptions(), lambda ip: False)
        self.port = 0

    async def start(
        self,
        *,
        implicit: bool = False,
        proxies: bool = True,
        per_ip: int = 0,
        timeout_s: float = PROXY_TIMEOUT_S,
    ) -> None:
        bound = socket.create_server((PROXY, 0))
        self.port = bound.getsockname()[1]
        self.limits = ConnectionLimits(
            LimitOptions(per_ip=per_ip),
            lambda ip: ip == TRUSTED,
            lambda ip: proxies and ip == PROXY,
        )
        tls = TlsContexts(certs.server_context(self._pair))
        spec = ListenerSpec("test", (bound,), implicit, tls, tell, b"421 no\r\n", timeout_s)
        listener = Listener(spec, self.limits, logger("test"))
        await listener.start()
        self._listeners.append(listener)

    async def told(self, header: bytes, *, tls: bool = False) -> list[bytes]:
        """What a client with such a header is told."""
        async with await self.connected(header, tls=tls) as wire:
            return (await wire.line()).split()

    async def connected(self, header: bytes, *, tls: bool = False) -> Wire:
        reader, writer = await asyncio.open_connection(PROXY, self.port)
        writer.write(header)
        if tls:
            await writer.start_tls(trusting_context())
        return Wire(reader, writer)

    async def close(self) -> None:
        for listener in self._listeners:
            await listener.drain(0.1)


@pytest.fixture(scope="module")
def pair() -> certs.KeyPair:
    return certs.make(("localhost", "127.0.0.1"), datetime.now(UTC))


@pytest.fixture
async def house(pair: certs.KeyPair) -> AsyncIterator[House]:
    made = House(pair)
    yield made
    await made.close()


async def tell(connection: Connection) -> None:
    trust = "trusted" if connection.trusted else "unknown"
    connection.write(f"{connection.peer_ip} {connection.peer_port} {trust}\r\n".encode())
    while data := await connection.read(5):
        connection.write(data)


@pytest.mark.parametrize("tls", [False, True])
async def test_session_sees_the_client(house: House, tls: bool) -> None:
    await house.start(implicit=tls)
    for header in (proxied("192.0.2.7", 4711), proxied_binary("192.0.2.7", 4711, b"\x04\0\0")):
        assert await house.told(header, tls=tls) == [b"192.0.2.7", b"4711", b"unknown"]
    assert (await house.told(proxied("2001:db8::7"), tls=tls))[0] == b"2001:db8::7"
    assert (await house.told(proxied(TRUSTED), tls=tls))[2] == b"trusted"


async def test_proxy_speaks_for_itself(house: House) -> None:
    await house.start()
    assert (await house.told(own()))[::2] == [PROXY.encode(), b"unknown"]


async def test_bytes_behind_the_header_are_the_clients(house: House) -> None:
    await house.start()
    async with await house.connected(proxied("192.0.2.7") + b"early ") as wire:
        await wire.line()
        await wire.send(b"late\r\n")
        assert await wire.line() == b"early late\r\n"


async def test_header_in_pieces(house: House) -> None:
    await house.start()
    header = proxied("192.0.2.7")
    async with await house.connected(header[:9]) as wire:
        await asyncio.sleep(0)
        await wire.send(header[9:])
        assert (await wire.line()).startswith(b"192.0.2.7 ")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("header", [b"EHLO x\r\n", b"PROXY TCP4 ::1 ::1 1 2\r\n", b"\x16\x03\x01"])
async def test_nothing_is_said_without_a_header(house: House, header: bytes, tls: bool) -> None:
    await house.start(implicit=tls)
    async with await house.connected(header) as wire:
        assert await wire.rest() == b""
    assert house.limits.total == 0


async def test_silence_is_cut_off(house: House) -> None:
    await house.start(timeout_s=0.02)
    async with await house.connected(proxied("192.0.2.7")[:-1]) as wire:
        assert await wire.rest() == b""


async def test_leaving_early_leaves_nothing(house: House) -> None:
    await house.start()
    wire = await house.connected(b"PROXY ")
    wire.writer.write_eof()
    assert await wire.rest() == b""
    await wire.close()
    assert house.limits.total == 0


async def test_others_cannot_claim_an_address(house: House) -> None:
    await house.start(proxies=False)
    async with await house.connected(proxied(TRUSTED)) as wire:
        assert (await wire.line()).split()[::2] == [PROXY.encode(), b"unknown"]
        assert await wire.line() == proxied(TRUSTED)


async def test_limit_is_for_the_client(house: House) -> None:
    await house.start(per_ip=1)
    first = await house.connected(proxied("192.0.2.7"))
    await first.line()
    async with await house.connected(proxied("192.0.2.7")) as second:
        assert await second.rest() == b"421 no\r\n"
    assert (await house.told(proxied("192.0.2.8")))[0] == b"192.0.2.8"
    await first.close()
    trusted = [await house.connected(proxied(TRUSTED)) for _ in range(2)]
    for wire in trusted:
        assert (await wire.line()).endswith(b"trusted\r\n")
        await wire.close()


async def test_draining_waits_for_no_header(house: House) -> None:
    await house.start()
    async with await house.connected(b"PROXY ") as wire:
        await house.told(proxied("192.0.2.7"))  # the first one was accepted before
        await asyncio.wait_for(house._listeners[0].drain(60), 5)
        assert await wire.rest() == b""

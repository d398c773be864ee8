"""Connecting to the first address that answers, from an address of one's own, through a proxy."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from kit.peers import Peers, until
from kit.socks import SocksProxy
from pillarbox.net import dial as dialling
from pillarbox.net.dial import DialFailure, DialOptions, Proxy, Try, dial
from pillarbox.net.stream import ClientStream

QUICK = DialOptions(timeout_s=5, allow_private=True, stagger_s=0.05)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = writer.get_extra_info("peername")[0]
    writer.write(f"hello {peer}\n".encode())
    await reader.read()


@pytest.fixture
async def port(peers: Peers) -> int:
    return await peers.serve(greet)


@pytest.fixture
async def deaf() -> AsyncIterator[tuple[str, int]]:
    """An address that does not answer: its queue of connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.9", 0))
        server.listen(0)
        address: tuple[str, int] = server.getsockname()
        filling = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(address)
                filling.append(one)
            yield address
        finally:
            for one in filling:
                one.close()


async def said(stream: ClientStream) -> bytes:
    try:
        return await stream.read(5)
    finally:
        await stream.close()


async def test_the_first_that_answers(port: int) -> None:
    stream = await dial(["127.0.0.2", "127.0.0.1", "127.0.0.3"], port, QUICK)
    assert (stream.ip, stream.port) == ("127.0.0.1", port)
    assert await said(stream) == b"hello 127.0.0.1\n"


async def test_who_is_silent_is_not_waited_for(peers: Peers, deaf: tuple[str, int]) -> None:
    ip, port = deaf
    await peers.serve(greet, port=port)
    started = asyncio.get_running_loop().time()
    stream = await dial([ip, "127.0.0.1"], port, QUICK)
    assert stream.ip == "127.0.0.1"
    assert asyncio.get_running_loop().time() - started < 3
    await said(stream)


async def test_every_try_is_told(deaf: tuple[str, int]) -> None:
    ip, port = deaf
    options = DialOptions(timeout_s=0.3, allow_private=True, stagger_s=0.05)
    with pytest.raises(DialFailure) as raised:
        await dial(["127.0.0.2", "nonsense", ip], port, options)
    assert sorted(raised.value.tries, key=lambda one: one.ip) == [
        Try("127.0.0.2", "connection refused"),
        Try(ip, "no answer"),
        Try("nonsense", "this is no address"),
    ]
    assert (raised.value.ip, raised.value.why) == (ip, "no answer")
    assert isinstance(raised.value, ConnectionError)


async def test_no_address() -> None:
    with pytest.raises(DialFailure) as raised:
        await dial([], 25, QUICK)
    assert raised.value.tries == ()


async def test_not_all_of_very_many_are_tried(peers: Peers) -> None:
    with pytest.raises(DialFailure) as raised:
        await dial([f"127.0.1.{n}" for n in range(100)], 1, QUICK)
    assert len(raised.value.tries) == dialling.ADDRESSES_MAX


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
async def test_private_addresses_only_where_that_is_allowed(peers: Peers, ip: str) -> None:
    port = await peers.serve(greet)
    with pytest.raises(DialFailure, match="not of the public network"):
        await dial([ip], port, DialOptions(timeout_s=1))
    assert peers.connections == 0


async def test_from_an_address_of_one_s_own(port: int) -> None:
    options = DialOptions(5, ("::1", "127.0.0.7"), allow_private=True)
    stream = await dial(["127.0.0.1"], port, options)
    assert stream.local_ip == "127.0.0.7"
    assert await said(stream) == b"hello 127.0.0.7\n"


async def test_from_an_address_that_is_not_ours(port: int) -> None:
    options = DialOptions(5, ("192.0.2.1",), allow_private=True)
    with pytest.raises(DialFailure, match="no address to come from"):
        await dial(["127.0.0.1"], port, options)


async def test_ipv6(peers: Peers) -> None:
    if not has_ipv6():
        pytest.skip("needs IPv6 on loopback")
    port = await peers.serve(greet, host="::1")
    stream = await dial(["::1"], port, DialOptions(5, ("127.0.0.7",), allow_private=True))
    assert await said(stream) == b"hello ::1\n"


async def test_without_ipv6_there_is_ipv4(port: int) -> None:
    """No route leads to documentation's addresses; whatever the system says, IPv4 is tried."""
    stream = await dial(["2001:db8::1", "127.0.0.1"], port, QUICK)
    assert stream.ip == "127.0.0.1"
    await said(stream)


async def test_giving_up_leaves_nothing(deaf: tuple[str, int]) -> None:
    ip, port = deaf
    task = asyncio.create_task(dial([ip, ip], port, QUICK))
    await until(lambda: len(asyncio.all_tasks()) == 4)  # this, the call and its two tries
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_only_one_connection_stays(peers: Peers) -> None:
    over = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        assert not await reader.read()
        over.set()

    port = await peers.serve(hold, host="127.0.0.1")
    stream = await dial(["127.0.0.1"] * 5, port, DialOptions(5, allow_private=True, stagger_s=0))
    assert await stream.read(5) == b"x"
    await stream.close()
    await asyncio.wait_for(over.wait(), 5)
    assert peers.connections >= 1


class TestProxy:
    @pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
    async def test_goes_through(self, peers: Peers, ip: str) -> None:
        if ip == "::1" and not has_ipv6():
            pytest.skip("needs IPv6 on loopback")
        port = await peers.serve(greet, host=ip)
        async with SocksProxy() as proxy:
            options = DialOptions(5, proxy=Proxy("localhost", proxy.port), allow_private=True)
            stream = await dial([ip], port, options)
            assert (stream.ip, stream.port) == (ip, port)
            # The first words came with the proxy's last.
            assert await said(stream) == f"hello {ip}\n".encode()
            assert proxy.asked == [(ip, port)]

    async def test_with_a_login(self, port: int) -> None:
        """RFC 1929 §2."""
        async with SocksProxy(login=("user", "secret")) as proxy:
            right = Proxy("127.0.0.1", proxy.port, "user", "secret")
            stream = await dial(
                ["127.0.0.1"], port, DialOptions(5, proxy=right, allow_private=True)
            )
            await said(stream)
            for wrong, why in (
                (Proxy("127.0.0.1", proxy.port, "user", "other"), "does not take"),
                (Proxy("127.0.0.1", proxy.port), "another kind of login"),
                (Proxy("127.0.0.1", proxy.port, "x" * 256, "x"), "1 to 255 bytes"),
                (Proxy("127.0.0.1", proxy.port, "user", ""), "1 to 255 bytes"),
            ):
                options = DialOptions(5, proxy=wrong, allow_private=True)
                with pytest.raises(DialFailure, match=why):
                    await dial(["127.0.0.1"], port, options)

    async def test_the_next_address_is_tried(self, port: int) -> None:
        async with SocksProxy() as proxy:
            options = DialOptions(5, proxy=Proxy("127.0.0.1", proxy.port), allow_private=True)
            stream = await dial(["127.0.0.2", "127.0.0.1"], port, options)
            assert stream.ip == "127.0.0.1"
            await said(stream)
            with pytest.raises(DialFailure) as raised:
                await dial(["127.0.0.2"], port, options)
        assert raised.value.tries == (Try("127.0.0.2", "the connection was refused"),)

    async def test_the_proxy_is_away(self, port: int) -> None:
        options = DialOptions(5, proxy=Proxy("127.0.0.2", port), allow_private=True)
        with pytest.raises(DialFailure, match=r"proxy 127\.0\.0\.2: connection refused"):
            await dial(["127.0.0.1"], port, options)

    async def test_the_target_must_be_public_too(self, port: int) -> None:
        async with SocksProxy() as proxy:
            options = DialOptions(5, proxy=Proxy("127.0.0.1", proxy.port))
            with pytest.raises(DialFailure, match="not of the public network"):
                await dial(["127.0.0.1"], port, options)
            assert not proxy.asked

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (b"", "it left"),
            (b"\x05", "it left"),
            (b"\x04\x00", "does not speak SOCKS5"),
            (b"HTTP/1.1 400 no\r\n", "does not speak SOCKS5"),
            (b"\x05\xff", "another kind of login"),
            (b"\x05\x02", "another kind of login"),
            (b"\x05\x00\x05\x02\x00\x01" + bytes(6), "does not allow"),
            (b"\x05\x00\x05\x00\x00\x07" + bytes(6), "unknown kind of address"),
            (b"\x05\x00\x05\x63\x00\x03\x01a" + bytes(2), "failed"),
            (b"\x05\x00\x05\x00\x00\x03\xff" + bytes(99), "it left"),
        ],
    )
    async def test_what_a_proxy_may_say(self, peers: Peers, answer: bytes, why: str) -> None:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.write_eof()
            await reader.read()

        proxy = Proxy("127.0.0.1", await peers.serve(say))
        with pytest.raises(DialFailure, match=why):
            await dial(["127.0.0.1"], 25, DialOptions(5, proxy=proxy, allow_private=True))

    async def test_a_silent_proxy(self, peers: Peers) -> None:
        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        proxy = Proxy("127.0.0.1", await peers.serve(wait))
        with pytest.raises(DialFailure, match="no answer"):
            await dial(["127.0.0.1"], 25, DialOptions(0.1, proxy=proxy, allow_private=True))

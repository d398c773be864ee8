"""Connections to other servers: to the first of several addresses that answers.

Addresses are tried in their order, the next one as soon as one fails or has not answered for a
moment (much as RFC 8305 §5 has it); the first connection is kept, the others are given up.
Called by whatever sends.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType

from pillarbox.net.addresses import is_public
from pillarbox.net.socks import Proxy, Socks, SocksError
from pillarbox.net.stream import ClientStream

__all__ = ["ADDRESSES_MAX", "DialFailure", "DialOptions", "Proxy", "Try", "dial"]

ADDRESSES_MAX = 16
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; Python has no name for it
_WHY = MappingProxyType(
    {
        errno.ECONNREFUSED: "connection refused",
        errno.ECONNRESET: "connection reset",
        errno.EHOSTUNREACH: "no route to the host",
        errno.ENETUNREACH: "the network can't be reached",
        errno.EAFNOSUPPORT: "this machine does not have this kind of address",
        errno.EADDRNOTAVAIL: "no address to come from",
        errno.ETIMEDOUT: "no answer",
    }
)


@dataclass(frozen=True, slots=True)
class DialOptions:
    """How to connect.

    `timeout_s` is for one address, with the proxy if there is one. `sources` are addresses of ours
    to come from, one for either family; a family that has none comes from wherever the system
    chooses, and behind a proxy they are not used. `allow_private` permits addresses that are not of
    the public network. After `stagger_s` without an answer the next address is tried too.
    """

    timeout_s: float = 30.0
    sources: tuple[str, ...] = ()
    proxy: Proxy | None = None
    allow_private: bool = False
    stagger_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Try:
    """An address that could not be connected to."""

    ip: str
    why: str


class DialFailure(ConnectionError):
    """No address could be connected to; `ip` and `why` are of the last that was tried."""

    def __init__(self, tries: tuple[Try, ...]) -> None:
        super().__init__("; ".join(f"{one.ip}: {one.why}" for one in tries) or "no address")
        self.tries = tries
        self.ip = tries[-1].ip if tries else ""
        self.why = tries[-1].why if tries else "no address"


async def dial(addresses: Sequence[str], port: int, options: DialOptions) -> ClientStream:
    """Connect to the first of the addresses that answers, of 16 at most.

    Raises `DialFailure` when none does.
    """
    return await _Race(addresses[:ADDRESSES_MAX], port, options).run()


class _Race:
    """The tries of one call, each a task."""

    def __init__(self, addresses: Sequence[str], port: int, options: DialOptions) -> None:
        self._left: Iterator[str] = iter(addresses)
        self._port = port
        self._options = options
        self._failed: list[Try] = []
        self._running: dict[asyncio.Task[ClientStream], str] = {}

    async def run(self) -> ClientStream:
        try:
            more = self._start()
            while self._running:
                stagger_s = self._options.stagger_s if more else None
                done, _ = await asyncio.wait(
                    self._running, timeout=stagger_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if (stream := self._ended(task)) is not None:
                        return stream
                more = more and self._start()
        finally:
            await self._give_up()
        raise DialFailure(tuple(self._failed))

    def _start(self) -> bool:
        """Try the next address; gives whether there was one."""
        ip = next(self._left, None)
        if ip is None:
            return False
        task = asyncio.get_running_loop().create_task(_connect(ip, self._port, self._options))
        self._running[task] = ip
        return True

    def _ended(self, task: asyncio.Task[ClientStream]) -> ClientStream | None:
        ip = self._running.pop(task)
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, (OSError, SocksError)):
            raise error
        self._failed.append(Try(ip, _why(error)))
        return None

    async def _give_up(self) -> None:
        for task in self._running:
            task.cancel()
        for one in await asyncio.gather(*self._running, return_exceptions=True):
            if isinstance(one, ClientStream):
                one.abort()


async def _connect(ip: str, port: int, options: DialOptions) -> ClientStream:
    if not _is_address(ip):
        raise OSError("this is no address")
    if not options.allow_private and not is_public(ip):
        raise OSError("this address is not of the public network")
    async with asyncio.timeout(options.timeout_s):
        if options.proxy is not None:
            return await _connect_through(options.proxy, ip, port, options.timeout_s)
        return await _connect_direct(ip, port, options.sources)


async def _connect_direct(ip: str, port: int, sources: tuple[str, ...]) -> ClientStream:
    loop = asyncio.get_running_loop()
    six = ":" in ip
    connected = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        source = next((one for one in sources if (":" in one) == six), None)
        if source is not None:
            _bind(connected, source)
        await loop.sock_connect(connected, (ip, port))
        _, stream = await loop.create_connection(lambda: ClientStream(ip, port), sock=connected)
    except BaseException:
        connected.close()
        raise
    return stream


def _bind(connecting: socket.socket, source: str) -> None:
    # The port is then chosen at the connection: many to different servers may share one.
    if hasattr(os, "memfd_create"):  # Linux
        try:
            connecting.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        except OSError:
            pass  # an old kernel; there are ports enough for most
    connecting.bind((source, 0))


async def _connect_through(proxy: Proxy, ip: str, port: int, timeout_s: float) -> ClientStream:
    socks = Socks(proxy, ip, port)
    loop = asyncio.get_running_loop()
    try:
        _, stream = await loop.create_connection(
            lambda: ClientStream(ip, port), proxy.host, proxy.port
        )
    except OSError as error:
        raise OSError(f"proxy {proxy.host}: {_why(error)}") from error
    try:
        stream.write(socks.begin())
        while not socks.done:
            data = await stream.read(timeout_s)
            if not data:
                raise OSError(f"proxy {proxy.host}: it left")
            stream.write(socks.receive(data))
    except BaseException:
        stream.abort()
        raise
    stream.unread(socks.rest)
    return stream


def _is_address(ip: str) -> bool:
    try:
        ip_address(ip)
    except ValueError:
        return False
    return True


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not (isinstance(error, OSError) and error.errno):
        return "no answer"
    if isinstance(error, OSError) and error.errno in _WHY:
        return _WHY[error.errno or 0]
    return str(error) or type(error).__name__

"""Listening: accepts connections, keeps their numbers in bounds, runs a session for each.

The sockets were bound by the supervisor. A session that fails ends its own connection and nothing
else. Called by `app/worker`; calls the session of the protocol.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address

from pillarbox.base.log import Logger, session_id
from pillarbox.protocols.stream.connection import Connection, Draining
from pillarbox.protocols.stream.tls import TlsContexts

DRAIN_TIMEOUT_S = 10.0
BACKLOG = 1024
PROXY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """What to listen on and what to do for those who connect.

    `refusal` is sent, in clear listeners only, to a client over a limit. A PROXY header has to come
    within `proxy_timeout_s`.
    """

    name: str
    sockets: Sequence[socket.socket]
    implicit_tls: bool
    tls: TlsContexts | None
    session: Callable[[Connection], Awaitable[None]]
    refusal: bytes = b""
    proxy_timeout_s: float = PROXY_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """How many connections a process accepts, in all and from one address; 0 is no limit.

    The addresses of an IPv6 /64 count as one.
    """

    total: int = 0
    per_ip: int = 0


class ConnectionLimits:
    """Counts the connections of every listener of a process."""

    def __init__(
        self,
        options: LimitOptions,
        trusted: Callable[[str], bool],
        proxies: Callable[[str], bool] = lambda ip: False,
    ) -> None:
        """`trusted` says whether an address is exempt from the limit per address.

        `proxies` says whether connections from an address must begin with a PROXY header.
        """
        self._options = options
        self._trusted = trusted
        self._proxies = proxies
        self._by_client: dict[str, int] = {}
        self._total = 0

    def replace(
        self,
        options: LimitOptions,
        trusted: Callable[[str], bool],
        proxies: Callable[[str], bool] = lambda ip: False,
    ) -> None:
        """Use other limits from now on; nobody is sent away."""
        self._options = options
        self._trusted = trusted
        self._proxies = proxies

    @property
    def total(self) -> int:
        """How many connections there are."""
        return self._total

    def trusted(self, ip: str) -> bool:
        """Whether the peer is in a trusted network; a Unix socket's always is."""
        return not ip or self._trusted(ip)

    def is_proxy(self, ip: str) -> bool:
        """Whether the peer passes on the connections of others."""
        return bool(ip) and self._proxies(ip)

    def enter(self, connection: Connection) -> bool:
        """Count a connection, unless that would pass a limit."""
        options, client = self._options, _client(connection.peer_ip)
        if options.total and self._total >= options.total:
            return False
        count = self._by_client.get(client, 0)
        if options.per_ip and count >= options.per_ip and not connection.trusted:
            return False
        self._count(client)
        return True

    def reveal(self, connection: Connection, ip: str, port: int) -> bool:
        """Count a proxy's connection for its client from now on; gives whether that is in bounds.

        It is counted, and has to `leave`, in any case.
        """
        self.leave(connection)
        connection.peer_ip, connection.peer_port = ip, port
        connection.trusted = self.trusted(ip)
        if self.enter(connection):
            return True
        self._count(_client(ip))
        return False

    def _count(self, client: str) -> None:
        self._by_client[client] = self._by_client.get(client, 0) + 1
        self._total += 1

    def leave(self, connection: Connection) -> None:
        """Stop counting a connection that `enter` counted."""
        client = _client(connection.peer_ip)
        self._total -= 1
        if self._by_client[client] == 1:
            del self._by_client[client]
        else:
            self._by_client[client] -= 1


def _client(ip: str) -> str:
    """Who is counted: an address, but the network of 64 bits where that is what clients are given.

    One customer has as many addresses of IPv6 as they like.
    """
    if ":" not in ip:
        return ip
    return str(IPv6Address(int(IPv6Address(ip)) >> 64 << 64))


class _Accepted(Connection):
    """A connection that reports to its listener."""

    __slots__ = ("_listener",)

    def __init__(self, listener: "Listener") -> None:
        spec = listener.spec
        super().__init__(spec.tls, implicit=spec.implicit_tls)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._listener.accepted(self)


class Listener:
    """One protocol's ports in one process."""

    def __init__(self, spec: ListenerSpec, limits: ConnectionLimits, log: Logger) -> None:
        self.spec = spec
        self._limits = limits
        self._log = log
        self._servers: list[asyncio.Server] = []
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._draining = False

    async def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        for bound in self.spec.sockets:
            server = await loop.create_server(lambda: _Accepted(self), sock=bound, backlog=BACKLOG)
            self._servers.append(server)

    def stop_accepting(self) -> None:
        """Accept no more; connections that are open stay."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> None:
        """Stop accepting, let sessions end where they are at rest, cut the rest off in the end."""
        self.stop_accepting()
        self._draining = True
        for connection in tuple(self._open):
            connection.begin_drain()
        if self._open:
            await asyncio.wait(tuple(self._open.values()), timeout=timeout_s)
        left = tuple(self._open.items())
        for connection, task in left:
            connection.abort()
            task.cancel()
        if left:
            self._log.warning("connections were cut off", listener=self.spec.name, count=len(left))
            await asyncio.wait([task for _, task in left], timeout=1.0)

    def accepted(self, connection: Connection) -> None:
        """Called once for each new connection."""
        limits, proxied = self._limits, self._limits.is_proxy(connection.peer_ip)
        # Of a proxy there may be any number, until it is known whose they are.
        connection.trusted = proxied or limits.trusted(connection.peer_ip)
        if self._draining or not limits.enter(connection):
            self._refuse(connection)
            return
        if proxied:
            connection.expect_proxy()
        task = asyncio.get_running_loop().create_task(self._run(connection, proxied))
        self._open[connection] = task

    def _refuse(self, connection: Connection) -> None:
        self._log.info("connection refused", listener=self.spec.name, ip=connection.peer_ip)
        if self.spec.refusal and not self.spec.implicit_tls:
            connection.write(self.spec.refusal)
        connection.close_soon()

    async def _run(self, connection: Connection, proxied: bool) -> None:
        session_id.set(connection.id)
        try:
            if proxied and not await self._learn_client(connection):
                self._refuse(connection)
                return
            if self.spec.implicit_tls:
                await connection.start_tls()
            await self.spec.session(connection)
        except (Draining, ConnectionError, TimeoutError) as error:
            self._log.info(
                "connection ended", listener=self.spec.name, ip=connection.peer_ip, why=str(error)
            )
        except Exception:
            self._log.exception("session failed", listener=self.spec.name, ip=connection.peer_ip)
        finally:
            try:
                await connection.close()
            finally:
                self._limits.leave(connection)
                self._open.pop(connection, None)

    async def _learn_client(self, connection: Connection) -> bool:
        """Take the connection for that of the proxy's client, if that one is in bounds."""
        client = await connection.proxy_header(self.spec.proxy_timeout_s)
        ip, port = connection.peer_ip, connection.peer_port
        if client is not None:
            ip, port = client.ip, client.port
        return self._limits.reveal(connection, ip, port)

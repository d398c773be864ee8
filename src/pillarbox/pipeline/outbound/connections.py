"""Connections to other hosts, kept for a moment and used again.

Called by `attempt`; calls `session`, `transmit` and `net/dial`.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field

from pillarbox.base.clock import Clock
from pillarbox.domain.queue.model import Stage
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.dial import DialFailure, DialOptions, dial
from pillarbox.pipeline.outbound.model import (
    HostFailure,
    Letter,
    NextHop,
    Peer,
    Security,
    Transmitted,
)
from pillarbox.pipeline.outbound.session import (
    NO_TROUBLE,
    HandshakeFailure,
    Session,
    SessionOptions,
    Trouble,
    temporary,
)
from pillarbox.pipeline.outbound.transmit import Resign, transmit

_ADDRESSES_TRIED = 4
_TROUBLE_S = 300.0
_TROUBLES_MAX = 1000
_FLEETING = (Stage.GREETING, Stage.EHLO)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How many connections there may be, and how long they are kept unused.

    `per_hop` are those to one host at once, `messages` the transactions on one of them, `idle` the
    unused ones of all hosts together. `allow_private` permits addresses that are not of the public
    network.
    """

    session: SessionOptions
    per_hop: int = 20
    messages: int = 100
    idle_s: float = 5.0
    idle: int = 200
    allow_private: bool = False


@dataclass(slots=True)
class _Pool:
    """The connections to one hop; `users` are those who have or wait for one."""

    room: asyncio.Semaphore
    idle: deque[Session] = field(default_factory=deque)
    users: int = 0


class Connections:
    """Hands letters to hosts; one object per process."""

    def __init__(
        self,
        options: ConnectionOptions,
        contexts: ClientContexts,
        clock: Clock,
        resign: Resign | None = None,
    ) -> None:
        """`resign` puts new signatures on content that had to be converted."""
        self._options = options
        self._contexts = contexts
        self._clock = clock
        self._resign = resign
        self._pools: dict[NextHop, _Pool] = {}
        self._idle = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._troubles: OrderedDict[NextHop, tuple[float, Trouble]] = OrderedDict()

    async def send(self, hop: NextHop, letter: Letter) -> Transmitted:
        """Hand a letter over; raises `HostFailure` if nothing was handed over.

        Waits while `per_hop` connections are busy. A kept connection that turns out to be of no
        more use is no failure: a fresh one takes its place at once.
        """
        pool = self._pools.get(hop)
        if pool is None:
            pool = self._pools[hop] = _Pool(asyncio.Semaphore(self._options.per_hop))
        pool.users += 1
        try:
            async with pool.room:
                return await self._send(hop, pool, letter)
        finally:
            pool.users -= 1
            self._forget_if_unused(hop, pool)

    async def close(self) -> None:
        """Close what is not in use, and let what is be closed after its letter."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for hop, pool in tuple(self._pools.items()):
            while pool.idle:
                self._drop(pool.idle.popleft())
            self._forget_if_unused(hop, pool)
        while self._closing:
            await asyncio.wait(self._closing)

    async def _send(self, hop: NextHop, pool: _Pool, letter: Letter) -> Transmitted:
        kept = self._take(pool)
        if kept is not None:
            try:
                return await self._use(pool, kept, letter)
            except HostFailure:
                # The host may have closed it at any time; nothing had been accepted yet.
                if not kept.broken:
                    raise
        return await self._use(pool, await self._open(hop), letter)

    async def _use(self, pool: _Pool, session: Session, letter: Letter) -> Transmitted:
        try:
            transmitted = await transmit(session, letter, self._resign)
        except HostFailure:
            self._give_back(pool, session)
            raise
        except BaseException:
            session.abort()
            raise
        self._give_back(pool, session)
        return transmitted

    # Opening

    async def _open(self, hop: NextHop) -> Session:
        """A fresh connection, over another address if the first one does not even greet.

        All addresses together have the time of one: it is the attacker's to say how many there are.
        """
        trouble = self._known_trouble(hop)
        addresses = hop.addresses
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + self._options.session.timeouts.setup_s
        for left in range(_ADDRESSES_TRIED, 0, -1):
            session = await self._dialled(hop, addresses)
            try:
                await session.open(trouble, until_s - now_s())
            except HandshakeFailure as failure:
                session.abort()
                trouble = _trouble(hop, failure, trouble)
                self._remember_trouble(hop, trouble)
                if now_s() >= until_s:
                    raise
                continue
            except HostFailure as failure:
                session.abort()
                addresses = tuple(one for one in addresses if one != session.peer.ip)
                last = left == 1 or not addresses or now_s() >= until_s
                if last or failure.stage not in _FLEETING:
                    raise
                continue
            except BaseException:
                session.abort()
                raise
            return session
        text = f"{hop.host} could not be used over any of its addresses"
        raise HostFailure(Stage.CONNECT, temporary("4.4.1", text), Peer(hop.host, "", hop.port))

    async def _dialled(self, hop: NextHop, addresses: tuple[str, ...]) -> Session:
        options = self._options
        dialling = DialOptions(
            timeout_s=options.session.timeouts.connect_s,
            sources=hop.sources,
            proxy=hop.proxy,
            allow_private=options.allow_private,
        )
        try:
            stream = await dial(addresses, hop.port, dialling)
        except DialFailure as failure:
            text = f"{hop.host} can't be reached: {failure}"
            peer = Peer(hop.host, failure.ip, hop.port)
            raise HostFailure(Stage.CONNECT, temporary("4.4.1", text[:1000]), peer) from failure
        return Session(stream, hop, options.session, self._contexts, self._clock)

    def _known_trouble(self, hop: NextHop) -> Trouble:
        """What TLS with this host came to a moment ago: not each connection is to be made twice."""
        until_s, trouble = self._troubles.get(hop, (0.0, NO_TROUBLE))
        return trouble if until_s > asyncio.get_running_loop().time() else NO_TROUBLE

    def _remember_trouble(self, hop: NextHop, trouble: Trouble) -> None:
        until_s = asyncio.get_running_loop().time() + _TROUBLE_S
        self._troubles[hop] = (until_s, trouble)
        self._troubles.move_to_end(hop)
        if len(self._troubles) > _TROUBLES_MAX:
            self._troubles.popitem(last=False)

    # Keeping

    def _take(self, pool: _Pool) -> Session | None:
        """The connection used last that the host has not closed."""
        while pool.idle:
            session = pool.idle.pop()
            self._idle -= 1
            if session.is_idle:
                return session
            session.abort()
        return None

    def _give_back(self, pool: _Pool, session: Session) -> None:
        options = self._options
        if session.broken:
            session.abort()
            return
        most = min(options.messages, session.capabilities.limit("MAILMAX") or options.messages)
        full = session.messages >= most or self._idle >= options.idle
        if full or self._closed or not session.is_idle:
            self._close(session)
            return
        session.idle_since_s = asyncio.get_running_loop().time()
        pool.idle.append(session)
        self._idle += 1
        if self._sweeping is None:
            self._sweep_in(options.idle_s)

    def _sweep_in(self, seconds: float) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """Close what was not used for too long, or by the host."""
        self._sweeping = None
        idle_s = self._options.idle_s
        before_s = asyncio.get_running_loop().time() - idle_s
        for hop, pool in tuple(self._pools.items()):
            kept = deque(
                one for one in pool.idle if one.is_idle and one.idle_since_s > before_s + 0.001
            )
            for session in pool.idle:
                if session not in kept:
                    self._drop(session)
            pool.idle = kept
            self._forget_if_unused(hop, pool)
        if self._idle and not self._closed:
            self._sweep_in(max(idle_s / 4, 0.01))

    def _drop(self, session: Session) -> None:
        self._idle -= 1
        self._close(session)

    def _close(self, session: Session) -> None:
        closing: Coroutine[object, object, None] = session.close()
        task = asyncio.ensure_future(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _forget_if_unused(self, hop: NextHop, pool: _Pool) -> None:
        if not pool.users and not pool.idle and self._pools.get(hop) is pool:
            del self._pools[hop]


def _trouble(hop: NextHop, failure: HandshakeFailure, before: Trouble) -> Trouble:
    """How to go on after a handshake that failed; raises the failure where there is no way."""
    security = hop.tls.security
    # Where certificates are only looked at, ciphers and keys are held to a higher standard, too.
    checked = security in (Security.OPPORTUNISTIC, Security.ENCRYPTED) and hop.tls.names
    if checked and not before.result:
        return Trouble(failure.tls_result)
    if security is not Security.OPPORTUNISTIC or hop.implicit_tls or hop.login:
        raise failure
    return Trouble(failure.tls_result, failure.reply.text[:500])

"""How much is sent at once: to a host, by a process, and how much memory it may take.

A `Pace` is asked before each connection. Features bring further ones (warm-up, what providers
allow); those that are always there are here. Called by `attempt` and `destination`.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from pillarbox.domain.queue.model import LeasedMessage

SMALL_BYTES = 64 << 10
LARGE_BYTES = 1 << 20
"""Content from this size on is opened one message at a time."""
WINDOW_AT_FIRST = 2
SLOW_S = 10.0
"""Whoever takes longer to be sent to no longer stands in the way of others."""
SLOW_TIMES = 4
"""So many times as many may be slow as may be under way."""


class NotYet(Exception):
    """A pace lets nothing go to a destination before an instant; no attempt was made."""

    def __init__(self, not_before_ms: int, why: str) -> None:
        super().__init__(why)
        self.not_before_ms = not_before_ms


class Pace(Protocol):
    """Says when a message may go."""

    def admit(self, domain: str, host: str) -> AbstractAsyncContextManager[None]:
        """Held while a message for `domain` is handed to `host`; entering it may wait.

        Entering raises `NotYet` where the wait would be long.
        """
        ...


def admission(paces: Sequence[Pace], domain: str, host: str) -> AbstractAsyncContextManager[None]:
    """What all paces admit."""
    if len(paces) == 1:
        return paces[0].admit(domain, host)
    return _admission(paces, domain, host)


@asynccontextmanager
async def _admission(paces: Sequence[Pace], domain: str, host: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for pace in paces:
            await stack.enter_async_context(pace.admit(domain, host))
        yield


class _Slots:
    """So many at once; whoever waits is served in order."""

    __slots__ = ("_free", "_waiting", "users")

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.users = 0

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody wants one and has none."""
        return any(not turn.done() for turn in self._waiting)

    def take_now(self) -> bool:
        """Take a slot if one is free."""
        if self._free <= 0:
            return False
        self._free -= 1
        self.users += 1
        return True

    async def take(self) -> None:
        if self.take_now():
            return
        self.users += 1
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self.users -= 1
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def give(self) -> None:
        self.users -= 1
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class _Place:
    """A slot of a host and one of the process, for as long as it is entered."""

    __slots__ = ("_host", "_pace")

    def __init__(self, pace: "Concurrency", host: str) -> None:
        self._pace = pace
        self._host = host

    async def __aenter__(self) -> None:
        hosts = self._pace.hosts
        slots = hosts.get(self._host)
        if slots is None:
            slots = hosts[self._host] = _Slots(self._pace.per_host)
        try:
            await slots.take()
            try:
                await self._pace.begin(self)
            except BaseException:
                slots.give()
                raise
        except BaseException:
            self._forget(slots)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pace.end(self)
        slots = self._pace.hosts[self._host]
        slots.give()
        self._forget(slots)

    def _forget(self, slots: _Slots) -> None:
        if not slots.users:
            self._pace.hosts.pop(self._host, None)


class Concurrency:
    """The pace that is always there: so many messages under way to a host, and in all.

    Hosts may take many minutes for a message, and some do so on purpose. Where others wait, a
    message gives its place among all up after `slow_s`, and counts with the slow ones.
    """

    def __init__(self, per_host: int, per_process: int, *, slow_s: float = SLOW_S) -> None:
        self.per_host = per_host
        self.all = _Slots(per_process)
        self._slow_s = slow_s
        self._slow_most = SLOW_TIMES * per_process
        self._since_s: dict[_Place, float] = {}
        """Those with a place among all, the longest first."""
        self._slow: set[_Place] = set()
        self._looking: asyncio.TimerHandle | None = None
        self.hosts: dict[str, _Slots] = {}
        """Those in use."""

    def admit(self, domain: str, host: str) -> AbstractAsyncContextManager[None]:
        return _Place(self, host)

    async def begin(self, place: _Place) -> None:
        """Take a place among all."""
        if not self.all.take_now():
            self._look_soon()
            await self.all.take()
        self._since_s[place] = time.monotonic()

    def end(self, place: _Place) -> None:
        """Give it back."""
        if self._since_s.pop(place, None) is None:
            self._slow.discard(place)
        else:
            self.all.give()

    def _look_soon(self) -> None:
        if self._looking is None:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(self._slow_s / 10, self._look)

    def _look(self) -> None:
        """Make room of the slow for those who wait, and look again while there are any."""
        self._looking = None
        before_s = time.monotonic() - self._slow_s
        room = max(self._slow_most - len(self._slow), 0)
        for place, since_s in list(islice(self._since_s.items(), room)):
            if since_s > before_s or not self.all.is_waited_for:
                break
            del self._since_s[place]
            self._slow.add(place)
            self.all.give()
        if self.all.is_waited_for:
            self._look_soon()


class Window:
    """How many messages go to one destination at once: few at first, more as it takes them.

    `alone` keeps it at one, for a destination on trial.
    """

    __slots__ = ("_most", "alone", "size")

    def __init__(self, most: int, *, alone: bool = False) -> None:
        self._most = most
        self.alone = alone
        self.size = 1 if alone else min(WINDOW_AT_FIRST, most)

    def grow(self) -> None:
        """A message was taken."""
        self.size = 1 if self.alone else min(self.size + 1, self._most)

    def shrink(self) -> None:
        """No host could be used."""
        self.size = max(1, self.size // 2)


class Room:
    """Memory for content on its way out; whoever finds none waits in order.

    What is larger than all of it goes when nothing else does.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.used_bytes = 0

    async def take(self, size_bytes: int) -> None:
        """Take room; what is taken must be given back."""
        size_bytes = min(size_bytes, self._limit_bytes)
        if not self._waiting and self.used_bytes + size_bytes <= self._limit_bytes:
            self.used_bytes += size_bytes
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.used_bytes -= size_bytes
            self._serve()
            raise

    def give(self, size_bytes: int) -> None:
        """Give room back."""
        self.used_bytes -= min(size_bytes, self._limit_bytes)
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            size_bytes, turn = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
                continue
            if self.used_bytes + size_bytes > self._limit_bytes:
                return
            self._waiting.popleft()
            self.used_bytes += size_bytes
            turn.set_result(None)


Load = Callable[[LeasedMessage], Awaitable[bytes]]


@dataclass(slots=True)
class _Shared:
    """Content that is in memory now, and for how many."""

    content: bytes | None = None
    users: int = 0
    opening: asyncio.Lock | None = None


class Contents:
    """Content of messages while they are sent, opened once for all destinations that want it.

    What is small does not wait for room that large messages take, which may be long.
    """

    def __init__(self, load: Load, room_bytes: int) -> None:
        """`room_bytes` is for large messages; there is half as much for the others."""
        self._load = load
        self._rooms = (
            (SMALL_BYTES, Room(room_bytes // 4)),
            (LARGE_BYTES, Room(room_bytes // 4)),
        )
        self._room = Room(room_bytes)
        self._large = asyncio.Lock()
        self._shared: dict[int, _Shared] = {}

    def hold(self, message: LeasedMessage) -> "Content":
        """Room for a message, entered with `async with`; its content is opened when asked for."""
        return Content(self, message)

    async def take(self, message: LeasedMessage) -> None:
        """Take room. Each holder does, as each may make a copy of its own."""
        shared = self._shared.get(message.id)
        if shared is None:
            shared = self._shared[message.id] = _Shared()
        shared.users += 1
        try:
            await self._room_for(message).take(message.size_bytes)
        except BaseException:
            self._leave(message)
            raise

    def give(self, message: LeasedMessage) -> None:
        """Give the room back."""
        self._leave(message)
        self._room_for(message).give(message.size_bytes)

    async def get(self, message: LeasedMessage) -> bytes:
        """The content of a message that is held; raises what opening it raises."""
        shared = self._shared[message.id]
        if shared.content is not None:
            return shared.content
        if shared.opening is None:
            large = message.size_bytes >= LARGE_BYTES
            shared.opening = self._large if large else asyncio.Lock()
        async with shared.opening:
            if shared.content is None:
                shared.content = await self._load(message)
        return shared.content

    def _room_for(self, message: LeasedMessage) -> Room:
        for below_bytes, room in self._rooms:
            if message.size_bytes < below_bytes:
                return room
        return self._room

    def _leave(self, message: LeasedMessage) -> None:
        shared = self._shared[message.id]
        shared.users -= 1
        if not shared.users:
            del self._shared[message.id]


class Content:
    """The content of one message that is being sent."""

    __slots__ = ("_contents", "_message")

    def __init__(self, contents: Contents, message: LeasedMessage) -> None:
        self._contents = contents
        self._message = message

    async def __aenter__(self) -> "Content":
        await self._contents.take(self._message)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._contents.give(self._message)

    async def get(self) -> bytes:
        """The whole message; raises `Failure` where it can't be opened."""
        return await self._contents.get(self._message)

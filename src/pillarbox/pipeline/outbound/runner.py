"""Sends what the queue holds: one runner in every process that may send.

It takes destinations that are due and that nobody holds, and works at each in a task of its own
(`destination`) while it keeps renewing their leases. A hint on the bus wakes it, the next due time
does, and else it looks every 30 seconds. The lease of a process that died runs out, and then
another takes its destinations over.
"""

import asyncio
import random
import time
from dataclasses import dataclass

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.queue.enqueue import TOPIC
from pillarbox.pipeline.outbound.destination import Destination, Parts

TAKE = 8
"""Destinations taken in one transaction, with few messages of each."""
PULL_AT_FIRST = 20
STAGGER_S = 0.004
"""Processes that are woken at once look one after the other."""
PAUSE_AT_LEAST_S = 0.05

_log = logger("queue")


@dataclass(frozen=True, slots=True)
class OutboundOptions:
    """How many destinations a process sends to at once, and how long it may take to stop."""

    destinations: int = 200
    close_s: float = 5.0


class Outbound:
    """The runner of one process; `parts.settling.owner` is a name no other process has."""

    def __init__(self, parts: Parts, bus: Bus, options: OutboundOptions | None = None) -> None:
        self._parts = parts
        self._settling = parts.settling
        self._bus = bus
        self._options = options or OutboundOptions()
        self._running: dict[Destination, asyncio.Task[None]] = {}
        self._left: list[Destination] = []
        """Those that could not be given back; their leases are renewed with the others."""
        self._taking: asyncio.Task[bool] | None = None
        self._woken = asyncio.Event()
        self._closing = False

    async def run(self) -> None:
        """Send what is due whenever it is, until cancelled."""
        stop_listening = self._bus.subscribe(TOPIC, self._hear)
        renewing = asyncio.create_task(self._keep_leases())
        try:
            while not self._closing:
                pause_s = await self.look()
                try:
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                await asyncio.sleep(random.uniform(0, STAGGER_S))
                self._woken.clear()
        finally:
            renewing.cancel()
            stop_listening()

    async def look(self) -> float:
        """Begin with what is due; gives after how many seconds to look again without a hint."""
        try:
            return await self._look()
        except Failure as failure:
            _log.warning("the queue can't be read", why=failure.cause or failure.public)
        except Exception:
            _log.exception("the queue can't be read")  # a fault of ours must not end all sending
        return LOOK_EVERY_S

    async def idle(self) -> None:
        """Wait until no destination is being sent to."""
        while self._running:
            await asyncio.wait(self._running.values())

    async def close(self) -> None:
        """Stop taking, let what is on its way end for a few seconds, and give everything back."""
        self._closing = True
        self._woken.set()
        if self._taking is not None:
            await asyncio.wait([self._taking])  # what it takes is given back too
        for destination in self._running:
            destination.stop()
        tasks = tuple(self._running.values())
        if tasks:
            keeping = asyncio.create_task(self._keep_leases())
            _, late = await asyncio.wait(tasks, timeout=self._options.close_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            keeping.cancel()
        await self._give_back_left()

    async def _look(self) -> float:
        while not self._closing:
            room = self._options.destinations - len(self._running)
            if room <= 0:
                return LOOK_EVERY_S  # woken when one ends
            due_ms = await self._settling.next_due_ms()
            if due_ms is None:
                return LOOK_EVERY_S
            wait_s = (due_ms - self._parts.clock.now_ms()) / 1000
            if wait_s > 0:
                return min(LOOK_EVERY_S, max(wait_s, PAUSE_AT_LEAST_S))
            self._taking = asyncio.ensure_future(self._take(min(room, TAKE)))
            # Who cancels the look does not keep what is being taken from getting to its end.
            if not await asyncio.shield(self._taking):
                # Another took it, or what seemed due was not.
                return min(LOOK_EVERY_S, 20 * PAUSE_AT_LEAST_S)
        return LOOK_EVERY_S

    async def _take(self, most: int) -> bool:
        taken = await self._settling.take(most, PULL_AT_FIRST)
        for leased, messages in taken:
            self._begin(Destination(leased, messages, self._parts))
        return bool(taken)

    def _begin(self, destination: Destination) -> None:
        if self._closing:
            destination.stop()
        task = asyncio.create_task(destination.run())
        self._running[destination] = task
        task.add_done_callback(lambda done: self._ended(destination, done))

    def _ended(self, destination: Destination, task: "asyncio.Task[None]") -> None:
        del self._running[destination]
        if destination.is_held:
            self._left.append(destination)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a destination failed", domain=destination.domain, exc_info=error)

    async def _keep_leases(self) -> None:
        """Renew all leases again and again; what was lost is let go."""
        lease_s = self._settling.lease_ms / 1000
        kept_s = time.monotonic()
        while True:
            await asyncio.sleep(lease_s / 3)
            await self._give_back_left()
            before, began_s = tuple(self._running), time.monotonic()
            if not before:
                kept_s = began_s
                continue
            try:
                held = await self._settling.renew()
                kept_s = began_s
            except Failure as failure:
                _log.warning("leases can't be renewed", why=failure.cause or failure.public)
                if time.monotonic() - kept_s < lease_s:
                    continue
                held = frozenset()
            for destination in before:
                if destination.domain not in held and destination in self._running:
                    _log.warning("a destination's lease was lost", domain=destination.domain)
                    destination.lose()

    async def _give_back_left(self) -> None:
        left, self._left = self._left, []
        for destination in left:
            if not await destination.give_back():
                self._left.append(destination)

    def _hear(self, topic: str) -> None:
        self._woken.set()
        for destination in self._running:
            destination.hear()

"""Sends what the queue holds: one runner in every process that may send.

It takes destinations that are due and that nobody holds, and works at each in a task of its own
(`destination`) while it keeps renewing their leases. A hint on the bus wakes it, the next due time
does, and else it looks every 30 seconds. The lease of a process that died runs out, and then
another takes its destinations over.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.queue.enqueue import TOPIC
from pillarbox.pipeline.outbound.destination import Destination, Parts
from pillarbox.pipeline.outbound.pace import SLOW_S, SLOW_TIMES

TAKE = 8
"""Destinations taken in one transaction, with few messages of each."""
PULL_AT_FIRST = 20
STAGGER_S = 0.004
"""Processes that are woken at once look one after the other."""
PAUSE_AT_LEAST_S = 0.05
RENEW_AGAIN_S = 2.0
"""After a failure, sooner than others look."""
CLOCK_STEP_S = 5.0
FULL_S = 2.0

_log = logger("queue")


@dataclass(frozen=True, slots=True)
class OutboundOptions:
    """How many destinations a process sends to at once, and how long it may take to stop.

    Those of which nothing was settled for `slow_s` keep no others waiting; there may be four times
    as many of them. `steady_s` is a clock that nobody sets, beside which one sees that the other
    was set.
    """

    destinations: int = 200
    slow_s: float = SLOW_S
    close_s: float = 5.0
    steady_s: Callable[[], float] = time.monotonic


class Patience:
    """Whether leases that seem to have run out may be believed to have.

    When the database was away or the clock was set, nobody could renew them in time: their owners
    get a while to do so, for what is taken over from the living is sent twice.
    """

    def __init__(self, clock: Clock, steady_s: Callable[[], float], span_s: float) -> None:
        self._clock = clock
        self._steady_s = steady_s
        self._span_s = span_s
        self._until_s = steady_s()
        self._offset_s = self._offset()

    def have(self) -> None:
        """Something has just kept leases from being renewed."""
        self._until_s = self._steady_s() + self._span_s

    def look(self) -> None:
        """Notice a clock that was set."""
        offset_s = self._offset()
        if abs(offset_s - self._offset_s) > CLOCK_STEP_S:
            _log.warning("the clock was set", seconds=round(offset_s - self._offset_s))
            self.have()
        self._offset_s = offset_s

    def may_take_over(self) -> bool:
        """Whether owners had their time."""
        return self._steady_s() >= self._until_s

    def _offset(self) -> float:
        return self._clock.now_ms() / 1000 - self._steady_s()


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
        self._strange: frozenset[str] = frozenset()
        """Held by this process as the database has it, though it knows nothing of them."""
        self._patience = Patience(
            parts.clock, self._options.steady_s, parts.settling.lease_ms / 2000
        )
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
        self._patience.look()
        try:
            return await self._look()
        except Failure as failure:
            _log.warning("the queue can't be read", why=failure.cause or failure.public)
        except Exception:
            _log.exception("the queue can't be read")  # a fault of ours must not end all sending
        self._patience.have()
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
            room = self._room()
            if room <= 0:
                return FULL_S  # woken when one ends
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

    def _room(self) -> int:
        """How many destinations there is room for beside those that are sent to, and the slow."""
        most, count = self._options.destinations, len(self._running)
        if count < most:
            return most - count
        before_s = time.monotonic() - self._options.slow_s
        slow = sum(one.moved_s < before_s for one in self._running)
        return min(most - count + slow, (1 + SLOW_TIMES) * most - count)

    async def _take(self, most: int) -> bool:
        sure_until_s = self._lease_end_s()
        take_over = self._patience.may_take_over()
        taken = await self._settling.take(most, PULL_AT_FIRST, take_over=take_over)
        for leased, messages in taken:
            self._begin(Destination(leased, messages, self._parts, sure_until_s))
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
        pause_s = every_s = self._settling.lease_ms / 3000
        while True:
            await asyncio.sleep(pause_s)
            pause_s = every_s
            try:
                await self._give_back_left()
                await self._renew()
            except Failure as failure:
                _log.warning("leases can't be renewed", why=failure.cause or failure.public)
                pause_s = min(every_s, RENEW_AGAIN_S)
            except Exception:
                _log.exception("leases can't be renewed")

    async def _renew(self) -> None:
        before, sure_until_s = tuple(self._running), self._lease_end_s()
        held = await self._settling.renew()
        for destination in before:
            if destination.domain in held:
                destination.keep(sure_until_s)
            elif destination in self._running:
                _log.warning("a destination's lease was lost", domain=destination.domain)
                destination.lose()
        await self._abandon(held)

    async def _abandon(self, held: frozenset[str]) -> None:
        """Give back what is nobody's work: its taking failed, but only as seen from here."""
        if self._taking is not None and not self._taking.done():
            return
        known = (*self._running, *self._left)
        strange = held - {one.domain for one in known if one.is_held}
        for domain in strange & self._strange:
            _log.warning("a destination was held by mistake", domain=domain)
            await self._settling.abandon(domain)
        self._strange = strange

    def _lease_end_s(self) -> float:
        """Until when a lease lasts for certain that is about to be asked for."""
        return time.monotonic() + self._settling.lease_ms / 1000

    async def _give_back_left(self) -> None:
        left, self._left = self._left, []
        for destination in left:
            if not await destination.give_back():
                self._left.append(destination)

    def _hear(self, topic: str) -> None:
        self._woken.set()
        for destination in self._running:
            destination.hear()

"""One destination that this process holds: its messages, some at a time, until none is due.

Each message is attempted and settled before the next is begun. What an attempt says of the hosts
moves the circuit breaker; where that closes, what was pulled and not tried is given back, and does
not count as an attempt. Called by `runner`; calls `attempt`, `local` and `settling`.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, NotFound
from pillarbox.base.ids import BlobId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.queue.model import (
    LeasedDestination,
    LeasedMessage,
    LeasedRecipient,
    Outcome,
    Result,
    Settlement,
    Stage,
    Way,
)
from pillarbox.pipeline.outbound import breaker
from pillarbox.pipeline.outbound.attempt import (
    OUR_ERROR,
    UNREADABLE,
    Attempts,
    Tried,
    Verdicts,
    route_failure,
)
from pillarbox.pipeline.outbound.breaker import BreakerOptions
from pillarbox.pipeline.outbound.local import DELIVERED, STAGE, LocalDelivery
from pillarbox.pipeline.outbound.model import Journey, Letter, RouteFailure, RouteKind
from pillarbox.pipeline.outbound.notices import is_wanted, kind_of
from pillarbox.pipeline.outbound.pace import SLOW_S, Content, Contents, NotYet, Window
from pillarbox.pipeline.outbound.reports import PreparedReport
from pillarbox.pipeline.outbound.settling import (
    PAUSE_AT_FIRST_S,
    PAUSE_AT_MOST_S,
    Following,
    Settling,
    may_pass,
    reason,
)
from pillarbox.storage.tx import Tx

PULL = 50
"""Recipients in hand at once: an attempt at all of them has begun if the process dies."""
NOTE_S = 1.5
"""At the end: for writing down what hosts have answered."""
REPORT_TRIES = 12
"""Four minutes."""
LOOK_EVERY_S = 2.0
"""While a message takes its time: whether others have come."""

_log = logger("queue")


class Routing(Protocol):
    """Finds the way for messages."""

    async def journey(self, message: LeasedMessage, domain: str) -> Journey:
        """Raises `RouteFailure`."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What all destinations of a process work with."""

    settling: Settling
    contents: Contents
    routing: Routing
    attempts: Attempts
    verdicts: Verdicts
    local: LocalDelivery
    clock: Clock
    breaker: BreakerOptions
    per_destination: int = 10
    slow_s: float = SLOW_S


class Destination:
    """Sends what waits for one domain; `run` ends when it was given back."""

    def __init__(
        self,
        leased: LeasedDestination,
        messages: Sequence[LeasedMessage],
        parts: Parts,
        sure_until_s: float = math.inf,
    ) -> None:
        """`sure_until_s`, of `time.monotonic`, is when the lease may run out; see `keep`."""
        self.domain = leased.domain
        self.health = leased.health
        self.moved_s = time.monotonic()
        """When something of it was settled last."""
        self._parts = parts
        self._sure_until_s = sure_until_s
        self._kept = asyncio.Event()
        self._hand = deque(messages)
        self._untried: list[LeasedRecipient] = []
        self._window = Window(parts.per_destination, alone=breaker.on_trial(leased.health))
        self._active = self._busy = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._answered: set[asyncio.Task[None]] = set()
        """Of the workers, those that write down how an attempt ended."""
        self._ended = asyncio.Event()
        self._heard = False
        self._not_before_ms = 0
        self._stopped = self._lost = self._pulling = self._released = False

    @property
    def is_held(self) -> bool:
        """Whether the lease is this process's still, as far as it knows."""
        return not (self._released or self._lost)

    def stop(self) -> None:
        """Begin with no further message; the destination is given back soon."""
        self._stopped = True
        self._kept.set()

    def keep(self, sure_until_s: float) -> None:
        """The lease was renewed."""
        self._sure_until_s = sure_until_s
        self._kept.set()

    def lose(self) -> None:
        """The lease is gone: begin with no further message, and give nothing back."""
        self._lost = True
        self.stop()

    def hear(self) -> None:
        """Something was enqueued, perhaps for this destination."""
        self._heard = True

    async def run(self) -> None:
        """Send until nothing is due, the breaker closes, or it is told to stop."""
        try:
            self._spread()
            while self._workers:
                await self._watch()
        finally:
            self.stop()
            await self._cut_off()
            await asyncio.shield(self.give_back())

    async def _cut_off(self) -> None:
        """End what still waits for hosts; what they have answered is noted first."""
        for task in self._workers - self._answered:
            task.cancel()
        workers = tuple(self._workers)
        if self._answered:
            await asyncio.wait(workers, timeout=NOTE_S)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _watch(self) -> None:
        """Wait for the workers, and see that none that is slow keeps new messages waiting."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._ended.wait()
                return
        if time.monotonic() - self.moved_s >= self._parts.slow_s:
            await self._put_back()
        heard, self._heard = self._heard, False
        if not heard or self._active >= self._window.size:
            return
        try:
            if await self._parts.settling.is_due(self.domain):
                await self._go_on(self._following(may_release=False))
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("the queue can't be read", domain=self.domain, why=why)

    async def _put_back(self) -> None:
        """Keep nothing in hand while nothing moves: what only waits can be steered."""
        untried = [one for message in self._hand for one in message.recipients]
        if not untried or self._pulling:
            return
        self._hand.clear()
        self._pulling = True
        try:
            await self._parts.settling.give_back(self.domain, untried)
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("messages can't be given back", domain=self.domain, why=why)
            self._untried.extend(untried)
        finally:
            self._pulling = False

    async def give_back(self) -> bool:
        """Let others have the destination; `False` where the database fails: to be tried again.

        Nothing happens to one that was given back, or lost.
        """
        if self._released or self._lost:
            return True
        for message in self._hand:
            self._untried.extend(message.recipients)
        self._hand.clear()
        try:
            await self._parts.settling.release(
                self.domain, self.health, self._not_before_ms, self._untried
            )
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("a destination can't be given back", domain=self.domain, why=why)
            return False
        self._released = True
        return True

    def _spread(self) -> None:
        """Start as many at once as the window allows and there is work for."""
        for _ in range(min(self._window.size - self._active, len(self._hand))):
            self._active += 1
            self._ended.clear()
            task = asyncio.ensure_future(self._work())
            self._workers.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._workers.discard(task)
        self._active -= 1
        if not self._workers:
            self._ended.set()

    async def _work(self) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while (message := await self._next_in_time()) is not None:
            self._busy += 1
            try:
                await self._send(message, task)
            except Exception:
                # Left as it is; the next holder of the destination tries again.
                _log.exception("a message can't be settled", message=public_id("", message.id))
            finally:
                self._answered.discard(task)
                self._busy -= 1

    async def _next_in_time(self) -> LeasedMessage | None:
        """Begin with nothing while the lease may have run out: another may be sending it."""
        while not self._stopped and time.monotonic() >= self._sure_until_s:
            self._kept.clear()
            await self._kept.wait()
        return self._next()

    def _next(self) -> LeasedMessage | None:
        if self._stopped or self._active > self._window.size:
            return None
        while self._hand:
            message = self._hand.popleft()
            if not self._closed() or any(map(self._needs_no_attempt, message.recipients)):
                return message
            self._untried.extend(message.recipients)
        return None

    def _closed(self) -> bool:
        """Whether nothing may be tried any more, by the breaker or a pace."""
        now_ms = self._parts.clock.now_ms()
        return self._not_before_ms > now_ms or breaker.is_closed(self.health, now_ms)

    def _needs_no_attempt(self, recipient: LeasedRecipient) -> bool:
        if recipient.suppressed is not None or recipient.give_up:
            return True
        return recipient.expires_ms <= self._parts.clock.now_ms()

    async def _send(self, message: LeasedMessage, task: "asyncio.Task[None]") -> None:
        """One attempt at one message, settled."""
        began_ms, began_s = self._parts.clock.now_ms(), time.monotonic()
        async with self._parts.contents.hold(message) as content:
            tried = await self._try(message, content)
            self._answered.add(task)
            if not tried.results:
                await self._go_on(self._following())
                return
            report = await self._report(message, content, tried)
            self._judge(tried.hosts_well)
            settlement = _settlement(message, tried.results, began_ms, began_s)
            following = self._following()
            try:
                step = await self._parts.settling.settle(message, settlement, report, following)
            finally:
                self._pulling = self._pulling and not following.pull
        self.moved_s = time.monotonic()
        self._released = self._released or step.released
        self._hand.extend(step.messages)
        self._spread()
        _tell(message, tried.results, self.domain)

    async def _go_on(self, following: Following) -> None:
        if not following.pull:
            return
        try:
            step = await self._parts.settling.go_on(following)
        finally:
            self._pulling = False
        self._released = self._released or step.released
        self._hand.extend(step.messages)
        self._spread()

    def _following(self, *, may_release: bool = True) -> Following:
        """Look for more where there is nothing in hand; the last one gives the destination back."""
        if self._stopped or self._hand or self._pulling or self._untried or self._closed():
            return Following(self.domain)
        self._pulling = True
        last = may_release and self._busy == 1
        return Following(self.domain, PULL, self.health if last else None)

    def _judge(self, hosts_well: bool | None) -> None:
        """Move the breaker and the window by what an attempt showed of the hosts."""
        if hosts_well is None:
            return
        options, now_ms = self._parts.breaker, self._parts.clock.now_ms()
        if hosts_well:
            self.health = breaker.succeeded(self.health, options)
            self._window.alone = breaker.on_trial(self.health)
            self._window.grow()
            return
        before = self.health
        self.health = breaker.failed(before, now_ms, options)
        self._window.shrink()
        if breaker.is_closed(self.health, now_ms) and not breaker.is_closed(before, now_ms):
            _log.warning(
                "a destination is left alone for a while",
                domain=self.domain,
                failures=self.health.failures,
                seconds=(self.health.closed_until_ms - now_ms) // 1000,
            )

    async def _try(self, message: LeasedMessage, content: Content) -> Tried:
        verdicts = self._parts.verdicts
        done = [
            verdicts.without_attempt(recipient)
            for recipient in message.recipients
            if self._needs_no_attempt(recipient)
        ]
        ready = message.recipients
        if done:
            ready = tuple(one for one in ready if not self._needs_no_attempt(one))
        if not ready:
            return Tried(tuple(done))
        if self._closed():
            self._untried.extend(ready)
            return Tried(tuple(done))
        try:
            tried = await self._try_ready(message, ready, content)
        except NotYet as wait:
            self._not_before_ms = max(self._not_before_ms, wait.not_before_ms)
            self._untried.extend(ready)
            tried = Tried(())
        except NotFound:
            tried = Tried(())  # it was removed meanwhile
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("a message can't be sent now", message=public_id("", message.id), why=why)
            tried = Tried(verdicts.all_of(message, OUR_ERROR, Stage.QUEUE, recipients=ready))
        except Exception:
            _log.exception("a message can't be sent", message=public_id("", message.id))
            tried = Tried(verdicts.all_of(message, OUR_ERROR, Stage.QUEUE, recipients=ready))
        return Tried((*done, *tried.results), tried.hosts_well, tried.peer_reports)

    async def _try_ready(
        self, message: LeasedMessage, ready: tuple[LeasedRecipient, ...], content: Content
    ) -> Tried:
        parts = self._parts
        try:
            journey = await parts.routing.journey(message, self.domain)
        except RouteFailure as failure:
            return Tried(route_failure(parts.verdicts, message, ready, failure))
        try:
            whole = await content.get()
        except NotFound:
            raise
        except Failure as failure:
            why = failure.cause or failure.public
            _log.error(
                "the content of a message can't be read", message=public_id("", message.id), why=why
            )
            return Tried(parts.verdicts.all_of(message, UNREADABLE, Stage.QUEUE, recipients=ready))
        if journey.kind is RouteKind.LOCAL:
            return Tried(await self._deliver_here(message, ready, journey, content))
        return await parts.attempts.make(Letter(message, ready, whole), journey, self.domain)

    async def _deliver_here(
        self,
        message: LeasedMessage,
        ready: tuple[LeasedRecipient, ...],
        journey: Journey,
        content: Content,
    ) -> tuple[Result, ...]:
        """Deliver to each recipient; gives the results that are not settled with that."""
        parts, way, left = self._parts, Way(route=journey.name), []
        whole = await content.get()
        for recipient in ready:
            began_ms, began_s = parts.clock.now_ms(), time.monotonic()
            result = parts.verdicts.of(message, recipient, DELIVERED, STAGE, way=way)
            report = await self._prepare(message, content, Tried((result,)))
            settlement = _settlement(message, (result,), began_ms, began_s)
            gone: list[BlobId | None] = []

            def also(
                tx: Tx,
                settlement: Settlement = settlement,
                report: PreparedReport | None = report,
                gone: list[BlobId | None] = gone,
            ) -> None:
                gone[:] = [parts.settling.settle_in(tx, settlement, report)]

            reply = await parts.local.deliver(message, recipient, whole, also)
            if reply.is_success:
                await parts.settling.remove_file(message, gone[0] if gone else None)
                _tell(message, (result,), self.domain)
            else:
                left.append(parts.verdicts.of(message, recipient, reply, STAGE, way=way))
        return tuple(left)

    async def _report(
        self, message: LeasedMessage, content: Content, tried: Tried
    ) -> PreparedReport | None:
        """What the sender is to be told; a report that can't be made holds nothing up."""
        if not _is_told(message, tried):
            return None
        return await self._prepare(message, content, tried)

    async def _prepare(
        self, message: LeasedMessage, content: Content, tried: Tried
    ) -> PreparedReport | None:
        """Tried for some minutes: what keeps it from being made now may pass."""
        if not _is_told(message, tried):
            return None
        kinds = tuple(
            kind_of(result, peer_reports=result.recipient_id in tried.peer_reports)
            for result in tried.results
        )
        for number in range(REPORT_TRIES):
            try:
                whole = await _kept(content)
                return await self._parts.settling.reports.prepare(
                    message, whole, tried.results, kinds
                )
            except Exception as error:
                last = not may_pass(error) or number == REPORT_TRIES - 1
                if last or not number:
                    _log.warning(
                        "a sender can't be told" if last else "a sender can't be told yet",
                        message=public_id("", message.id),
                        why=reason(error),
                        exc_info=None if may_pass(error) else error,
                    )
                if last:
                    return None
            await asyncio.sleep(min(PAUSE_AT_FIRST_S * 2**number, PAUSE_AT_MOST_S))
        return None


async def _kept(content: Content) -> bytes:
    """The content, empty where it can't be had: the sender is told all the same."""
    try:
        return await content.get()
    except Failure:
        return b""


def _is_told(message: LeasedMessage, tried: Tried) -> bool:
    """Whether the sender may hear of any of the results; quick for the usual success."""
    if all(result.outcome is Outcome.DELIVERED for result in tried.results) and not any(
        one.notify for one in message.recipients
    ):
        return False
    recipients = {one.id: one for one in message.recipients}
    for result in tried.results:
        peer_reports = result.recipient_id in tried.peer_reports
        kind = kind_of(result, peer_reports=peer_reports)
        if kind is not None and is_wanted(message, recipients[result.recipient_id], kind):
            return True
    return False


def _settlement(
    message: LeasedMessage, results: tuple[Result, ...], began_ms: int, began_s: float
) -> Settlement:
    duration_ms = round((time.monotonic() - began_s) * 1000)
    return Settlement(message.id, began_ms, duration_ms, results)


def _tell(message: LeasedMessage, results: Sequence[Result], domain: str) -> None:
    """One line of the process's log for each recipient that was not simply served."""
    for result in results:
        if result.outcome is not Outcome.DELIVERED:
            _log.info(
                "not delivered",
                message=public_id("", message.id),
                domain=domain,
                outcome=result.outcome.name.lower(),
                stage=str(result.stage),
                host=result.way.host,
                reply=result.reply[:200],
            )

"""Telling other domains each day what was counted about them; what all such reports share.

Used by `tls_reports` and `dmarc_reports`, which say who wants a report and how it is made and sent.
A day is claimed in its row before it is reported, so two processes never send the same; one that
dies in between sends it again an hour later, under the same id.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pillarbox.base.clock import Clock, from_ms
from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.report_days import DAY_MS, ReportDays, ReportState, day_of
from pillarbox.storage.db import Database

REPORT_EVERY_S = 600
SETTLED_MS = 600_000
"""So long after midnight every process has written what it counted before."""

SPREAD_MS = 4 * 3_600_000
"""Over so long after that (midnight is UTC) a day's reports are spread (RFC 8460 §4.1)."""

TRIES_MAX = 5
LATE_DAYS = 2
"""A day that could not be reported for so long is not any more."""

KEPT_DAYS = 30

_PAGE = 200
_AT_ONCE = 8

Day = tuple[int, str]
"""A day, counted from 1970-01-01 UTC, and the domain that it is about."""

Post = Callable[[bytes, tuple[str, ...]], Awaitable[None]]
"""Signs a message and enqueues it for these recipients; raises `Failure` where it can't."""

Sending = tuple[str, Callable[[], Awaitable[None]]]
"""Whom a report is sent to, in words, and what sends it; raises `Failure` where it can't."""

Targets = TypeVar("Targets")
_log = logger("outbound")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Who reports: `sender` is an address whose domain signs, `organization` a name for people.

    `contact` is an address to ask; empty: the sender's. Without `send` nothing is sent, and what
    was counted is only for the admin.
    """

    sender: str
    organization: str
    contact: str = ""
    send: bool = True

    @property
    def submitter(self) -> str:
        """The domain that reports."""
        return self.sender.rpartition("@")[2]


class Source(Protocol, Generic[Targets]):
    """One kind of report."""

    async def targets(self, day: int, domain: str) -> Targets | None:
        """Who wants a report; `None` where that can't be found out now. False: nobody does."""
        ...

    def sendings(self, day: int, domain: str, targets: Targets) -> AsyncIterator[Sending]:
        """Make a report, and say how it is sent."""
        ...


class DailyReports(Generic[Targets]):
    """Finds what is due and sees it sent; `kind` is what the log calls it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        days: ReportDays,
        submitter: str,
        kind: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._days = days
        self._submitter = submitter
        self._kind = kind

    async def run(self, source: Source[Targets]) -> None:
        """Report every day that is over and due; may be cut off."""
        after: Day = (day_of(self._clock.now_ms()) - LATE_DAYS, "")
        while page := await self._database.read(self._days.waiting, after, _PAGE):
            after = page[-1]
            due = [one for one in page if self.due_ms(*one) <= self._clock.now_ms()]
            await self._report(source, due)

    def due_ms(self, day: int, domain: str) -> int:
        """When a domain's day is reported: some time after it is over, always the same."""
        seed = f"{self._submitter} {domain}".encode()
        offset = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
        return (day + 1) * DAY_MS + SETTLED_MS + offset % SPREAD_MS

    def report_id(self, day: int, domain: str) -> str:
        """The id of a report, the same for each attempt."""
        seed = f"{day} {domain} {self._submitter}".encode()
        mark = hashlib.sha256(seed).hexdigest()[:16]
        return f"{from_ms(day * DAY_MS):%Y%m%d}.{mark}@{self._submitter}"

    async def _report(self, source: Source[Targets], days: list[Day]) -> None:
        room = asyncio.Semaphore(_AT_ONCE)

        async def targets(day: int, domain: str) -> Targets | None:
            async with room:
                return await source.targets(day, domain)

        found = await asyncio.gather(*(targets(*one) for one in days))
        unwanted = []
        for one, wanted in zip(days, found, strict=True):
            if wanted is None:
                continue
            if wanted:
                await self._one(source, one, wanted)
            else:
                unwanted.append(one)
        if unwanted:
            await self._database.write(self._days.leave, unwanted)

    async def _one(self, source: Source[Targets], one: Day, targets: Targets) -> None:
        day, domain = one
        tries = await self._database.write(self._days.claim, day, domain)
        if not tries:
            return
        sent, failed, hopeless = [], [], True
        async for name, sending in source.sendings(day, domain, targets):
            try:
                await sending()
            except Failure as failure:
                failed.append(f"{name}: {failure}")
                hopeless = hopeless and not failure.temporary
            else:
                sent.append(name)
        state = ReportState.SENT if sent else ReportState.WAITING
        if not sent and (hopeless or tries >= TRIES_MAX):
            state = ReportState.GIVEN_UP
        note = "; ".join(sent or failed)
        await self._database.write(self._days.settle, day, domain, state, note)
        if failed:
            why = "; ".join(failed)
            _log.warning(f"a {self._kind} report can't be sent", domain=domain, why=why)

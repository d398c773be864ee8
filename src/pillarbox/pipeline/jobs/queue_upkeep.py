"""Upkeep of the delivery queue: what has come to its end goes after its time, strays are found.

Two jobs of `runner`: `run` drops what is old, `run_strays` sees that somebody looks after every
recipient that waits. What may go is decided by `domain/queue/upkeep`; both work in small steps.
"""

import asyncio
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.ids import BlobId
from pillarbox.base.log import logger
from pillarbox.domain.mail import sweep
from pillarbox.domain.queue import destinations, suppression, upkeep
from pillarbox.domain.queue.model import Status
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

QUEUE_UPKEEP_EVERY_S = 3600
QUEUE_STRAYS_EVERY_S = 600
STEP = 200
# Looking disturbs no writer, so these steps may be longer.
STRAYS_STEP = 500
_DAY_MS = 86_400_000

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class QueueUpkeep:
    """Drops old recipients, messages, log lines and suppressions, and mends destinations.

    Days are counted from the end of a recipient's delivery, or from the attempt that a line tells
    of.
    """

    database: Database
    store: BlobStore
    clock: Clock
    keep_sent_days: int = 7
    keep_failed_days: int = 30
    keep_log_days: int = 30

    async def run(self) -> None:
        """Drop everything that is due; may be stopped and begun again at any point."""
        write = self.database.write
        for statuses, days in (
            (upkeep.SERVED, self.keep_sent_days),
            (upkeep.NOT_SERVED, self.keep_failed_days),
        ):
            for status in statuses:
                await self._drop(status, self._ago_ms(days))
        while await write(upkeep.drop_lines, self._ago_ms(self.keep_log_days), STEP) == STEP:
            pass
        while await write(suppression.sweep, STEP) == STEP:
            pass

    async def run_strays(self) -> None:
        """Find recipients that nobody would look after, and make their destinations due."""
        after: str | None = ""
        while after is not None:
            after, found = await self.database.read(destinations.stray, after, STRAYS_STEP)
            if found:
                await self.database.write(upkeep.heal, found)
                _log.warning("mail waited that nobody looked after", domains=sorted(found)[:20])
        await self._end_waiting()

    async def _end_waiting(self) -> None:
        """Let mail for closed destinations go back to its senders when its time is up."""
        after = ""
        while True:
            domain, found = await self.database.read(destinations.overdue, after, STEP)
            if domain is None:
                return
            if found:
                await self.database.write(upkeep.end_waiting, domain, found)
            if len(found) < STEP:
                after = domain

    async def _drop(self, status: Status, before_ms: int) -> None:
        dropped = STEP
        while dropped == STEP:
            dropped, gone = await self.database.write(_drop_some, self.store, status, before_ms)
            await asyncio.to_thread(self._remove, gone)

    def _remove(self, gone: list[BlobId]) -> None:
        for blob in gone:
            self.store.remove_file(blob)

    def _ago_ms(self, days: int) -> int:
        return self.clock.now_ms() - days * _DAY_MS


def _drop_some(
    tx: Tx, store: BlobStore, status: Status, before_ms: int
) -> tuple[int, list[BlobId]]:
    dropped, blobs = upkeep.drop_ended(tx, status, before_ms, STEP)
    return dropped, sweep.release_all(tx, store, blobs)

"""Runs periodic jobs: each at its time, in one process of all those that share the database.

Every process has a runner. A job is claimed by its lease, which is renewed while the job runs, so
one whose process was killed is taken up by another a minute later.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.storage import leases
from pillarbox.storage.db import Database

LEASE_MS = 60_000
RENEW_EVERY_S = 20.0
LOOK_EVERY_S = 60.0

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """Work to do every so often; it may be cut off at any await, and run twice."""

    name: str
    every_s: int
    run: Callable[[], Awaitable[None]]


class JobRunner:
    """The runner of one process; `owner` is a name no other process has."""

    def __init__(
        self, database: Database, clock: Clock, owner: str, jobs: Sequence[PeriodicJob]
    ) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._jobs = tuple(jobs)

    async def run(self) -> None:
        """Run jobs as they become due, until cancelled."""
        while True:
            pause_s = await self.run_due()
            # Processes that started together do not stay in step.
            pause_s *= random.uniform(1.0, 1.1)
            await asyncio.sleep(pause_s)

    async def run_due(self) -> float:
        """Run what is due and free; gives after how many seconds to look again."""
        try:
            busy = await self._database.lookup(leases.busy_until)
            now_ms = self._clock.now_ms()
            for job in self._jobs:
                if busy.get(job.name, 0) <= now_ms:
                    await self._try(job)
        except Failure as failure:
            _log.warning("jobs can't be claimed", why=failure.cause or failure.public)
        except Exception:
            _log.exception("jobs can't be claimed")  # a fault of ours must not end all upkeep
        return min([LOOK_EVERY_S, *(float(job.every_s) for job in self._jobs)])

    async def _try(self, job: PeriodicJob) -> None:
        if not await self._database.write(leases.take, job.name, self._owner, LEASE_MS):
            return
        renewing = asyncio.create_task(self._renew(job))
        try:
            await job.run()
        except Exception:
            _log.exception("a job failed", job=job.name)
        finally:
            renewing.cancel()
        await self._database.write(leases.release, job.name, self._owner, job.every_s * 1000)

    async def _renew(self, job: PeriodicJob) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                held = await self._database.write(leases.renew, job.name, self._owner, LEASE_MS)
            except Failure:
                continue
            if not held:
                _log.warning("a job's lease ran out while it ran", job=job.name)

"""Work that is noted in the database: done at a hint, by one process of the server at a time.

Whoever notes something only writes a row and gives a hint; whoever takes the lease works the rows
off. A process that is killed leaves what it had not committed to the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.storage import leases
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

LEASE_MS = 20_000
"""So long after a process was killed at most nothing is done."""
RENEW_AFTER_S = 5.0

Holds = Callable[[], Awaitable[bool]]
"""Whether the lease is still ours; to be asked now and then, for that renews it."""

_log = logger("noted")


class NotedWork:
    """Works off what is noted; one for a process and kind of work."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        owner: str,
        name: str,
        topic: str,
        waiting: Callable[[Tx, int], list[Any]],
        drain: Callable[[Holds], Awaitable[int]],
    ) -> None:
        """`name` is that of the lease, `owner` one that no other process has.

        `waiting` reads so many rows at most, `drain` does all that wait and gives how many.
        """
        self._database = database
        self._bus = bus
        self._owner = owner
        self._name = name
        self._topic = topic
        self._waiting = waiting
        self._drain = drain
        self._renewed_s = 0.0

    async def run(self) -> None:
        """Work at every hint, and look without one now and then, until cancelled."""
        hinted = asyncio.Event()
        stop = self._bus.subscribe(self._topic, lambda topic: hinted.set())
        try:
            while True:
                hinted.clear()
                try:
                    await self.run_once()
                except Failure as failure:
                    why = failure.cause or failure.public
                    _log.warning("what is noted can't be done now", what=self._name, why=why)
                except Exception:
                    _log.exception("what is noted failed; it is tried again", what=self._name)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await hinted.wait()
        finally:
            stop()

    async def run_once(self) -> int:
        """Do everything that is noted, unless another process is at it; gives how much."""
        done = 0
        # Whoever noted something while we gave the lease back could not take it.
        while await self._database.lookup(self._waiting, 1):
            if not await self._database.write(leases.take, self._name, self._owner, LEASE_MS):
                break
            self._renewed_s = asyncio.get_running_loop().time()
            try:
                done += await self._drain(self._holds)
            finally:
                await asyncio.shield(self._database.write(leases.remove, self._name, self._owner))
        return done

    async def _holds(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._renewed_s <= RENEW_AFTER_S:
            return True
        self._renewed_s = now_s
        return await self._database.write(leases.renew, self._name, self._owner, LEASE_MS)

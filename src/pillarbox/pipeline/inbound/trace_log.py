"""Traces of what was refused before there was any content: written a moment later, many at once.

Nothing was acknowledged of such a message, so what a crash takes away is no loss; what would be too
much to keep is counted and told in the log. Called by `screening`.
"""

import asyncio
from collections import deque
from contextlib import suppress

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

WAITING_MAX = 1000
AT_ONCE = 100
PAUSE_S = 0.5

_log = logger("trace")


class TraceLog:
    """Writes traces behind the sessions; `close` writes what still waits."""

    def __init__(self, database: Database, keys: KeyRing, pause_s: float = PAUSE_S) -> None:
        self._database = database
        self._keys = keys
        self._pause_s = pause_s
        self._waiting: deque[Trace] = deque()
        self._lost = 0
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, trace: Trace) -> None:
        """Have a trace written."""
        if len(self._waiting) >= WAITING_MAX:
            self._lost += 1
            return
        self._waiting.append(trace)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    def skip(self) -> None:
        """Count one that is not to be written."""
        self._lost += 1

    async def close(self) -> None:
        """Write the rest, once what is being written is."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait((self._task,))
        await self._write_waiting()

    async def _write(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._closing.wait()
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            try:
                prepared = [store.prepare(self._keys, one) for one in some]
                await self._database.write(_keep, self._keys, prepared)
            except Failure as failure:
                self._lost += len(some)
                _log.warning("traces are lost", count=len(some), why=failure.cause)
        if self._lost:
            _log.warning("too many refusals to trace them all", count=self._lost)
            self._lost = 0


def _keep(tx: Tx, keys: KeyRing, prepared: list[store.PreparedTrace]) -> None:
    for one in prepared:
        store.keep(tx, keys, one)

"""The barred networks, in the memory of a process; read again when they change."""

import asyncio
from collections.abc import Callable

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.bans.bans import TOPIC, Ban, running
from pillarbox.domain.bans.index import BanIndex
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

MANY = 2000
MANY_EVERY_MS = 5000
"""So often at most more than `MANY` are read again: each ban of a flood is a hint to do so."""

_log = logger("bans")


class BanList:
    """Looks addresses up; `close` ends its subscription."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._index = BanIndex()
        self._until_ms = self._rests_until_ms = 0
        self._turn = asyncio.Lock()
        self.close: Callable[[], None] = bus.subscribe(TOPIC, self._forget)

    async def find(self, ip: str) -> Ban | None:
        """The ban that holds for an address. Without the database the list stays as it was."""
        if self._is_due():
            async with self._turn:
                if self._is_due():
                    await self._read()
        return self._index.find(ip, self._clock.now_ms())

    def _is_due(self) -> bool:
        return self._clock.now_ms() >= max(self._until_ms, self._rests_until_ms)

    async def _read(self) -> None:
        # First, so that a hint that comes meanwhile is not lost.
        self._until_ms = self._clock.now_ms() + int(LOOK_EVERY_S * 1000)
        try:
            self._index = await self._database.read(_load)
        except Failure as failure:
            _log.warning("the bans can't be read", why=failure.cause or failure.public)
        if len(self._index) > MANY:
            self._rests_until_ms = self._clock.now_ms() + MANY_EVERY_MS

    def _forget(self, _: str) -> None:
        self._until_ms = 0


def _load(tx: Tx) -> BanIndex:
    return BanIndex(running(tx))

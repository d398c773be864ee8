"""Forgetting the traces of mail that came long ago; a job of `runner`."""

from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.domain.trace import store
from pillarbox.storage.db import Database

TRACES_EVERY_S = 3600
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TraceUpkeep:
    """Keeps traces for so many days."""

    database: Database
    clock: Clock
    keep_days: int

    async def run(self) -> None:
        """Forget what is too old; may be stopped and begun again at any point."""
        before_ms = self.clock.now_ms() - self.keep_days * DAY_MS
        while await self.database.write(store.sweep, before_ms):
            pass

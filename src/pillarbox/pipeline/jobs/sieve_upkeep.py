"""Forgetting replies and messages that Sieve scripts need no longer know; a job of `runner`."""

from dataclasses import dataclass

from pillarbox.domain.sieve import memory
from pillarbox.storage.db import Database

SIEVE_UPKEEP_EVERY_S = 3600
STEP = 1000
STEPS_MAX = 5000


@dataclass(frozen=True, slots=True)
class SieveUpkeep:
    """Drops what has ended, and of accounts that remember too much what ends first."""

    database: Database
    kept: int = memory.KEPT_MOST

    async def run(self) -> None:
        """In small steps; may be stopped and begun again at any point."""
        for _ in range(STEPS_MAX):
            if await self.database.write(memory.forget_expired, STEP) < STEP:
                break
        for account, until_ms in await self.database.read(memory.overfull, self.kept):
            for _ in range(STEPS_MAX):
                if await self.database.write(memory.forget_until, account, until_ms, STEP) < STEP:
                    break

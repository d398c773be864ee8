"""Forgetting what the gate and greylisting no longer need; a job of `runner`."""

from dataclasses import dataclass

from pillarbox.domain.bans import bans
from pillarbox.domain.greylist import greylist
from pillarbox.storage.db import Database

GATE_UPKEEP_EVERY_S = 3600
STEPS_MAX = 5000


@dataclass(frozen=True, slots=True)
class GateUpkeep:
    """Drops bans that are over, and triplets and networks that did not come again."""

    database: Database

    async def run(self) -> None:
        """In small steps; may be stopped and begun again at any point."""
        await self.database.write(bans.sweep)
        before_ms = await self.database.read(greylist.forgotten_from)
        for _ in range(STEPS_MAX):
            if not await self.database.write(greylist.sweep, before_ms):
                return

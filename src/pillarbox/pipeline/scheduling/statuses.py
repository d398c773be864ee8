"""What became of messages, written into the object of who sent them (RFC 6638 §3.2.9)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.collections.model import ScheduleTag
from pillarbox.domain.collections.prepare import Prepared
from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.model import SCHEDULED, Status
from pillarbox.pipeline.scheduling import copies
from pillarbox.pipeline.scheduling.copies import Changed, Copy
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

TRIES = 4

_log = logger("scheduling")


@dataclass(frozen=True, slots=True)
class Statuses:
    """Writes SCHEDULE-STATUS; the Schedule-Tag stays."""

    database: Database
    keys: KeyRing

    async def write(self, owner: AccountId, uid: str, found: Mapping[str, Status]) -> None:
        """Note what became of messages by the address they went to; never fails."""
        try:
            for _ in range(TRIES):
                copy = await self.database.read(copies.find, self.keys, owner, uid)
                if copy is None:
                    return
                # It may be large, and recur.
                prepared = await asyncio.to_thread(_prepared, copy, found)
                if prepared is None:
                    return
                try:
                    await self.database.write(_store, self.keys, copy, prepared)
                    return
                except Changed:
                    continue
        except (Failure, GrammarError) as error:
            _log.warning("what became of invitations can't be noted", why=str(error))


def marked(calendar: Component, found: Mapping[str, Status]) -> bool:
    """Set the status beside those addresses; gives whether any was another."""
    changed = False
    for component in calendar.parts:
        if component.name not in SCHEDULED:
            continue
        for line in component.lines:
            if line.name not in ("ATTENDEE", "ORGANIZER"):
                continue
            status = found.get(bare_address(line.value))
            # Beside what the organizer would tell themselves there is none.
            if status is None or line.param("SCHEDULE-STATUS") in (None, status.value):
                continue
            line.set_param("SCHEDULE-STATUS", status.value)
            changed = True
    return changed


def _prepared(copy: Copy, found: Mapping[str, Status]) -> Prepared | None:
    """The object with what became of them, `None` where that is known; raises as `ready`."""
    calendar = copy.calendar()
    return copies.ready(calendar) if calendar is not None and marked(calendar, found) else None


def _store(tx: Tx, keys: KeyRing, copy: Copy, prepared: Prepared) -> None:
    copies.store(tx, keys, copy, prepared, ScheduleTag.KEEP)

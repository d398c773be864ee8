"""Forgetting old changes: tombstones of messages and objects, notes of the change log, counts.

A job of `runner`. What may go is decided by `domain/mail/tombstones`,
`domain/collections/tombstones`, `domain/changes` and `domain/scheduling/loops`; it works in small
steps, so that writers never wait long.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.collections import tombstones as items
from pillarbox.domain.mail import tombstones
from pillarbox.domain.scheduling import loops, messages
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

FORGET_EVERY_S = 24 * 3600
FORGET_AFTER_MS = 30 * 86_400_000
FORGET_ITEMS_AFTER_MS = 90 * 86_400_000
"""Of calendars and contacts little goes, and devices that sync them lie in drawers for months."""
STEP = 1_000
AT_ONCE = 50

_Id = TypeVar("_Id", AccountId, MailboxId, int)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Drops what is only needed by clients that were away for a long time."""

    database: Database
    clock: Clock

    async def run(self) -> None:
        """Forget everything that is due; may be stopped and begun again at any point."""
        now_ms = self.clock.now_ms()
        await self._through(items.prune, 0, now_ms - FORGET_ITEMS_AFTER_MS)
        before_ms = now_ms - FORGET_AFTER_MS
        await self._through(tombstones.prune, MailboxId(0), before_ms)
        await self._through(changes.prune, AccountId(0), before_ms)
        await self.database.write(loops.prune)
        await self.database.write(messages.prune_contents)

    async def _through(
        self,
        prune: Callable[[Tx, _Id, int, int], tuple[_Id, bool] | None],
        after: _Id,
        before_ms: int,
    ) -> None:
        while True:
            next_after = await self.database.write(_some, prune, after, before_ms)
            if next_after is None:
                return
            after = next_after


def _some(
    tx: Tx,
    prune: Callable[[Tx, _Id, int, int], tuple[_Id, bool] | None],
    after: _Id,
    before_ms: int,
) -> _Id | None:
    """A few mailboxes or accounts in one go, most of which have nothing to drop.

    Gives the last one that is done with, `None` at the end.
    """
    for _ in range(AT_ONCE):
        step = prune(tx, after, before_ms, STEP)
        if step is None:
            return None
        found, more = step
        if more:
            return after
        after = found
    return after

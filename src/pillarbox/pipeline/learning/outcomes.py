"""What came of mail, gathered in memory and written every few seconds.

Delivery so pays nothing for it, and senders with much mail are one row's change in some seconds
instead of one in each transaction, for which others would wait. A process that is killed loses
these seconds of statistics and nothing else. Told by `inbound/receive` of what comes in, and by
`training` of what users sort.
"""

import asyncio
from collections.abc import Iterable
from types import MappingProxyType

from pillarbox.base.errors import Denied, Failure
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.history import Key
from pillarbox.domain.reputation.model import Origin, Outcome
from pillarbox.domain.spam import results
from pillarbox.domain.spam.model import Category, Results, Task
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.inbound.checks.origin import origin_of, stored_origin_of
from pillarbox.pipeline.inbound.judging import Judgement
from pillarbox.pipeline.inbound.message import Envelope, Fate
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

FLUSH_EVERY_S = 5.0
WRITTEN_AT_ONCE = 500
HELD_MOST = 20_000
"""Names that are held while the database is away; what is more is not counted."""

_SORTED_AS = MappingProxyType({Category.SPAM: Outcome.SPAM, Category.HAM: Outcome.HAM})
_log = logger("learning")
_Weights = dict[Key, tuple[int, int]]
_Sorted = dict[AccountId, tuple[int, int]]


class Outcomes:
    """Counts outcomes; one for a process."""

    def __init__(self, database: Database, keys: KeyRing, hostname: str) -> None:
        """`hostname` is our name in Authentication-Results."""
        self._database = database
        self._keys = keys
        self._hostname = hostname
        self._weights: _Weights = {}
        self._sorted: _Sorted = {}

    async def prepare(
        self, message_id: str, envelope: Envelope, judgement: Judgement, head: bytes
    ) -> None:
        """Note a message that was judged; `head` adds nothing to it.

        Noted before the message is stored: where that fails and it comes again it counts twice.
        """
        arrival = judgement.arrival
        if arrival is None or not arrival.peer.outside:
            return
        origin = origin_of(arrival)
        if isinstance(judgement.refusal, Denied):
            self.refused(origin)
            return
        fates = judgement.fates
        kept = [account_id for account_id, fate in fates.items() if fate is Fate.INBOX]
        self.delivered(origin, kept, [one for one in fates if one not in kept])

    def corrected(self, task: Task, content: Content, before: Category) -> None:
        """Note a message that its user sorted, and take back what it was sorted as before."""
        origin = stored_origin_of(content, self._hostname)
        if before in _SORTED_AS:
            self.add(origin, (task.account_id,), _SORTED_AS[before], -1)
        if task.category in _SORTED_AS:
            outcome = Outcome.WANTED if task.implied else _SORTED_AS[task.category]
            self.add(origin, (task.account_id,), outcome)

    def delivered(
        self, origin: Origin, kept: Iterable[AccountId], junked: Iterable[AccountId]
    ) -> None:
        """Note a message that was stored, by where the accounts have it."""
        inboxes, others = tuple(kept), tuple(junked)
        if inboxes:
            self.add(origin, inboxes, Outcome.ACCEPTED)
        if others:
            self.add(origin, others, Outcome.JUNKED)
        for account_id in inboxes:
            before = self._sorted.get(account_id, (0, 0))
            self._sorted[account_id] = (before[0], before[1] + 1)
        for account_id in others:
            before = self._sorted.get(account_id, (0, 0))
            self._sorted[account_id] = (before[0] + 1, before[1])

    def refused(self, origin: Origin) -> None:
        """Note a message that was refused for what it is."""
        self.add(origin, (), Outcome.REFUSED)

    def add(
        self, origin: Origin, accounts: Iterable[AccountId], outcome: Outcome, times: int = 1
    ) -> None:
        """Note an outcome; `times` -1 takes one back."""
        for key, (good, bad) in history.weigh(self._keys, origin, accounts, outcome, times).items():
            before = self._weights.get(key)
            if before is None and len(self._weights) >= HELD_MOST:
                continue
            was = before or (0, 0)
            self._weights[key] = (was[0] + good, was[1] + bad)

    async def run(self) -> None:
        """Write what is gathered every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            try:
                await self.flush()
            except Failure as failure:
                _log.warning("outcomes can't be counted now", why=failure.cause or failure.public)
            except Exception:
                _log.exception("outcomes can't be counted")

    async def flush(self) -> None:
        """Write everything that is gathered; what can't be written is kept for the next time."""
        while self._weights or self._sorted:
            weights = {key: self._weights[key] for key in list(self._weights)[:WRITTEN_AT_ONCE]}
            counted = {one: self._sorted[one] for one in list(self._sorted)[:WRITTEN_AT_ONCE]}
            await self._database.write(_write, weights, counted)
            # Only what was written goes: more may have come meanwhile.
            for key, (good, bad) in weights.items():
                now = self._weights.pop(key)
                if now != (good, bad):
                    self._weights[key] = (now[0] - good, now[1] - bad)
            for account_id, (junked, kept) in counted.items():
                sums = self._sorted.pop(account_id)
                if sums != (junked, kept):
                    self._sorted[account_id] = (sums[0] - junked, sums[1] - kept)

    async def upkeep(self) -> None:
        """Drop names of which nothing was heard for months; a periodic job of one process."""
        while await self._database.write(history.prune):
            pass
        await self._database.write(results.prune)


def _write(tx: Tx, weights: _Weights, counted: _Sorted) -> None:
    history.add(tx, weights)
    for account_id in sorted(counted):
        junked, kept = counted[account_id]
        results.note(tx, account_id, Results(junked=junked, kept=kept))

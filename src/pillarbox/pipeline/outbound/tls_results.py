"""Counting how sessions with other hosts went, for the reports of RFC 8460.

Counted in memory and added to the rows in batches, so that a busy queue writes little. A process
that is killed loses what it counted since, a minute at most; mail does not depend on it.
Called by `tls_policy`; calls `domain/transport/results`.
"""

from pillarbox.base.clock import Clock
from pillarbox.domain.report_days import day_of
from pillarbox.domain.transport import results
from pillarbox.domain.transport.results import Result
from pillarbox.storage.db import Database

FLUSH_EVERY_S = 60.0
ENTRIES_MAX = 5_000
"""Kinds of results held in memory; what comes on top is held without host and address."""

_STEP = 200
_Key = tuple[int, str, Result]


class TlsResults:
    """What one process has counted and not yet written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._counted: dict[_Key, int] = {}

    def count(self, domain: str, result: Result) -> None:
        """One session with a host of `domain` that is over."""
        day = day_of(self._clock.now_ms())
        key = (day, domain, result)
        if key not in self._counted and len(self._counted) >= ENTRIES_MAX:
            key = (day, domain, result.general)
            if key not in self._counted and len(self._counted) >= 2 * ENTRIES_MAX:
                return  # the database has been away for long
        self._counted[key] = self._counted.get(key, 0) + 1

    async def flush(self) -> None:
        """Write what was counted; what can't be written stays for the next time."""
        while self._counted:
            keys = list(self._counted)[:_STEP]
            batch = {key: self._counted.pop(key) for key in keys}
            try:
                await self._database.write(results.add, batch)
            except Exception:
                for key, sessions in batch.items():
                    self._counted[key] = self._counted.get(key, 0) + sessions
                raise

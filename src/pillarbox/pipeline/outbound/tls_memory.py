"""Which hosts offered TLS of late: one that suddenly does not may be cut off from it by somebody.

Called by `tls_policy`; calls `domain/transport/hosts`. Written once a day for a host.
"""

from pillarbox.base.clock import Clock
from pillarbox.domain.transport import hosts
from pillarbox.storage.db import Database

SEEN_STEP_MS = 86_400_000
"""That a host still offers TLS is written once in so long."""

_REMEMBERED = 20_000
_LOOK_MS = 600_000
_STEP = 200


class TlsMemory:
    """What one process knows of hosts, and is about to tell the others."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[int, int]] = {}  # when it was seen, until when that holds
        self._new: dict[str, None] = {}

    async def offered(self, host: str) -> bool:
        """Whether a host has offered TLS in the last 30 days."""
        if host in self._new:
            return True
        return await self._seen_ms(host) > self._clock.now_ms() - hosts.KEPT_MS

    def saw(self, host: str) -> None:
        """Note that a host offers TLS; `flush` writes it, if it was not written today."""
        now_ms = self._clock.now_ms()
        seen_ms, until_ms = self._known.get(host, (0, 0))
        is_known = until_ms > now_ms and seen_ms > now_ms - SEEN_STEP_MS
        if not is_known and len(self._new) < _REMEMBERED:
            self._new[host] = None

    async def flush(self) -> None:
        """Write what is new; what can't be written stays for the next time."""
        while self._new:
            batch = tuple(self._new)[:_STEP]
            now_ms = self._clock.now_ms()
            stale = [host for host in batch if await self._seen_ms(host) <= now_ms - SEEN_STEP_MS]
            if stale:
                await self._database.write(hosts.remember, tuple(stale))
            for host in batch:
                self._new.pop(host, None)
            for host in stale:
                self._remember(host, now_ms)

    async def sweep(self) -> None:
        """Forget hosts that may be forgotten, a few at a time."""
        while await self._database.write(hosts.sweep):
            pass

    async def _seen_ms(self, host: str) -> int:
        seen_ms, until_ms = self._known.get(host, (0, 0))
        if until_ms <= self._clock.now_ms():
            seen_ms = await self._database.lookup(hosts.seen, host)
            self._remember(host, seen_ms)
        return seen_ms

    def _remember(self, host: str, seen_ms: int) -> None:
        self._known.pop(host, None)
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[host] = (seen_ms, self._clock.now_ms() + _LOOK_MS)

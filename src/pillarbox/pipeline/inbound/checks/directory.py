"""Which domains are served here and what their people are called, remembered for some minutes.

Read by `lookalike`; calls the domain.
"""

from collections.abc import Collection

from pillarbox.base.clock import Clock
from pillarbox.domain.accounts import domains, users
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

KEPT_MS = 10 * 60_000
NAMES_MAX = 20_000
"""Names of one domain that are looked at."""
DOMAINS_MAX = 1000
"""Domains whose names are remembered at a time."""


class Directory:
    """Remembers; one object serves all sessions of a process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._domains: tuple[int, frozenset[str]] | None = None
        self._names: dict[str, tuple[int, frozenset[str]]] = {}

    async def domains(self) -> Collection[str]:
        """The domains served here, as A-labels."""
        now = self._clock.now_ms()
        if self._domains is None or not 0 <= now - self._domains[0] < KEPT_MS:
            found = await self._database.read(domains.all_of)
            self._domains = now, frozenset(one.name for one in found)
        return self._domains[1]

    async def names(self, domain: str) -> Collection[str]:
        """The display names of the users of a domain served here, as they were entered."""
        now = self._clock.now_ms()
        kept = self._names.get(domain)
        if kept is None or not 0 <= now - kept[0] < KEPT_MS:
            if len(self._names) >= DOMAINS_MAX:
                self._names.clear()
            kept = now, await self._database.read(_names, domain)
            self._names[domain] = kept
        return kept[1]


def _names(tx: Tx, name: str) -> frozenset[str]:
    domain = domains.get(tx, name)
    if domain is None:
        return frozenset()
    found = users.list_of(tx, domain)[:NAMES_MAX]
    return frozenset(one.display_name for one in found if one.display_name)

"""The domains of recipients' contacts, for the check of names that look like others.

They are opened once for an account and kept until its address books change.
"""

from collections import OrderedDict
from collections.abc import Collection

from pillarbox.base.ids import AccountId
from pillarbox.domain.contacts import lookup
from pillarbox.pipeline.inbound.checks import brands
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.free_mail import FREE_MAIL
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ACCOUNTS_MOST = 20
ACCOUNTS_KEPT = 1000

_Version = tuple[tuple[int, int], ...]


class ContactDomains:
    """Remembers; one object serves all sessions of a process.

    Domains where anybody has an address, and those of brands, are left out: their own relations
    look alike, and the check knows them.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._kept: OrderedDict[AccountId, tuple[_Version, frozenset[str]]] = OrderedDict()

    async def of(self, arrival: Arrival) -> Collection[str]:
        """The domains of the contacts of those a message is for."""
        accounts = arrival.accounts[:ACCOUNTS_MOST]
        if not accounts:
            return frozenset()
        versions = await self._database.lookup(_versions, accounts)
        named: list[frozenset[str]] = []
        for account, version in versions.items():
            kept = self._kept.get(account)
            if kept is None or kept[0] != version:
                found = await self._database.read(lookup.domains, self._keys, account)
                kept = version, frozenset(filter(_tells, found))
                self._kept[account] = kept
            self._kept.move_to_end(account)
            if kept[1]:
                named.append(kept[1])
        while len(self._kept) > ACCOUNTS_KEPT:
            self._kept.popitem(last=False)
        return named[0] if len(named) == 1 else frozenset().union(*named)


def _versions(tx: Tx, accounts: tuple[AccountId, ...]) -> dict[AccountId, _Version]:
    return {one: lookup.version(tx, one) for one in accounts}


def _tells(domain: str) -> bool:
    return domain not in FREE_MAIL and not any(
        label in brands.LABELS for label in domain.split(".")
    )

"""Where recipient addresses lead, with a short memory per process.

Called at RCPT by `receive` and by `pipeline/submission`; calls `domain/accounts`. What is
remembered is dropped when the directory changes, and after half a minute in any case.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError, Invalid, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import domains, names, users
from pillarbox.domain.accounts.model import TOPIC, Resolution
from pillarbox.domain.accounts.resolve import resolve
from pillarbox.domain.owners import quota
from pillarbox.formats.address import Address, ascii_domain, parse_path, split_subaddress
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

REMEMBERED = 10_000
POSTMASTER = "postmaster"


@dataclass(frozen=True, slots=True)
class _Found:
    """What is remembered of an address; `resolution` is `None` where its domain is elsewhere."""

    resolution: Resolution | None
    limited: tuple[AccountId, ...]
    until_ms: int


class Recipients:
    """Looks up recipient addresses; `close` ends its subscription."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, default_domain: str, delimiter: str = "+"
    ) -> None:
        """`default_domain` is where a bare `postmaster` lives (RFC 5321 §4.5.1)."""
        self._database = database
        self._clock = clock
        self._default_domain = default_domain
        self._delimiter = delimiter
        self._found: dict[str, _Found] = {}
        self.close: Callable[[], None] = bus.subscribe(TOPIC, self._forget)

    async def find(self, path: str, size_bytes: int = 0) -> Resolution | None:
        """Where an address leads, or `None` if its domain is not served here.

        Raises `NotFound` for a local address nobody has, `OverQuota` where a message of
        `size_bytes` fits in none of its mailboxes, `Invalid` for a name that can't be.
        """
        now_ms = self._clock.now_ms()
        found = self._found.get(path)
        if found is None or found.until_ms < now_ms:
            local, domain = self._halves(path)
            resolution, limited = await self._database.lookup(_look, local, domain, self._delimiter)
            found = _Found(resolution, limited, now_ms + int(LOOK_EVERY_S * 1000))
            self._remember(path, found)
        resolution = found.resolution
        if (
            resolution is not None
            and found.limited
            and len(found.limited) == len(resolution.local)
            and not resolution.outside
        ):
            await self._database.lookup(_refuse_if_full, found.limited, size_bytes)
        return resolution

    async def owner(self, path: str) -> AccountId | None:
        """Whose login the address is, with or without its sub-address; `Invalid` if it is none."""
        local, domain = self._halves(path)
        return await self._database.lookup(_owner, local, domain, self._delimiter)

    def _halves(self, path: str) -> tuple[str, str]:
        if path.lower() == POSTMASTER:
            return POSTMASTER, self._default_domain
        address = split(path)
        return address.local, address.domain

    def _remember(self, path: str, found: _Found) -> None:
        self._found.pop(path, None)
        if len(self._found) >= REMEMBERED:
            del self._found[next(iter(self._found))]
        self._found[path] = found

    def _forget(self, topic: str) -> None:
        self._found.clear()


def split(path: str) -> Address:
    """The halves of an envelope path, the domain in ASCII; `Invalid` for what can't be one."""
    try:
        if path.startswith('"'):
            return parse_path(path).normalized()
        local, _, domain = path.rpartition("@")
        return Address(local, ascii_domain(domain))
    except GrammarError as error:
        raise Invalid("That is not an address mail can be sent to", str(error)) from error


def _look(
    tx: Tx, local: str, domain: str, delimiter: str
) -> tuple[Resolution | None, tuple[AccountId, ...]]:
    if not domains.is_local(tx, domain):
        return None, ()
    resolution = resolve(tx, local, domain, delimiter)
    limited = []
    for target in resolution.local:
        usage = quota.usage(tx, target.account_id)
        if usage is not None and usage.quota_bytes:
            limited.append(target.account_id)
    return resolution, tuple(limited)


def _owner(tx: Tx, local: str, domain: str, delimiter: str) -> AccountId | None:
    bare = split_subaddress(local, delimiter)[0] if delimiter else local
    for spelled in dict.fromkeys((local, bare)):
        user = users.get(tx, f"{names.local_key(spelled)}@{domain.lower()}")
        if user is not None:
            return user.account_id
    return None


def _refuse_if_full(tx: Tx, accounts: tuple[AccountId, ...], size_bytes: int) -> None:
    for account in accounts:
        usage = quota.usage(tx, account)
        if usage is None or usage.has_room(max(size_bytes, 1)):
            return
    raise OverQuota("The mailbox is full")

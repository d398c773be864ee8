"""Where recipient addresses lead, with a short memory per process.

Called at RCPT by `receive` and by `pipeline/submission`; calls `domain/accounts`. What is
remembered is dropped when the directory changes, and after half a minute in any case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError, Invalid, NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import aliases, domains, names, users
from pillarbox.domain.accounts.model import TOPIC, Actor, Resolution
from pillarbox.domain.accounts.resolve import resolve
from pillarbox.domain.owners import quota
from pillarbox.domain.sharing import groups
from pillarbox.domain.sharing.delegation import may_post_for
from pillarbox.formats.address import Address, ascii_domain, parse_path, split_subaddress
from pillarbox.formats.mailauth.srs import is_srs
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

REMEMBERED = 10_000
POSTMASTER = "postmaster"


class ReversePaths(Protocol):
    """Rewrites the reverse-paths of forwarded mail, and reads them when they come back."""

    def forward(self, address: str, our_domain: str, now: datetime) -> str: ...
    def reverse(self, local_part: str, now: datetime) -> str | None: ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What is remembered of an address; `resolution` is `None` where its domain is elsewhere."""

    resolution: Resolution | None
    limited: tuple[AccountId, ...]
    until_ms: int


class Recipients:
    """Looks up recipient addresses; `close` ends its subscription."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        default_domain: str,
        delimiter: str = "+",
        reverse_paths: ReversePaths | None = None,
    ) -> None:
        """`default_domain` is where a bare `postmaster` lives (RFC 5321 §4.5.1).

        `reverse_paths` knows whom reports on forwarded mail are for.
        """
        self.default_domain = default_domain
        self._database = database
        self._clock = clock
        self._reverse_paths = reverse_paths
        self._delimiter = delimiter
        self._found: dict[str, _Found] = {}
        self._elsewhere: dict[str, _Found] = {}
        """By domain; the others are by address."""
        self.close: Callable[[], None] = bus.subscribe(TOPIC, self._forget)

    async def find(self, path: str, size_bytes: int = 0) -> Resolution | None:
        """Where an address leads, or `None` if its domain is not served here.

        Raises `NotFound` for a local address nobody has, `OverQuota` where a message of
        `size_bytes` fits in none of its mailboxes, `Invalid` for a name that can't be.
        """
        found = await self._find(path)
        resolution = found.resolution
        if (
            resolution is not None
            and found.limited
            and len(found.limited) == len(resolution.local)
            and not resolution.outside
        ):
            await self._database.lookup(_refuse_if_full, found.limited, size_bytes)
        return resolution

    async def resolve(self, path: str) -> Resolution | None:
        """Where an address leads, full or not; raises as `find` does but for `OverQuota`."""
        return (await self._find(path)).resolution

    async def is_return(self, path: str) -> bool:
        """Whether an address is a reverse-path that was made here for forwarded mail.

        Reports come to it, from the null reverse-path; taken from anybody else it would be a relay
        for all who have seen it. `Invalid` if it is no address.
        """
        paths = self._reverse_paths
        if paths is None or not is_srs(path.lstrip('"')):
            return False
        local, domain = self._halves(path)
        return paths.reverse(local, self._clock.now()) is not None and (
            await self._database.lookup(_takes_returns, domain)
        )

    async def owner(self, path: str) -> AccountId | None:
        """Which user or group bears the address, with or without its sub-address.

        `Invalid` if it is none.
        """
        local, domain = self._halves(path)
        return await self._database.lookup(_owner, local, domain, self._delimiter)

    async def may_post_for(self, actor: Actor, owners: tuple[AccountId, ...]) -> bool:
        """Whether a user may send in the name of one of these users and groups."""
        return await self._database.lookup(may_post_for, actor, owners)

    async def serves(self, domain: str) -> bool:
        """Whether a domain is one of ours."""
        try:
            return await self._database.lookup(domains.is_local, domain)
        except Invalid:
            return False

    async def _find(self, path: str) -> _Found:
        now_ms = self._clock.now_ms()
        found = self._found.get(path)
        if found is None or found.until_ms < now_ms:
            local, domain = self._halves(path)
            if self._reverse_paths is not None and is_srs(local):
                return await self._returning(self._reverse_paths, local, domain)
            found = self._elsewhere.get(domain)
            if found is not None and found.until_ms >= now_ms:
                return found
            resolution, limited = await self._database.lookup(_look, local, domain, self._delimiter)
            found = _Found(resolution, limited, now_ms + int(LOOK_EVERY_S * 1000))
            if resolution is None:
                _remember(self._elsewhere, domain, found)
            else:
                _remember(self._found, path, found)
        return found

    async def _returning(self, paths: ReversePaths, local: str, domain: str) -> _Found:
        """The sender of mail that was forwarded, behind a reverse-path of ours.

        Not remembered: each is good for one message, and grows old.
        """
        if not await self._database.lookup(_takes_returns, domain):
            return _Found(None, (), 0)
        original = paths.reverse(local, self._clock.now())
        if original is None:
            # The catch-all is not for what is forged; but somebody may really be called so.
            if not await self._database.lookup(_bears, local, domain):
                raise NotFound("No such user here", "a reverse-path that is not ours, or too old")
            return _Found(*await self._database.lookup(_look, local, domain, self._delimiter), 0)
        found = await self._find(original)
        return _Found(Resolution((), (original,)), (), 0) if found.resolution is None else found

    def _halves(self, path: str) -> tuple[str, str]:
        if path.lower() == POSTMASTER:
            return POSTMASTER, self.default_domain
        address = split(path)
        return address.local, address.domain

    def _forget(self, topic: str) -> None:
        self._found.clear()
        self._elsewhere.clear()


def _remember(known: dict[str, _Found], key: str, found: _Found) -> None:
    known.pop(key, None)
    if len(known) >= REMEMBERED:
        del known[next(iter(known))]
    known[key] = found


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
        key = f"{names.local_key(spelled)}@{domain.lower()}"
        owner = users.get(tx, key) or groups.get(tx, key)
        if owner is not None:
            return owner.account_id
    return None


def _bears(tx: Tx, local: str, domain: str) -> bool:
    """Whether somebody has just this address."""
    key = f"{names.local_key(local)}@{domain.lower()}"
    return any(find(tx, key) is not None for find in (users.get, groups.get, aliases.get))


def _takes_returns(tx: Tx, domain: str) -> bool:
    found = domains.get(tx, domain)
    return found is not None and found.enabled and not found.relay


def _refuse_if_full(tx: Tx, accounts: tuple[AccountId, ...], size_bytes: int) -> None:
    for account in accounts:
        usage = quota.usage(tx, account)
        if usage is None or usage.has_room(max(size_bytes, 1)):
            return
    raise OverQuota("The mailbox is full")

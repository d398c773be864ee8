"""Senders that users and admins let in or keep out, by their lists.

A user's list counts for that user, a domain's for its recipients, the server's for everybody. Lists
are kept in memory until one changes, half a minute at most.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import (
    SERVER,
    TOPIC,
    Owner,
    Scope,
    Sender,
    SenderList,
)
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Results
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ALLOWED = Kind("sender_allowed", 0.0, "comes from a sender who is to be let in", Action.ALLOW)
BLOCKED = Kind("sender_blocked", 0.0, "comes from a sender who is to be kept out", Action.JUNK)
REPLY = "Mail from this sender is not wanted here"

AUTHORS_MOST = 20
REMEMBERED = 2000
"""Lists kept in memory."""
_WHOSE = MappingProxyType(
    {
        Scope.SERVER: "the server's list",
        Scope.DOMAIN: "the domain's list",
        Scope.USER: "the user's list",
    }
)


class SenderLists(Check):
    """Looks senders up; `close` ends its subscriptions."""

    name = "sender_lists"
    stage = Stage.VERDICT
    asks_nobody = True
    kinds = (ALLOWED, BLOCKED)
    deadline_s = 5.0

    def __init__(self, database: Database, keys: KeyRing, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._lists: dict[Owner, tuple[SenderList, int]] = {}
        self._domains: dict[str, tuple[int, int]] = {}
        self._changes = 0
        self._stops: tuple[Callable[[], None], ...] = tuple(
            bus.subscribe(topic, self._forget) for topic in (TOPIC, DIRECTORY)
        )

    def close(self) -> None:
        """Listen for changes no more."""
        for stop in self._stops:
            stop()

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """What the lists of its recipients say of the sender."""
        sender = _sender(arrival)
        by_domain = await self._numbers(tuple({one.domain for one in arrival.recipients}))
        accounts: dict[AccountId, set[Owner]] = {}
        everybody = {SERVER}
        numbers = {by_domain.get(one.domain, 0) for one in arrival.recipients}
        if len(numbers) == 1 and 0 not in numbers:
            everybody.add(Owner(Scope.DOMAIN, next(iter(numbers))))
        for one in arrival.recipients:
            for target in one.local:
                mine = accounts.setdefault(target.account_id, set())
                mine.add(Owner(Scope.USER, target.account_id))
                if number := by_domain.get(one.domain, 0):
                    mine.add(Owner(Scope.DOMAIN, number))
        owners = everybody.union(*accounts.values())
        known = await self._known(tuple(owners))
        found = [
            finding
            for owner in sorted(everybody, key=lambda owner: owner.scope)
            if (finding := _finding(known[owner], owner, sender, None)) is not None
        ]
        for account_id, mine in accounts.items():
            for owner in sorted(mine - everybody, key=lambda owner: owner.scope):
                finding = _finding(known[owner], owner, sender, account_id)
                if finding is not None:
                    found.append(finding)
        return found

    async def _known(self, owners: tuple[Owner, ...]) -> dict[Owner, SenderList]:
        now_ms, seen = self._clock.now_ms(), self._changes
        held = {owner: self._lists.get(owner) for owner in owners}
        found = {
            owner: one[0] for owner, one in held.items() if one is not None and one[1] > now_ms
        }
        missing = tuple(owner for owner in owners if owner not in found)
        if missing:
            loaded = await self._database.lookup(lists.load, self._keys, missing)
            found |= loaded
            if seen == self._changes:
                for owner, one in loaded.items():
                    self._remember(owner, one, now_ms)
        return found

    def _remember(self, owner: Owner, one: SenderList, now_ms: int) -> None:
        self._lists.pop(owner, None)
        if len(self._lists) >= REMEMBERED:
            del self._lists[next(iter(self._lists))]
        self._lists[owner] = (one, now_ms + int(LOOK_EVERY_S * 1000))

    async def _numbers(self, names: tuple[str, ...]) -> dict[str, int]:
        """The ids of domains served here, by name."""
        now_ms = self._clock.now_ms()
        missing = tuple(
            name for name in names if name not in self._domains or self._domains[name][1] <= now_ms
        )
        if missing:
            loaded = await self._database.lookup(_numbers, missing)
            if len(self._domains) + len(loaded) > REMEMBERED:
                self._domains.clear()
            until_ms = now_ms + int(LOOK_EVERY_S * 1000)
            self._domains |= {name: (number, until_ms) for name, number in loaded.items()}
        return {name: self._domains[name][0] for name in names}

    def _forget(self, topic: str) -> None:
        self._changes += 1
        self._lists.clear()
        self._domains.clear()


def _numbers(tx: Tx, names: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for name in names:
        try:
            domain = domains.get(tx, ascii_domain(name)) if name else None
        except GrammarError:
            domain = None
        found[name] = 0 if domain is None else int(domain.id)
    return found


def _finding(
    one: SenderList, owner: Owner, sender: Sender, account_id: AccountId | None
) -> Finding | None:
    match = one.find(sender)
    if match is None:
        return None
    entry, what = match
    kind = ALLOWED if entry.action is Action.ALLOW else BLOCKED
    reply = REPLY if entry.action is Action.REFUSE else ""
    detail = f"{what} by {entry.pattern} on {_WHOSE[owner.scope]}"
    return kind.found(detail, action=entry.action, reply=reply, account_id=account_id)


def _sender(arrival: Arrival) -> Sender:
    """Who it comes from, as far as that is known."""
    content, results = arrival.content, arrival.results
    authors: tuple[str, ...] = ()
    authentic = ""
    if content is not None:
        named = [_folded(one.address) for one in content.fields.from_[:AUTHORS_MOST]]
        authors = tuple(one for one in named if one)
        single = content.from_domain
        if single and len(authors) == 1 and _is_authentic(results, single):
            authentic = authors[0]
    spf = results.spf
    return Sender(
        authors=authors,
        authentic_author=authentic,
        envelope=_folded(arrival.reverse_path),
        authentic_envelope=spf is not None and spf.status is SpfStatus.PASS,
        ip=arrival.peer.ip,
    )


def _is_authentic(results: Results, domain: str) -> bool:
    """Whether DMARC passes, or without a policy the domain or one above it vouches for the mail.

    One below does not do: who has a name below another may be somebody else.
    """
    dmarc = results.dmarc
    if dmarc is not None and dmarc.status is Status.PASS:
        return True
    if dmarc is not None and dmarc.status is not Status.NONE:
        return False
    vouching = [
        one.domain
        for one in results.dkim or ()
        if one.status is Status.PASS and not (one.beyond or one.testing)
    ]
    if results.spf is not None and results.spf.status is SpfStatus.PASS:
        vouching.append(results.spf.domain)
    return any("." in one and f".{domain}".endswith(f".{one.lower()}") for one in vouching)


def _folded(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        return ""
    try:
        return f"{local.lower()}@{ascii_domain(domain.rstrip('.'))}"
    except GrammarError:
        return ""

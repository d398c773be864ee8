"""What earlier mail of the same sender, domain or host came to, and whether its recipient knows it.

Names count only where SPF, DKIM or DMARC vouch for them (`origin`); hosts always. What the account
itself has seen counts more than what all users here have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.domain.contacts import lookup as contacts
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import SERVER, Origin, Standing
from pillarbox.domain.reputation.model import Kind as Name
from pillarbox.domain.sending.counts import have_written_to
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.free_mail import FREE_MAIL
from pillarbox.pipeline.inbound.checks.origin import origin_of
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

DEADLINE_S = 5.0
ACCOUNTS_MOST = 20
BAD_FROM, GOOD_TO = 0.8, 0.2
"""The share of bad mail that makes a name bad, and good."""
OWN_LEAST, SERVER_LEAST = 0.9, 3.0
"""How many messages have to be known for it; one that a user sorted counts as one."""
SERVER_SHARE = 0.5
"""What others say counts so much: some of them together must not decide where one's mail goes."""
NEIGHBOURS_LEAST = 3.0
"""While the address itself is not known as bad, what it shares with others (domain, signer, host,
network) has its whole weight from so many messages on: one message is not the fault of all."""

KNOWN = Kind("known_correspondent", -3.0, "comes from somebody its recipient has written to")
CONTACT = Kind("sender_in_contacts", -3.0, "comes from somebody in its recipient's contacts")
NEW = Kind("sender_new", 0.3, "comes from a domain that never wrote to anybody here")
SENDER_BAD = Kind("sender_reputation_bad", 3.0, "comes from somebody whose mail was spam")
SENDER_GOOD = Kind("sender_reputation_good", -1.0, "comes from somebody whose mail was wanted")
DOMAIN_BAD = Kind("domain_reputation_bad", 2.0, "comes from a domain whose mail was spam")
DOMAIN_GOOD = Kind("domain_reputation_good", -0.5, "comes from a domain whose mail was wanted")
SIGNER_BAD = Kind("signer_reputation_bad", 1.0, "is signed by a domain whose mail was spam")
SIGNER_GOOD = Kind("signer_reputation_good", -0.3, "is signed by a domain whose mail was wanted")
IP_BAD = Kind("ip_reputation_bad", 2.0, "comes from a host whose mail was spam")
IP_GOOD = Kind("ip_reputation_good", -0.5, "comes from a host whose mail was wanted")
NETWORK_BAD = Kind("network_reputation_bad", 1.0, "comes from a network whose mail was spam")

_KINDS: tuple[tuple[Name, Kind, Kind | None], ...] = (
    (Name.ADDRESS, SENDER_BAD, SENDER_GOOD),
    (Name.DOMAIN, DOMAIN_BAD, DOMAIN_GOOD),
    (Name.SIGNER, SIGNER_BAD, SIGNER_GOOD),
    (Name.IP, IP_BAD, IP_GOOD),
    (Name.NETWORK, NETWORK_BAD, None),
)
_WIDER = ((Name.SIGNER, Name.DOMAIN), (Name.NETWORK, Name.IP))
Said = tuple[Kind, float]
"""A finding and its points."""


@dataclass(frozen=True, slots=True)
class ReputationCheck(Check):
    """Looks the origin of a message up; `Stage.VERDICT`, since it needs to know what is proved."""

    database: Database
    keys: KeyRing
    name: str = "reputation"
    stage: Stage = Stage.VERDICT
    deadline_s: float = DEADLINE_S
    asks_nobody: bool = True
    kinds: tuple[Kind, ...] = (
        KNOWN,
        CONTACT,
        NEW,
        *(kind for _, *both in _KINDS for kind in both if kind is not None),
    )

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """One look at the database for all accounts."""
        if arrival.content is None:
            return ()
        origin = origin_of(arrival)
        accounts = arrival.accounts[:ACCOUNTS_MOST]
        return await self.database.lookup(self._findings, origin, accounts)

    def _findings(self, tx: Tx, origin: Origin, accounts: tuple[AccountId, ...]) -> list[Finding]:
        found: list[Finding] = []
        if origin.address:
            known = have_written_to(tx, self.keys, accounts, origin.address)
            in_books = contacts.have(tx, self.keys, accounts, origin.address)
            for kind, who in ((KNOWN, known), (CONTACT, in_books - known)):
                found += [kind.found(origin.address, account_id=one) for one in sorted(who)]
        standings = history.standings(tx, self.keys, origin, accounts)
        if origin.domain and (SERVER, Name.DOMAIN) not in standings:
            found.append(NEW.found(origin.domain))
        names = dict(reversed(origin.names()))
        own = {one: _known(standings, one, names) for one in accounts}
        return found + _for_all(_known(standings, SERVER, names), own, names)


class Repute:
    """Who is known to send what people want, for checks before the content comes."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def is_good(self, domain: str) -> bool:
        """Whether a domain, as SPF confirmed it, has sent good mail for some time."""
        standing = await self._database.lookup(
            history.standing, self._keys, SERVER, Name.DOMAIN, domain
        )
        return standing.weight >= SERVER_LEAST and standing.badness <= GOOD_TO

    async def is_correspondent(self, accounts: Sequence[AccountId], address: str) -> bool:
        """Whether one of these accounts has written to the address."""
        return bool(
            await self._database.lookup(have_written_to, self._keys, tuple(accounts), address)
        )


def _for_all(
    known: dict[Name, Said], accounts: dict[AccountId, dict[Name, Said]], names: dict[Name, str]
) -> list[Finding]:
    """An account's own knowledge of a name, where it has any; for the others the server's."""
    if not any(accounts.values()):
        return _findings(known, names, None)
    found: list[Finding] = []
    for account_id, own in accounts.items():
        found += _findings(known | own, names, account_id)
    return found


def _findings(
    known: dict[Name, Said], names: dict[Name, str], account_id: AccountId | None
) -> list[Finding]:
    # A host says more than its network, and the domain in From more than who signed.
    implied = {wide for wide, narrow in _WIDER if narrow in known}
    return [
        kind.found(names.get(name, ""), points=round(points, 2), account_id=account_id)
        for name, (kind, points) in known.items()
        if name not in implied
    ]


def _known(
    standings: dict[tuple[int, Name], Standing], scope: int, names: dict[Name, str]
) -> dict[Name, Said]:
    """What a scope says of the names of a message, and with how many points."""
    least, share = (SERVER_LEAST, SERVER_SHARE) if scope == SERVER else (OWN_LEAST, 1.0)
    found: dict[Name, Said] = {}
    guilty = False
    for name, bad, good in _KINDS:
        standing = standings.get((scope, name), Standing())
        kind = _kind(standing, least, bad, good)
        if kind is None:
            continue
        guilty = guilty or kind is SENDER_BAD
        points = kind.points * share
        if kind is bad and not guilty:
            if names.get(name) in FREE_MAIL:
                continue
            points *= min(1.0, standing.weight / NEIGHBOURS_LEAST)
        found[name] = kind, points
    return found


def _kind(standing: Standing, least: float, bad: Kind, good: Kind | None) -> Kind | None:
    if standing.weight < least:
        return None
    if standing.badness >= BAD_FROM:
        return bad
    return good if standing.badness <= GOOD_TO else None

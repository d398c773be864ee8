"""What earlier mail of the same sender, domain or host came to, and whether its recipient knows it.

Names count only where SPF, DKIM or DMARC vouch for them (`origin`); hosts always. What the account
itself has seen counts more than what all users here have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.ids import AccountId
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import SERVER, Origin, Standing
from pillarbox.domain.reputation.model import Kind as Name
from pillarbox.domain.sending.counts import have_written_to
from pillarbox.pipeline.inbound.checks.arrival import Arrival
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


class Contacts(Protocol):
    """Whom users have in their address books."""

    def have(self, tx: Tx, accounts: Sequence[AccountId], address: str) -> frozenset[AccountId]:
        """Which of these accounts have an address; it is in lower case."""
        ...


class NoContacts:
    """Nobody has any."""

    def have(self, tx: Tx, accounts: Sequence[AccountId], address: str) -> frozenset[AccountId]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class ReputationCheck:
    """Looks the origin of a message up; `Stage.VERDICT`, since it needs to know what is proved."""

    database: Database
    keys: KeyRing
    contacts: Contacts = NoContacts()  # noqa: RUF009 - has no state
    name: str = "reputation"
    stage: Stage = Stage.VERDICT
    deadline_s: float = DEADLINE_S
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
        accounts = tuple(
            dict.fromkeys(
                target.account_id for recipient in arrival.recipients for target in recipient.local
            )
        )[:ACCOUNTS_MOST]
        return await self.database.lookup(self._findings, origin, accounts)

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Without it the other checks decide."""
        return ()

    def _findings(self, tx: Tx, origin: Origin, accounts: tuple[AccountId, ...]) -> list[Finding]:
        found: list[Finding] = []
        if origin.address:
            known = have_written_to(tx, self.keys, accounts, origin.address)
            contacts = self.contacts.have(tx, accounts, origin.address)
            for kind, who in ((KNOWN, known), (CONTACT, contacts - known)):
                found += [kind.found(origin.address, account_id=one) for one in sorted(who)]
        standings = history.standings(tx, self.keys, origin, accounts)
        if origin.domain and (SERVER, Name.DOMAIN) not in standings:
            found.append(NEW.found(origin.domain))
        names = dict(reversed(origin.names()))
        for name, bad, good in _KINDS:
            found += _of_name(name, bad, good, names.get(name, ""), standings, accounts)
        return found


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

    async def wrote_to(self, account_id: AccountId, address: str) -> bool:
        """Whether an account has written to the address."""
        return await self.is_correspondent((account_id,), address)


def _of_name(
    name: Name,
    bad: Kind,
    good: Kind | None,
    detail: str,
    standings: dict[tuple[int, Name], Standing],
    accounts: Sequence[AccountId],
) -> list[Finding]:
    """An account's own knowledge of a name, where it has any; for the others the server's."""
    general = _kind(standings.get((SERVER, name)), SERVER_LEAST, bad, good)
    own = {
        account_id: kind
        for account_id in accounts
        if (kind := _kind(standings.get((account_id, name)), OWN_LEAST, bad, good)) is not None
    }
    if not own:
        return [] if general is None else [general.found(detail)]
    found = [kind.found(detail, account_id=account_id) for account_id, kind in own.items()]
    if general is not None:
        found += [general.found(detail, account_id=one) for one in accounts if one not in own]
    return found


def _kind(standing: Standing | None, least: float, bad: Kind, good: Kind | None) -> Kind | None:
    if standing is None or standing.weight < least:
        return None
    if standing.badness >= BAD_FROM:
        return bad
    return good if standing.badness <= GOOD_TO else None

"""Asks clients that are not known yet to come again (RFC 6647); `domain/greylist` remembers them.

Whoever is known to be good is not asked: clients on an allow list, domains of good repute whose SPF
record has the client, and those to whom the recipient has written. What goes wrong here puts off
nobody.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

from pillarbox.base.ids import AccountId
from pillarbox.domain.greylist.greylist import (
    DAY_MS,
    Standing,
    State,
    Terms,
    Triplet,
    look,
    note,
)
from pillarbox.domain.judgement.model import Action, Finding, Kind
from pillarbox.domain.policy.model import Policy
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.formats.reverse_path import stable_sender
from pillarbox.net.addresses import network_of
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import RecipientCheck
from pillarbox.pipeline.inbound.message import Recipient
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

PUT_OFF = Kind(
    "greylisted",
    0.0,
    "comes from a client that is not known here yet; it was asked to come again",
    Action.DEFER,
)
CAME_AGAIN = Kind("greylist_passed", 0.0, "was put off before, and came again")

DEADLINE_S = 3.0
BITS_4, BITS_6 = 24, 64
"""Senders try again from another host of the same network."""

PURPOSE = "greylist"
_MINUTE_MS = 60_000


class Repute(Protocol):
    """Who is known to send what people want."""

    async def is_good(self, domain: str) -> bool:
        """Whether a domain, as SPF confirmed it, has sent good mail for some time."""
        ...

    async def is_correspondent(self, accounts: Sequence[AccountId], address: str) -> bool:
        """Whether one of these accounts has written to the address."""
        ...


class Greylist(RecipientCheck):
    """The check; `counts` says how often each outcome came since the process began.

    Outcomes: `deferred_new`, `deferred_retry`, `passed`, `known`, `network`, `skipped`, `failed`.
    """

    name = "greylist"
    kinds = (PUT_OFF, CAME_AGAIN)
    deadline_s = DEADLINE_S

    def __init__(self, database: Database, keys: KeyRing, repute: Repute | None = None) -> None:
        self._database = database
        self._secret = keys.lasting(PURPOSE)
        self._repute = repute
        self.counts: Counter[str] = Counter()

    async def run(self, arrival: Arrival, recipient: Recipient) -> Sequence[Finding]:
        """Put off the recipient, unless the client has come before or is known."""
        policy = arrival.policies.get(recipient.domain)
        if policy is None or policy.greylist_delay_min <= 0 or not arrival.peer.outside:
            return ()
        if await self._is_known(arrival, recipient):
            self.counts["skipped"] += 1
            return ()
        terms, triplet = _terms(policy), self._triplet(arrival, recipient)
        standing = await self._database.lookup(look, triplet, terms)
        if standing.stale:
            standing = await self._database.write(note, triplet, terms)
        return self._found(standing)

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Nobody is put off."""
        self.counts["failed"] += 1
        return ()

    async def _is_known(self, arrival: Arrival, recipient: Recipient) -> bool:
        results = arrival.results
        if results.allowed:
            return True
        if not arrival.reverse_path:
            # Reports have one recipient, and so have servers that ask whether a sender of ours
            # exists; they keep our own mail waiting as long as they wait for an answer.
            return not arrival.recipients
        if self._repute is None:
            return False
        accounts = [one.account_id for one in recipient.local]
        if await self._repute.is_correspondent(accounts, arrival.reverse_path):
            return True
        spf = results.spf
        return (
            spf is not None
            and spf.status is SpfStatus.PASS
            and await self._repute.is_good(spf.domain)
        )

    def _triplet(self, arrival: Arrival, recipient: Recipient) -> Triplet:
        """The largest senders try again from other networks of theirs; SPF tells which those are.

        What is let through after some passes is a network all the same.
        """
        network = network_of(arrival.peer.ip, BITS_4, BITS_6)
        spf = arrival.results.spf
        confirmed = spf is not None and spf.status is SpfStatus.PASS
        source = f"spf {spf.domain}" if spf is not None and confirmed else network
        words = (source, stable_sender(arrival.reverse_path), recipient.path.lower())
        return Triplet(self._digest("triplet", *words), self._digest("network", network))

    def _digest(self, *words: str) -> int:
        plain = "\0".join(words).encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(plain, digest_size=8, key=self._secret).digest(), "big") >> 1

    def _found(self, standing: Standing) -> Sequence[Finding]:
        match standing.state:
            case State.NEW:
                self.counts["deferred_new"] += 1
                return (_put_off(standing.left_ms, "for the first time"),)
            case State.EARLY:
                self.counts["deferred_retry"] += 1
                return (_put_off(standing.left_ms, "again, since it came too soon"),)
            case State.PASSED:
                self.counts["passed"] += 1
                waited = _span(standing.waited_ms)
                return (CAME_AGAIN.found(f"after {waited}"),)
            case State.KNOWN | State.NETWORK:
                self.counts[standing.state.value] += 1
                return ()


def _terms(policy: Policy) -> Terms:
    return Terms(
        policy.greylist_delay_min * _MINUTE_MS,
        max(1, policy.greylist_expiry_days) * DAY_MS,
        policy.greylist_whitelist_after,
    )


def _put_off(wait_ms: int, how: str) -> Finding:
    wait = _span(wait_ms)
    return PUT_OFF.found(how, reply=f"Not known here yet, please try again in {wait}")


def _span(milliseconds: int) -> str:
    minutes = max(1, -(-milliseconds // _MINUTE_MS))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"

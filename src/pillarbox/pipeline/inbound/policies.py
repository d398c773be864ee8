"""The policies of domains and the wishes of users, with a short memory per process.

Called while mail comes in, by `screening` and `judging`; calls `domain/policy`. What is remembered
is dropped when an admin changes a policy, and after half a minute in any case.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.judgement.model import Rules
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.columns import Value
from pillarbox.domain.policy.model import DEFAULT, TOPIC, Policy, Wishes
from pillarbox.formats.address import ascii_domain
from pillarbox.storage.db import Database

REMEMBERED = 10_000

K = TypeVar("K")
V = TypeVar("V")


class Policies:
    """Looks up policies; `close` ends its subscription."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, junk_score: float | None = None
    ) -> None:
        """`junk_score` is that of the settings, for domains where no admin set one."""
        self._database = database
        self._clock = clock
        self._defaults: Mapping[str, Value] = MappingProxyType(
            {} if junk_score is None else {"spam_junk_score": junk_score}
        )
        self._policies: dict[str, tuple[Policy, int]] = {}
        self._wishes: dict[AccountId, tuple[Wishes, int]] = {}
        self._changes = 0
        self.close: Callable[[], None] = bus.subscribe(TOPIC, self._forget)

    async def of(self, domain: str) -> Policy:
        """The policy for mail to a domain, in any spelling; `""` is what holds for all others."""
        key = _key(domain)
        now_ms = self._clock.now_ms()
        held = self._policies.get(key)
        if held is None or held[1] <= now_ms:
            seen = self._changes
            found = await self._database.lookup(policies.of, key, self._defaults)
            held = (found, now_ms + int(LOOK_EVERY_S * 1000))
            if seen == self._changes:
                _remember(self._policies, key, held)
        return held[0]

    async def rules(self, account_id: AccountId | None, domain: str) -> Rules:
        """By which mail to a domain is judged, for an account with what its user wants."""
        policy = await self.of(domain)
        if account_id is None or not policy.by_score:
            return policy.rules
        now_ms = self._clock.now_ms()
        held = self._wishes.get(account_id)
        if held is None or held[1] <= now_ms:
            seen = self._changes
            found = await self._database.lookup(policies.wishes, account_id)
            held = (found, now_ms + int(LOOK_EVERY_S * 1000))
            if seen == self._changes:
                _remember(self._wishes, account_id, held)
        return held[0].over(policy.rules)

    def _forget(self, topic: str) -> None:
        self._changes += 1
        self._policies.clear()
        self._wishes.clear()


def _key(domain: str) -> str:
    if not domain:
        return DEFAULT
    try:
        return ascii_domain(domain.rstrip("."))
    except GrammarError:
        return DEFAULT


def _remember(known: dict[K, V], key: K, value: V) -> None:
    known.pop(key, None)
    if len(known) >= REMEMBERED:
        del known[next(iter(known))]
    known[key] = value

"""One connection at the gate: what it may do, and how long its replies are put off.

Made by `screening`; `protocols/smtp` asks it and does what it says. An exempt visit is let do
everything.
"""

from collections.abc import Hashable, Iterable

from pillarbox.base.errors import Failure
from pillarbox.domain.policy.model import Policy, Rate
from pillarbox.net.addresses import network_of
from pillarbox.pipeline.inbound.gate.gate import Gate
from pillarbox.pipeline.inbound.gate.model import DAY_MS, HOUR_MS, TooFast

LISTED_LEVEL = 3
"""A client on a block list is treated as one that made so many errors."""
TRACES_HOUR = 500
"""So many messages of one client that never came are put down within an hour."""


class Visit:
    """The state of one connection."""

    __slots__ = ("_client", "_errors", "_exempt", "_gate", "_ip", "_spent_s", "early")

    def __init__(self, gate: Gate, ip: str, *, exempt: bool) -> None:
        self._gate = gate
        self._ip = ip
        self._client = network_of(ip)
        """The network that counts as one client."""
        self._exempt = exempt
        self._errors = 0
        self._spent_s = 0.0
        self.early = False
        """Whether the client spoke before it was greeted."""

    async def admit(self) -> Failure | None:
        """Why the client may not even be greeted, if so."""
        return None if self._exempt else await self._gate.admit(self._ip, self._client)

    def greeting_pause_s(self) -> float:
        """How long to wait with the greeting, to see who can't wait."""
        gate = self._gate
        if self._exempt or gate.windows.count(("greeted", self._client), gate.clock.now_ms()):
            return 0.0
        return gate.options.greeting_pause_s

    def greeted(self, *, early: bool) -> None:
        """The greeting leaves; `early` says that the client has spoken before it.

        RFC 5321 §3.1 has clients wait for it.
        """
        if self._exempt:
            return
        self.early = early
        if early:
            self._errors += LISTED_LEVEL
        else:
            gate = self._gate
            gate.windows.hit(("greeted", self._client), DAY_MS, gate.clock.now_ms())

    def message(self, policies: Iterable[Policy]) -> None:
        """Count a message whose content has come, for each of the domains it is for.

        What is given up or put off before that counts for nothing: else those who send no mail
        could use up what others may send.
        """
        if self._exempt:
            return
        gate = self._gate
        now_ms = gate.clock.now_ms()
        for policy in policies:
            for key, rate in self._rates(policy):
                gate.windows.hit(key, rate.window_s * 1000, now_ms)

    def recipient(self, policy: Policy) -> Failure | None:
        """Count a recipient of this domain; gives why it can't be taken now, if so."""
        if self._exempt:
            return None
        gate, most = self._gate, self._gate.options.recipients_hour
        now_ms = gate.clock.now_ms()
        if most and gate.windows.hit(("recipients", self._client), HOUR_MS, now_ms) > most:
            return TooFast("Too many recipients within an hour; try again later")
        for key, rate in self._rates(policy):
            if gate.windows.count(key, now_ms) >= rate.most:
                whose = "for this domain" if key[0] == "domain" else "from your address"
                return TooFast(f"Too many messages {whose}; try again later")
        return None

    def known(self, who: Hashable) -> None:
        """A recipient was somebody's; `who` is the same by all names of theirs."""
        if not self._exempt:
            self._gate.known_recipient(self._client, who)

    async def unknown(self, path: str) -> Failure | None:
        """A recipient was nobody's; a failure ends the connection."""
        if self._exempt:
            return None
        return await self._gate.unknown_recipient(self._ip, self._client, path)

    def may_be_traced(self) -> bool:
        """Whether what was refused is to be put down; of one client not without end."""
        if self._exempt:
            return True
        gate = self._gate
        key, now_ms = ("traces", self._client), gate.clock.now_ms()
        return gate.windows.hit(key, HOUR_MS, now_ms) <= TRACES_HOUR

    def erred(self) -> None:
        """The client did something else wrong."""
        self._errors += 1

    def delay_s(self, *, listed: bool = False) -> float:
        """How long to wait with the next reply; to be called once for each, and waited for."""
        if self._exempt:
            return 0.0
        gate = self._gate
        level = max(self._errors, gate.unknown_score(self._client)) + LISTED_LEVEL * listed
        delay_s = gate.tarpit.delay_s(level, self._spent_s, gate.clock.now_ms())
        self._spent_s += delay_s
        return delay_s

    def _rates(self, policy: Policy) -> list[tuple[tuple[str, ...], Rate]]:
        """The limits of messages that a policy has, with the names of what counts for them."""
        if not policy.rates:
            return []
        every = (
            (("messages", self._client, policy.domain), policy.per_ip),
            (("domain", policy.domain), policy.per_domain),
        )
        return [one for one in every if one[1].most]

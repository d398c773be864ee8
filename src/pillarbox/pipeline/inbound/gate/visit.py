"""One connection at the gate: what it may do, and how long its replies are put off.

Made by `screening`; `protocols/smtp` asks it and does what it says. An exempt visit is let do
everything.
"""

from pillarbox.base.errors import Failure
from pillarbox.domain.policy.model import Policy, Rate
from pillarbox.net.addresses import network_of
from pillarbox.pipeline.inbound.gate.gate import Gate
from pillarbox.pipeline.inbound.gate.model import DAY_MS, HOUR_MS, TooFast

LISTED_LEVEL = 3
"""A client on a block list is treated as one that made so many errors."""


class Visit:
    """The state of one connection."""

    __slots__ = ("_client", "_domains", "_errors", "_exempt", "_gate", "_ip", "_spent_s", "early")

    def __init__(self, gate: Gate, ip: str, *, exempt: bool) -> None:
        self._gate = gate
        self._ip = ip
        self._client = network_of(ip)
        """The network that counts as one client."""
        self._exempt = exempt
        self._errors = 0
        self._spent_s = 0.0
        self._domains: set[str] = set()
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

    def message(self) -> None:
        """A mail transaction begins."""
        self._domains.clear()

    def recipient(self, policy: Policy) -> Failure | None:
        """Why a recipient of this domain can't be taken now, if so.

        Counts the recipient, and the message once for each of the domains it is for.
        """
        if self._exempt:
            return None
        hour = Rate(self._gate.options.recipients_hour, HOUR_MS // 1000)
        if self._is_over(("recipients", self._client), hour):
            return TooFast("Too many recipients within an hour; try again later")
        if policy.domain in self._domains or not policy.rates:
            return None
        self._domains.add(policy.domain)
        if self._is_over(("messages", self._client, policy.domain), policy.per_ip):
            return TooFast("Too many messages from your address; try again later")
        if self._is_over(("domain", policy.domain), policy.per_domain):
            return TooFast("Too many messages for this domain; try again later")
        return None

    def known(self) -> None:
        """A recipient was somebody's."""
        if not self._exempt:
            self._gate.unknown_score(self._client, known=1)

    async def unknown(self) -> Failure | None:
        """A recipient was nobody's; a failure ends the connection."""
        if self._exempt:
            return None
        return await self._gate.unknown_recipient(self._ip, self._client)

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

    def _is_over(self, key: tuple[str, ...], rate: Rate) -> bool:
        if not rate.most:
            return False
        gate = self._gate
        hits = gate.windows.hit(key, rate.window_s * 1000, gate.clock.now_ms())
        return hits > rate.most

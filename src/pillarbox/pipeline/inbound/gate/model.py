"""What the gate answers, and what it goes by."""

from dataclasses import dataclass, field

from pillarbox.base.errors import Busy, Denied
from pillarbox.pipeline.inbound.gate.tarpit import TarpitOptions

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Barred(Denied):
    """No mail is taken from there."""


class TooFast(Busy):
    """More than is taken within a time; later it will be."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Limits on one client (an IPv6 client: its /64); 0 is no limit.

    `unknown_recipients` within `window_ms` bar a client for `ban_ms`. `greeting_pause_s` is how
    long a client that was not here in the last day waits for the greeting.
    """

    connections_minute: int = 60
    recipients_hour: int = 1000
    unknown_recipients: int = 20
    window_ms: int = 30 * MINUTE_MS
    ban_ms: int = 24 * HOUR_MS
    greeting_pause_s: float = 1.0
    geo_allow: frozenset[str] = frozenset()
    geo_deny: frozenset[str] = frozenset()
    tarpit: TarpitOptions = field(default_factory=TarpitOptions)

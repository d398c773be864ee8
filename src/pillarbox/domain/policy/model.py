"""The policy of one domain for mail that comes in."""

from dataclasses import dataclass, field, replace

from pillarbox.domain.judgement.model import Rules

DEFAULT = "_default"
"""The domain whose values hold for all that have none of their own."""

TOPIC = "policy"
"""The bus topic: whoever keeps policies in memory drops them at a hint."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many within so many seconds; 0 is no limit."""

    most: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy, the `_default` one's values where it has none of its own."""

    domain: str
    off: frozenset[str] = frozenset()
    """Names of checks that are not wanted."""
    rules: Rules = field(default_factory=Rules)
    by_score: bool = True
    """Whether mail is judged by its points; where it is not, users can't have it either."""
    dkim_signing: bool = True
    dkim_key: str = "rsa2048"
    """The kind of a new key, as `domain/signing/make.KeyChoice` has it."""
    spf_max_lookups: int = 10
    spf_answer_s: int = 5
    dmarc_answer_s: int = 5
    """How long one answer of the name servers may take; read of the `_default` policy alone."""
    dmarc_report: bool = False
    dmarc_report_email: str = ""
    clamav_max_scan_bytes: int = 1 << 30
    learning: bool = True
    greylist_delay_min: int = 5
    greylist_expiry_days: int = 35
    greylist_whitelist_after: int = 3
    """Passes after which a client is trusted; 0: never."""
    rates: bool = True
    """Whether `per_ip` and `per_domain` are heeded."""
    per_ip: Rate = Rate(100, 3600)
    per_domain: Rate = Rate(1000, 3600)

    def has(self, check: str) -> bool:
        """Whether a check is wanted."""
        return check not in self.off


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """Whether mail of a domain is signed, and which fields, in lower case; none: the usual ones."""

    signs: bool = True
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user wants for mail to them; `None`: as the domain has it, 0: never."""

    junk_score: float | None = None
    quarantine_score: float | None = None
    refuse_score: float | None = None

    def over(self, rules: Rules) -> Rules:
        """The rules with these wishes in them."""
        if self == NO_WISHES:
            return rules
        return replace(
            rules,
            junk_score=_wished(self.junk_score, rules.junk_score),
            quarantine_score=_wished(self.quarantine_score, rules.quarantine_score),
            refuse_score=_wished(self.refuse_score, rules.refuse_score),
        )


def _wished(own: float | None, general: float | None) -> float | None:
    return general if own is None else own or None


NO_WISHES = Wishes()

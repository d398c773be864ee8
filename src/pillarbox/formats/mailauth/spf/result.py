"""What checking SPF came to (RFC 7208 §2.6)."""

from dataclasses import dataclass
from enum import StrEnum


class SpfStatus(StrEnum):
    """The outcome, in the words of RFC 7208 §2.6 and RFC 8601 §2.7.2."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - a word of the RFC
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class SpfResult:
    """The outcome for one identity: `domain` is whose record was asked for.

    `mechanism` is the term that decided, as published; `reason` says why there is an error.
    `explanation` is the domain's own text for a fail (RFC 7208 §6.2), in printable ASCII.
    """

    status: SpfStatus
    domain: str
    mechanism: str = ""
    reason: str = ""
    explanation: str = ""
    lookups: int = 0

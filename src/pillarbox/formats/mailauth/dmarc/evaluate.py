"""Evaluating DMARC for one message (RFC 9989 §5.3)."""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.formats.mailauth.results import Status


class Disposition(StrEnum):
    """What a domain asks for (p=, sp=, np=)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """The outcome for the domain in From.

    `policy_domain` is where the record was found, `organizational_domain` what alignment was
    measured by. `disposition` is what the domain asks for a message that fails, pct and t applied.
    `rua` are its addresses for aggregate reports as published; `published` its record's tags.
    """

    status: Status
    domain: str
    policy_domain: str = ""
    organizational_domain: str = ""
    disposition: Disposition = Disposition.NONE
    spf_aligned: bool = False
    dkim_aligned: bool = False
    reason: str = ""
    testing: bool = False
    rua: tuple[str, ...] = ()
    published: tuple[tuple[str, str], ...] = ()

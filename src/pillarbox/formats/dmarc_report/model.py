"""What an aggregate report says."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the policy was not applied; `kind` is a word of RFC 9990 or RFC 7489."""

    kind: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What became of a signature, in a word of RFC 8601 §2.7.1."""

    domain: str
    selector: str = ""
    result: str = ""
    human_result: str = ""


@dataclass(frozen=True, slots=True)
class SpfResult:
    """What SPF said, in a word of RFC 8601 §2.7.2; `scope` is `mfrom`, `helo` or empty."""

    domain: str
    scope: str = ""
    result: str = ""
    human_result: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """What a report has beside this; its content is not kept."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Record:
    """Messages of one source that were alike.

    `dkim` and `spf` say whether it passed in alignment with From. `envelope_to` is `None` where
    nothing is said of it. `source_ip` is empty where it is no address.
    """

    source_ip: str
    count: int
    disposition: str = "none"
    dkim: bool = False
    spf: bool = False
    reasons: tuple[Reason, ...] = ()
    header_from: str = ""
    envelope_from: str = ""
    envelope_to: str | None = None
    dkim_results: tuple[DkimResult, ...] = ()
    spf_results: tuple[SpfResult, ...] = ()
    extensions: tuple[Extension, ...] = ()

    @property
    def aligned(self) -> bool:
        """Whether they passed DMARC."""
        return self.dkim or self.spf


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """The policy as the reporter saw it; what it left out is empty."""

    domain: str
    p: str = ""
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    fo: str = ""
    pct: str = ""
    testing: bool = False
    discovery_method: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one receiver about one domain; the instants are aware."""

    organization: str
    email: str
    id: str
    start: datetime
    end: datetime
    policy: PublishedPolicy
    records: tuple[Record, ...] = ()
    extra_contact: str = ""
    errors: tuple[str, ...] = ()
    generator: str = ""
    version: str = ""
    extensions: tuple[Extension, ...] = field(default=())

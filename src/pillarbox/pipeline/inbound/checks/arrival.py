"""What is known of one message on its way in, as its checks fill it in.

Made by `screening` for each mail transaction; read by every check, which writes its own typed
result into `Results` and nothing else.
"""

from dataclasses import dataclass, field

from pillarbox.base.ids import AccountId
from pillarbox.domain.policy.model import Policy
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult
from pillarbox.formats.mailauth.spf.result import SpfResult
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.inbound.message import Recipient


@dataclass(frozen=True, slots=True)
class Peer:
    """The client of a connection: its address, and whether that is one of the internet.

    `outside` is false for private and loopback addresses, about which neither name servers nor
    lists know anything. `session` is the id of the connection in the log.
    """

    ip: str
    outside: bool
    session: str = ""
    local_port: int = 0


@dataclass(slots=True)
class Results:
    """What the checks established; `None` where a check has not run or has failed."""

    verified_name: str | None = None
    """The name of the client's address, confirmed both ways (RFC 8601 §3)."""
    iprev: str = ""
    """pass, fail, temperror or permerror (RFC 8601 §2.7.3); empty: not looked up."""
    helo_spf: SpfResult | None = None
    spf: SpfResult | None = None
    dkim: tuple[SignatureResult, ...] | None = None
    arc: ChainResult | None = None
    trusted_sealer: str = ""
    """The domain whose passing ARC seal is believed; empty without one."""
    dmarc: DmarcResult | None = None
    listed: tuple[str, ...] = ()
    """The block lists that have the client's address."""
    allowed: tuple[str, ...] = ()
    """The allow lists that have it."""
    added_fields: tuple[bytes, ...] = ()
    """Header fields, whole with CRLF, that milters want at the top of the message."""


@dataclass(slots=True)
class Arrival:
    """One message; `content` is there from `Stage.DATA` on."""

    peer: Peer
    helo: str = ""
    extended: bool = True
    tls: bool = False
    early: bool = False
    """Whether the client spoke before it was greeted."""
    reverse_path: str = ""
    recipients: list[Recipient] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    """By domain of the recipients, those accepted so far."""
    content: Content | None = None
    results: Results = field(default_factory=Results)
    names_waited_s: float = 0.0
    """How long checks have waited for name servers, from MAIL on."""

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The accounts here to which the recipients lead, each once."""
        found = (one.account_id for recipient in self.recipients for one in recipient.local)
        return tuple(dict.fromkeys(found))

    @property
    def sender_domain(self) -> str:
        """The domain SPF is asked about: that of the reverse-path, else that of HELO."""
        return (self.reverse_path.rpartition("@")[2] or self.helo).lower().rstrip(".")

    def wants(self, check: str) -> bool:
        """Whether the policy of any recipient's domain has a check on; so while none is known."""
        return not self.policies or any(one.has(check) for one in self.policies.values())

"""What the parts of sending say to one another: where to, under which conditions, what came of it.

Made and read by the modules of `pipeline/outbound`.
"""

from dataclasses import dataclass, field
from enum import Enum

from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Stage
from pillarbox.formats.mta_sts import StsPolicy
from pillarbox.net.dane import Tlsa
from pillarbox.net.dial import Proxy
from pillarbox.wire.smtp.replies import Reply


class Security(Enum):
    """What a connection must be before mail goes over it."""

    PLAIN = "plain"
    """Without TLS, though it may be offered."""
    OPPORTUNISTIC = "opportunistic"
    """With TLS where it can be had, whatever the certificate; else without."""
    ENCRYPTED = "encrypted"
    """With TLS, whatever the certificate."""
    VERIFIED = "verified"
    """With TLS and a certificate that the public authorities vouch for, for one of the names."""
    DANE = "dane"
    """With TLS and a certificate that the TLSA records vouch for (RFC 7672)."""


@dataclass(frozen=True, slots=True)
class TlsDemand:
    """What TLS with a host must be like.

    `names` are those a certificate may be for; one that begins with a dot stands for any single
    label before it; the first is the one to ask for (SNI). `policy` is what asked for it, as the
    log says it: `dane`, `mta-sts`, `requiretls`, `route`, `memory` or empty. `OPPORTUNISTIC`
    or `ENCRYPTED` with names: the certificate is looked at as for `VERIFIED`, and told of in
    `Peer.tls_result`, but none is refused.
    """

    security: Security
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True)
class RelayLogin:
    """Who we are to a relay; `token` is for OAUTHBEARER and XOAUTH2, `password` for the others."""

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NextHop:
    """A host to hand mail to; equal ones may share a connection.

    `addresses` in the order to try; `sources` are addresses of ours to send from, for either
    family; `helo` is the name to greet with, empty for the server's.
    """

    host: str
    addresses: tuple[str, ...]
    tls: TlsDemand
    port: int = 25
    implicit_tls: bool = False
    lmtp: bool = False
    login: RelayLogin | None = None
    sources: tuple[str, ...] = ()
    proxy: Proxy | None = None
    helo: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for some recipients of one destination, with its content."""

    message: LeasedMessage
    recipients: tuple[LeasedRecipient, ...]
    content: bytes


@dataclass(frozen=True, slots=True)
class TlsSession:
    """TLS as it was: `verified` says by what (`dane`, `pkix`), empty where nobody vouched."""

    version: str
    cipher: str
    verified: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """The host at the other end of a connection.

    `fallback` says why there is no TLS though it was tried. `reused` is true from the second
    message on. `tls_result` is the result type of RFC 8460 §4.3 where TLS was not as it should be
    and the mail could go all the same. `source` is our address of the connection.
    """

    host: str
    ip: str
    port: int
    tls: TlsSession | None = None
    fallback: str = ""
    dsn: bool = False
    reused: bool = False
    tls_result: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last reply that concerned one recipient, the peer's or one of ours in its place."""

    recipient_id: int
    reply: Reply
    stage: Stage
    ours: bool = False
    """Whether the peer said nothing and this is our finding."""


@dataclass(frozen=True, slots=True)
class Transmitted:
    """What came of a letter: one answer for each of its recipients.

    `broken` says that the connection was lost or became useless on the way.
    """

    peer: Peer
    answers: tuple[Answer, ...]
    broken: bool = False


class HostFailure(Exception):
    """A host that could not be used at all: nothing was handed over, another may be tried.

    `permanent` says that trying it again makes no sense. `tls_result` is the result type of
    RFC 8460 §4.3 where TLS was to blame.
    """

    def __init__(
        self,
        stage: Stage,
        reply: Reply,
        peer: Peer | None = None,
        *,
        ours: bool = True,
        tls_result: str = "",
    ) -> None:
        super().__init__(f"{stage}: {reply.code} {reply.text}")
        self.stage = stage
        self.reply = reply
        self.peer = peer
        self.ours = ours
        self.tls_result = tls_result

    @property
    def permanent(self) -> bool:
        """Whether trying this host again makes no sense."""
        return self.reply.is_permanent


class RouteFailure(Exception):
    """There is no host to try; `reply` says whether that may change."""

    def __init__(self, stage: Stage, reply: Reply, route: str = "") -> None:
        super().__init__(f"{stage}: {reply.code} {reply.text}")
        self.stage = stage
        self.reply = reply
        self.route = route


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """What a recipient domain says of TLS with its hosts.

    `secure` says that its MX answer was validated, without which there is no DANE; `canonical` is
    the domain behind its aliases then. `sts` is its MTA-STS policy in force, if it has one, and
    `sts_failure` the result type of RFC 8460 §4.3 where it should have one that can't be had,
    `sts_text` the same in words.
    """

    domain: str
    secure: bool = False
    canonical: str = ""
    sts: StsPolicy | None = None
    sts_failure: str = ""
    sts_text: str = ""


class RouteKind(Enum):
    """Where a route leads."""

    LOCAL = "local"
    DIRECT = "direct"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Journey:
    """The way chosen for a message to a destination; messages with equal ones travel together.

    `name` is how the log calls it; `hops` in the order to try, empty for `LOCAL`. `fallback` is
    where to go when every hop refuses, and for whom direct delivery is refused.
    """

    kind: RouteKind
    name: str
    hops: tuple[NextHop, ...] = ()
    fallback: tuple[NextHop, ...] = ()
    policy: DomainPolicy | None = None
    """What the domain asks of TLS where it is sent to directly: `TlsPolicies.note` wants it."""

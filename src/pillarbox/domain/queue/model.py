"""Values of the delivery queue."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId, BlobId, DomainId, QueueId
from pillarbox.formats.address import ascii_domain


class Status(IntEnum):
    """Where a recipient stands.

    `PENDING` waits for `next_attempt_ms` (after the first attempt it is shown as deferred), `HELD`
    for an admin; `SENDING` belongs to whoever has its destination. The others are final.
    """

    PENDING = 0
    SENDING = 1
    DELIVERED = 2
    FAILED = 3
    HELD = 4
    EXPIRED = 5
    CANCELLED = 6
    BOUNCED = 7
    """Delivered, and then came a report that it failed further on."""


OPEN = (Status.PENDING, Status.SENDING, Status.HELD)
"""Those of which something is still to come."""


class Outcome(IntEnum):
    """What an attempt, or a hand, did to a recipient: the last word of a line of the log."""

    DELIVERED = 0
    DEFERRED = 1
    FAILED = 2
    EXPIRED = 3
    CANCELLED = 4
    BOUNCED = 5
    SUPPRESSED = 6


class Stage(StrEnum):
    """How far an attempt came."""

    ROUTE = "route"
    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    LOCAL = "local"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class OutgoingRecipient:
    """One recipient to enqueue; `notify` and `orcpt` as RFC 3461 §4 writes them, if given."""

    address: str
    notify: str | None = None
    orcpt: str | None = None

    @property
    def domain(self) -> str:
        """The part behind the last `@`, in ASCII and lower case."""
        name = self.address.rpartition("@")[2]
        try:
            return ascii_domain(name)
        except GrammarError:
            return name.lower()  # nothing is there to be found; the sender hears of it


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The envelope of a message to enqueue; `reverse_path` is empty for the null one.

    `account_id` is who submitted it, `None` for what the server sends or passes on by itself.
    `hold_until_ms` is the instant before which nothing is tried (RFC 4865), `deliver_by_ms` the one
    at which it is too late (RFC 2852) or, with `by_notify`, at which the sender is told of it.
    `message_id` is that of its header. With `tls_optional` no policy for TLS is to hold it up
    (RFC 8689 §5).
    """

    reverse_path: str
    recipients: tuple[OutgoingRecipient, ...]
    account_id: AccountId | None = None
    smtputf8: bool = False
    eight_bit: bool = False
    ret: str | None = None
    envid: str | None = None
    binary: bool = False
    require_tls: bool = False
    tls_optional: bool = False
    hold_until_ms: int | None = None
    deliver_by_ms: int | None = None
    by_notify: bool = False
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """One recipient as it stands in the queue."""

    id: int
    address: str
    status: Status
    attempts: int
    next_attempt_ms: int
    expires_ms: int
    last_reply: str | None
    finished_ms: int | None = None

    @property
    def state(self) -> str:
        """Where it stands, in the word that people are shown."""
        if self.status is Status.PENDING and self.attempts:
            return "deferred"
        return self.status.name.lower()


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message in the queue with its recipients, in the order they were given."""

    id: QueueId
    account_id: AccountId | None
    reverse_path: str
    size_bytes: int
    created_ms: int
    recipients: tuple[QueuedRecipient, ...]
    route: str | None = None
    content_kept: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """How a destination's hosts have fared: the state of its circuit breaker.

    Closed to all attempts before `closed_until_ms`; after it, and until enough `successes`, on
    trial. All zero: well.
    """

    failures: int = 0
    successes: int = 0
    closed_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class LeasedDestination:
    """A recipient domain this process alone sends to, for as long as it renews its lease."""

    domain: str
    health: Health


@dataclass(frozen=True, slots=True)
class LeasedRecipient:
    """A recipient to try now; `attempts` are those before.

    Not to be tried, only to be settled (`settle.without_attempt`): one with `suppressed`, which is
    why nothing is sent to it, and one with `give_up`, whose delivery an admin has ended.
    """

    id: int
    address: str
    attempts: int
    expires_ms: int
    notify: str | None = None
    orcpt: str | None = None
    delay_told_ms: int | None = None
    notify_delay_ms: int | None = None
    last_reply: str | None = None
    suppressed: str | None = None
    give_up: bool = False


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A message with those recipients of one destination that are to be tried now."""

    id: QueueId
    account_id: AccountId | None
    reverse_path: str
    size_bytes: int
    created_ms: int
    recipients: tuple[LeasedRecipient, ...]
    smtputf8: bool = False
    eight_bit: bool = False
    binary: bool = False
    require_tls: bool = False
    tls_optional: bool = False
    ret: str | None = None
    envid: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """Over what an attempt went, as far as it came; `tls` as the log shows it."""

    host: str | None = None
    ip: str | None = None
    port: int | None = None
    tls: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt did to one recipient.

    With `Outcome.DEFERRED` it is tried again at `next_attempt_ms`. `reply` is the text for people,
    `code` and `enhanced` the peer's, if it gave any. `delay_told` notes that the sender is being
    told of the delay.
    """

    recipient_id: int
    outcome: Outcome
    stage: Stage
    reply: str
    code: int | None = None
    enhanced: str | None = None
    next_attempt_ms: int | None = None
    way: Way = Way()
    delay_told: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one attempt at one message ended, for each recipient that was leased for it."""

    message_id: QueueId
    began_ms: int
    duration_ms: int
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a settlement: whose state it changed, and whether the message is through.

    Recipients that are not `applied` had come to their end before, or are somebody else's by now:
    nobody is to be told of them. `released_blob` is content that this message needs no more.
    """

    applied: frozenset[int]
    finished: bool = False
    released_blob: BlobId | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A recipient domain as admins see it; `waiting` recipients, and when it is looked at."""

    domain: str
    waiting: int
    due_ms: int
    health: Health
    owner: str
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that nothing is sent to, by the senders of a domain or (`None`) by anybody."""

    address: str
    domain_id: DomainId | None
    reason: str
    created_ms: int
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the delivery log, as admins and users read it."""

    id: int
    message_id: QueueId
    recipient_id: int
    account_id: AccountId | None
    reverse_path: str
    address: str
    at_ms: int
    duration_ms: int
    outcome: Outcome
    stage: str
    code: int | None
    enhanced: str | None
    reply: str
    way: Way = Way()

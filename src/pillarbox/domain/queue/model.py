"""Values of the delivery queue."""

from dataclasses import dataclass
from enum import IntEnum

from pillarbox.base.ids import AccountId, QueueId


class Status(IntEnum):
    """Where a recipient stands; those that are `PENDING` wait for `next_attempt_ms`."""

    PENDING = 0
    SENDING = 1
    DELIVERED = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class OutgoingRecipient:
    """One recipient to enqueue; `notify` and `orcpt` as RFC 3461 §4 writes them, if given."""

    address: str
    notify: str | None = None
    orcpt: str | None = None

    @property
    def domain(self) -> str:
        """The part behind the last `@`, in lower case."""
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The envelope of a message to enqueue; `reverse_path` is empty for the null one.

    `account_id` is who submitted it, `None` for what the server sends or passes on by itself.
    """

    reverse_path: str
    recipients: tuple[OutgoingRecipient, ...]
    account_id: AccountId | None = None
    smtputf8: bool = False
    eight_bit: bool = False
    ret: str | None = None
    envid: str | None = None


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


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message in the queue with its recipients, in the order they were given."""

    id: QueueId
    account_id: AccountId | None
    reverse_path: str
    size_bytes: int
    created_ms: int
    recipients: tuple[QueuedRecipient, ...]

"""What a delivery status report says: values of `build` and `parse`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What became of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report of ours says of one recipient.

    `status` is of RFC 3463. `code` is the peer's reply code, absent where the finding is ours;
    `reply` the text of either; `cause` the enhanced code behind it, empty if there was none (with
    `gave_up`, when all attempts failed until the time was up, that of the last one). `original` is
    ORCPT decoded: type and address. `stage` is a word of `domain.queue.model.Stage`, or
    `suppressed`.
    """

    address: str
    action: Action
    status: str
    reply: str = ""
    code: int | None = None
    stage: str = ""
    host: str | None = None
    ip: str | None = None
    original: tuple[str, str] | None = None
    attempted_at: datetime | None = None
    retry_until: datetime | None = None
    gave_up: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The message a report is about.

    `content` is as it was sent; `full` says whether all of it is to be returned, `None` that the
    sender did not say (RFC 3461 §4.3). `queue_id` is what the log calls it.
    """

    content: bytes
    arrived_at: datetime
    queue_id: str = ""
    envid: str | None = None
    full: bool | None = None
    smtputf8: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient of a report that was received; addresses decoded, without their type."""

    action: Action
    status: str
    final: str | None = None
    original: str | None = None
    diagnostic: str = ""
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A report that was received: `message_id` is that of the message it returns."""

    reporter: str | None
    envid: str | None
    message_id: str | None
    recipients: tuple[ReportedRecipient, ...]

"""Values of scheduling: messages between the parties of a meeting, and what comes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component

MAX_ATTENDEES = 200
"""Of a meeting that is scheduled here."""
MAX_MESSAGE_BYTES = 1 << 20
"""Of a message, once attachments within it are left out."""
MAX_INSTANCES = 1000
"""Components of a message or a scheduled object, zones not counted."""

SCHEDULED = ("VEVENT", "VTODO")
"""What is scheduled; journals are not, and free/busy is asked for but not stored."""


class Method(StrEnum):
    """What a message wants (RFC 5546 §1.4)."""

    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    REPLY = "REPLY"
    ADD = "ADD"
    CANCEL = "CANCEL"
    REFRESH = "REFRESH"
    COUNTER = "COUNTER"
    DECLINECOUNTER = "DECLINECOUNTER"


FROM_ORGANIZER = frozenset(
    (Method.PUBLISH, Method.REQUEST, Method.ADD, Method.CANCEL, Method.DECLINECOUNTER)
)
"""The others come from attendees."""


class Status(StrEnum):
    """What became of a message (RFC 6638 §3.2.9), as in SCHEDULE-STATUS and REQUEST-STATUS."""

    PENDING = "1.0"
    SENT = "1.1"
    DELIVERED = "1.2"
    SUCCESS = "2.0"
    INVALID_USER = "3.7"
    NOT_DELIVERED = "5.1"
    REFUSED = "5.3"


class NotAllowed(GrammarError):
    """A change that scheduling forbids; `rule` is the precondition (RFC 6638 §3.2.4)."""

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Message:
    """A message to some of a meeting: addresses are bare and in lower case.

    `calendar` has its METHOD. With `is_minor` only who else is invited is new.
    """

    method: Method
    recipients: tuple[str, ...]
    calendar: Component
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What a change means: what is to be stored, and whom to tell.

    `stored` is `None` where nothing is (the object goes). With `as_sent` it is what the client
    sent.
    """

    stored: Component | None
    messages: tuple[Message, ...] = ()
    as_sent: bool = True


class Outcome(StrEnum):
    """What became of a message that came in."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """There is nothing in it that is not known."""
    STALE = "stale"
    """Something newer is known."""
    NOT_FOUND = "not found"
    """It is about a meeting, or an instance of one, that is not here."""
    REFUSED = "refused"
    """Who sent it may not, or is no part of the meeting."""
    FOR_PEOPLE = "for people"
    """A person has to decide: a counter proposal, a publication."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a message makes of the stored object.

    `stored` is the object as it is to be; `None` unless `APPLIED`. `partstats` are the new answers
    by attendee; `asks` says that the attendee has to answer (anew). `resend` asks for the current
    state to be sent to the message's sender.
    """

    outcome: Outcome
    stored: Component | None = None
    partstats: Mapping[str, str] = field(default_factory=dict)
    asks: bool = False
    resend: bool = False

"""Values of scheduling, as they are kept and noted."""

from dataclasses import dataclass
from enum import IntEnum

from pillarbox.base.errors import Denied
from pillarbox.base.ids import AccountId

TOPIC = "scheduling"
"""The bus topic: messages wait to be delivered."""
LEASE = "scheduling"
MOST_PER_CHANGE = 400
"""Messages of one change: two for each of the attendees there may be."""


class Why(IntEnum):
    """How a message came about."""

    CHANGE = 0
    """A user changed an object."""
    REFRESH = 1
    """Somebody answered: noted once for a meeting, until the others' copies show it."""
    ANSWER = 2
    """The server answers by itself, for a resource or to a REFRESH."""
    ARRIVED = 3
    """It came by mail."""
    REFRESH_COPY = 4
    """For a copy that is there, and is to show who is invited or answered; not for the inbox."""
    MAIL = 5
    """By mail as well, to somebody here who may look at nothing else."""


class SchedulingDenied(Denied):
    """A change that scheduling forbids; `rule` is the precondition (RFC 6638 §3.2.4)."""

    def __init__(self, public: str, rule: str) -> None:
        super().__init__(public)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be noted; `content` is the calendar object with its METHOD.

    `recipient` is an address here or elsewhere; `prior` is the SCHEDULE-STATUS that the sender's
    object tells of it already.
    """

    method: str
    uid: str
    sender: str
    recipient: str
    content: bytes
    why: Why = Why.CHANGE
    prior: str = ""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits; `account_id` is whose it is: the sender's, or of what `ARRIVED` the
    recipient's."""

    id: int
    account_id: AccountId
    message: NewMessage
    attempts: int
    created_ms: int

"""Mail that leaves because of a script, and what making it takes: values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A message to queue; `reverse_path` is empty for the null one, and NOTIFY=NEVER goes with it.

    `domain` is that of its author, whose key signs it; empty for what is not ours to sign. `fields`
    goes on top of the content, which several may share.
    """

    content: bytes
    reverse_path: str
    recipients: tuple[str, ...]
    smtputf8: bool = False
    domain: str = ""
    fields: bytes = b""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is new in each message: `message_id` has no brackets, `now` is an aware time."""

    hostname: str
    message_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose script runs.

    `recipient` is the address the message came to (the envelope's, maybe with a sub-address),
    `addresses` are all of the user's own, aliases included. `name` is shown beside an address.
    """

    recipient: str
    addresses: tuple[str, ...]
    name: str = ""
    delimiter: str = "+"

"""What the use cases know of a message on its way in: where from, for whom, with what asked.

Made by the faces (`protocols/smtp/commands`); read by `receive`, `deliver`, `trace` and by
`pipeline/submission`.
"""

from dataclasses import dataclass

from pillarbox.base.errors import Failure
from pillarbox.domain.accounts.model import LocalTarget


@dataclass(frozen=True, slots=True)
class Origin:
    """The hop a message came over.

    `name` is what the client called itself, `protocol` the word for the Received field
    (`trace.protocol_name`), `tls` version and cipher where the connection was encrypted,
    `verified_name` what the address is called (`peer.verified_name`).
    """

    ip: str
    name: str
    protocol: str
    tls: str | None = None
    verified_name: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient that was accepted, and where its address leads.

    `outside` are addresses elsewhere; `notify` and `orcpt` are kept for them (RFC 3461 §4).
    """

    path: str
    local: tuple[LocalTarget, ...] = ()
    outside: tuple[str, ...] = ()
    notify: str | None = None
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message's sender and recipients; `reverse_path` is empty for the null one.

    `each` says that every recipient gets a reply of its own (RFC 2033 §4.2). `hold_until_ms`,
    `deliver_by_ms` and `by_notify` as in `domain.queue.model.Outgoing`.
    """

    origin: Origin
    reverse_path: str
    recipients: tuple[Recipient, ...]
    smtputf8: bool = False
    eight_bit: bool = False
    each: bool = False
    ret: str | None = None
    envid: str | None = None
    binary: bool = False
    require_tls: bool = False
    hold_until_ms: int | None = None
    deliver_by_ms: int | None = None
    by_notify: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a message: its id in the trace, and one outcome per recipient.

    `None` stands for a recipient that was served: delivered, or safely queued.
    """

    id: str
    outcomes: tuple[Failure | None, ...]

"""What the use cases know of a message on its way in: where from, for whom, with what asked.

Made by the faces (`protocols/smtp/commands`); read by `receive`, `deliver`, `trace` and by
`pipeline/submission`.
"""

from dataclasses import dataclass
from enum import Enum

from pillarbox.base.errors import Failure
from pillarbox.domain.accounts.model import LocalTarget


class Fate(Enum):
    """Where the copy of one account goes."""

    INBOX = 1
    """Or where the sub-address says."""
    JUNK = 2
    QUARANTINE = 3
    """In no mailbox; whoever says so keeps it elsewhere."""


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

    `outside` are addresses elsewhere; `notify` and `orcpt` are as RFC 3461 §4 writes them. `here`
    says that the domain of `path` is served here: where the message has to wait, it is looked up
    again.
    """

    path: str
    local: tuple[LocalTarget, ...] = ()
    outside: tuple[str, ...] = ()
    notify: str | None = None
    orcpt: str | None = None
    here: bool = False

    @property
    def domain(self) -> str:
        """The domain of `path`; empty for a bare postmaster."""
        return self.path.rpartition("@")[2].lower() if "@" in self.path else ""

    @property
    def forwards(self) -> tuple[str, ...]:
        """Those of `outside` to which an address here was made to lead.

        Not a user's recipients elsewhere, nor those of a domain that is taken for another server.
        """
        if not (self.here and self.outside):
            return ()
        domain = "@" + self.domain
        return tuple(one for one in self.outside if not one.lower().endswith(domain))


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

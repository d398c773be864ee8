"""Telling senders what became of their mail: delivery status reports, made and filed.

`prepare` does all that takes time, before the transaction that settles an attempt; `file` is part
of it. Called by `runner`, `inbound/deliver` and the commands that end a delivery by hand; calls
`formats/dsn`, `notices`, `inbound/recipients`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.ids import AccountId
from pillarbox.domain.mail.content import PreparedEmail
from pillarbox.domain.queue.model import LeasedMessage, Result
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.inbound.message import Envelope, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.tx import Tx


class Signer(Protocol):
    """Makes the DKIM-Signature fields of a domain, none where it has no keys."""

    async def sign(self, domain: str, content: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PreparedReport:
    """A report ready to be filed: for mailboxes here, for addresses elsewhere, or for both."""

    accounts: tuple[AccountId, ...]
    email: PreparedEmail | None
    outside: tuple[str, ...]
    blob: SealedBlob | None
    smtputf8: bool = False
    eight_bit: bool = False


class Reports:
    """Makes reports for the senders of messages; one object per process."""

    def __init__(
        self,
        hostname: str,
        recipients: Recipients,
        preparation: Preparation,
        signer: Signer | None,
        clock: Clock,
        queue_age_ms: int,
        original: Callable[[str], str | None] | None = None,
    ) -> None:
        """`queue_age_ms` is for how long sending a report elsewhere is tried.

        `original` gives the sender behind a reverse-path that was rewritten (SRS), if it is one.
        """
        self._hostname = hostname
        self._recipients = recipients
        self._preparation = preparation
        self._signer = signer
        self._clock = clock
        self._queue_age_ms = queue_age_ms
        self._original = original

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None:
        """The report of an attempt, `None` where nobody is to be told.

        `kinds` has one entry per result, as `notices.kind_of` gives it; NOTIFY is looked at here.
        """
        return None

    async def delivered(
        self,
        envelope: Envelope,
        account_id: AccountId | None,
        content: bytes,
        recipients: tuple[Recipient, ...],
    ) -> PreparedReport | None:
        """The report of a delivery into mailboxes here, for those who asked for it by SUCCESS."""
        return None

    def file(self, tx: Tx, prepared: PreparedReport) -> None:
        """Put a report into the sender's mailbox, or into the queue; never fails what it is in.

        A mailbox that has no room for it does without.
        """

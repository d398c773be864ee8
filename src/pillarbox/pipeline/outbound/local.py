"""Recipients of the queue that are served here: held mail whose time came, full mailboxes.

The mailbox gets the message and the queue its settlement in one transaction. Called by
`destination`; calls `inbound/recipients`, `inbound/forward` and `inbound/deliver`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.errors import Denied, Failure, Invalid, NotFound, OverQuota, TooLarge
from pillarbox.base.ids import AccountId, IdSource, QueueId, public_id
from pillarbox.domain.accounts.model import Resolution
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Stage
from pillarbox.pipeline.inbound.deliver import Copy, Note, Outcomes, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Fate, Origin, Recipient
from pillarbox.pipeline.inbound.plan import NO_PLANS, Arrived, Filters, Plans
from pillarbox.pipeline.inbound.trace import return_path_field
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.replies import LOCAL_ERROR, MAILBOX_FULL, NO_SUCH_USER, Reply

STAGE = Stage.LOCAL
DELIVERED = Reply(250, "2.1.5", ("Delivered",))
BAD_ADDRESS = Reply(501, "5.1.3", ("That is not an address mail can be sent to",))
TOO_MANY = Reply(550, "5.4.6", ("The address leads to too many others",))
NOT_HERE = Reply(451, "4.4.4", ("The domain is not served here any more",))


class Directory(Protocol):
    """Knows where addresses lead."""

    async def find(self, path: str, size_bytes: int = 0) -> Resolution | None: ...


class Deliverer(Protocol):
    """Stores messages."""

    async def deliver(
        self, parcel: Parcel, also: Callable[[Tx], None] | None = None
    ) -> Outcomes: ...


class Forwarder(Protocol):
    """Makes the copies for addresses elsewhere."""

    async def copies(self, envelope: Envelope, content: bytes) -> tuple[Copy, ...]: ...


class Judged(Protocol):
    """Knows where copies go that were judged when their message came; tells what scripts do."""

    async def fates(self, queued: QueueId) -> Mapping[AccountId, Fate]: ...

    async def filtered(
        self, trace_id: str, envelope: Envelope, content: bytes, plans: Plans
    ) -> Note: ...


@dataclass(frozen=True, slots=True)
class LocalDelivery:
    """Delivers to mailboxes of this server.

    Without `forwarding` what an address leads to elsewhere gets the message as it is, without
    `judged` all goes to the inbox, without `filters` no scripts run. Nothing is judged anew: its
    sender was told that it was taken. What scripts do has a trace of its own, but not without
    `judged` and `ids`.
    """

    directory: Directory
    delivery: Deliverer
    hostname: str
    forwarding: Forwarder | None = None
    judged: Judged | None = None
    filters: Filters | None = None
    ids: IdSource | None = None

    async def deliver(
        self,
        message: LeasedMessage,
        recipient: LeasedRecipient,
        content: bytes,
        also: Callable[[Tx], None],
    ) -> Reply:
        """Deliver to one recipient and run `also` in that transaction; only then it is a success.

        Raises no `Failure`.
        """
        try:
            found = await self.directory.find(recipient.address, message.size_bytes)
            if found is None:
                return NOT_HERE
            parcel = await self._parcel(message, recipient, found, content)
            (outcome,) = await self.delivery.deliver(parcel, also)
        except Failure as failure:
            outcome = failure
        return DELIVERED if outcome is None else reply_for(outcome)

    async def _parcel(
        self,
        message: LeasedMessage,
        recipient: LeasedRecipient,
        found: Resolution,
        content: bytes,
    ) -> Parcel:
        envelope = Envelope(
            origin=Origin("", self.hostname, ""),
            reverse_path=message.reverse_path,
            recipients=(
                Recipient(
                    recipient.address,
                    found.local,
                    found.outside,
                    recipient.notify,
                    recipient.orcpt,
                    here=True,
                ),
            ),
            smtputf8=message.smtputf8,
            eight_bit=message.eight_bit,
            ret=message.ret,
            envid=message.envid,
            binary=message.binary,
            require_tls=message.require_tls,
        )
        copies: tuple[Copy, ...] = ()
        if found.outside and self.forwarding is not None:
            copies = await self.forwarding.copies(envelope, content)
        fates: Mapping[AccountId, Fate] = {}
        if self.judged is not None and message.account_id is None:
            fates = await self.judged.fates(message.id)
        plans, note = NO_PLANS, None
        if self.filters is not None and found.local:
            pieces = (return_path_field(message.reverse_path), content)
            believed = message.account_id is not None
            plans = await self.filters.plans(Arrived(envelope, pieces, fates, believed=believed))
        if plans and self.judged is not None and self.ids is not None:
            trace_id = public_id("", self.ids.next())
            note = await self.judged.filtered(trace_id, envelope, content, plans)
        return Parcel(
            envelope,
            b"",
            content,
            message.account_id,
            copies=copies,
            fates=fates,
            note=note,
            plans=plans,
        )


def reply_for(failure: Failure) -> Reply:
    """What a failed delivery is in the terms of SMTP."""
    if isinstance(failure, OverQuota):
        return MAILBOX_FULL
    if isinstance(failure, NotFound):
        return NO_SUCH_USER
    if isinstance(failure, Invalid):
        return BAD_ADDRESS
    if isinstance(failure, TooLarge):
        return TOO_MANY
    if isinstance(failure, Denied):
        return Reply(550, "5.7.1", tuple(failure.public.splitlines()))
    return LOCAL_ERROR

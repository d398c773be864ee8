"""Mail from anywhere for people here: the one way in.

Called by `protocols/smtp` (MX and LMTP); calls `recipients`, `trace` and `deliver`.
"""

from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Denied
from pillarbox.base.ids import IdSource, public_id
from pillarbox.pipeline.inbound.deliver import Delivery, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Received, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import checked, received_field, separator


@dataclass(frozen=True, slots=True)
class Inbound:
    """Takes messages in; `hostname` is this server's name in the trace."""

    hostname: str
    recipients: Recipients
    delivery: Delivery
    clock: Clock
    ids: IdSource

    async def recipient(self, path: str, size_bytes: int = 0) -> Recipient:
        """Accept a recipient, for a message announced with `size_bytes`.

        Raises `Denied` for a domain not served here (this is no relay), `NotFound` for an unknown
        user, `OverQuota` for a full mailbox, `Unavailable` when that can't be found out.
        """
        found = await self.recipients.find(path, size_bytes)
        if found is None:
            raise Denied("Relaying is not allowed here")
        return Recipient(path, found.local, found.outside)

    async def receive(self, envelope: Envelope, content: bytes) -> Received:
        """Deliver a message to all its recipients; on disk when it returns.

        Raises `RoutingLoop`, and the failures of database and disk; what concerns one recipient
        alone is an outcome.
        """
        content = checked(content)
        message_id = public_id("", self.ids.next())
        trace = received_field(envelope, self.hostname, message_id, self.clock.now())
        parcel = Parcel(envelope, trace + separator(content), content)
        return Received(message_id, await self.delivery.deliver(parcel))

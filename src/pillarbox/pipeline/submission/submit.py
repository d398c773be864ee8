"""Mail our users send: the one way to send, whoever calls.

Called by `protocols/smtp` and the web faces; calls `identity`, `headers` and `inbound/deliver`.
Recipients here get the message at once, those elsewhere through the queue, in one transaction.
"""

import secrets
from dataclasses import dataclass, replace

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Denied, GrammarError, Invalid, NotFound, TooLarge
from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.accounts.model import Actor
from pillarbox.formats.address import parse_path
from pillarbox.formats.mime.header import HEADER_BYTES, Headers
from pillarbox.pipeline.inbound.deliver import Delivery, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Received, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import checked, received_field
from pillarbox.pipeline.submission.headers import cut, missing_fields, without_private
from pillarbox.pipeline.submission.identity import check_header, may_send_as


@dataclass(frozen=True, slots=True)
class Submission:
    """Takes messages from users who are logged in.

    `trap` is an address here that gets everything meant for elsewhere, for trying things out.
    """

    hostname: str
    recipients: Recipients
    delivery: Delivery
    clock: Clock
    ids: IdSource
    trap: str | None = None

    async def sender(self, actor: Actor, reverse_path: str) -> None:
        """Accept a reverse-path; the null one is anybody's (RFC 8098 §3 needs it).

        Raises `Denied` for an address that is not the user's.
        """
        if reverse_path and not await may_send_as(self.recipients, actor, reverse_path):
            raise Denied("The sender address is not yours")

    async def recipient(self, path: str, size_bytes: int = 0) -> Recipient:
        """Accept a recipient anywhere.

        Raises `NotFound` for an unknown user of a domain served here, `OverQuota` for a full
        mailbox, `Invalid` for an address no mail can be sent to.
        """
        found = await self.recipients.find(path, size_bytes)
        if found is None:
            return await self._elsewhere(path)
        if found.outside and self.trap is not None:
            trapped = await self._elsewhere(path)
            return Recipient(path, found.local + trapped.local)
        return Recipient(path, found.local, found.outside)

    async def submit(
        self, actor: Actor, envelope: Envelope, content: bytes, copy_to_sent: bool = False
    ) -> Received:
        """Deliver and enqueue a message; on disk when it returns.

        `copy_to_sent` also puts it into the user's \\Sent, with its Bcc. Raises `Denied` or
        `Invalid` for its From, `TooLarge` for its header, `RoutingLoop`, and the failures of
        database and disk.
        """
        whole = cut(checked(content))
        if len(whole.header) > HEADER_BYTES:  # the rest of it could not be checked
            raise TooLarge("The header is too long")
        if b"\0" in whole.header:  # some drop it and then read another field name or address
            raise Invalid("The header can't be understood")
        headers = Headers(whole.header)
        await check_header(self.recipients, actor, headers)
        now = self.clock.now()
        message_id = public_id("", self.ids.next())
        sender = envelope.reverse_path or actor.address
        name = f"{message_id}.{secrets.token_hex(8)}"
        domain = actor.address.rpartition("@")[2]
        added = missing_fields(headers, sender, name, domain, now)
        trace = received_field(envelope, self.hostname, message_id, now, hide_client=True)
        parcel = Parcel(
            replace(envelope, each=False),
            trace,
            b"".join((added, without_private(whole.header), whole.body)),
            actor.account_id,
            b"".join((added, whole.header, whole.body)) if copy_to_sent else None,
        )
        return Received(message_id, await self.delivery.deliver(parcel))

    async def _elsewhere(self, path: str) -> Recipient:
        if self.trap is not None:
            try:
                found = await self.recipients.find(self.trap)
            except (NotFound, Invalid, TooLarge):
                found = None
            if found is not None and found.local:
                return Recipient(path, found.local)
        try:
            address = parse_path(path).normalized()
        except GrammarError as error:
            raise Invalid("That is not an address mail can be sent to", str(error)) from error
        return Recipient(path, outside=(str(address),))

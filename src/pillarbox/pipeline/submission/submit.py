"""Mail our users send: the one way to send, whoever calls.

Called by `protocols/smtp` and the web faces; calls `identity`, `headers` and `inbound/deliver`.
Recipients here get the message at once, those elsewhere through the queue, in one transaction.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import (
    Denied,
    GrammarError,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
)
from pillarbox.base.ids import AccountId, IdSource, public_id
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.queue.suppression import suppressed
from pillarbox.formats.address import parse_path
from pillarbox.formats.mime.header import HEADER_BYTES, Headers
from pillarbox.pipeline.inbound.deliver import Delivery, Note, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Fate, Received, Recipient
from pillarbox.pipeline.inbound.plan import NO_PLANS, Arrived, Filters, Plans, unwanted
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.records import Records
from pillarbox.pipeline.inbound.trace import checked, received_field, return_path_field
from pillarbox.pipeline.outbound.notices import new_envid
from pillarbox.pipeline.scanning.model import Scanner
from pillarbox.pipeline.submission.headers import cut, is_clear, missing_fields, without_private
from pillarbox.pipeline.submission.identity import Standing, check_header, standing
from pillarbox.pipeline.submission.limits import LimitReached, SendingWatch
from pillarbox.storage.db import Database

_log = logger("submission")


class Meetings(Protocol):
    """Takes messages about meetings out of mail that was delivered."""

    async def take_submitted(
        self, envelope: Envelope, content: bytes, fates: Mapping[AccountId, Fate]
    ) -> int: ...


class Signer(Protocol):
    """Makes the DKIM-Signature fields of a message, none where a domain has no keys."""

    async def sign(self, domain: str, content: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Submission:
    """Takes messages from users who are logged in.

    `trap` is an address here that gets everything meant for elsewhere, for trying things out.
    Without `signer`, `watch` or `suppressions` (a database that has them) there are no signatures,
    limits or suppressed addresses; without `scanner` nobody looks for viruses, without `filters` no
    scripts of recipients here run, of which `records` tell; without `meetings` no calendar is
    changed. `show_client` puts the client's name and address into the trace.
    """

    hostname: str
    recipients: Recipients
    delivery: Delivery
    clock: Clock
    ids: IdSource
    trap: str | None = None
    signer: Signer | None = None
    watch: SendingWatch | None = None
    suppressions: Database | None = None
    show_client: bool = False
    scanner: Scanner | None = None
    filters: Filters | None = None
    records: Records | None = None
    meetings: Meetings | None = None

    async def sender(self, actor: Actor, reverse_path: str) -> None:
        """Accept a reverse-path; the null one is anybody's (RFC 8098 §3 needs it).

        Raises `Denied` for an address that is not the user's, `LimitReached` where they can't send
        anything now.
        """
        await self._standing(actor, reverse_path)
        if self.watch is not None:
            await self.watch.check(actor)

    async def _standing(self, actor: Actor, reverse_path: str) -> Standing:
        if not reverse_path:
            return Standing.OWN
        found = await standing(self.recipients, actor, reverse_path)
        if found is Standing.NONE:
            raise Denied("The sender address is not yours")
        return found

    async def recipient(
        self, path: str, size_bytes: int = 0, actor: Actor | None = None
    ) -> Recipient:
        """Accept a recipient anywhere, for a message of `actor`.

        Raises `NotFound` for an unknown user of a domain served here, `OverQuota` for a full
        mailbox, `Invalid` for an address no mail can be sent to, `Denied` for one on the
        suppression list.
        """
        found = await self.recipients.find(path, size_bytes)
        if found is None:
            recipient = await self._elsewhere(path)
        elif found.outside and self.trap is not None:
            trapped = await self._elsewhere(path)
            recipient = Recipient(path, found.local + trapped.local)
        else:
            recipient = Recipient(path, found.local, found.outside, here=True)
        await self._refuse_suppressed(recipient, actor)
        return recipient

    async def _refuse_suppressed(self, recipient: Recipient, actor: Actor | None) -> None:
        """Only where nobody else gets it: what is suppressed is passed over when it is sent."""
        if self.suppressions is None or not recipient.outside or recipient.local:
            return
        domain_id = None if actor is None else actor.domain_id
        found = await self.suppressions.lookup(suppressed, domain_id, recipient.outside)
        if len(found) == len(recipient.outside):
            reason = next(iter(found.values()))
            raise Denied(
                f"Nothing is sent to this address ({reason}); ask your postmaster to take it off"
                " the suppression list",
                "suppressed",
            )

    async def submit(
        self, actor: Actor, envelope: Envelope, content: bytes, copy_to_sent: bool = False
    ) -> Received:
        """Deliver and enqueue a message; on disk when it returns.

        `copy_to_sent` also puts it into the user's \\Sent, with its Bcc. Raises `Denied` or
        `Invalid` for its From, `Denied` for a virus, `TooLarge` for its header, `RoutingLoop`,
        `LimitReached` with nothing done, and the failures of database and disk.
        """
        whole = cut(checked(content, self.hostname))
        if len(whole.header) > HEADER_BYTES:  # the rest of it could not be checked
            raise TooLarge("The header is too long")
        if not is_clear(whole.header):
            raise Invalid("A line of the header is no field; a blank line ends it")
        headers = Headers(whole.header)
        found = await self._standing(actor, envelope.reverse_path)
        needs_sender = await check_header(self.recipients, actor, headers)
        if b"from" not in headers and b"sender" not in headers:
            needs_sender = found is Standing.DELEGATED
        await self._refuse_virus(actor, content)
        now = self.clock.now()
        message_id = public_id("", self.ids.next())
        sender = envelope.reverse_path or actor.address
        name = f"{message_id}.{secrets.token_hex(8)}"
        domain = actor.address.rpartition("@")[2]
        added = missing_fields(headers, sender, name, domain, now)
        if needs_sender:
            added += f"Sender: <{actor.address}>\r\n".encode()
        ready = b"".join((added, without_private(whole.header), whole.body))
        signature = b""
        if self.signer is not None:
            signature = await self.signer.sign(sender.rpartition("@")[2], ready)
        hide = not self.show_client
        trace = received_field(envelope, self.hostname, message_id, now, hide_client=hide)
        plans, note = await self._plans(message_id, actor, envelope, (trace + signature, ready))
        parcel = Parcel(
            replace(envelope, each=False, envid=envelope.envid or new_envid()),
            trace + signature,
            ready,
            actor.account_id,
            b"".join((added, whole.header, whole.body)) if copy_to_sent else None,
            report=True,
            note=note,
            plans=plans,
        )
        counting = None if self.watch is None else self.watch.counting(actor, envelope)
        try:
            received = Received(message_id, await self.delivery.deliver(parcel, counting))
        except LimitReached as limit:
            if self.watch is not None:
                await self.watch.refused(actor, limit)
            raise
        if self.meetings is not None and envelope.hold_until_ms is None:
            await self.meetings.take_submitted(envelope, ready, unwanted(plans))
        return received

    async def _plans(
        self, message_id: str, actor: Actor, envelope: Envelope, pieces: tuple[bytes, ...]
    ) -> tuple[Plans, Note | None]:
        """What the scripts of recipients here want, and what puts that down."""
        held = envelope.hold_until_ms is not None
        if self.filters is None or held or not any(one.local for one in envelope.recipients):
            return NO_PLANS, None
        top = return_path_field(envelope.reverse_path)
        arrived = Arrived(envelope, (top, *pieces), sender=actor.address, believed=True)
        plans = await self.filters.plans(arrived)
        if not plans or self.records is None:
            return plans, None
        return plans, await self.records.filtered(message_id, envelope, pieces[-1], plans)

    async def _refuse_virus(self, actor: Actor, content: bytes) -> None:
        """Mail is sent while nobody scans: users could else not send for as long."""
        if self.scanner is None:
            return
        try:
            scan = await self.scanner.scan(content)
        except Unavailable as failure:
            _log.warning("not scanned for viruses", user=actor.address, reason=failure.cause)
            return
        if scan.virus:
            _log.warning("a virus was refused", user=actor.address, virus=scan.virus)
            raise Denied(f"The message has a virus: {scan.virus[:100]}")

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

"""Messages about meetings to people elsewhere: mail of their sender, signed and counted as such."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, GrammarError, NotFound
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.scheduling import loops, messages
from pillarbox.domain.scheduling.model import WaitingMessage, Why
from pillarbox.domain.sharing.principals import Principal
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.imip import Posting as Header
from pillarbox.formats.imip import build_mail
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.model import SCHEDULED, Status
from pillarbox.formats.itip.series import attendees, sequence
from pillarbox.pipeline.inbound.deliver import Also, Outcomes, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

_INLINE_BYTES = 32 * 1024
_log = logger("scheduling")


class Deliverer(Protocol):
    """Stores and queues a message in one transaction."""

    async def deliver(self, parcel: Parcel, also: Also | None = None) -> Outcomes: ...


class Recipients(Protocol):
    """Finds where what a user sends goes; `Submission` does."""

    async def recipient(
        self, path: str, size_bytes: int = 0, actor: Actor | None = None
    ) -> Recipient: ...


class Signer(Protocol):
    """Makes the DKIM-Signature fields of a message, none where a domain has no keys."""

    async def sign(self, domain: str, content: bytes) -> bytes: ...


class Watch(Protocol):
    """Holds users to the limits on sending."""

    def counting(self, actor: Actor, envelope: Envelope) -> Also: ...


class DoneElsewhere(Exception):
    """Another process has delivered the message."""


class TooManyAnswers(Exception):
    """The server has answered this address too often by itself."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Sends; without `signer` and `watch` nothing is signed or counted."""

    database: Database
    keys: KeyRing
    recipients: Recipients
    delivery: Deliverer
    clock: Clock
    hostname: str
    signer: Signer | None = None
    watch: Watch | None = None

    async def post(self, waiting: WaitingMessage, sender: Principal) -> Status:
        """Queue a message as mail; its row is gone then.

        Raises `DoneElsewhere`, `TooManyAnswers`, and the failures of database, disk and limits;
        nothing has happened then.
        """
        message = waiting.message
        try:
            if len(message.content) > _INLINE_BYTES:
                content = await asyncio.to_thread(self._mail, waiting, sender)
            else:
                content = self._mail(waiting, sender)
            recipient = await self.recipients.recipient(
                message.recipient, len(content), sender.actor
            )
        except (GrammarError, Failure) as error:
            if isinstance(error, Failure) and error.temporary:
                raise
            _log.info("a message about a meeting can't be sent", why=str(error))
            await self.database.write(messages.done, waiting)
            unknown = isinstance(error, NotFound)
            return Status.INVALID_USER if unknown else Status.NOT_DELIVERED
        signature = b""
        if self.signer is not None:
            signature = await self.signer.sign(message.sender.rpartition("@")[2], content)
        # Reports on what nobody asked for are for nobody.
        reverse_path = message.sender if message.why is Why.CHANGE else ""
        envelope = Envelope(
            Origin("", self.hostname, "LOCAL"),
            reverse_path,
            (recipient,),
            smtputf8=not (message.recipient + message.sender).isascii(),
        )
        parcel = Parcel(envelope, signature, content, sender.account_id)
        outcomes = await self.delivery.deliver(parcel, self._also(waiting, sender, envelope))
        if all(outcome is not None for outcome in outcomes):
            failure = next(one for one in outcomes if one is not None)
            if failure.temporary:
                raise failure
            await self.database.write(messages.done, waiting)
            return Status.NOT_DELIVERED
        return Status.SENT

    def _also(self, waiting: WaitingMessage, sender: Principal, envelope: Envelope) -> Also:
        counting = None
        if self.watch is not None:
            counting = self.watch.counting(sender.actor, envelope)

        def also(tx: Tx) -> None:
            if not messages.done(tx, waiting):
                raise DoneElsewhere
            message = waiting.message
            if message.why is Why.ANSWER and not loops.may_answer(
                tx, self.keys, sender.account_id, message.recipient
            ):
                raise TooManyAnswers
            if counting is not None:
                counting(tx)

        return also

    def _mail(self, waiting: WaitingMessage, sender: Principal) -> bytes:
        """Raises `GrammarError`."""
        calendar = parse_calendar(waiting.message.content)
        return build_mail(calendar, self._header(waiting, calendar, sender))

    def _header(self, waiting: WaitingMessage, calendar: Component, sender: Principal) -> Header:
        message = waiting.message
        component = next((one for one in calendar.parts if one.name in SCHEDULED), calendar)
        people = {address: line.param("CN") or "" for address, line in attendees(component)}
        organizer = component.first("ORGANIZER")
        if organizer is not None:
            people.setdefault(bare_address(organizer.value), organizer.param("CN") or "")
        name = sender.name if sender.name != sender.address else ""
        domain = message.sender.rpartition("@")[2]
        return Header(
            sender=message.sender,
            sender_name=name or _name(people.get(message.sender, "")),
            recipient=message.recipient,
            recipient_name=_name(people.get(message.recipient, "")),
            message_id=f"{waiting.id:x}.{secrets.token_hex(8)}@{domain}",
            now=self.clock.now(),
            is_update=sequence(component) > 0,
        )


def _name(name: str) -> str:
    """A name beside an address, if it is none itself."""
    return "" if "@" in name else name

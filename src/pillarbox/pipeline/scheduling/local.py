"""Messages to users, groups and resources here: applied to their copy, and put into the inbox.

All in the transaction that removes the message's row. What arrived by mail takes the same way, but
is trusted with less: `mail` has found out who sent it.
"""

import asyncio
from dataclasses import dataclass, replace

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.resources import AutoAccept
from pillarbox.domain.collections.model import ScheduleTag
from pillarbox.domain.collections.prepare import Prepared
from pillarbox.domain.contacts import lookup
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.scheduling import messages, parties
from pillarbox.domain.scheduling.model import NewMessage, WaitingMessage, Why
from pillarbox.domain.sending import counts
from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.apply import apply
from pillarbox.formats.itip.attendee import reply_of
from pillarbox.formats.itip.message import Incoming, read_message
from pillarbox.formats.itip.model import Applied, Method, Outcome, Status
from pillarbox.formats.itip.organizer import resent
from pillarbox.formats.itip.series import series_of
from pillarbox.pipeline.scheduling import booking, copies
from pillarbox.pipeline.scheduling.copies import Changed, Copy
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

TRIES = 6
_INLINE_BYTES = 8 * 1024
_SLOW = (b"RRULE", b"RDATE")

_log = logger("scheduling")


@dataclass(frozen=True, slots=True)
class _Work:
    """What a message does: an object and a message of the inbox, made ready, and what follows."""

    waiting: WaitingMessage
    copy: Copy
    outcome: Outcome
    stored: Prepared | None = None
    inbox: Prepared | None = None
    tag: ScheduleTag = ScheduleTag.NEW
    more: tuple[NewMessage, ...] = ()
    bookings: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class LocalDelivery:
    """Delivers to accounts here; with `known_only` strangers' invitations stay in the mail."""

    database: Database
    keys: KeyRing
    clock: Clock
    delimiter: str = "+"
    known_only: bool = True

    async def deliver(self, waiting: WaitingMessage, account: AccountId) -> Status:
        """Deliver a message to an account; its row is gone then.

        Raises the failures of the database, and `Changed` where others keep on changing the copy.
        """
        message = waiting.message
        for _ in range(TRIES):
            copy = await self.database.read(copies.find, self.keys, account, message.uid)
            if copy is None:
                await self.database.write(messages.done, waiting)
                return Status.INVALID_USER
            work = await self._work(waiting, copy)
            try:
                await self.database.write(_carry_out, self.keys, work)
            except Changed:
                continue
            except Failure as failure:
                if failure.temporary and waiting.attempts == 0:
                    raise
                _log.info("a message about a meeting can't be stored", why=failure.public)
                await self.database.write(messages.done, waiting)
                return Status.NOT_DELIVERED
            return _status(work)
        raise Changed

    async def _work(self, waiting: WaitingMessage, copy: Copy) -> _Work:
        message = waiting.message
        try:
            if len(message.content) > _INLINE_BYTES:
                incoming = await asyncio.to_thread(read_message, message.content)
            else:
                incoming = read_message(message.content)
        except GrammarError as error:
            _log.warning("a message about a meeting can't be read", why=error.text)
            return _Work(waiting, copy, Outcome.REFUSED)
        if copy.item is None and not await self._may_begin(waiting, copy, incoming):
            return _Work(waiting, copy, Outcome.NOT_FOUND)
        content = message.content + copy.content
        if len(content) > _INLINE_BYTES or any(word in content for word in _SLOW):
            work, applied = await asyncio.to_thread(self._apply, waiting, copy, incoming)
        else:
            work, applied = self._apply(waiting, copy, incoming)
        if applied is not None and applied.stored is not None and applied.asks:
            return await self._booked(work, applied.stored)
        return work

    async def _may_begin(self, waiting: WaitingMessage, copy: Copy, incoming: Incoming) -> bool:
        """Whether a meeting that is not here may come into the calendar."""
        why = waiting.message.why
        if why is Why.REFRESH_COPY:
            return False
        if why is not Why.ARRIVED or incoming.method is not Method.REQUEST or not self.known_only:
            return True
        return await self.database.read(_is_known, self.keys, copy.account, waiting.message.sender)

    def _apply(
        self, waiting: WaitingMessage, copy: Copy, incoming: Incoming
    ) -> tuple[_Work, Applied | None]:
        """Apply a message to the copy, and make ready what is stored. CPU only."""
        message = waiting.message
        me = identity(waiting, copy)
        complete = message.why is not Why.ARRIVED
        try:
            applied = apply(
                copy.calendar(),
                incoming,
                me,
                message.sender,
                complete=complete,
                decides=copy.resource is not None,
            )
            stored = None if applied.stored is None else copies.ready(applied.stored)
            work = _Work(waiting, copy, applied.outcome, stored)
            work = replace(work, inbox=self._inbox(work, incoming), tag=_tag(message.why, incoming))
        except (GrammarError, Failure) as error:
            _log.info("a message about a meeting can't be applied", why=str(error))
            return _Work(waiting, copy, Outcome.REFUSED), None
        if applied.resend and copy.item is not None:
            return replace(work, more=self._resent(waiting, copy)), applied
        if applied.partstats:
            # Once for all answers that are noted until it is done.
            refresh = NewMessage(
                Method.REQUEST.value, message.uid, copy.principal.address, "", b"", Why.REFRESH
            )
            return replace(work, more=(refresh,)), applied
        return work, applied

    @staticmethod
    def _inbox(work: _Work, incoming: Incoming) -> Prepared | None:
        """The message as it is put into the inbox, where it is."""
        if work.waiting.message.why is Why.REFRESH_COPY:
            return None
        if work.outcome not in (Outcome.APPLIED, Outcome.FOR_PEOPLE):
            return None
        if work.copy.resource is not None and work.copy.resource.auto_accept is not (
            AutoAccept.MANUAL
        ):
            return None
        return copies.ready(incoming.series.calendar, as_message=True)

    def _resent(self, waiting: WaitingMessage, copy: Copy) -> tuple[NewMessage, ...]:
        """The state of a meeting for who asked for it."""
        calendar = copy.calendar()
        series = None if calendar is None else series_of(calendar)
        if series is None:
            return ()
        sender = waiting.message.sender
        message = resent(series, sender, self.clock.now())
        if message is None:
            return ()
        written = message.calendar.written()
        organizer = waiting.message.recipient
        return (
            NewMessage(message.method.value, series.uid, organizer, sender, written, Why.ANSWER),
        )

    async def _booked(self, work: _Work, calendar: Component) -> _Work:
        """Let a resource answer."""
        resource = work.copy.resource
        if resource is None or resource.auto_accept is AutoAccept.MANUAL:
            return work
        if work.waiting.message.why is Why.REFRESH_COPY:
            return work
        now_ms = self.clock.now_ms()
        try:
            window = await asyncio.to_thread(booking.window_of, calendar, now_ms)
        except GrammarError:
            return work
        booked = await self.database.read(booking.bookings, self.keys, resource, window)
        me = identity(work.waiting, work.copy)
        said = await asyncio.to_thread(booking.answer, calendar, resource, booked, me)
        found = booking.answered(calendar, me, said)
        series = series_of(found)
        reply = None if series is None else reply_of(series, me, self.clock.now())
        if series is None or reply is None:
            return work
        more = tuple(
            NewMessage(
                reply.method.value,
                series.uid,
                work.waiting.message.recipient or me.addresses[0],
                one,
                reply.calendar.written(),
                Why.ANSWER,
            )
            for one in reply.recipients
        )
        ready = await asyncio.to_thread(copies.ready, found)
        return replace(work, stored=ready, more=more, bookings=booked.state)


def identity(waiting: WaitingMessage, copy: Copy) -> Identity:
    """By which addresses the recipient is known: their own, and the one the message went to."""
    addresses = copy.principal.addresses
    recipient = waiting.message.recipient
    if recipient and recipient not in addresses:
        addresses = (*addresses, recipient)
    return Identity(addresses)


def _carry_out(tx: Tx, keys: KeyRing, work: _Work) -> None:
    """The transaction; raises `Changed` and what makes it impossible to store."""
    if not messages.done(tx, work.waiting):
        return
    account = work.copy.account
    if work.stored is not None:
        lock(tx, account)
        resource = work.copy.resource
        # Two who book at once: one of them sees the other.
        if (
            work.bookings is not None
            and resource is not None
            and booking.state(tx, keys, resource) != work.bookings
        ):
            raise Changed
        copies.store(tx, keys, work.copy, work.stored, work.tag)
    if work.inbox is not None:
        copies.put_in_inbox(tx, keys, account, work.inbox)
    if work.more:
        messages.note(tx, keys, account, work.more, now=True)


def _is_known(tx: Tx, keys: KeyRing, account: AccountId, address: str) -> bool:
    """Whether an account knows a sender: a user here, a contact, or somebody it has written to."""
    if parties.reach(tx, address).way is parties.Way.HERE:
        return True
    if lookup.is_contact(tx, keys, account, address):
        return True
    return bool(counts.have_written_to(tx, keys, (account,), address))


def _tag(why: Why, incoming: Incoming) -> ScheduleTag:
    """Answers leave the tag as it is (RFC 6638 §3.2.10)."""
    if why is Why.REFRESH_COPY or incoming.method is Method.REPLY:
        return ScheduleTag.KEEP
    return ScheduleTag.NEW


def _status(work: _Work) -> Status:
    method = work.waiting.message.method
    if work.outcome is Outcome.REFUSED:
        return Status.REFUSED
    if work.outcome is Outcome.NOT_FOUND and method in (Method.REPLY, Method.COUNTER):
        return Status.REFUSED
    return Status.DELIVERED

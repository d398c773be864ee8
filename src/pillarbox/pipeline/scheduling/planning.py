"""What a change of an object means to others: who they are, how they are reached, what they get."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, TypeVarTuple

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.domain.scheduling import parties
from pillarbox.domain.scheduling.model import MOST_PER_CHANGE, NewMessage, SchedulingDenied, Why
from pillarbox.domain.scheduling.parties import Reached, Way
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.object import facts_of
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.itip.address import Identity, bare_address
from pillarbox.formats.itip.changes import Role, changes
from pillarbox.formats.itip.changes import parties as parties_of
from pillarbox.formats.itip.model import (
    FROM_ORGANIZER,
    SCHEDULED,
    Message,
    Method,
    NotAllowed,
    Scheduled,
    Status,
)
from pillarbox.formats.itip.series import attendees
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
INLINE_BYTES = 16 * 1024
"""Objects up to this size are looked at on the event loop."""
PAST_MS = 86_400_000
"""A meeting that was over so long ago is removed without a word."""
_MAILED = (Method.REQUEST.value, Method.CANCEL.value)
_NOWHERE = Reached(Way.NONE)
STATUS = {Way.HERE: Status.DELIVERED, Way.MAIL: Status.SENT, Way.NONE: Status.INVALID_USER}
"""What is told of a message before it is delivered; what comes otherwise is written after it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change of an object means.

    `content` is to be stored instead of what was sent (`None`: the object goes); with `as_sent` it
    is the same bytes. What `is_scheduled` is true of gets a new Schedule-Tag (RFC 6638 §3.2.10).
    """

    content: bytes | None
    as_sent: bool = True
    is_scheduled: bool = False
    messages: tuple[NewMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class _Who:
    """Whose calendar it is, and where the parties' addresses lead."""

    addresses: tuple[str, ...]
    reached: dict[str, Reached] = field(default_factory=dict)


async def plan(
    database: Database,
    clock: Clock,
    delimiter: str,
    owner: AccountId,
    old: bytes | None,
    new: bytes | None,
    *,
    reply: bool = True,
    mail_here: bool = False,
) -> Plan:
    """What it means that an object of `owner`'s calendar becomes `new`; raises `SchedulingDenied`.

    Either may be `None`. With `mail_here` users here get invitations and cancellations by mail too.
    Objects that are no meetings cost next to nothing.
    """
    if not any(_may_be_meeting(one) for one in (old, new)):
        return Plan(new)
    in_thread = len(old or b"") + len(new or b"") > INLINE_BYTES
    try:
        calendars = await _work(in_thread, _parsed, old, new)
        if new is None and _is_past(calendars[0], clock.now_ms()):
            return Plan(None)
        people = _people(*calendars)
        if not people:
            return Plan(new)
        who = await database.read(_who, owner, people, delimiter)
        now = clock.now()
        found = await _work(in_thread, _planned, calendars, new, owner, who, now, reply)
        return _with_mail(found, who) if mail_here else found
    except NotAllowed as error:
        raise SchedulingDenied(error.text, error.rule) from error
    except GrammarError:
        # Nothing that could be scheduled; whether it can be stored others have looked at.
        return Plan(new)


async def _work(in_thread: bool, fn: Callable[[*Ts], R], *args: *Ts) -> R:
    return await asyncio.to_thread(fn, *args) if in_thread else fn(*args)


def _may_be_meeting(content: bytes | None) -> bool:
    return content is not None and b"ORGANIZER" in content.upper()


def _parsed(old: bytes | None, new: bytes | None) -> tuple[Component | None, Component | None]:
    return (
        None if old is None else parse_calendar(old),
        None if new is None else parse_calendar(new),
    )


def _people(old: Component | None, new: Component | None) -> frozenset[str]:
    return frozenset(
        address for one in (old, new) if one is not None for address in parties_of(one)
    )


def _is_past(calendar: Component | None, now_ms: int) -> bool:
    if calendar is None:
        return False
    facts = facts_of(calendar, Zones(calendar))
    return facts.last_ms is not None and facts.last_ms < now_ms - PAST_MS


def _who(tx: Tx, owner: AccountId, people: frozenset[str], delimiter: str) -> _Who:
    principal = parties.of_account(tx, owner)
    if principal is None or not principal.enabled:
        return _Who(())
    return _Who(principal.addresses, parties.reach_all(tx, people, delimiter))


def _planned(
    calendars: tuple[Component | None, Component | None],
    new: bytes | None,
    owner: AccountId,
    who: _Who,
    now: datetime,
    reply: bool,
) -> Plan:
    own = (address for address, found in who.reached.items() if found.account_id == owner)
    me = Identity(tuple(dict.fromkeys((*who.addresses, *own))))
    reach = {address: STATUS[found.way] for address, found in who.reached.items()}
    role, found = changes(*calendars, me, now, reply=reply, reach=reach)
    if role is Role.NONE and not found.messages:
        return Plan(new)
    content = new
    if found.stored is not None and not found.as_sent:
        content = found.stored.written()
    return Plan(
        content,
        as_sent=found.as_sent,
        is_scheduled=role is not Role.NONE and new is not None,
        messages=tuple(_messages(found, reach)),
    )


def _with_mail(plan: Plan, who: _Who) -> Plan:
    """The same, with a mail for each user here who is invited, or is no more."""
    mails = [
        replace(one, why=Why.MAIL, prior="")
        for one in plan.messages
        if one.why is Why.CHANGE
        and one.method in _MAILED
        and who.reached.get(one.recipient, _NOWHERE).way is Way.HERE
    ]
    return replace(plan, messages=(*plan.messages, *mails))


def _messages(found: Scheduled, reach: dict[str, Status]) -> list[NewMessage]:
    made: list[NewMessage] = []
    for message in found.messages:
        content, sender = message.calendar.written(), sender_of(message)
        uid = _component(message).value("UID") or ""
        why = Why.REFRESH_COPY if message.is_minor else Why.CHANGE
        for recipient in message.recipients:
            prior = reach.get(recipient, Status.SENT).value
            made.append(
                NewMessage(message.method.value, uid, sender, recipient, content, why, prior)
            )
    if len(made) > MOST_PER_CHANGE:
        raise NotAllowed("A meeting has too many attendees", "max-attendees-per-instance")
    return made


def sender_of(message: Message) -> str:
    """The address a message is from: the organizer's, or the attendee's that answers."""
    component = _component(message)
    if message.method in FROM_ORGANIZER:
        return bare_address(component.value("ORGANIZER") or "")
    return next((address for address, _ in attendees(component)), "")


def _component(message: Message) -> Component:
    return next(one for one in message.calendar.parts if one.name in SCHEDULED)

"""What a change of an object in somebody's calendar means: their part in it decides."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import Identity, bare_address
from pillarbox.formats.itip.attendee import RULE as ATTENDEE_RULE
from pillarbox.formats.itip.attendee import attendee_changes, speaks
from pillarbox.formats.itip.model import MAX_ATTENDEES, SCHEDULED, NotAllowed, Scheduled, Status
from pillarbox.formats.itip.organizer import organizer_changes
from pillarbox.formats.itip.series import Series, invited, organizer_of, series_of

PARTIES_MOST = 2 * MAX_ATTENDEES + 2
"""Those of an object before and after a change."""
ORGANIZER_RULE = "allowed-organizer-scheduling-object-change"


class Role(Enum):
    """What somebody is in a meeting."""

    ORGANIZER = 1
    ATTENDEE = 2
    NONE = 3


def role(series: Series | None, me: Identity) -> Role:
    """What somebody is in a meeting (RFC 6638 §3.1); raises `NotAllowed` where that is not clear.

    An object that does not concern them is not looked at closely.
    """
    if series is None:
        return Role.NONE
    values = [one.value("ORGANIZER") for one in series.components.values()]
    if not any(values):
        return Role.NONE
    people = {
        bare_address(line.value)
        for one in series.components.values()
        for line in one.lines
        if line.name in ("ATTENDEE", "ORGANIZER")
    }
    if people.isdisjoint(me.addresses):
        return Role.NONE
    organizer = organizer_of(series) or ""
    if me.has(organizer):
        return Role.ORGANIZER
    return Role.ATTENDEE if not invited(series).keys().isdisjoint(me.addresses) else Role.NONE


def changes(
    old: Component | None,
    new: Component | None,
    me: Identity,
    now: datetime,
    *,
    reply: bool = True,
    reach: Mapping[str, Status] | None = None,
) -> tuple[Role, Scheduled]:
    """What it means that an object of `me` becomes another; and what they are in it.

    Either may be missing. `reach` is the status told of addresses right away. Raises `NotAllowed`
    with its `.rule`, and `GrammarError` for an object that is no series of one meeting.
    """
    before = None if old is None else series_of(old)
    stored = None if new is None else new.copy()
    after = None if stored is None else series_of(stored)
    was, is_now = role(before, me), role(after, me)
    reach = reach or {}
    own_before = None if was is Role.NONE else before
    own_after = None if is_now is Role.NONE else after
    if stored is not None:
        _check_roles(before, was, after, is_now)
    if Role.ORGANIZER in (was, is_now):
        found = organizer_changes(own_before, own_after, me, now, reach)
    elif Role.ATTENDEE in (was, is_now) and (is_now is Role.ATTENDEE or stored is None):
        organizer = bare_address(_organizer(own_after or before))
        status = reach.get(organizer, Status.SENT)
        found = attendee_changes(own_before, own_after, me, now, reply=reply, reach=status)
    else:
        found = Scheduled(None)
    if found.stored is None and stored is not None:
        # What there is of a meeting is not this user's.
        found = Scheduled(stored, found.messages)
    return was if stored is None else is_now, found


def _check_roles(before: Series | None, was: Role, after: Series | None, is_now: Role) -> None:
    """Refuse that a meeting gets another organizer, or an attendee leaves it otherwise than by
    declining."""
    if was is Role.ORGANIZER and is_now is Role.ATTENDEE:
        raise NotAllowed("The organizer of a meeting can't be changed", ORGANIZER_RULE)
    if was is not Role.ATTENDEE or before is None or not speaks(before):
        return
    if is_now is not Role.ATTENDEE or after is None:
        raise NotAllowed(
            "An attendee can't change the organizer, or take themselves from the attendees;"
            " decline, or delete the meeting",
            ATTENDEE_RULE,
        )
    if bare_address(organizer_of(before) or "") != bare_address(organizer_of(after) or ""):
        raise NotAllowed("The organizer of a meeting can't be changed", ATTENDEE_RULE)


def _organizer(series: Series | None) -> str:
    return "" if series is None else series.any.value("ORGANIZER") or ""


def parties(calendar: Component) -> frozenset[str]:
    """Everybody an object names, as addresses; at most `PARTIES_MOST`, in no order."""
    found: set[str] = set()
    for component in calendar.parts:
        if component.name not in SCHEDULED:
            continue
        for line in component.lines:
            if line.name in ("ATTENDEE", "ORGANIZER") and len(found) < PARTIES_MOST:
                found.add(bare_address(line.value))
    return frozenset(found - {""})

"""Rooms and things answer by themselves: always, when they are free, or not at all."""

from dataclasses import dataclass
from datetime import UTC

from pillarbox.base.errors import GrammarError
from pillarbox.domain.accounts.resources import AutoAccept, Resource
from pillarbox.domain.calendars import scheduling as calendars
from pillarbox.domain.collections import listing
from pillarbox.domain.collections.model import ComponentKind
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.free_busy import Busy, busy_periods
from pillarbox.formats.ical.object import facts_of
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.attendee import DECLINED, NEEDS_ACTION, own_line, partstat
from pillarbox.formats.itip.model import SCHEDULED
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

AHEAD_MS = 400 * 86_400_000
"""So far ahead a series is looked at."""
OTHERS_MOST = 5000
"""Bookings within that time; a resource with more declines."""
STEPS = 300_000
ACCEPTED = "ACCEPTED"


@dataclass(frozen=True, slots=True)
class Bookings:
    """What a resource has in its calendars within a time; `state` is another once that changes."""

    window: TimeRange
    others: tuple[bytes, ...]
    too_many: bool
    state: tuple[tuple[int, int], ...]


def window_of(calendar: Component, now_ms: int) -> TimeRange:
    """The time a meeting is looked at: from now on, or from its start; raises `GrammarError`."""
    facts = facts_of(calendar, Zones(calendar))
    first_ms = max(facts.first_ms or 0, now_ms - 86_400_000)
    end_ms = first_ms + AHEAD_MS
    if facts.last_ms is not None:
        end_ms = min(end_ms, max(facts.last_ms, first_ms) + 86_400_000)
    return TimeRange(first_ms, end_ms)


def bookings(tx: Tx, keys: KeyRing, resource: Resource, window: TimeRange) -> Bookings:
    """What a resource is booked for within a time."""
    found: list[bytes] = []
    too_many = False
    for collection in calendars.that_block_time(tx, keys, resource.account_id):
        after = 0
        while page := listing.within(
            tx, keys, collection, window.start_ms, window.end_ms, ComponentKind.VEVENT, after
        ):
            found += (content for _, content in page)
            after = page[-1][0].id
            if len(found) > OTHERS_MOST:
                too_many = True
                break
    return Bookings(window, tuple(found[:OTHERS_MOST]), too_many, state(tx, keys, resource))


def state(tx: Tx, keys: KeyRing, resource: Resource) -> tuple[tuple[int, int], ...]:
    """Which calendars a resource has, and how new they are."""
    found = calendars.that_block_time(tx, keys, resource.account_id)
    return tuple(sorted((one.id, one.modseq) for one in found))


def answer(calendar: Component, resource: Resource, booked: Bookings, me: Identity) -> str:
    """What a resource says to a meeting; CPU only, bounded."""
    if resource.auto_accept is AutoAccept.ALWAYS:
        return ACCEPTED
    if booked.too_many or any(one.name != "VEVENT" for one in calendar.parts if _is_kind(one)):
        return DECLINED if booked.too_many else ACCEPTED
    uid = next((one.value("UID") or "" for one in calendar.parts if _is_kind(one)), "")
    budget = Budget(STEPS)
    addresses = [f"mailto:{one}" for one in me.addresses]
    try:
        others = [parse_calendar(one) for one in booked.others]
        taken = busy_periods(others, booked.window, UTC, budget, addresses, uid)
        wanted = busy_periods([calendar], booked.window, UTC, budget)
    except GrammarError:
        return DECLINED
    return DECLINED if overlap(taken, wanted) else ACCEPTED


def overlap(some: list[Busy], others: list[Busy]) -> bool:
    """Whether any two periods of two lists overlap; both by their start."""
    both = (some, others)
    merged = sorted((one.start_ms, one.end_ms, who) for who in (0, 1) for one in both[who])
    ends = [0, 0]
    for start_ms, ends_ms, who in merged:
        if ends[1 - who] > start_ms and ends_ms > start_ms:
            return True
        ends[who] = max(ends[who], ends_ms)
    return False


def answered(calendar: Component, me: Identity, said: str) -> Component:
    """A copy of a meeting in which a party has answered what was not answered yet."""
    found = calendar.copy()
    for component in found.parts:
        line = own_line(component, me) if _is_kind(component) else None
        if line is not None and partstat(line) == NEEDS_ACTION:
            line.set_param("PARTSTAT", said)
            line.set_param("RSVP", None)
    return found


def _is_kind(component: Component) -> bool:
    return component.name in SCHEDULED

"""When somebody is busy, out of calendars, and how that is told (RFC 4791 §7.10, RFC 6638 §5)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.availability import unavailable
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork, occurrences
from pillarbox.formats.ical.values import Period, moment_of, moments_of, utc_moment
from pillarbox.formats.ical.zones import Zones

MAX_ATTENDEES = 200
"""Of one request for free/busy."""
_PRODUCT = "-//pillarbox//calendar//EN"
_PERIODS_IN_LINE = 50


class BusyKind(StrEnum):
    """How busy: the values of FBTYPE but FREE (RFC 5545 §3.2.9)."""

    BUSY = "BUSY"
    TENTATIVE = "BUSY-TENTATIVE"
    UNAVAILABLE = "BUSY-UNAVAILABLE"


@dataclass(frozen=True, slots=True, order=True)
class Busy:
    """From `start_ms` until before `end_ms`."""

    start_ms: int
    end_ms: int
    kind: BusyKind = BusyKind.BUSY


_KINDS = {str(kind): kind for kind in BusyKind}


def busy_periods(
    calendars: Iterable[Component],
    window: TimeRange,
    default: tzinfo,
    budget: Budget,
    addresses: Collection[str] = (),
    masked_uid: str = "",
) -> list[Busy]:
    """When the owner of calendar objects is busy within a window, merged and cut to it.

    Events count unless they are TRANSPARENT, cancelled, or declined by one of `addresses` (calendar
    user addresses, lower case); TENTATIVE ones, and those not answered, are told as such. VFREEBUSY
    and VAVAILABILITY count too (RFC 7953). `default` is the zone of floating times; the event with
    `masked_uid` does not count. What can't be read is left out. Raises `GrammarError` for a window
    without both bounds, and `TooMuchWork`.
    """
    low, high = window.start_ms, window.end_ms
    if low is None or high is None:
        raise GrammarError("the time range needs a start and an end")
    found: list[Busy] = []
    speaking: list[tuple[Component, Zones]] = []
    for calendar in calendars:
        zones = Zones(calendar, default)
        if any(part.name == "VAVAILABILITY" for part in calendar.parts):
            speaking.append((calendar, zones))
        try:
            found += _of_events(calendar, window, zones, budget, addresses, masked_uid)
            found += _of_free_busy(calendar, window, zones, budget)
        except TooMuchWork:
            raise
        except GrammarError:
            continue
    if speaking:
        stretches = unavailable(speaking, low, high, budget)
        found += [Busy(start, end, _KINDS[kind]) for start, end, kind in stretches if kind]
    cut = (Busy(max(low, one.start_ms), min(high, one.end_ms), one.kind) for one in found)
    return merged(one for one in cut if one.start_ms < one.end_ms)


def merged(periods: Iterable[Busy]) -> list[Busy]:
    """Periods by their start; those of one kind that overlap or touch are one."""
    last: dict[BusyKind, Busy] = {}
    whole: list[Busy] = []
    for period in sorted(periods):
        before = last.get(period.kind)
        if before is None or before.end_ms < period.start_ms:
            if before is not None:
                whole.append(before)
            last[period.kind] = period
        elif period.end_ms > before.end_ms:
            last[period.kind] = Busy(before.start_ms, period.end_ms, period.kind)
    return sorted([*whole, *last.values()])


def _of_events(
    calendar: Component,
    window: TimeRange,
    zones: Zones,
    budget: Budget,
    addresses: Collection[str],
    masked_uid: str,
) -> Iterator[Busy]:
    groups: dict[str | None, list[Component]] = {}
    for part in calendar.parts:
        if part.name == "VEVENT":
            groups.setdefault(part.value("UID"), []).append(part)
    for uid, group in groups.items():
        if masked_uid and uid == masked_uid:
            continue
        kinds = {id(part): _kind_of(part, addresses) for part in group}
        if not any(kinds.values()):
            continue
        for one in occurrences(group, zones, window, budget):
            kind = kinds[id(one.component)]
            if kind is not None:
                yield Busy(one.start_ms, one.end_ms, kind)


def _kind_of(event: Component, addresses: Collection[str]) -> BusyKind | None:
    """How busy an event makes who has it in the calendar."""
    if (event.value("TRANSP") or "").strip().upper() == "TRANSPARENT":
        return None
    status = (event.value("STATUS") or "").strip().upper()
    if status == "CANCELLED":
        return None
    tentative = status == "TENTATIVE"
    if addresses:
        for line in event.lines:
            if line.name == "ATTENDEE" and line.value.strip().lower() in addresses:
                answer = (line.param("PARTSTAT") or "NEEDS-ACTION").upper()
                if answer in ("DECLINED", "DELEGATED"):
                    return None
                tentative = tentative or answer in ("TENTATIVE", "NEEDS-ACTION")
    return BusyKind.TENTATIVE if tentative else BusyKind.BUSY


def _of_free_busy(
    calendar: Component, window: TimeRange, zones: Zones, budget: Budget
) -> Iterator[Busy]:
    for part in calendar.of("VFREEBUSY"):
        for line in part.all("FREEBUSY"):
            kind = (line.param("FBTYPE") or "BUSY").upper()
            if kind == "FREE":
                continue
            for period in moments_of(line):
                budget.spend()
                if isinstance(period, Period):
                    start, end = period.start.ms(zones), period.end_ms(zones)
                    # A kind that is not known is BUSY (RFC 5545 §3.2.9).
                    if window.overlaps(start, end):
                        yield Busy(start, end, _KINDS.get(kind, BusyKind.BUSY))


@dataclass(frozen=True, slots=True)
class FreeBusyRequest:
    """Who asks when whom is busy (RFC 6638 §5); `attendees` are ATTENDEE lines."""

    uid: str
    organizer: ContentLine
    attendees: list[ContentLine]
    window: TimeRange
    masked_uid: str


def parse_free_busy_request(calendar: Component) -> FreeBusyRequest:
    """The request a VCALENDAR with METHOD:REQUEST and one VFREEBUSY is; else `GrammarError`."""
    parts = calendar.of("VFREEBUSY")
    if (calendar.value("METHOD") or "").strip().upper() != "REQUEST" or len(parts) != 1:
        raise GrammarError("this is no METHOD:REQUEST of one VFREEBUSY")
    part = parts[0]
    organizer, start, end = (part.first(name) for name in ("ORGANIZER", "DTSTART", "DTEND"))
    uid = part.value("UID")
    attendees = part.all("ATTENDEE")
    if organizer is None or start is None or end is None or not uid or not attendees:
        raise GrammarError("a request needs UID, ORGANIZER, ATTENDEE, DTSTART and DTEND")
    if len(attendees) > MAX_ATTENDEES:
        raise GrammarError(f"more than {MAX_ATTENDEES} attendees")
    zones = Zones(calendar)
    window = TimeRange(moment_of(start).ms(zones), moment_of(end).ms(zones))
    if (window.start_ms or 0) >= (window.end_ms or 0):
        raise GrammarError("DTEND is not after DTSTART")
    masked = part.value("X-CALENDARSERVER-MASK-UID") or ""
    return FreeBusyRequest(uid, organizer, attendees, window, masked)


def free_busy_reply(
    request: FreeBusyRequest, attendee: ContentLine, busy: Iterable[Busy], now_ms: int
) -> Component:
    """The VCALENDAR that answers a request for one attendee (RFC 5546 §3.3.3)."""
    about = [ContentLine("UID", request.uid), request.organizer.copy(), attendee.copy()]
    return _calendar(request.window, busy, now_ms, about, "REPLY")


def free_busy_answer(window: TimeRange, busy: Iterable[Busy], now_ms: int) -> Component:
    """The VCALENDAR that answers a free-busy-query (RFC 4791 §7.10)."""
    return _calendar(window, busy, now_ms, [], None)


def _calendar(
    window: TimeRange,
    busy: Iterable[Busy],
    now_ms: int,
    about: list[ContentLine],
    method: str | None,
) -> Component:
    lines = [
        *about,
        utc_moment(now_ms).line("DTSTAMP"),
        utc_moment(window.start_ms or 0).line("DTSTART"),
        utc_moment(window.end_ms or 0).line("DTEND"),
        *_lines(busy),
    ]
    head = [ContentLine("VERSION", "2.0"), ContentLine("PRODID", _PRODUCT)]
    if method is not None:
        head.append(ContentLine("METHOD", method))
    return Component("VCALENDAR", head, [Component("VFREEBUSY", lines)])


def _lines(busy: Iterable[Busy]) -> Iterator[ContentLine]:
    by_kind: dict[BusyKind, list[str]] = {}
    for one in busy:
        period = f"{utc_moment(one.start_ms).written()}/{utc_moment(one.end_ms).written()}"
        by_kind.setdefault(one.kind, []).append(period)
    for kind, periods in by_kind.items():
        for at in range(0, len(periods), _PERIODS_IN_LINE):
            value = ",".join(periods[at : at + _PERIODS_IN_LINE])
            yield ContentLine("FREEBUSY", value, [("FBTYPE", [str(kind)])])

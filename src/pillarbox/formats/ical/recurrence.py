"""Occurrences of events, tasks and journal entries within a window (RFC 5545 §3.8.5).

Rules give times on the clock of DTSTART's zone; each is an instant as an explicit DATE-TIME would
be, also where a clock is put forward or back. All that is done is counted by a `Budget`.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from operator import attrgetter, itemgetter

from msgspec import Struct

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.budget import DEFAULT_STEPS, Budget, TooMuchWork
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.expansion import local_times
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.rule import Frequency, Recur, parse_recur
from pillarbox.formats.ical.values import (
    DAY_MS,
    Moment,
    Period,
    local_at,
    local_ms,
    moment_of,
    moments_of,
    parse_duration,
    utc_moment,
)
from pillarbox.formats.ical.zones import Zones

__all__ = [
    "DEFAULT_STEPS",
    "Budget",
    "Occurrence",
    "TooMuchWork",
    "occurrences",
    "recurs",
    "rule_last_ms",
    "span_of",
]

# Zones differ from UTC by less, and no clock is changed by more.
_MARGIN_MS = 2 * DAY_MS
_FOREVER_MS = 1 << 60
_RECURRING = frozenset(("RRULE", "RDATE"))

_Instance = tuple[int, datetime, int | None]
"""An instant, its time on the master's clock, and its end where a PERIOD gave one."""


class Occurrence(Struct, frozen=True):
    """One occurrence: an instant, and the component that describes it.

    `start` is as its property would be written (a DATE, in the zone, floating or UTC), overrides'
    shifts included. `recurrence_id` is where the rule has it: in the form of the master's DTSTART
    or, of an override's own occurrence, as its RECURRENCE-ID; `None` for what does not recur. With
    `is_override` the component has a RECURRENCE-ID: that of this occurrence or, with
    THISANDFUTURE, of an earlier one.
    """

    component: Component
    start_ms: int
    end_ms: int
    recurrence_id: Moment | None
    is_override: bool
    start: Moment

    @property
    def end(self) -> Moment:
        """A DATE if the start is one (the day after the last), else in UTC."""
        if self.start.is_date:
            # Days with a clock change are longer or shorter, never by half of one.
            days = (self.end_ms - self.start_ms + DAY_MS // 2) // DAY_MS
            return self.start.moved(timedelta(days=days))
        return utc_moment(self.end_ms)


def occurrences(
    components: Iterable[Component],
    zones: Zones,
    window: TimeRange,
    budget: Budget,
) -> Iterator[Occurrence]:
    """The occurrences that overlap a window, by their start.

    `components` are those of one UID: a master and overrides, or either alone. What has no length
    overlaps if it starts in the window (RFC 4791 §9.9, VEVENT). A VTODO starts with its DTSTART
    or else is its DUE alone; components with neither have no occurrences. Raises `GrammarError`
    for dates and rules that can't be read, and `TooMuchWork`.
    """
    masters: list[Component] = []
    overrides: list[Component] = []
    for component in components:
        (overrides if component.first("RECURRENCE-ID") is not None else masters).append(component)
    budget.spend(5 * len(overrides) + 2 * len(masters))
    begin = -_FOREVER_MS if window.start_ms is None else window.start_ms
    end = _FOREVER_MS if window.end_ms is None else window.end_ms
    streams: list[Iterator[Occurrence]] = []
    master = None
    for component in masters:
        shape = _shape(component, zones)
        if shape is None:
            continue
        if master is None:
            master = _Master(component, shape, zones, overrides, budget)
            streams += master.streams(begin, end)
        else:
            # No object has two masters, but what lies about in feeds may.
            streams += _Master(component, shape, zones, [], budget).streams(begin, end)
    if master is None and overrides:
        streams.append(_alone(overrides, zones, begin, end))
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=attrgetter("start_ms"))


def recurs(component: Component) -> bool:
    """Whether a component has a rule or dates to recur by."""
    return any(line.name in _RECURRING for line in component.lines)


def span_of(component: Component, zones: Zones) -> tuple[Moment, int, int] | None:
    """The start of a component with its instant and that of its end, recurrence left aside.

    `None` for what has no DTSTART (a VTODO: nor DUE).
    """
    shape = _shape(component, zones)
    if shape is None:
        return None
    return shape.start, shape.start_ms, shape.end_ms(shape.start.local, shape.start_ms)


def rule_last_ms(component: Component, zones: Zones, budget: Budget) -> int | None:
    """No occurrence that rules and dates of a master give starts later; `None` is no bound.

    A COUNT is counted out within the budget, else UNTIL is taken as it is.
    """
    shape = _shape(component, zones)
    if shape is None:
        return None
    last = shape.start_ms
    for line in component.all("RRULE"):
        recur = parse_recur(line.value)
        if recur.count is None and recur.until is None:
            return None
        if recur.count is None:
            until = _until(recur, shape)
            last = max(last, local_ms(until, shape.zone) if until else last)
        else:
            for ms, _, _ in _rule_instances(recur, shape, -_FOREVER_MS, _FOREVER_MS, budget):
                last = max(last, ms)
    for _, start_ms, _ in _dates(component, shape, budget):
        last = max(last, start_ms)
    return last


class _Shape:
    # When a component starts, on which clock, and how long it takes: days there, then exact time.

    __slots__ = ("days", "extra_ms", "start", "start_ms", "zone", "zones")

    def __init__(self, start: Moment, zones: Zones) -> None:
        self.start = start
        self.zones = zones
        self.zone: tzinfo = zones.zone("UTC" if start.is_utc else start.tzid)
        self.start_ms = start.ms(zones)
        self.days = 0
        self.extra_ms = 0

    def end_ms(self, local: datetime, start_ms: int) -> int:
        if not self.days:
            return start_ms + self.extra_ms
        try:
            begin = local_ms(local + timedelta(days=self.days), self.zone)
        except OverflowError:
            begin = start_ms + self.days * DAY_MS
        return max(start_ms, begin + self.extra_ms)

    @property
    def length_ms(self) -> int:
        return max(0, self.days) * DAY_MS + max(0, self.extra_ms)

    def instant(self, moment: Moment) -> int | None:
        """Which instance a RECURRENCE-ID, EXDATE or RDATE means; `None`: any of its day."""
        if self.start.is_date:
            midnight = moment.local.replace(hour=0, minute=0, second=0)
            return local_ms(midnight, self.zone)
        if moment.is_date:
            return None
        if moment.tzid is None and not moment.is_utc:
            return local_ms(moment.local, self.zone)
        return moment.ms(self.zones)

    def moment(self, local: datetime) -> Moment:
        start = self.start
        return Moment(local, start.is_date, start.is_utc, start.tzid)


def _shape(component: Component, zones: Zones, fallback: Moment | None = None) -> _Shape | None:
    line = component.first("DTSTART")
    due = component.first("DUE") if component.name == "VTODO" else None
    until = component.first("DTEND") or due
    if line is None:
        if due is not None:
            return _Shape(moment_of(due), zones)
        if fallback is None:
            return None
    start = moment_of(line) if line is not None else fallback
    if start is None:
        return None
    shape = _Shape(start, zones)
    if until is not None:
        end = moment_of(until)
        if start.is_date and end.is_date:
            shape.days = max(0, (end.local - start.local).days)
            if shape.days == 0 and component.name != "VTODO":
                # The end of a day is not in it, but some say so.
                shape.days = 1
        else:
            shape.extra_ms = max(0, end.ms(zones) - shape.start_ms)
    else:
        text = component.value("DURATION")
        if text is not None:
            duration = parse_duration(text)
            shape.days, shape.extra_ms = max(0, duration.days), max(0, duration.seconds) * 1000
        elif start.is_date and component.name != "VTODO":
            shape.days = 1
    return shape


def _overlaps(start_ms: int, end_ms: int, begin: int, end: int) -> bool:
    return start_ms < end and (end_ms > begin or start_ms == end_ms >= begin)


def _alone(overrides: list[Component], zones: Zones, begin: int, end: int) -> Iterator[Occurrence]:
    # Overrides without their master: an attendee may be invited to some occurrences only.
    found = [_own(override, zones, None) for override in overrides]
    found.sort(key=attrgetter("start_ms"))
    return (each for each in found if _overlaps(each.start_ms, each.end_ms, begin, end))


def _own(override: Component, zones: Zones, master: _Shape | None) -> Occurrence:
    line = override.first("RECURRENCE-ID")
    at = moment_of(line) if line is not None else None
    shape = _shape(override, zones, fallback=at)
    if shape is None or at is None:
        raise GrammarError("the override has no RECURRENCE-ID")
    if override.first("DTSTART") is None and master is not None and not shape.length_ms:
        shape.days, shape.extra_ms = master.days, master.extra_ms
    end_ms = shape.end_ms(shape.start.local, shape.start_ms)
    return Occurrence(override, shape.start_ms, end_ms, at, True, shape.start)


class _Segment:
    # From an instance on, all are as one component says, until the next segment's.

    __slots__ = ("component", "from_ms", "is_override", "shape", "shift", "until_ms")

    def __init__(self, component: Component, shape: _Shape, from_ms: int) -> None:
        self.component = component
        self.shape = shape
        self.from_ms = from_ms
        self.until_ms = _FOREVER_MS
        self.shift: timedelta | None = None
        self.is_override = False


class _Master:
    # A master with its overrides.

    def __init__(
        self,
        component: Component,
        shape: _Shape,
        zones: Zones,
        overrides: list[Component],
        budget: Budget,
    ) -> None:
        self._component = component
        self._shape = shape
        self._zones = zones
        self._budget = budget
        self._is_recurring = recurs(component) or bool(overrides)
        self._own: list[Occurrence] = []
        self._replaced: set[int] = set()
        self._replaced_days: set[date] = set()
        self._segments = [_Segment(component, shape, -_FOREVER_MS)]
        for override in overrides:
            self._add(override)
        self._own.sort(key=attrgetter("start_ms"))
        self._segments.sort(key=attrgetter("from_ms"))
        for segment, following in zip(self._segments, self._segments[1:], strict=False):
            segment.until_ms = following.from_ms
        self._dates = _dates(component, shape, budget) if self._is_recurring else []
        self._excluded, self._excluded_days = self._exceptions()

    def _add(self, override: Component) -> None:
        own = _own(override, self._zones, self._shape)
        self._own.append(own)
        line = override.first("RECURRENCE-ID")
        at = own.recurrence_id
        if line is None or at is None:
            return
        instant = self._shape.instant(at)
        if instant is None:
            self._replaced_days.add(at.local.date())
            instant = local_ms(
                datetime.combine(at.local, self._shape.start.local.time()), self._shape.zone
            )
        else:
            self._replaced.add(instant)
        if (line.param("RANGE") or "").upper() != "THISANDFUTURE":
            return
        shape = _shape(override, self._zones, fallback=at)
        if shape is not None:
            segment = _Segment(override, shape, instant)
            segment.is_override = True
            segment.shift = shape.start.local - self._local_in(shape, instant, at.local)
            self._segments.append(segment)

    def _local_in(self, shape: _Shape, instant: int, local: datetime) -> datetime:
        # An instance of the master on the clock of an override.
        master = self._shape.start
        if master.is_date:
            return local.replace(hour=0, minute=0, second=0)
        if shape.zone is self._shape.zone:
            return local_at(instant, shape.zone) if master.is_utc else local
        return local_at(instant, shape.zone)

    def _exceptions(self) -> tuple[set[int], set[date]]:
        instants: set[int] = set()
        days: set[date] = set()
        for line in self._component.lines:
            if line.name == "EXDATE":
                self._budget.spend(2 * (1 + line.value.count(",")))
                for moment in moments_of(line):
                    at = moment.start if isinstance(moment, Period) else moment
                    instant = self._shape.instant(at)
                    if instant is None:
                        days.add(at.local.date())
                    else:
                        instants.add(instant)
        return instants, days

    def streams(self, begin: int, end: int) -> list[Iterator[Occurrence]]:
        own = [each for each in self._own if _overlaps(each.start_ms, each.end_ms, begin, end)]
        streams = [self._stream(segment, begin, end) for segment in self._segments]
        if own:
            streams.append(iter(own))
        return streams

    def _stream(self, segment: _Segment, begin: int, end: int) -> Iterator[Occurrence]:
        master, shape, shift = self._shape, segment.shape, segment.shift
        longest = max([shape.length_ms, *(last - first for first, last in self._periods())])
        skipped = begin - longest - _MARGIN_MS
        if shift is not None:
            skipped -= shift // timedelta(milliseconds=1)
        until = end if shift is None else end + abs(shift) // timedelta(milliseconds=1)
        until = min(until, segment.until_ms)
        for ms, local, end_ms in self._instances(max(skipped, segment.from_ms), until):
            if ms >= segment.until_ms:
                return
            if shift is None:
                start, start_ms = master.moment(local), ms
            else:
                moved = self._local_in(shape, ms, local)
                start = shape.moment(moved).moved(shift)
                start_ms = start.ms(self._zones)
            if start_ms >= end:
                return
            if end_ms is None:
                end_ms = shape.end_ms(start.local, start_ms)
            elif shift is not None:
                end_ms += start_ms - ms
            if (end_ms > begin or start_ms == end_ms >= begin) and not self._is_out(ms, local):
                recurrence_id = master.moment(local) if self._is_recurring else None
                yield Occurrence(
                    segment.component, start_ms, end_ms, recurrence_id, segment.is_override, start
                )

    def _periods(self) -> list[tuple[int, int]]:
        return [(ms, end_ms) for _, ms, end_ms in self._dates if end_ms is not None]

    def _is_out(self, ms: int, local: datetime) -> bool:
        if ms in self._replaced or ms in self._excluded:
            return True
        return bool(self._excluded_days or self._replaced_days) and (
            local.date() in self._excluded_days or local.date() in self._replaced_days
        )

    def _instances(self, begin: int, end: int) -> Iterator[_Instance]:
        """The recurrence set from an instant on, ascending, EXDATE and overrides not yet out.

        Nothing is looked for long after `end`.
        """
        shape = self._shape
        streams: list[Iterator[_Instance]] = []
        excluding: list[Iterator[_Instance]] = []
        if self._is_recurring:
            for line in self._component.lines:
                if line.name == "RRULE" or line.name == "EXRULE":
                    recur = parse_recur(line.value)
                    stream = _rule_instances(recur, shape, begin, end, self._budget)
                    (streams if line.name == "RRULE" else excluding).append(stream)
        if not streams and shape.start_ms >= begin:
            streams.append(iter([(shape.start_ms, shape.start.local, None)]))
        if self._dates:
            dates = [(ms, local, end_ms) for local, ms, end_ms in self._dates if ms >= begin]
            streams.append(iter(dates))
        found = streams[0] if len(streams) == 1 else _merged(streams)
        return _without(found, _merged(excluding)) if excluding else found


def _merged(streams: list[Iterator[_Instance]]) -> Iterator[_Instance]:
    previous = None
    for instance in heapq.merge(*streams, key=itemgetter(0)):
        if instance[0] != previous:
            previous = instance[0]
            yield instance


def _without(found: Iterator[_Instance], excluding: Iterator[_Instance]) -> Iterator[_Instance]:
    # EXRULE is of RFC 2445, still sent by some.
    excluded = next(excluding, None)
    for instance in found:
        while excluded is not None and excluded[0] < instance[0]:
            excluded = next(excluding, None)
        if excluded is None or excluded[0] != instance[0]:
            yield instance


def _dates(
    component: Component, shape: _Shape, budget: Budget
) -> list[tuple[datetime, int, int | None]]:
    """The RDATEs of a component, sorted; a DATE for what has a time of day is at that time."""
    found: list[tuple[datetime, int, int | None]] = []
    for line in component.lines:
        if line.name != "RDATE":
            continue
        budget.spend(2 * (1 + line.value.count(",")))
        for value in moments_of(line):
            moment = value.start if isinstance(value, Period) else value
            ms = shape.instant(moment)
            if ms is None:
                local = datetime.combine(moment.local, shape.start.local.time())
                ms = local_ms(local, shape.zone)
            elif shape.start.is_date:
                local = moment.local.replace(hour=0, minute=0, second=0)
            else:
                local = local_at(ms, shape.zone)
            end_ms = None
            if isinstance(value, Period) and not shape.start.is_date:
                end_ms = value.end_ms(shape.zones)
            found.append((local, ms, end_ms))
    found.sort(key=itemgetter(1))
    return found


def _until(recur: Recur, shape: _Shape) -> datetime | None:
    # UNTIL on DTSTART's clock. Its form should be that of DTSTART, but clients mix them.
    until = recur.until
    if until is None:
        return None
    local = until.local
    if shape.start.is_date:
        return local.replace(hour=0, minute=0, second=0)
    if until.is_date:
        return local.replace(hour=23, minute=59, second=59)
    if until.is_utc and not shape.start.is_utc:
        return local_at(until.ms(shape.zones), shape.zone)
    return local


def _rule_instances(
    recur: Recur, shape: _Shape, begin: int, end: int, budget: Budget
) -> Iterator[_Instance]:
    if recur.rscale not in (None, "GREGORIAN"):
        raise TooMuchWork(f"rules of the calendar {recur.rscale} can't be expanded")
    zone = shape.zone
    walk_from = local_at(begin - _MARGIN_MS, zone) if begin > shape.start_ms else datetime.min
    start = shape.start.local
    until = _until(recur, shape) or datetime.max
    if end < _FOREVER_MS // 2:
        until = min(until, local_at(end + _MARGIN_MS, zone))
    times = local_times(recur, start, until, walk_from, budget)
    many = max(len(recur.by_hour), len(recur.by_minute), len(recur.by_second)) > 1
    if (many or recur.frequency > Frequency.DAILY) and not shape.start.is_utc:
        return _in_order(times, zone, begin)
    return _as_instants(times, zone, begin)


def _as_instants(times: Iterator[datetime], zone: tzinfo, begin: int) -> Iterator[_Instance]:
    for local in times:
        ms = local_ms(local, zone)
        if ms >= begin:
            yield ms, local, None


def _in_order(times: Iterator[datetime], zone: tzinfo, begin: int) -> Iterator[_Instance]:
    # Times that a clock put forward leaves out are instants after some that come later on it.
    waiting: deque[_Instance] = deque()
    for local in times:
        ms = local_ms(local, zone)
        if ms < begin:
            continue
        aware = local.replace(tzinfo=zone)
        first, second = aware.utcoffset(), aware.replace(fold=1).utcoffset()
        if first is not None and second is not None and first < second:
            waiting.append((ms, local, None))
            continue
        while waiting and waiting[0][0] <= ms:
            yield waiting.popleft()
        yield ms, local, None
    yield from waiting

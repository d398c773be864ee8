"""A time zone as an object's own VTIMEZONE defines it (RFC 5545 §3.6.5)."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, datetime, timedelta, tzinfo
from operator import attrgetter

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.budget import Budget
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.expansion import local_times
from pillarbox.formats.ical.rule import Frequency, Recur, parse_recur
from pillarbox.formats.ical.values import Period, moment_of, moments_of, parse_offset

MAX_ZONES = 100
"""VTIMEZONEs of an object that are looked at."""
MAX_OBSERVANCES = 200
_MAX_DATES = 5_000
_YEARS_KEPT = 200
_STEPS = 20_000
_ZERO = timedelta(0)


class _Onset:
    # When offsets change: on the clock before, and what they change from and to.

    __slots__ = ("at", "name", "offset", "was")

    def __init__(self, at: datetime, was: timedelta, offset: timedelta, name: str) -> None:
        self.at = at
        self.was = was
        self.offset = offset
        self.name = name


class _Observance:
    # A STANDARD or DAYLIGHT.

    def __init__(self, component: Component) -> None:
        start = component.first("DTSTART")
        if start is None:
            raise GrammarError("a part of the time zone has no DTSTART")
        self.start = moment_of(start).local
        self.was = parse_offset(component.value("TZOFFSETFROM") or "")
        self.offset = parse_offset(component.value("TZOFFSETTO") or "")
        self.name = component.value("TZNAME") or ""
        self.dates = [self.start]
        for line in component.all("RDATE"):
            for value in moments_of(line):
                moment = value.start if isinstance(value, Period) else value
                self.dates.append(moment.local + self.was if moment.is_utc else moment.local)
        if len(self.dates) > _MAX_DATES:
            raise GrammarError("the time zone has too many dates")
        self.dates.sort()
        rule = component.value("RRULE")
        self.recur = parse_recur(rule) if rule else None
        self.last = datetime.max if self.recur is None else self._last(self.recur)

    def _last(self, recur: Recur) -> datetime:
        times = max(len(recur.by_hour), len(recur.by_minute), len(recur.by_second))
        if recur.frequency > Frequency.MONTHLY or times > 1:
            raise GrammarError("the time zone changes more often than an offset can")
        until = recur.until
        last = datetime.max
        if until is not None:
            last = until.local + self.was if until.is_utc else until.local
        if recur.count is not None:
            counted = local_times(recur, self.start, last, datetime.min, Budget(_STEPS))
            last = max(counted, default=self.start)
        return last

    def onsets(self, year: int, budget: Budget) -> Iterator[_Onset]:
        """The onsets within a year, not sorted."""
        for at in self.dates:
            if at.year == year:
                yield self._onset(at)
        if self.recur is None or year < self.start.year or year > self.last.year:
            return
        begin = datetime(year, 1, 1)
        for at in local_times(self.recur, self.start, self.last, begin, budget):
            if at.year != year:
                return
            yield self._onset(at)

    def before(self, year: int, budget: Budget) -> _Onset | None:
        """The last onset before a year."""
        place = bisect_right(self.dates, datetime(year, 1, 1)) - 1
        found = self._onset(self.dates[place]) if place >= 0 else None
        if self.recur is not None:
            latest = min(year - 1, self.last.year)
            for earlier in range(latest, max(self.start.year, latest - 8) - 1, -1):
                onsets = sorted(self.onsets(earlier, budget), key=attrgetter("at"))
                if onsets:
                    return max((found or onsets[-1], onsets[-1]), key=attrgetter("at"))
        return found

    def _onset(self, at: datetime) -> _Onset:
        return _Onset(at, self.was, self.offset, self.name)


class ObjectZone(tzinfo):
    """The clock of a VTIMEZONE, which is evaluated year by year as times are asked for.

    Raises `GrammarError` where it can't be read, also when a time is asked for whose year has too
    many onsets. Before its first onset it is what that changes from.
    """

    def __init__(self, component: Component) -> None:
        parts = [part for part in component.parts if part.name in ("STANDARD", "DAYLIGHT")]
        if not parts or len(parts) > MAX_OBSERVANCES:
            raise GrammarError("the time zone has no offsets, or too many")
        self.tzid = component.value("TZID") or ""
        self._observances = [_Observance(part) for part in parts]
        self._first = min(self._observances, key=attrgetter("start"))
        self._years: dict[int, list[_Onset]] = {}
        self._starts: dict[int, _Onset] = {}

    def __repr__(self) -> str:
        return f"ObjectZone({self.tzid!r})"

    def utcoffset(self, at: datetime | None) -> timedelta:
        return _ZERO if at is None else self._at(at).offset

    def dst(self, at: datetime | None) -> timedelta:
        return _ZERO

    def tzname(self, at: datetime | None) -> str:
        return self.tzid if at is None else self._at(at).name or self.tzid

    def fromutc(self, at: datetime) -> datetime:
        """The time on this clock of a time in UTC that carries this zone."""
        utc = at.replace(tzinfo=None)
        # The year on the clock may be the one before or after.
        first, last = max(utc.year - 1, MINYEAR), min(utc.year + 1, MAXYEAR)
        current = self._before(first)
        for onset in (onset for year in range(first, last + 1) for onset in self._known(year)):
            if _shifted(onset.at, -onset.was) > utc:
                break
            current = onset
        local = utc + current.offset
        is_second = current.offset < current.was and local < current.at
        return local.replace(tzinfo=self, fold=int(is_second))

    def _at(self, at: datetime) -> _Onset:
        local = at.replace(tzinfo=None, fold=0)
        current = self._before(local.year)
        for onset in self._known(local.year):
            change = onset.offset - onset.was
            # Times left out have the offset before, times that come twice are the first of them;
            # with `fold` it is the other one.
            wait = min(_ZERO, change) if at.fold else max(_ZERO, change)
            if local < _shifted(onset.at, wait):
                break
            current = onset
        return current

    def _before(self, year: int) -> _Onset:
        found = self._starts.get(year)
        if found is None:
            budget = Budget(_STEPS)
            onsets = [each.before(year, budget) for each in self._observances]
            was = self._first.was
            found = _Onset(datetime.min, was, was, "")
            found = max((found, *filter(None, onsets)), key=attrgetter("at"))
            self._starts = {} if len(self._starts) >= _YEARS_KEPT else self._starts
            self._starts[year] = found
        return found

    def _known(self, year: int) -> list[_Onset]:
        known = self._years.get(year)
        if known is None:
            budget = Budget(_STEPS)
            known = [onset for each in self._observances for onset in each.onsets(year, budget)]
            known.sort(key=attrgetter("at"))
            self._years = {} if len(self._years) >= _YEARS_KEPT else self._years
            self._years[year] = known
        return known


def _shifted(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return datetime.min if by < _ZERO else datetime.max

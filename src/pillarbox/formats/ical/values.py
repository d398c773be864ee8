"""Values of properties: dates, times, durations, periods, offsets and rules (RFC 5545 §3.3).

Every parser raises `GrammarError`; what is odd but clear is taken as it is meant.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from msgspec import Struct

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine, split_values

DAY_MS = 86_400_000
MAX_DURATION_DAYS = 3_660_000
"""Durations are within all of the calendar's years."""

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_DATE_TIME = re.compile(r"(\d{8})[Tt](\d\d)(\d\d)(\d\d)?([Zz])?", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-]?)(\d\d):?(\d\d):?(\d\d)?", re.ASCII)


class ZoneLookup(Protocol):
    """What tells the time zone of a TZID; `None` is that of floating times."""

    def zone(self, tzid: str | None) -> tzinfo: ...


class Moment(Struct, frozen=True):
    """A DATE or DATE-TIME as it was written: in UTC, in the zone of `tzid`, or floating.

    `local` is the naive time on the clock there, midnight for a date.
    """

    local: datetime
    is_date: bool = False
    is_utc: bool = False
    tzid: str | None = None

    def ms(self, zones: ZoneLookup) -> int:
        """Milliseconds since the epoch; a date is its midnight in the zone of floating times.

        A time that a clock put forward leaves out has the offset before, one that comes twice is
        the first (RFC 5545 §3.3.5).
        """
        if self.is_utc:
            return (self.local - _EPOCH) // _SECOND * 1000
        return local_ms(self.local, zones.zone(self.tzid))

    def moved(self, by: timedelta) -> "Moment":
        """As much later on the same clock; raises `GrammarError` beyond the years 1 to 9999."""
        try:
            return Moment(self.local + by, self.is_date, self.is_utc, self.tzid)
        except OverflowError:
            raise GrammarError("the time is beyond the calendar") from None

    def written(self) -> str:
        """The value: `20240105`, `20240105T100000` or `20240105T100000Z`."""
        local = self.local
        day = f"{local.year:04}{local.month:02}{local.day:02}"
        if self.is_date:
            return day
        clock = f"{day}T{local.hour:02}{local.minute:02}{local.second:02}"
        return clock + "Z" if self.is_utc else clock

    def line(self, name: str) -> ContentLine:
        """A property of this value with the parameters it needs (VALUE=DATE, TZID)."""
        if self.is_date:
            return ContentLine(name, self.written(), [("VALUE", ["DATE"])])
        if self.tzid is not None and not self.is_utc:
            return ContentLine(name, self.written(), [("TZID", [self.tzid])])
        return ContentLine(name, self.written())


class Duration(Struct, frozen=True):
    """A DURATION: days are nominal (whatever the clock does), seconds are exact; same sign."""

    days: int = 0
    seconds: int = 0

    @property
    def length(self) -> timedelta:
        """Both together."""
        return timedelta(days=self.days, seconds=self.seconds)

    def written(self) -> str:
        """The value, such as `-P1DT2H` or `PT0S`."""
        sign = "-" if self.days < 0 or self.seconds < 0 else ""
        days, seconds = abs(self.days), abs(self.seconds)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        clock = "".join(
            f"{number}{unit}"
            for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S"))
            if number
        )
        if not clock and not days:
            return "PT0S"
        if days and days % 7 == 0 and not clock:
            return f"{sign}P{days // 7}W"
        return f"{sign}P{f'{days}D' if days else ''}{'T' + clock if clock else ''}"


class Period(Struct, frozen=True):
    """A PERIOD: from `start` for `duration` or, where that is `None`, until `end`."""

    start: Moment
    end: Moment | None
    duration: Duration | None = None

    def end_ms(self, zones: ZoneLookup) -> int:
        """Milliseconds since the epoch; never before the start."""
        start = self.start.ms(zones)
        if self.end is not None:
            return max(start, self.end.ms(zones))
        return max(start, ended_ms(self.start, self.duration or Duration(), zones))


def parse_moment(value: str, tzid: str | None = None, is_date: bool = False) -> Moment:
    """A DATE or DATE-TIME; with `is_date` the day alone counts. `tzid` is of no use for UTC."""
    value = value.strip()
    if len(value) == 8 and value.isascii() and value.isdigit():
        return Moment(_day(value), True)
    found = _DATE_TIME.fullmatch(value)
    if found is None:
        raise GrammarError(f"{value[:40]!r} is no date or date-time")
    day, hour, minute, second, utc = found.groups("")
    local = _day(day)
    if is_date:
        return Moment(local, True)
    try:
        if hour == "24" and minute == "00":
            local += _DAY
        else:
            # Leap seconds are the last second of their minute.
            local = local.replace(
                hour=int(hour), minute=int(minute), second=min(int(second or 0), 59)
            )
    except (ValueError, OverflowError):
        raise GrammarError(f"{value[:40]!r} is no time of a day") from None
    return Moment(local, False, bool(utc), None if utc else tzid)


def moment_of(line: ContentLine) -> Moment:
    """The DATE or DATE-TIME of a property, its VALUE and TZID parameters heeded."""
    if not line.params:
        return parse_moment(line.value)
    kind = line.param("VALUE")
    return parse_moment(
        line.value, line.param("TZID") or None, kind is not None and kind.upper() == "DATE"
    )


def moments_of(line: ContentLine) -> list[Moment | Period]:
    """The dates, date-times or periods of an RDATE, EXDATE or FREEBUSY; empty ones left out."""
    kind = (line.param("VALUE") or "").upper()
    tzid = line.param("TZID") or None
    return [
        parse_period(value, tzid) if "/" in value else parse_moment(value, tzid, kind == "DATE")
        for value in line.value.split(",")
        if value.strip()
    ]


def parse_duration(value: str) -> Duration:
    """A DURATION; weeks, days and times may be together, and all of them may be missing."""
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise GrammarError(f"{value[:40]!r} is no duration")
    weeks, days, hours, minutes, seconds = (int(found[at] or 0) for at in (2, 3, 5, 6, 7))
    days += weeks * 7
    seconds += hours * 3600 + minutes * 60
    if days + seconds // 86_400 > MAX_DURATION_DAYS:
        raise GrammarError(f"{value[:40]!r} is too long a duration")
    return Duration(-days, -seconds) if found[1] == "-" else Duration(days, seconds)


def parse_period(value: str, tzid: str | None = None) -> Period:
    """A PERIOD: `start/end` or `start/duration`."""
    start, slash, end = value.strip().partition("/")
    if not slash:
        raise GrammarError(f"{value[:40]!r} is no period")
    begin = parse_moment(start, tzid)
    if end.lstrip("+-")[:1] in ("P", "p"):
        return Period(begin, None, parse_duration(end))
    return Period(begin, parse_moment(end, tzid))


def parse_offset(value: str) -> timedelta:
    """A UTC-OFFSET, less than a day to either side; the sign may be missing."""
    found = _OFFSET.fullmatch(value.strip())
    if found is None or int(found[2]) > 23 or int(found[3]) > 59 or int(found[4] or 0) > 59:
        raise GrammarError(f"{value[:40]!r} is no offset from UTC")
    length = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    return -length if found[1] == "-" else length


def offset_written(offset: timedelta) -> str:
    """The UTC-OFFSET of a whole number of seconds: `+0100`, `-003752`."""
    total = offset // _SECOND
    minutes, seconds = divmod(abs(total), 60)
    text = f"{'-' if total < 0 else '+'}{minutes // 60:02}{minutes % 60:02}"
    return f"{text}{seconds:02}" if seconds else text


def local_ms(local: datetime, zone: tzinfo) -> int:
    """Milliseconds since the epoch of a naive time on the clock of a zone."""
    offset = local.replace(tzinfo=zone).utcoffset()
    naive = (local - _EPOCH) // _SECOND
    return (naive if offset is None else naive - offset // _SECOND) * 1000


def local_at(ms: int, zone: tzinfo) -> datetime:
    """The naive time on the clock of a zone at an instant; the calendar's ends where beyond."""
    try:
        instant = _EPOCH_UTC + timedelta(milliseconds=ms)
        return instant.astimezone(zone).replace(tzinfo=None, fold=0)
    except (OverflowError, ValueError):
        return datetime.min if ms < 0 else datetime.max.replace(microsecond=0)


def utc_moment(ms: int) -> Moment:
    """The DATE-TIME in UTC of an instant."""
    return Moment(local_at(ms, UTC), is_utc=True)


def ended_ms(start: Moment, duration: Duration, zones: ZoneLookup) -> int:
    """The instant a duration after a start: first its days on the clock, then its seconds."""
    begin = start.moved(timedelta(days=duration.days)) if duration.days else start
    return begin.ms(zones) + duration.seconds * 1000


def list_of(line: ContentLine) -> list[str]:
    """The values of a list of TEXT (CATEGORIES, RESOURCES), still escaped."""
    return split_values(line.value)


def _day(value: str) -> datetime:
    try:
        return datetime(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        raise GrammarError(f"{value[:40]!r} is no day of the calendar") from None

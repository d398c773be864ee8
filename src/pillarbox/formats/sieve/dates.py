"""Dates as scripts compare them: zones, and the parts of a date (RFC 5260 §4)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from types import MappingProxyType

_ZONE = re.compile(r"([+-])(\d{2})(\d{2})\Z", re.ASCII)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_JULIAN = 678_576
"""The proleptic day that is day 0 of the modified Julian calendar, 17 November 1858."""


def zone_of(text: str) -> timezone:
    """A zone such as `+0200`; raises `ValueError` that says what is wrong."""
    match = _ZONE.match(text)
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise ValueError(f'"{text[:20]}" is not a time zone such as "+0200"')
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def in_zone(at: datetime, zone: tzinfo | None) -> datetime | None:
    """The same time in a zone; `None` if that is beyond the calendar."""
    if zone is None:
        return at
    try:
        return at.astimezone(zone)
    except OverflowError:
        return None


def _offset(at: datetime, colon: str = "") -> str:
    seconds = (at.utcoffset() or timedelta(0)).total_seconds()
    minutes = abs(round(seconds)) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def _rfc3339_offset(at: datetime) -> str:
    """As RFC 3339 has it, with `Z` for none (RFC 5260 §4.2)."""
    found = _offset(at, ":")
    return "Z" if found == "+00:00" else found


def _clock(at: datetime) -> str:
    return f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"


def _date(at: datetime) -> str:
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}"


def _std11(at: datetime) -> str:
    day = f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d}"
    return f"{day} {_clock(at)} {_offset(at)}"


DATE_PARTS: MappingProxyType[str, Callable[[datetime], str]] = MappingProxyType(
    {
        "year": lambda at: f"{at.year:04d}",
        "month": lambda at: f"{at.month:02d}",
        "day": lambda at: f"{at.day:02d}",
        "date": _date,
        "julian": lambda at: str(at.toordinal() - _JULIAN),
        "hour": lambda at: f"{at.hour:02d}",
        "minute": lambda at: f"{at.minute:02d}",
        "second": lambda at: f"{at.second:02d}",
        "time": _clock,
        "iso8601": lambda at: f"{_date(at)}T{_clock(at)}{_rfc3339_offset(at)}",
        "std11": _std11,
        "zone": _offset,
        "weekday": lambda at: str(at.isoweekday() % 7),
    }
)
"""What a date part is, by its lower-case name."""

"""Dates of header fields (RFC 5322 §3.3, §4.3): read tolerantly, written exactly.

Called by `summary` and whoever builds messages; calls nothing of ours.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NUMBERS = MappingProxyType({name.lower(): n for n, name in enumerate(_MONTHS, 1)})
_ZONE_HOURS = MappingProxyType(
    {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
)
_TEXT_MAX = 1000
_CLOCK = r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d{1,9})?)?"
_ZONE = r"\s*+([+-]\d{2}:?\d{2}|[A-Za-z]{1,5})?"
_USUAL = re.compile(
    r"\s*+(?:[A-Za-z]{1,10}\.?\s*+,?\s*+)?(\d{1,2})[\s.-]\s*+([A-Za-z]{3,9}|\d{1,2})[\s.,-]\s*+"
    rf"(\d{{2,4}})\s*+,?\s*+{_CLOCK}{_ZONE}"
)
_ISO = re.compile(rf"\s*+(\d{{4}})-(\d{{2}})-(\d{{2}})[Tt\s]\s*+{_CLOCK}{_ZONE}")
_CTIME = re.compile(
    rf"\s*+[A-Za-z]{{3}},?\s++([A-Za-z]{{3}})\s++(\d{{1,2}})\s++{_CLOCK}(?:\s++([A-Za-z]{{1,5}}))?\s++(\d{{4}})\b"
)
_COMMENT = re.compile(r"[()]|\\.", re.DOTALL)


def parse_date(text: str | bytes) -> datetime | None:
    """The aware time a Date or Received value names, in its own zone; None if it names none.

    Takes obsolete zones, absent seconds, comments, two-digit years, and the forms of ISO 8601 and
    ctime. An unknown zone counts as UTC (RFC 5322 §4.3).
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if ";" in text:
        text = text.rpartition(";")[2]
    text = text[:_TEXT_MAX]
    if "(" in text:
        text = _without_comments(text)
    match = _USUAL.match(text)
    if match is not None:
        day, month, year, *clock, zone = match.groups()
        return _build(year, _month(month), int(day), clock, zone)
    match = _ISO.match(text)
    if match is not None:
        year, month, day, *clock, zone = match.groups()
        return _build(year, int(month), int(day), clock, zone)
    match = _CTIME.match(text)
    if match is not None:
        month, day, *clock, zone, year = match.groups()
        return _build(year, _month(month), int(day), clock, zone)
    return None


def format_date(at: datetime) -> str:
    """The RFC 5322 §3.3 form of an aware time, in its own zone."""
    minutes = round((at.utcoffset() or timedelta(0)).total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return (
        f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} {sign}{minutes // 60:02d}{minutes % 60:02d}"
    )


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTH_NUMBERS.get(text[:3].lower(), 0)


def _build(
    year_text: str, month: int, day: int, clock: list[str | None], zone: str | None
) -> datetime | None:
    year = int(year_text)
    if len(year_text) == 2:
        year += 2000 if year < 50 else 1900
    elif len(year_text) == 3:
        year += 1900
    hour, minute, second = (int(text or 0) for text in clock)
    if year < 1900:
        return None
    try:
        # A leap second has no place in a datetime.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=_zone(zone))
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if not text:
        return UTC
    if text[0] in "+-":
        minutes = int(text[1:3]) * 60 + int(text[-2:])
        if not minutes:
            return UTC
        return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
    hours = _ZONE_HOURS.get(text[:3].lower(), 0)
    return timezone(timedelta(hours=hours)) if hours else UTC


def _without_comments(text: str) -> str:
    out: list[str] = []
    depth = 0
    at = 0
    for match in _COMMENT.finditer(text):
        mark = match[0]
        if mark == "(":
            if not depth:
                out.append(text[at : match.start()])
            depth += 1
        elif mark == ")" and depth:
            depth -= 1
            at = match.end()
    if not depth:
        out.append(text[at:])
    return " ".join(out)

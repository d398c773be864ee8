"""Dates of cards, of which a part may be unknown (RFC 6350 §4.3.1)."""

import re
from calendar import monthrange
from dataclasses import dataclass

from pillarbox.formats.content_line import ContentLine

OMITTED_YEAR = 1604
"""What Apple's programs write for a year that is not known; it has a 29 February."""

_DATE = re.compile(
    r"(?:(?P<year>\d{4})-?|--)(?P<month>\d{2})-?(?P<day>\d{2})(?:[T ].*)?", re.ASCII | re.DOTALL
)
_SHORT = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class CardDate:
    """A day of a year, which may be unknown."""

    year: int | None
    month: int
    day: int


def date_of(line: ContentLine) -> CardDate | None:
    """The day that a BDAY or ANNIVERSARY says; `None` where it says no whole day or is no date.

    Times are passed over. Years that Apple's programs mark as omitted are unknown.
    """
    text = line.value.strip()
    if len(text) > 64:
        return None
    found = _DATE.fullmatch(text) or _SHORT.fullmatch(text)
    if found is None:
        return None
    year = int(found["year"]) if found["year"] else None
    if year is not None and (year == OMITTED_YEAR or str(year) == _omitted(line)):
        year = None
    month, day = int(found["month"]), int(found["day"])
    if year == 0 or not 1 <= month <= 12:
        return None
    if not 1 <= day <= monthrange(year or _LEAP_YEAR, month)[1]:
        return None
    return CardDate(year, month, day)


def _omitted(line: ContentLine) -> str:
    return (line.param("X-APPLE-OMIT-YEAR") or "").strip()

"""Recurrence rules as values (RFC 5545 §3.3.10, RFC 7529): read and written."""

import re
from collections.abc import Callable
from enum import IntEnum

from msgspec import Struct

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.values import Moment, parse_moment

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""As `date.weekday()` counts them."""
MAX_RULE_CHARACTERS = 20_000
_MAX_NUMBER = 10**9
_BY_DAY = re.compile(r"([+-]?\d{1,2})?\s*(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)


class Frequency(IntEnum):
    """How long the periods are that a rule repeats in."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


class Recur(Struct, frozen=True):
    """A recurrence rule; lists are sorted and without doubles, so their sizes are bounded.

    `by_day` are pairs of number (0: every one) and weekday (Monday is 0). `skip` is `OMIT`,
    `BACKWARD` or `FORWARD` (RFC 7529 §4.1), `rscale` GREGORIAN or a calendar that can't be
    expanded.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    by_second: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_week_number: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_position: tuple[int, ...] = ()
    week_start: int = 0
    rscale: str | None = None
    skip: str = "OMIT"

    def written(self) -> str:
        """The value, its parts in the order RFC 5545 lists them."""
        parts = [f"RSCALE={self.rscale}"] if self.rscale else []
        parts.append(f"FREQ={self.frequency.name}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until.written()}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        for name, _, field in _LISTS:
            numbers: tuple[int, ...] = getattr(self, field)
            if numbers:
                parts.append(f"{name}={','.join(map(str, numbers))}")
        if self.by_day:
            days = (f"{number or ''}{WEEKDAYS[day]}" for number, day in self.by_day)
            parts.append(f"BYDAY={','.join(days)}")
        if self.week_start:
            parts.append(f"WKST={WEEKDAYS[self.week_start]}")
        if self.skip != "OMIT":
            parts.append(f"SKIP={self.skip}")
        return ";".join(parts)


# Name, range (negative ones too where `-` is in front), field.
_LISTS: tuple[tuple[str, tuple[int, int, bool], str], ...] = (
    ("BYSECOND", (0, 60, False), "by_second"),
    ("BYMINUTE", (0, 59, False), "by_minute"),
    ("BYHOUR", (0, 23, False), "by_hour"),
    ("BYMONTHDAY", (1, 31, True), "by_month_day"),
    ("BYYEARDAY", (1, 366, True), "by_year_day"),
    ("BYWEEKNO", (1, 53, True), "by_week_number"),
    ("BYMONTH", (1, 12, False), "by_month"),
    ("BYSETPOS", (1, 366, True), "by_set_position"),
)
_RANGES = {name: (limits, field) for name, limits, field in _LISTS}


def parse_recur(value: str) -> Recur:
    """A RECUR value.

    Unknown parts, empty parts and trailing semicolons are left out; of parts that come twice the
    last counts. UNTIL and COUNT may be together: what ends first ends it.
    """
    if len(value) > MAX_RULE_CHARACTERS:
        raise GrammarError("the recurrence rule is too long")
    given: dict[str, str] = {}
    for part in value.upper().split(";"):
        name, _, text = part.partition("=")
        text = text.strip().strip(",")
        if text:
            given[name.strip()] = text
    fields: dict[str, object] = {}
    for name, text in given.items():
        if name in _RANGES:
            limits, field = _RANGES[name]
            fields[field] = _numbers(name, text, *limits)
        elif name in _PARTS:
            field, parse = _PARTS[name]
            fields[field] = parse(name, text)
    if "frequency" not in fields:
        raise GrammarError("the recurrence rule has no FREQ")
    return Recur(**fields)  # type: ignore[arg-type]


def _numbers(name: str, text: str, least: int, most: int, negative: bool) -> tuple[int, ...]:
    found = set()
    for item in text.split(","):
        number = _integer(name, item.rstrip("L") if name == "BYMONTH" else item)
        if not (least <= number <= most or (negative and least <= -number <= most)):
            raise GrammarError(f"{name}={item[:20]} is out of range")
        found.add(number)
    return tuple(sorted(found))


def _integer(name: str, text: str) -> int:
    text = text.strip()
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise GrammarError(f"{name}={text[:20]} is no number")
    return int(text)


def _positive(name: str, text: str) -> int:
    number = _integer(name, text)
    if number < 1:
        raise GrammarError(f"{name}={number} is not positive")
    return min(number, _MAX_NUMBER)


def _frequency(name: str, text: str) -> Frequency:
    if text not in Frequency.__members__:
        raise GrammarError(f"{name}={text[:20]} is unknown")
    return Frequency[text]


def _days(name: str, text: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for item in text.split(","):
        match = _BY_DAY.fullmatch(item.strip())
        number = int(match[1] or 0) if match else 0
        if match is None or (match[1] and not 1 <= abs(number) <= 53):
            raise GrammarError(f"{name}={item[:20]} is no weekday")
        found.add((number, WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _weekday(name: str, text: str) -> int:
    if text not in WEEKDAYS:
        raise GrammarError(f"{name}={text[:20]} is no weekday")
    return WEEKDAYS.index(text)


def _until(name: str, text: str) -> Moment:
    return parse_moment(text)


def _rscale(name: str, text: str) -> str:
    return text[:40]


def _skip(name: str, text: str) -> str:
    if text not in ("OMIT", "BACKWARD", "FORWARD"):
        raise GrammarError(f"{name}={text[:20]} is unknown")
    return text


_PARTS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "FREQ": ("frequency", _frequency),
    "INTERVAL": ("interval", _positive),
    "COUNT": ("count", _positive),
    "UNTIL": ("until", _until),
    "BYDAY": ("by_day", _days),
    "WKST": ("week_start", _weekday),
    "RSCALE": ("rscale", _rscale),
    "SKIP": ("skip", _skip),
}

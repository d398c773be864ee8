"""VTIMEZONEs made from the time zone database (RFC 7808, RFC 7809).

The database's compiled files (RFC 8536) hold the changes of offsets that were, and a rule as POSIX
spells it for those to come. Changes since 1970 are told as dates, the rule as an RRULE.
"""

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.rule import WEEKDAYS
from pillarbox.formats.ical.values import offset_written

_SINCE = 0
"""1970: what was before is told by one observance."""
_EPOCH = datetime(1970, 1, 1)
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NAME = r"(<[^>]{1,20}>|[A-Za-z]{3,20})"
_OFFSET = r"([+-]?\d{1,3}(?::\d\d){0,2})"
_ON = r"M(\d{1,2})\.(\d)\.(\d)(?:/([+-]?\d{1,3}(?::\d\d){0,2}))?"
_POSIX = re.compile(f"{_NAME}{_OFFSET}(?:{_NAME}{_OFFSET}?,{_ON},{_ON})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Change:
    # From an instant on (seconds since the epoch) the offset is another one, in seconds.
    at: int
    was: int
    offset: int
    is_daylight: bool
    name: str


@dataclass(frozen=True, slots=True)
class _Yearly:
    # The change of each year: the weekday (Sunday is 0) in a week (5: the last) of a month.
    on: tuple[int, int, int]
    time: int
    was: int
    offset: int
    is_daylight: bool
    name: str


@lru_cache(maxsize=64)
def zone_component(name: str) -> Component | None:
    """The VTIMEZONE of a name of the database; `None` where it has no such file.

    Not to be changed: copies are.
    """
    content = _compiled(name)
    if content is None:
        return None
    first, changes, footer = _read(content)
    zone = Component("VTIMEZONE", [ContentLine("TZID", name)])
    rules = _yearly(footer)
    kept = _until_rules(changes, rules)
    # The rules hold from the first change on that is left to them, else after the last one known.
    since = changes[len(kept)].at if len(kept) < len(changes) else (kept or [first])[-1].at + 1
    changes = kept
    if not changes or changes[0].at > _SINCE:
        begin = _Change(_SINCE, first.offset, first.offset, first.is_daylight, first.name)
        zone.parts.append(_observance(begin, [begin]))
    groups: dict[tuple[int, int, bool, str], list[_Change]] = {}
    for change in changes:
        key = (change.was, change.offset, change.is_daylight, change.name)
        groups.setdefault(key, []).append(change)
    zone.parts += [_observance(group[0], group) for group in groups.values()]
    zone.parts += [_recurring(rule, _first_year(rule, since)) for rule in rules]
    return zone


def _compiled(name: str) -> bytes | None:
    # In the order in which zoneinfo looks, so that both speak of the same rules.
    from importlib.resources import files
    from zoneinfo import TZPATH

    for folder in (*map(Path, TZPATH), files("tzdata").joinpath("zoneinfo")):
        try:
            return folder.joinpath(*name.split("/")).read_bytes()
        except (OSError, ValueError):
            continue
    return None


def _read(content: bytes) -> tuple[_Change, list[_Change], str]:
    # The 64-bit part of a compiled file: what was in 1970, the changes since, and the footer.
    counts = struct.unpack(">6l", content[20:44])
    at = 44 + _size(counts, 4)
    counts = struct.unpack(">6l", content[at + 20 : at + 44])
    _, _, _, times, types, characters = counts
    begin = at + 44
    instants = struct.unpack(f">{times}q", content[begin : begin + 8 * times])
    kinds = content[begin + 8 * times : begin + 9 * times]
    table = begin + 9 * times
    names = content[table + 6 * types : table + 6 * types + characters]
    known = []
    for number in range(types):
        offset, is_daylight, place = struct.unpack(">lBB", content[table + 6 * number :][:6])
        known.append((offset, bool(is_daylight), names[place:].split(b"\0")[0].decode("ascii")))
    current = known[0]
    found: list[_Change] = []
    first = current
    for instant, kind in zip(instants, kinds, strict=True):
        following = known[kind]
        if instant <= _SINCE:
            first = following
        elif following != current:
            found.append(_Change(instant, current[0], *following))
        current = following
    footer = content[begin + _size(counts, 8) :].strip(b"\n").decode("ascii")
    return _Change(_SINCE, first[0], *first), found, footer


def _size(counts: tuple[int, ...], width: int) -> int:
    is_ut, is_std, leaps, times, types, characters = counts
    return times * (width + 1) + types * 6 + characters + leaps * (width + 4) + is_std + is_ut


def _yearly(footer: str) -> list[_Yearly]:
    found = _POSIX.fullmatch(footer)
    if found is None or found[3] is None:
        return []
    standard = -_seconds(found[2])
    daylight = -_seconds(found[4]) if found[4] else standard + 3600
    begin = int(found[5]), int(found[6]), int(found[7])
    end = int(found[9]), int(found[10]), int(found[11])
    names = found[1].strip("<>"), found[3].strip("<>")
    return [
        _Yearly(begin, _seconds(found[8] or "2"), standard, daylight, True, names[1]),
        _Yearly(end, _seconds(found[12] or "2"), daylight, standard, False, names[0]),
    ]


def _seconds(text: str) -> int:
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    total = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    return -total if text.startswith("-") else total


def _onset(rule: _Yearly, year: int) -> datetime:
    # On the clock before the change.
    month, week, weekday = rule.on
    first = datetime(year, month, 1)
    day = first + timedelta(days=((weekday - 1) % 7 - first.weekday()) % 7 + 7 * (week - 1))
    if day.month != month:
        day -= timedelta(days=7)
    return day + timedelta(seconds=rule.time)


def _instant(rule: _Yearly, year: int) -> int:
    return int((_onset(rule, year) - _EPOCH).total_seconds()) - rule.was


def _until_rules(changes: list[_Change], rules: list[_Yearly]) -> list[_Change]:
    # Changes at the end that the rules give as well are left to them.
    kept = list(changes)
    while kept:
        change = kept[-1]
        year = datetime.fromtimestamp(change.at, UTC).year
        if not any(
            change.at == _instant(rule, near) and change.offset == rule.offset
            for rule in rules
            for near in (year - 1, year, year + 1)
        ):
            return kept
        kept.pop()
    return kept


def _first_year(rule: _Yearly, since: int) -> int:
    year = datetime.fromtimestamp(since, UTC).year - 1
    while _instant(rule, year) < since:
        year += 1
    return year


def _observance(first: _Change, changes: list[_Change]) -> Component:
    times = [_EPOCH + timedelta(seconds=change.at + change.was) for change in changes]
    part = _part(first.is_daylight, times[0], first.was, first.offset, first.name)
    if len(times) > 1:
        part.lines.append(ContentLine("RDATE", ",".join(map(_written, times[1:]))))
    return part


def _recurring(rule: _Yearly, year: int) -> Component:
    start = _onset(rule, year)
    part = _part(rule.is_daylight, start, rule.was, rule.offset, rule.name)
    days, _ = divmod(rule.time, 86_400)
    month, week, named = rule.on
    weekday = WEEKDAYS[(named - 1 + days) % 7]
    if days == 0:
        on = f"BYMONTH={month};BYDAY={-1 if week == 5 else week}{weekday}"
    else:
        # The time is on another day than the weekday named: one of seven days of the month.
        last = _LENGTHS[month - 1]
        begin = (last - 6 if week == 5 else 7 * week - 6) + days
        month_days = (str(begin + each) for each in range(7) if 1 <= begin + each <= last)
        on = f"BYMONTH={month};BYDAY={weekday};BYMONTHDAY={','.join(month_days)}"
    part.lines.append(ContentLine("RRULE", f"FREQ=YEARLY;{on}"))
    return part


def _part(is_daylight: bool, start: datetime, was: int, offset: int, name: str) -> Component:
    return Component(
        "DAYLIGHT" if is_daylight else "STANDARD",
        [
            ContentLine("DTSTART", _written(start)),
            ContentLine("TZOFFSETFROM", offset_written(timedelta(seconds=was))),
            ContentLine("TZOFFSETTO", offset_written(timedelta(seconds=offset))),
            ContentLine("TZNAME", name),
        ],
    )


def _written(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%S").rjust(15, "0")

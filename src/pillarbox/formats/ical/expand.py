"""Recurring objects as single occurrences, or without what is out of a range (RFC 4791 §9.6)."""

from collections.abc import Iterator

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.recurrence import Budget, Occurrence, occurrences, span_of
from pillarbox.formats.ical.values import (
    Moment,
    Period,
    local_at,
    moment_of,
    moments_of,
    parse_duration,
    utc_moment,
)
from pillarbox.formats.ical.zones import Zones

_OCCURRING = ("VEVENT", "VTODO", "VJOURNAL")
_RULES = frozenset(("RRULE", "RDATE", "EXRULE", "EXDATE"))
_ENDS = frozenset(("DTEND", "DUE"))
_STEP_CHARACTERS = 2000
"""Of an occurrence that is told beside the first; each costs a step."""


def expanded(calendar: Component, window: TimeRange, zones: Zones, budget: Budget) -> Component:
    """The occurrences in a window, each as a component without rules, its times in UTC (§9.6.5).

    Dates stay dates and floating times stay floating; there are no VTIMEZONEs. Occurrences of what
    recurs have a RECURRENCE-ID. Tasks without any date are told as they are. Raises `TooMuchWork`,
    and `GrammarError` for what can't be read. Components in components are shared with `calendar`.
    """
    parts: list[Component] = []
    for group in _groups(calendar):
        if group[0].name not in _OCCURRING:
            parts += [_in_utc(part, zones) for part in group]
        elif all(span_of(part, zones) is None for part in group):
            parts += [_in_utc(part, zones) for part in group if part.name == "VTODO"]
        else:
            parts += _told(group, window, zones, budget)
    return Component(calendar.name, calendar.lines, parts)


def _told(
    group: list[Component], window: TimeRange, zones: Zones, budget: Budget
) -> Iterator[Component]:
    recurs = any(_recurs(part) for part in group)
    costs: dict[int, int] = {}
    for found in occurrences(group, zones, window, budget):
        component = found.component
        cost = costs.get(id(component))
        if cost is None:
            costs[id(component)] = 1 + _characters(component) // _STEP_CHARACTERS
        else:
            budget.spend(cost)
        yield _occurrence(found, recurs, zones)


def limited(calendar: Component, window: TimeRange, zones: Zones, budget: Budget) -> Component:
    """The same without the overrides that matter to no occurrence in a window (§9.6.6).

    An override matters if it is in the window or took an occurrence out of it. Components are
    shared with `calendar`.
    """
    parts: list[Component] = []
    for group in _groups(calendar, with_zones=True):
        masters = [part for part in group if part.first("RECURRENCE-ID") is None]
        span = span_of(masters[0], zones) if masters else None
        length = 0 if span is None else span[2] - span[1]
        for part in group:
            budget.spend()
            again = part.first("RECURRENCE-ID")
            if again is None or _matters(part, again, length, window, zones):
                parts.append(part)
    return Component(calendar.name, calendar.lines, parts)


def _matters(
    part: Component, again: ContentLine, length: int, window: TimeRange, zones: Zones
) -> bool:
    try:
        begin = moment_of(again).ms(zones)
        if again.param("RANGE") is not None:
            return window.end_ms is None or begin < window.end_ms
        span = span_of(part, zones)
    except GrammarError:
        return True
    if span is not None and window.overlaps(span[1], span[2]):
        return True
    return window.overlaps(begin, begin + length)


def limited_free_busy(calendar: Component, window: TimeRange, zones: Zones) -> Component:
    """The same without the FREEBUSY periods that are out of a window (§9.6.7)."""
    parts = []
    for part in calendar.parts:
        if part.name == "VFREEBUSY":
            lines = []
            for line in part.lines:
                kept = line if line.name != "FREEBUSY" else _periods_within(line, window, zones)
                if kept is not None:
                    lines.append(kept)
            part = Component(part.name, lines, part.parts)
        parts.append(part)
    return Component(calendar.name, calendar.lines, parts)


def _periods_within(line: ContentLine, window: TimeRange, zones: Zones) -> ContentLine | None:
    kept = []
    for value in line.value.split(","):
        try:
            (period,) = moments_of(ContentLine(line.name, value, line.params))
        except (GrammarError, ValueError):
            continue
        if isinstance(period, Period) and window.overlaps(
            period.start.ms(zones), period.end_ms(zones)
        ):
            kept.append(value.strip())
    return ContentLine(line.name, ",".join(kept), line.params, line.group) if kept else None


def _groups(calendar: Component, with_zones: bool = False) -> list[list[Component]]:
    """The components of each UID together; without VTIMEZONEs unless asked for."""
    groups: dict[tuple[str, str | None, int], list[Component]] = {}
    for number, part in enumerate(calendar.parts):
        if part.name in _OCCURRING:
            groups.setdefault((part.name, part.value("UID"), 0), []).append(part)
        elif with_zones or part.name != "VTIMEZONE":
            groups[part.name, None, number] = [part]
    return list(groups.values())


def _recurs(component: Component) -> bool:
    return any(line.name in ("RRULE", "RDATE", "RECURRENCE-ID") for line in component.lines)


def _characters(component: Component) -> int:
    return sum(len(line.value) + 20 for line in component.lines) + sum(
        _characters(part) for part in component.parts
    )


def _occurrence(found: Occurrence, recurs: bool, zones: Zones) -> Component:
    """One occurrence as a component of its own."""
    component = found.component
    start = _utc(found.start, zones)
    lines: list[ContentLine] = []
    named = False
    for line in component.lines:
        name = line.name
        if name in _RULES:
            continue
        if name == "RECURRENCE-ID":
            if found.recurrence_id is not None and not named:
                lines.append(_utc(found.recurrence_id, zones).line(name))
            named = True
        elif name == "DTSTART":
            lines.append(_with(line, start))
        elif name in _ENDS:
            alone = name == "DUE" and component.first("DTSTART") is None
            lines.append(_with(line, start if alone else _end(found, zones)))
        elif name == "DURATION":
            lines.append(_duration(line, found, zones))
        else:
            lines.append(_line_in_utc(line, zones))
    if recurs and not named and found.recurrence_id is not None:
        lines.append(_utc(found.recurrence_id, zones).line("RECURRENCE-ID"))
    return Component(component.name, lines, [_in_utc(part, zones) for part in component.parts])


def _end(found: Occurrence, zones: Zones) -> Moment:
    start = found.start
    if start.is_date or start.is_utc or start.tzid is not None:
        return found.end
    return Moment(local_at(found.end_ms, zones.default))


def _duration(line: ContentLine, found: Occurrence, zones: Zones) -> ContentLine:
    """The same length or, where the clock was changed meanwhile, the end in its place."""
    length = parse_duration(line.value).length
    exact = (length.days * 86_400 + length.seconds) * 1000
    if found.start.is_date or found.start_ms + exact == found.end_ms:
        return line
    return _end(found, zones).line("DUE" if found.component.name == "VTODO" else "DTEND")


def _utc(moment: Moment, zones: Zones) -> Moment:
    """The moment in UTC if it is in a time zone."""
    if moment.is_date or moment.is_utc or moment.tzid is None:
        return moment
    return utc_moment(moment.ms(zones))


def _with(line: ContentLine, moment: Moment) -> ContentLine:
    """A property with another value; parameters that are not about its form stay."""
    told = moment.line(line.name)
    told.params += [pair for pair in line.params if pair[0] not in ("VALUE", "TZID")]
    return told


def _in_utc(component: Component, zones: Zones) -> Component:
    """A component whose times refer to no time zone."""
    if not component.parts and not any(line.param("TZID") for line in component.lines):
        return component
    return Component(
        component.name,
        [_line_in_utc(line, zones) for line in component.lines],
        [_in_utc(part, zones) for part in component.parts],
    )


def _line_in_utc(line: ContentLine, zones: Zones) -> ContentLine:
    if not line.params or line.param("TZID") is None:
        return line
    told = line.copy()
    told.set_param("TZID", None)
    try:
        moments = moments_of(line)
        if not any(isinstance(one, Period) for one in moments):
            told.value = ",".join(
                _utc(one, zones).written() for one in moments if isinstance(one, Moment)
            )
    except GrammarError:
        pass
    return told

"""Whether a calendar object is what a filter asks for (RFC 4791 §9.7, §9.9)."""

from collections.abc import Iterator

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine, decode_text, split_values
from pillarbox.formats.ical.alarms import trigger_of
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import CompFilter, PropFilter, TimeRange
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork, occurrences, span_of
from pillarbox.formats.ical.values import Period, ended_ms, moment_of, moments_of, parse_duration
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.text_match import MatchType, TextMatch

MAX_DEPTH = 8
"""Of filters in each other."""
_SET_KINDS = ("VEVENT", "VTODO", "VJOURNAL", "AVAILABLE")
_RANGED_COMPONENTS = frozenset((*_SET_KINDS, "VFREEBUSY", "VALARM", "VAVAILABILITY"))
_RANGED_PROPERTIES = frozenset(
    ("COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED")
)
_LISTS = ("CATEGORIES", "RESOURCES")
_REPEATING = ("RRULE", "RDATE")
_NEVER = 1 << 62
_SECOND_MS = 1000


class InvalidFilter(GrammarError):
    """A filter that can't be answered; `rule` is the precondition (RFC 4791 §7.8).

    `valid-filter` for what makes no sense, `supported-filter` for what has no defined meaning.
    """

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


def check_filter(wanted: CompFilter) -> None:
    """Raises `InvalidFilter` for a filter whose root is not VCALENDAR or which makes no sense."""
    if wanted.name.upper() != "VCALENDAR":
        raise InvalidFilter("the outermost comp-filter has to be VCALENDAR", "valid-filter")
    _check(wanted, 1)


def _check(wanted: CompFilter, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"filters are more than {MAX_DEPTH} deep", "supported-filter")
    if wanted.time_range is not None:
        _check_range(wanted.time_range, wanted.name, _RANGED_COMPONENTS)
    for prop in wanted.props:
        if prop.time_range is not None:
            _check_range(prop.time_range, prop.name, _RANGED_PROPERTIES)
    for comp in wanted.comps:
        _check(comp, depth + 1)


def _check_range(window: TimeRange, name: str, known: frozenset[str]) -> None:
    if name.upper() not in known:
        raise InvalidFilter(f"{name[:40]} has no time-range", "supported-filter")
    start, end = window.start_ms, window.end_ms
    if start is not None and end is not None and end <= start:
        raise InvalidFilter("a time-range ends before it begins", "valid-filter")


def matches(wanted: CompFilter, calendar: Component, zones: Zones, budget: Budget) -> bool:
    """Whether a VCALENDAR satisfies a filter whose root is VCALENDAR.

    `zones` say what zone floating times and dates are in. What can't be read overlaps with nothing.
    Raises `TooMuchWork` where recurrences take more than the budget.
    """
    if wanted.name.upper() != calendar.name:
        return wanted.is_not_defined
    if wanted.is_not_defined:
        return False
    return _Matching(zones, budget).fits(wanted, calendar, [])


class _Matching:
    """The evaluation of filters on the components of one object."""

    def __init__(self, zones: Zones, budget: Budget) -> None:
        self._zones = zones
        self._budget = budget

    def fits(self, wanted: CompFilter, component: Component, parents: list[Component]) -> bool:
        """Whether all parts of a filter hold for a component; `parents` from the outermost."""
        if not all(self._has(prop, component, parents) for prop in wanted.props):
            return False
        window = wanted.time_range
        if window is not None and not self._overlaps(component, parents, window):
            return False
        inner = [*parents, component]
        return all(self._contains(comp, component, inner) for comp in wanted.comps)

    def _contains(self, wanted: CompFilter, component: Component, parents: list[Component]) -> bool:
        parts = component.of(wanted.name.upper())
        self._budget.spend(len(parts))
        if wanted.is_not_defined:
            return not parts
        return any(self.fits(wanted, part, parents) for part in parts)

    # Properties

    def _has(self, wanted: PropFilter, component: Component, parents: list[Component]) -> bool:
        name = wanted.name.upper()
        if wanted.is_not_defined:
            return component.first(name) is None
        if wanted.time_range is not None and not self._is_within(
            name, component, parents, wanted.time_range
        ):
            return False
        if wanted.text_match is None and not wanted.params:
            return wanted.time_range is not None or component.first(name) is not None
        return any(_line_fits(wanted, line) for line in component.lines if line.name == name)

    def _is_within(
        self, name: str, component: Component, parents: list[Component], window: TimeRange
    ) -> bool:
        try:
            if component.name in _SET_KINDS and name in ("DTSTART", "DTEND", "DUE"):
                return self._bound_within(name, component, parents, window)
            return any(
                _holds(moment_of(line).ms(self._zones), window) for line in component.all(name)
            )
        except TooMuchWork:
            raise
        except GrammarError:
            return False

    def _bound_within(
        self, name: str, component: Component, parents: list[Component], window: TimeRange
    ) -> bool:
        if component.first(name) is None and (
            name == "DTSTART" or component.first("DURATION") is None
        ):
            return False
        return any(
            _holds(start if name == "DTSTART" else end, window)
            for start, end in self._spans(component, parents, _widened(window))
        )

    # Time ranges

    def _overlaps(self, component: Component, parents: list[Component], window: TimeRange) -> bool:
        try:
            match component.name:
                case "VEVENT" | "VJOURNAL" | "AVAILABLE":
                    spans = self._spans(component, parents, window)
                    return any(window.overlaps(start, end) for start, end in spans)
                case "VTODO":
                    return self._task_overlaps(component, parents, window)
                case "VFREEBUSY":
                    return self._busy_overlaps(component, window)
                case "VALARM":
                    return bool(parents) and self._rings(component, parents, window)
                case "VAVAILABILITY":
                    start, end = availability_bounds(component, self._zones)
                    return window.overlaps(
                        -_NEVER if start is None else start, _NEVER if end is None else end
                    )
                case _:
                    return False
        except TooMuchWork:
            raise
        except GrammarError:
            return False

    def _spans(
        self, component: Component, parents: list[Component], window: TimeRange
    ) -> Iterator[tuple[int, int]]:
        """Starts and ends of a component's own occurrences: those that overlap, maybe more."""
        repeats = any(line.name in _REPEATING for line in component.lines)
        again = component.first("RECURRENCE-ID")
        if not repeats and (again is None or again.param("RANGE") is None):
            span = span_of(component, self._zones)
            if span is not None:
                yield span[1], span[2]
            return
        uid = component.value("UID")
        together = [
            part
            for part in (parents[-1].parts if parents else (component,))
            if part is component or (part.name == component.name and part.value("UID") == uid)
        ]
        for found in occurrences(together, self._zones, window, self._budget):
            if found.component is component:
                yield found.start_ms, found.end_ms

    def _task_overlaps(
        self, component: Component, parents: list[Component], window: TimeRange
    ) -> bool:
        low = -_NEVER if window.start_ms is None else window.start_ms
        high = _NEVER if window.end_ms is None else window.end_ms
        has_start, has_due, has_duration = (
            component.first(name) is not None for name in ("DTSTART", "DUE", "DURATION")
        )
        if not has_start and not has_due:
            return self._undated_overlaps(component, low, high)
        for start, end in self._spans(component, parents, _widened(window)):
            if not has_start:
                fits = low < end and high >= end
            elif has_duration or has_due:
                begun = low <= end if has_duration else low < end or low <= start
                fits = begun and (high > start or high >= end)
            else:
                fits = low <= start < high
            if fits:
                return True
        return False

    def _undated_overlaps(self, component: Component, low: int, high: int) -> bool:
        completed = component.first("COMPLETED")
        created = component.first("CREATED")
        done = None if completed is None else moment_of(completed).ms(self._zones)
        made = None if created is None else moment_of(created).ms(self._zones)
        if done is not None and made is not None:
            return (low <= made or low <= done) and (high >= made or high >= done)
        if done is not None:
            return low <= done <= high
        return made is None or high > made

    def _busy_overlaps(self, component: Component, window: TimeRange) -> bool:
        low = -_NEVER if window.start_ms is None else window.start_ms
        high = _NEVER if window.end_ms is None else window.end_ms
        start, end = component.first("DTSTART"), component.first("DTEND")
        if start is not None and end is not None:
            first, last = moment_of(start).ms(self._zones), moment_of(end).ms(self._zones)
            return low <= last and high > first
        for line in component.all("FREEBUSY"):
            for period in moments_of(line):
                self._budget.spend()
                if isinstance(period, Period) and (
                    low < period.end_ms(self._zones) and high > period.start.ms(self._zones)
                ):
                    return True
        return False

    def _rings(self, alarm: Component, parents: list[Component], window: TimeRange) -> bool:
        trigger = trigger_of(alarm, self._zones)
        if trigger is None:
            return False
        if trigger.at_ms is not None:
            return trigger.rings_in(window, 0, 0)
        low = window.start_ms
        high = window.end_ms
        reach = _widened(
            TimeRange(
                None if low is None else low - trigger.offset_ms - trigger.lasting_ms,
                None if high is None else high - trigger.offset_ms,
            )
        )
        return any(
            trigger.rings_in(window, start, end)
            for start, end in self._spans(parents[-1], parents[:-1], reach)
        )


def availability_bounds(component: Component, zones: Zones) -> tuple[int | None, int | None]:
    """From when until when a VAVAILABILITY speaks (RFC 7953 §3.1); `None` is without a bound.

    Raises `GrammarError` for dates that can't be read.
    """
    first = component.first("DTSTART")
    if first is None:
        return None, None
    start = moment_of(first)
    last = component.first("DTEND")
    if last is not None:
        return start.ms(zones), moment_of(last).ms(zones)
    length = component.value("DURATION")
    if length is None:
        return start.ms(zones), None
    return start.ms(zones), ended_ms(start, parse_duration(length), zones)


def _holds(instant: int, window: TimeRange) -> bool:
    """Whether a property's time is in a range (RFC 4791 §9.9)."""
    return (window.start_ms is None or window.start_ms <= instant) and (
        window.end_ms is None or window.end_ms > instant
    )


def _widened(window: TimeRange) -> TimeRange:
    """A range that also overlaps with what only touches this one."""
    return TimeRange(
        None if window.start_ms is None else window.start_ms - _SECOND_MS,
        None if window.end_ms is None else window.end_ms + _SECOND_MS,
    )


def _line_fits(wanted: PropFilter, line: ContentLine) -> bool:
    if wanted.text_match is not None and not _text_fits(wanted.text_match, line):
        return False
    for test in wanted.params:
        name = test.name.upper()
        values = [value for key, found in line.params if key == name for value in found or [""]]
        if test.is_not_defined:
            if values:
                return False
        elif not values or (test.text_match is not None and not _any_fits(test.text_match, values)):
            return False
    return True


def _text_fits(match: TextMatch, line: ContentLine) -> bool:
    if line.name in _LISTS and match.match_type is not MatchType.CONTAINS:
        return _any_fits(match, [decode_text(one) for one in split_values(line.value)])
    return match.fits(decode_text(line.value))


def _any_fits(match: TextMatch, values: list[str]) -> bool:
    """Whether the text is in one of the values; negated, whether it is in none."""
    return (all if match.negate else any)(match.fits(value) for value in values)

"""Calendar objects as CalDAV stores them: checked, and what queries need to know of them."""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.budget import Budget, TooMuchWork
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.recurrence import occurrences, recurs, rule_last_ms, span_of
from pillarbox.formats.ical.rule import Frequency, Recur, parse_recur
from pillarbox.formats.ical.values import (
    DAY_MS,
    Moment,
    Period,
    moment_of,
    moments_of,
    parse_duration,
)
from pillarbox.formats.ical.zones import Zones

KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
"""The components an object may be of."""
MAX_OVERRIDES = 2_000
MAX_DATES = 4_000
"""RDATEs, EXDATEs and FREEBUSYs of one component: with all overrides within the default budget."""
MAX_RULES = 20
MAX_UID_CHARACTERS = 2_048
MAX_TIMES_A_DAY = 24
"""Rules for more are tried out for a month before they are taken."""

DATA = "valid-calendar-data"
RESOURCE = "valid-calendar-object-resource"
INSTANCES = "max-instances"
RSCALE = "supported-rscale"

_ONCE = ("UID", "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "METHOD")
_MONTH_MS = 31 * DAY_MS
# A floating time is at this many milliseconds before or after the same in the zone it was read in.
_ANY_ZONE_MS = 26 * 3_600_000


class InvalidObject(GrammarError):
    """A calendar object that can't be stored; `rule` is the precondition it breaks.

    `valid-calendar-data`, `valid-calendar-object-resource`, `max-instances` (RFC 4791 §5.3.2.1) or
    `supported-rscale` (RFC 7529).
    """

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class CalendarFacts:
    """What an object is, and bounds of all its occurrences; `None` is no bound.

    The bounds may be wider than the occurrences: floating times and dates could be in any zone.
    Alarms may be outside of them.
    """

    uid: str
    component_name: str
    first_ms: int | None
    last_ms: int | None


def components_of(calendar: Component) -> list[Component]:
    """The master and overrides: all components but VTIMEZONEs and unknown ones."""
    return [part for part in calendar.parts if part.name in KINDS]


def check_object(calendar: Component, *, allow_method: bool = False) -> None:
    """Raises `InvalidObject` for what is no calendar object resource (RFC 4791 §4.1).

    Unknown properties, components and values are nobody's business; what counts is one kind of
    component, one UID, and dates and rules that can be expanded.
    """
    if calendar.name != "VCALENDAR":
        raise InvalidObject(f"{calendar.name[:40]} is no VCALENDAR", DATA)
    if calendar.value("VERSION") not in (None, "2.0"):
        raise InvalidObject("VERSION is not 2.0", DATA)
    if not allow_method and calendar.first("METHOD") is not None:
        raise InvalidObject("a stored object has no METHOD", RESOURCE)
    components = components_of(calendar)
    _check_one(components)
    masters = [part for part in components if part.first("RECURRENCE-ID") is None]
    if len(masters) > 1:
        raise InvalidObject("several components have no RECURRENCE-ID", RESOURCE)
    if len(components) - len(masters) > MAX_OVERRIDES:
        raise InvalidObject(f"more than {MAX_OVERRIDES} overrides", INSTANCES)
    for component in components:
        try:
            _check_component(component, allow_method)
        except InvalidObject:
            raise
        except GrammarError as error:
            raise InvalidObject(error.text, DATA) from None
    _check_work(calendar, masters)


def facts_of(calendar: Component, zones: Zones) -> CalendarFacts:
    """The facts of a checked object; raises `GrammarError` for what can't be read."""
    components = components_of(calendar)
    if not components:
        raise GrammarError("the calendar has no component")
    name = components[0].name
    uid = next(filter(None, (part.value("UID") for part in components)), "")
    if name == "VFREEBUSY":
        first, last = _free_busy_bounds(components, zones)
    elif name == "VAVAILABILITY":
        first, last = _availability_bounds(components, zones)
    else:
        first, last = _bounds(components, zones)
    return CalendarFacts(uid, name, first, last)


def _check_one(components: list[Component]) -> None:
    if not components:
        raise InvalidObject(f"no component of {', '.join(KINDS)}", RESOURCE)
    if len({part.name for part in components}) > 1:
        raise InvalidObject("components of more than one kind", RESOURCE)
    uids = {(part.value("UID") or "").strip() for part in components}
    if "" in uids:
        raise InvalidObject("a component has no UID", RESOURCE)
    if len(uids) > 1:
        raise InvalidObject("components have different UIDs", RESOURCE)
    if any(len(uid) > MAX_UID_CHARACTERS for uid in uids):
        raise InvalidObject(f"the UID has more than {MAX_UID_CHARACTERS} characters", DATA)


def _check_component(component: Component, allow_method: bool) -> None:
    seen: set[str] = set()
    _check_numbers(component)  # first, as each of them takes time to read
    for line in component.lines:
        name = line.name
        if name in _ONCE and name in seen:
            raise InvalidObject(f"{name} comes twice", DATA)
        seen.add(name)
        check = _CHECKS.get(name)
        if check is not None:
            check(line)
    if allow_method:
        # What is sent to others (CANCEL, REPLY of a whole series) may do without.
        return
    if component.name == "VEVENT" and "DTSTART" not in seen:
        raise InvalidObject("the event has no DTSTART", DATA)
    if "RRULE" in seen and not seen & {"DTSTART", "DUE"}:
        raise InvalidObject("a rule needs DTSTART", DATA)


def _check_numbers(component: Component) -> None:
    rules = sum(line.name in _RULES for line in component.lines)
    if rules > MAX_RULES:
        raise InvalidObject(f"more than {MAX_RULES} rules", INSTANCES)
    dates = sum(line.value.count(",") + 1 for line in component.lines if line.name in _DATES)
    if dates > MAX_DATES:
        raise InvalidObject(f"more than {MAX_DATES} dates", INSTANCES)


def _check_duration(line: ContentLine) -> None:
    parse_duration(line.value)


def _check_rule(line: ContentLine) -> None:
    recur = parse_recur(line.value)
    if recur.rscale not in (None, "GREGORIAN"):
        raise InvalidObject(f"rules of the calendar {recur.rscale} are not taken", RSCALE)


_DATES = frozenset(("RDATE", "EXDATE", "FREEBUSY"))
_RULES = frozenset(("RRULE", "EXRULE"))
_CHECKS: dict[str, Callable[[ContentLine], object]] = {
    **dict.fromkeys(("DTSTART", "DTEND", "DUE", "RECURRENCE-ID"), moment_of),
    **dict.fromkeys(_DATES, moments_of),
    **dict.fromkeys(_RULES, _check_rule),
    "DURATION": _check_duration,
}


def _check_work(calendar: Component, masters: list[Component]) -> None:
    # What is stored can be expanded: a month from its start, and to its COUNT.
    for master in masters:
        if not recurs(master):
            continue
        rules = [parse_recur(line.value) for line in master.all("RRULE")]
        try:
            zones = Zones(calendar)
            rule_last_ms(master, zones, Budget())
            span = span_of(master, zones)
            if span is None or not any(map(_is_dense, rules)):
                continue
            window = TimeRange(span[1], span[1] + _MONTH_MS)
            for _ in occurrences([master], zones, window, Budget()):
                pass
        except TooMuchWork as error:
            raise InvalidObject(error.text, INSTANCES) from None
        except GrammarError as error:
            raise InvalidObject(error.text, DATA) from None


def _is_dense(recur: Recur) -> bool:
    if recur.frequency > Frequency.HOURLY:
        return True
    times = 1
    for numbers in (recur.by_hour, recur.by_minute, recur.by_second):
        times *= len(numbers) or 1
    if recur.frequency is Frequency.HOURLY:
        times *= 24
    return times > MAX_TIMES_A_DAY


def _bounds(components: list[Component], zones: Zones) -> tuple[int | None, int | None]:
    firsts: list[int] = []
    lasts: list[int] = []
    slack = longest = 0
    is_endless = False
    for component in components:
        span = span_of(component, zones)
        if span is None:
            # A task without dates is of any time (RFC 4791 §9.9).
            return None, None
        start, start_ms, end_ms = span
        if not start.is_utc and start.tzid is None:
            slack = _ANY_ZONE_MS
        firsts.append(start_ms)
        longest = max(longest, end_ms - start_ms, *_period_lengths(component, zones))
        lasts.append(end_ms)
        if recurs(component):
            last = rule_last_ms(component, zones, Budget())
            firsts += _rdates(component, zones)
            is_endless = is_endless or last is None
            lasts.append(last or start_ms)
    # Overrides of all that follows move what comes after as far as themselves.
    shift = max((_shift(component, zones) for component in components), default=0)
    first = min(firsts) - slack
    return first, None if is_endless else max(lasts) + longest + shift + slack + DAY_MS


def _shift(component: Component, zones: Zones) -> int:
    line = component.first("RECURRENCE-ID")
    span = span_of(component, zones)
    if line is None or span is None or not line.param("RANGE"):
        return 0
    return max(0, span[1] - moment_of(line).ms(zones))


def _rdates(component: Component, zones: Zones) -> list[int]:
    return [
        _start(value).ms(zones) for line in component.all("RDATE") for value in moments_of(line)
    ]


def _period_lengths(component: Component, zones: Zones) -> list[int]:
    return [
        value.end_ms(zones) - value.start.ms(zones)
        for line in component.all("RDATE")
        for value in moments_of(line)
        if isinstance(value, Period)
    ] or [0]


def _start(value: Moment | Period) -> Moment:
    return value.start if isinstance(value, Period) else value


def _free_busy_bounds(components: list[Component], zones: Zones) -> tuple[int | None, int | None]:
    firsts: list[int] = []
    lasts: list[int] = []
    for component in components:
        for name in ("DTSTART", "DTEND"):
            line = component.first(name)
            if line is not None:
                (firsts if name == "DTSTART" else lasts).append(moment_of(line).ms(zones))
        for line in component.all("FREEBUSY"):
            for value in moments_of(line):
                firsts.append(_start(value).ms(zones))
                if isinstance(value, Period):
                    lasts.append(value.end_ms(zones))
    return min(firsts, default=None), max(lasts, default=None)


def _availability_bounds(
    components: list[Component], zones: Zones
) -> tuple[int | None, int | None]:
    # Without DTSTART or DTEND it has no bound to that side (RFC 7953 §3.1).
    spans = [(component, span_of(component, zones)) for component in components]
    firsts = [None if span is None else span[1] - _ANY_ZONE_MS for _, span in spans]
    lasts = [
        span[2] + _ANY_ZONE_MS
        if span is not None and (part.first("DTEND") or part.first("DURATION"))
        else None
        for part, span in spans
    ]
    return _least(firsts), _most(lasts)


def _least(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return min(known) if len(known) == len(numbers) else None


def _most(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return max(known) if len(known) == len(numbers) else None

"""What differs between two states of a meeting: anything others should know, and its time."""

from collections.abc import Iterable
from datetime import timedelta

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.values import moment_of, parse_duration
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.message import is_private
from pillarbox.formats.itip.series import MASTER, Series

TIMES = ("DTSTART", "DTEND", "DURATION", "DUE")
_UNTOLD = frozenset(
    ("DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", "REQUEST-STATUS", "EXDATE", "TRANSP")
)
_OWN_PARAMS = frozenset(("PARTSTAT", "RSVP", "LANGUAGE", "EMAIL"))
_LINE = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], str]
Digest = frozenset[_LINE]


def digest(series: Series, component: Component) -> Digest:
    """What others should know of a component, but for its exclusions."""
    return frozenset(
        _line(series, line)
        for line in component.lines
        if line.name not in _UNTOLD and not is_private(line.name)
    )


def without_attendees(found: Digest) -> Digest:
    """A digest but for who is invited."""
    return frozenset(line for line in found if line[0] != "ATTENDEE")


def _line(series: Series, line: ContentLine) -> _LINE:
    name = line.name
    if name in (*TIMES, "RECURRENCE-ID"):
        return name, (), series.key_of(line)
    value = line.value
    if name in ("ATTENDEE", "ORGANIZER"):
        value = bare_address(value) or value
    params = tuple(
        sorted(
            (key, tuple(values))
            for key, values in line.params
            if key not in _OWN_PARAMS and not key.startswith(("X-", "SCHEDULE-"))
        )
    )
    return name, params, value


def is_rescheduled(
    old: Series, old_one: Component, new: Series, new_one: Component, key: str
) -> bool:
    """Whether an attendee has to answer anew (RFC 6638 §3.2.8): times that moved, or are new.

    `old_one` is the master where the instance of that key had no component of its own.
    """
    if key != MASTER and old_one.first("RECURRENCE-ID") is None:
        start = new_one.first("DTSTART")
        moved = start is None or new.key_of(start) != key
        return moved or _length(old, old_one) != _length(new, new_one)
    if times(old, old_one) != times(new, new_one):
        return True
    if key != MASTER:
        return False
    added = _dates(new, new_one) - _dates(old, old_one)
    restored = old.excluded(old_one).keys() - new.excluded(new_one).keys()
    return bool(added or restored) or _rules_grow(old_one.all("RRULE"), new_one.all("RRULE"))


def times(series: Series, component: Component) -> tuple[str, object]:
    """When a component begins, and how long it lasts; the same for what is the same time."""
    start = component.first("DTSTART")
    return "" if start is None else series.key_of(start), _length(series, component)


def _length(series: Series, component: Component) -> object:
    """How long it lasts, the same for DTEND and DURATION where they are alike."""
    start = component.first("DTSTART")
    end = component.first("DTEND") or component.first("DUE")
    given = component.value("DURATION")
    try:
        if end is None:
            return None if given is None else parse_duration(given).length
        if start is None:
            return moment_of(end).ms(series.zones)
        passed_ms = moment_of(end).ms(series.zones) - moment_of(start).ms(series.zones)
        return timedelta(milliseconds=passed_ms)
    except (GrammarError, OverflowError):
        return given or (None if end is None else end.value)


def _dates(series: Series, component: Component) -> set[str]:
    return {
        series.key_of(line, value.partition("/")[0])
        for line in component.all("RDATE")
        for value in line.value.split(",")
    }


def _rules_grow(old: Iterable[ContentLine], new: Iterable[ContentLine]) -> bool:
    """Whether rules may give instances that there were not; a series that ends sooner does not."""
    before, after = [_rule(line) for line in old], [_rule(line) for line in new]
    if before == after or not after:
        return False
    if len(before) != 1 or len(after) != 1:
        return True
    bounds = ("UNTIL", "COUNT")
    if any(
        {key: value for key, value in before[0].items() if key not in bounds}
        != {key: value for key, value in one.items() if key not in bounds}
        for one in after
    ):
        return True
    for bound in bounds:
        had, has = before[0].get(bound), after[0].get(bound)
        if had is not None and has is not None:
            if bound == "COUNT":
                return (len(has), has) > (len(had), had)
            return has > had
    # A bound of another kind, as programs set when they split a series; or none any more.
    return not any(bound in after[0] for bound in bounds)


def _rule(line: ContentLine) -> dict[str, str]:
    parts = (part.partition("=") for part in line.value.upper().split(";"))
    return {key.strip(): value.strip() for key, _, value in parts if key.strip()}

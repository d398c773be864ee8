"""Which part of a calendar object is asked for, as values (RFC 4791 §9.6)."""

from dataclasses import dataclass

from pillarbox.formats.ical.filter import TimeRange


@dataclass(frozen=True, slots=True)
class PropSelection:
    """A property to be told; with `without_value` only that it is there."""

    name: str
    without_value: bool = False


@dataclass(frozen=True, slots=True)
class CompSelection:
    """What to tell of components of one name; `None` is everything (allprop, allcomp)."""

    name: str
    props: tuple[PropSelection, ...] | None = None
    comps: tuple["CompSelection", ...] | None = None


@dataclass(frozen=True, slots=True)
class CalendarData:
    """How calendar objects are to be told (CALDAV:calendar-data); one of the ranges at most."""

    content_type: str = "text/calendar"
    version: str = "2.0"
    selection: CompSelection | None = None
    expand: TimeRange | None = None
    limit_recurrence: TimeRange | None = None
    limit_free_busy: TimeRange | None = None

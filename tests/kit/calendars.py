"""Calendar objects of tests: written line by line, and instants by their iCalendar form."""

from datetime import UTC, datetime, tzinfo

from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.zones import Zones

BERLIN = (
    "BEGIN:VTIMEZONE",
    "TZID:Europe/Berlin",
    "BEGIN:STANDARD",
    "DTSTART:19701025T030000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:19700329T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "END:DAYLIGHT",
    "END:VTIMEZONE",
)


def ics(*lines: str) -> bytes:
    """A VCALENDAR around lines."""
    whole = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", *lines, "END:VCALENDAR")
    return "".join(line + "\r\n" for line in whole).encode()


def calendar(*lines: str) -> Component:
    """The same, parsed."""
    return parse_calendar(ics(*lines))


def component(kind: str, *lines: str) -> tuple[str, ...]:
    """The lines of one component, with a UID."""
    return (f"BEGIN:{kind}", "UID:one", *lines, f"END:{kind}")


def zones(calendar: Component, default: tzinfo = UTC) -> Zones:
    """The zones of a calendar object; times without one are in UTC unless said."""
    return Zones(calendar, default)


def ms(text: str) -> int:
    """An instant such as `20260105T100000`, in UTC; a date is its midnight."""
    text = text.removesuffix("Z")
    form = "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d"
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1000)


def window(start: str | None, end: str | None) -> TimeRange:
    """A time range of two such instants."""
    return TimeRange(None if start is None else ms(start), None if end is None else ms(end))

"""Calendars with a METHOD: written from components, and read from whoever sends them (RFC 5546 §3).

What is private to the user who wrote an object never leaves: alarms, parameters for the server,
and properties of programs that aren't known to be about the meeting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.model import FROM_ORGANIZER, MAX_MESSAGE_BYTES, Method, NotAllowed
from pillarbox.formats.itip.series import (
    Series,
    attendees,
    invited,
    organizer_of,
    sequence,
    series_of,
    set_value,
)

PRODUCT = "-//pillarbox//Scheduling//EN"
SCHEDULE_PARAMS = ("SCHEDULE-AGENT", "SCHEDULE-FORCE-SEND", "SCHEDULE-STATUS")
STAMP = "X-PILLARBOX-STAMP"
"""A parameter with the DTSTAMP of the newest message that was applied: at ORGANIZER of the
organizer's, at ATTENDEE of that attendee's answer."""
_KNOWN = frozenset(
    (
        "X-ALT-DESC",
        "X-APPLE-STRUCTURED-LOCATION",
        "X-GOOGLE-CONFERENCE",
        "X-MICROSOFT-CDO-ALLDAYEVENT",
        "X-MICROSOFT-CDO-APPT-SEQUENCE",
        "X-MICROSOFT-CDO-BUSYSTATUS",
        "X-MICROSOFT-CDO-IMPORTANCE",
        "X-MICROSOFT-CDO-INSTTYPE",
        "X-MICROSOFT-CDO-INTENDEDSTATUS",
        "X-MICROSOFT-DISALLOW-COUNTER",
        "X-MICROSOFT-ONLINEMEETINGINFORMATION",
        "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    )
)
"""Properties of programs that tell of the meeting itself."""
_UTC = "%Y%m%dT%H%M%SZ"
_STUB = ("UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "DUE", "SUMMARY", "SEQUENCE")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that was read: `sender` is whom it must come from, as an address.

    Of REPLY, REFRESH and COUNTER that is its attendee, else the organizer. Those of attendees may
    be without an `organizer`, as Exchange writes them: they are for whom they are sent to.
    """

    method: Method
    series: Series
    organizer: str
    sender: str
    sent_by: str = ""

    @property
    def uid(self) -> str:
        """The meeting's UID."""
        return self.series.uid


def is_private(name: str) -> bool:
    """Whether a property concerns its user alone."""
    return name.startswith("X-") and name not in _KNOWN


def stripped(component: Component) -> Component:
    """A copy of a component as others may see it."""
    lines = [line for line in component.copy().lines if not is_private(line.name)]
    for line in lines:
        if line.name in ("ATTENDEE", "ORGANIZER"):
            line.params[:] = [
                (name, values)
                for name, values in line.params
                if name not in SCHEDULE_PARAMS and not name.startswith("X-")
            ]
    parts = [part.copy() for part in component.parts if part.name != "VALARM"]
    return Component(component.name, lines, parts)


def stub(component: Component, attendee_lines: Iterable[ContentLine]) -> Component:
    """What names an instance in a REPLY or CANCEL: when it is, whose, and those attendees."""
    plain = stripped(component)
    lines = [line for line in plain.lines if line.name in _STUB or line.name == "ORGANIZER"]
    return Component(component.name, [*lines, *attendee_lines], [])


def calendar_of(
    method: Method, components: Iterable[Component], source: Component, now: datetime
) -> Component:
    """A VCALENDAR with a METHOD, with the time zones of `source` that it needs.

    Every component gets `now` as its DTSTAMP. Raises `NotAllowed` where it is too large.
    """
    found = list(components)
    zones = used_zones(source, found)
    for component in found:
        set_value(component, "DTSTAMP", now.astimezone(UTC).strftime(_UTC))
    lines = [
        ContentLine("VERSION", "2.0"),
        ContentLine("PRODID", PRODUCT),
        ContentLine("METHOD", method.value),
    ]
    calendar = Component("VCALENDAR", lines, [*zones, *found])
    if len(calendar.written()) <= MAX_MESSAGE_BYTES:
        return calendar
    for component in found:
        component.lines[:] = [line for line in component.lines if not _is_inline(line)]
    if len(calendar.written()) > MAX_MESSAGE_BYTES:
        raise NotAllowed(
            f"An invitation can have {MAX_MESSAGE_BYTES >> 20} MB, attachments left out",
            "max-resource-size",
        )
    return calendar


def used_zones(source: Component, components: Iterable[Component]) -> list[Component]:
    """The VTIMEZONEs of a calendar that components name."""
    names = {
        line.param("TZID")
        for component in components
        for part in (component, *component.parts)
        for line in part.lines
    }
    return [one for one in source.of("VTIMEZONE") if one.value("TZID") in names]


def _is_inline(line: ContentLine) -> bool:
    return line.name in ("ATTACH", "IMAGE") and (line.param("VALUE") or "").upper() == "BINARY"


def read_message(content: bytes) -> Incoming:
    """Read a message of anybody's; raises `GrammarError` for what can't be dealt with.

    That is anything but one meeting with one organizer at most, and of what an attendee sends one
    that names just that attendee.
    """
    calendar = parse_calendar(content)
    try:
        method = Method((calendar.value("METHOD") or "").strip().upper())
    except ValueError as error:
        raise GrammarError("no method that is known") from error
    series = series_of(calendar)
    if series is None:
        raise GrammarError("no event or task")
    value = organizer_of(series)
    organizer = bare_address(value or "")
    if not organizer and (value is not None or method in FROM_ORGANIZER):
        raise GrammarError("no organizer that mail can be sent to")
    named = invited(series)
    if method in FROM_ORGANIZER:
        line = series.any.first("ORGANIZER")
        sent_by = "" if line is None else bare_address(line.param("SENT-BY") or "")
        return Incoming(method, series, organizer, organizer, sent_by)
    if len(named) != 1 and method is not Method.COUNTER:
        raise GrammarError("an answer is of one attendee")
    if len(named) == 1:
        ((address, line),) = named.items()
        return Incoming(
            method, series, organizer, address, bare_address(line.param("SENT-BY") or "")
        )
    # A counter proposal has all attendees; who makes it is whoever it comes from.
    return Incoming(method, series, organizer, "")


def bare(calendar: Component) -> Component:
    """A copy without METHOD, as it is stored."""
    found = calendar.copy()
    set_value(found, "METHOD", None)
    return found


def answer(series: Series, component: Component, line: ContentLine) -> Component:
    """The part of a REPLY for an instance; `line` is the attendee's."""
    own = line.copy()
    for name in (*SCHEDULE_PARAMS, "RSVP", STAMP):
        own.set_param(name, None)
    found = stub(component, (own,))
    if series.kind == "VTODO":
        given = (component.first(name) for name in ("STATUS", "PERCENT-COMPLETE", "COMPLETED"))
        found.lines.extend(ContentLine(one.name, one.value) for one in given if one is not None)
    set_value(found, "SEQUENCE", str(sequence(component)))
    found.lines.append(ContentLine("REQUEST-STATUS", "2.0;Success"))
    return found


def lines_of(component: Component, addresses: frozenset[str]) -> list[ContentLine]:
    """The ATTENDEE lines of some, as others may see them."""
    return [line for address, line in attendees(stripped(component)) if address in addresses]

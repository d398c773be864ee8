"""A scheduled object as a series: the component of all instances, and those that differ.

Instances are named by keys: RECURRENCE-ID in UTC where its zone is known, so that two spellings of
one instant are one key.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.values import parse_moment, utc_moment
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.model import MAX_ATTENDEES, MAX_INSTANCES, SCHEDULED, NotAllowed

MASTER = ""
"""The key of the component that stands for the whole series, or for what does not recur."""


@dataclass(slots=True)
class Series:
    """The components of one UID by key, those of zones left out."""

    calendar: Component
    kind: str
    uid: str
    zones: Zones
    components: dict[str, Component] = field(default_factory=dict)

    @property
    def master(self) -> Component | None:
        """What stands for all instances but those that have components of their own."""
        return self.components.get(MASTER)

    @property
    def any(self) -> Component:
        """The master, or any of the instances."""
        return self.master or next(iter(self.components.values()))

    @property
    def overrides(self) -> dict[str, Component]:
        """The instances that have components of their own."""
        return {key: one for key, one in self.components.items() if key != MASTER}

    def key_of(self, line: ContentLine, value: str | None = None) -> str:
        """The key of the instance that a RECURRENCE-ID, EXDATE or DTSTART names."""
        return instance_key(line.value if value is None else value, line.param("TZID"), self.zones)

    def excluded(self, component: Component | None) -> dict[str, ContentLine]:
        """The instances left out by EXDATE, each as a line of its own."""
        found: dict[str, ContentLine] = {}
        if component is None:
            return found
        for line in component.all("EXDATE"):
            for value in line.value.split(","):
                if value.strip():
                    found[self.key_of(line, value)] = copied(line, "EXDATE", value.strip())
        return found


def series_of(calendar: Component) -> Series | None:
    """The series of an object, `None` for what is not scheduled: no event or task, or no UID.

    Raises `NotAllowed` where there is more than can be scheduled, and `GrammarError` where two
    components are of one instance, or of several meetings.
    """
    found = [one for one in calendar.parts if one.name in SCHEDULED]
    if not found or any(one.name != found[0].name for one in found):
        return None
    uid = found[0].value("UID")
    if not uid:
        return None
    if len(found) > MAX_INSTANCES:
        raise NotAllowed(
            f"A meeting can have {MAX_INSTANCES} instances that differ", "max-instances"
        )
    series = Series(calendar, found[0].name, uid, Zones(calendar, UTC))
    for component in found:
        if component.value("UID") != uid:
            raise GrammarError("components of several meetings")
        line = component.first("RECURRENCE-ID")
        key = MASTER if line is None else series.key_of(line)
        if key in series.components:
            raise GrammarError("two components of one instance")
        series.components[key] = component
    return series


def instance_key(value: str, tzid: str | None, zones: Zones) -> str:
    """What names an instance: a date, an instant in UTC, or a time without a zone."""
    try:
        moment = parse_moment(value, tzid or None)
        if moment.is_date or (moment.tzid is None and not moment.is_utc):
            return moment.written()
        return utc_moment(moment.ms(zones)).written()
    except (GrammarError, ValueError, OverflowError):
        return value.strip().upper()


def sequence(component: Component) -> int:
    """SEQUENCE; 0 without a valid one."""
    text = (component.value("SEQUENCE") or "0").strip()
    return min(int(text), 1 << 31) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def stamp(component: Component) -> str:
    """DTSTAMP, to be compared with others; empty without a valid one."""
    text = (component.value("DTSTAMP") or "").strip().upper()
    return text if len(text) == 16 and text.endswith("Z") else ""


def organizer_of(series: Series) -> str | None:
    """The ORGANIZER's value, `None` where no component has one.

    Raises `NotAllowed` where components have different ones (RFC 6638 §3.2.4.2).
    """
    values = [one.value("ORGANIZER") for one in series.components.values()]
    given = [value for value in values if value is not None]
    if not given:
        return None
    if len(given) < len(values) or len({_same(value) for value in given}) > 1:
        raise NotAllowed(
            "All parts of a meeting must have the same organizer",
            "same-organizer-in-all-components",
        )
    return given[0]


def _same(value: str) -> str:
    return bare_address(value) or value.strip().lower()


def attendees(component: Component) -> Iterator[tuple[str, ContentLine]]:
    """The ATTENDEE lines with bare addresses; those that have none are passed over."""
    for line in component.all("ATTENDEE"):
        address = bare_address(line.value)
        if address:
            yield address, line


def invited(series: Series) -> dict[str, ContentLine]:
    """Everybody who is invited to any instance, by address; `NotAllowed` if there are too many."""
    found: dict[str, ContentLine] = {}
    for component in series.components.values():
        lines = component.all("ATTENDEE")
        if len(lines) > MAX_ATTENDEES:
            break
        for address, line in attendees(component):
            found.setdefault(address, line)
    else:
        if len(found) <= MAX_ATTENDEES:
            return found
    raise NotAllowed(f"A meeting can have {MAX_ATTENDEES} attendees", "max-attendees-per-instance")


def set_value(component: Component, name: str, value: str | None) -> None:
    """Set the only line of a property, in the place of the first there was, or remove it."""
    if value is None:
        component.remove(name)
    else:
        component.put(ContentLine(name, value))


def copied(line: ContentLine, name: str, value: str | None = None) -> ContentLine:
    """A line under another name, maybe with another value."""
    found = line.copy()
    found.name = name
    if value is not None:
        found.value = value
    return found

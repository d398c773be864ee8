"""Calendar objects as they are asked for: chosen parts, expanded, with or without time zones.

Time zones by reference: who says so gets objects without the VTIMEZONEs of zones that are in the
database, and who does not gets those that are missing (RFC 7809 §3.1).
"""

import re
from datetime import tzinfo
from functools import lru_cache

from pillarbox.formats.content_line import ContentLine, decode_text
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.expand import expanded, limited, limited_free_busy
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.selection import CalendarData, CompSelection
from pillarbox.formats.ical.zones import Zones, vtimezone, zone_names

_MAX_ZONES_ADDED = 20
_ZONE = re.compile(
    rb"^BEGIN:VTIMEZONE[ \t]*\r?\n(.*?)^END:VTIMEZONE[ \t]*(?:\r?\n|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(rb"^TZID(?:;[^:\r\n]*)?:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.I | re.MULTILINE)
_USED = re.compile(rb';TZID=(?:"([^"\r\n]{1,200})"|([^;:",\r\n]{1,200}))', re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]")
_COMPONENT = re.compile(rb"^BEGIN:(?!VCALENDAR)", re.IGNORECASE | re.MULTILINE)


def told(
    content: bytes,
    data: CalendarData,
    default: tzinfo,
    budget: Budget,
    timezones: bool = True,
    calendar: Component | None = None,
) -> bytes:
    """A stored object as CALDAV:calendar-data asks for it; where nothing is asked, `content`.

    `default` is the zone of floating times, `calendar` the object if it is parsed already. Without
    `timezones` those of the database are left out. Raises `TooMuchWork` and `GrammarError`.
    """
    chosen = data.selection
    everything = chosen is None or (chosen.props is None and chosen.comps is None)
    if everything and not (data.expand or data.limit_recurrence or data.limit_free_busy):
        return with_zones(content) if timezones else without_zones(content)
    if calendar is None:
        calendar = parse_calendar(content)
    zones = Zones(calendar, default)
    if data.expand is not None:
        calendar = expanded(calendar, data.expand, zones, budget)
    elif data.limit_recurrence is not None:
        calendar = limited(calendar, data.limit_recurrence, zones, budget)
    elif data.limit_free_busy is not None:
        calendar = limited_free_busy(calendar, data.limit_free_busy, zones)
    if chosen is not None:
        calendar = selected(calendar, chosen)
    written = calendar.written()
    if not timezones:
        return without_zones(written)
    if data.expand is None and (chosen is None or chosen.comps is None):
        return with_zones(written)
    return written


def selected(component: Component, chosen: CompSelection) -> Component:
    """The properties and components that are asked for (RFC 4791 §9.6.1)."""
    lines, parts = component.lines, component.parts
    if chosen.props is not None:
        bare = {prop.name.upper(): prop.without_value for prop in chosen.props}
        lines = [
            ContentLine(line.name, "", line.params, line.group) if bare[line.name] else line
            for line in lines
            if line.name in bare
        ]
    if chosen.comps is not None:
        wanted = {comp.name.upper(): comp for comp in chosen.comps}
        parts = [selected(part, wanted[part.name]) for part in parts if part.name in wanted]
    return Component(component.name, lines, parts)


def without_zones(content: bytes) -> bytes:
    """An object without the VTIMEZONEs of zones that are in the database; the rest as it is."""
    if b"VTIMEZONE" not in content.upper():
        return content
    text = _ZONE.sub(_unless_known, content)
    return content if len(text) == len(content) else text


def with_zones(content: bytes) -> bytes:
    """An object with VTIMEZONEs if it has none and refers to zones of the database."""
    if b"TZID=" not in content or b"BEGIN:VTIMEZONE" in content:
        return content
    used = _USED.findall(_FOLD.sub(b"", content))
    names = list(dict.fromkeys((quoted or plain) for quoted, plain in used))[:_MAX_ZONES_ADDED]
    added = b"".join(_zone_written(name.decode("utf-8", "replace")) for name in names)
    place = _COMPONENT.search(content)
    if not added or place is None:
        return content
    return content[: place.start()] + added + content[place.start() :]


def _unless_known(found: re.Match[bytes]) -> bytes:
    name = _NAME.search(found[1])
    if name is None:
        return found[0]
    tzid = decode_text(_FOLD.sub(b"", name[1]).decode("utf-8", "replace")).strip()
    return b"" if tzid in _known_names() else found[0]


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    return frozenset(zone_names())


@lru_cache(maxsize=64)
def _zone_written(tzid: str) -> bytes:
    found = vtimezone(tzid)
    return b"" if found is None else found.written()

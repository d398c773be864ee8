"""Time zones of calendar objects: by name from the database, else by their VTIMEZONE.

What objects name is looked up in the list of the database's zones and never opened as a path.
"""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.object_zone import MAX_ZONES, ObjectZone
from pillarbox.formats.ical.zone_names import WINDOWS

MAX_TZID_CHARACTERS = 255
_MAX_SEGMENTS = 3
_FIXED = re.compile(r"(?:UTC|GMT)\s?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII | re.IGNORECASE)


class Zones:
    """The time zones an object's TZIDs mean.

    A TZID is a name of the time zone database, a Windows or Outlook name, or either behind a
    prefix (`/mozilla.org/20050126_1/Europe/Berlin`); else its VTIMEZONE in the object is evaluated;
    where that is missing too, `default` it is, the zone of floating times and dates.
    """

    def __init__(self, calendar: Component | None = None, default: tzinfo = UTC) -> None:
        self.default = default
        self._calendar = calendar
        self._own: dict[str, Component] | None = None
        self._found: dict[str, tzinfo] = {}

    def zone(self, tzid: str | None) -> tzinfo:
        """The zone of a TZID; of `None` the default."""
        if tzid is None:
            return self.default
        found = self._found.get(tzid)
        if found is None:
            found = named_zone(tzid) or self._of_object(tzid) or _fixed(tzid) or self.default
            self._found[tzid] = found
        return found

    def _of_object(self, tzid: str) -> tzinfo | None:
        if self._calendar is None:
            return None
        if self._own is None:
            self._own = {
                (part.value("TZID") or "").strip(): part
                for part in self._calendar.of("VTIMEZONE")[:MAX_ZONES]
            }
        component = self._own.get(tzid.strip())
        if component is None:
            return None
        try:
            return _evaluated(component)
        except GrammarError:
            return None


def zone_of(text: str | None) -> tzinfo | None:
    """The zone of an id, or of the first VTIMEZONE of a whole VCALENDAR (calendar-timezone).

    `None` for what names no zone.
    """
    if not text:
        return None
    if "BEGIN:" not in text[:200].upper():
        return named_zone(text) or _fixed(text)
    try:
        parts = parse_calendar(text.encode("utf-8", "replace")).of("VTIMEZONE")
        if not parts:
            return None
        return named_zone(parts[0].value("TZID") or "") or _evaluated(parts[0])
    except GrammarError:
        return None


def named_zone(tzid: str) -> tzinfo | None:
    """The zone a TZID names without any VTIMEZONE; never reads but files of the database."""
    name = canonical_name(tzid)
    return None if name is None else _loaded(name)


def canonical_name(tzid: str) -> str | None:
    """The database's name for a TZID (`W. Europe Standard Time`: `Europe/Berlin`), or `None`."""
    tzid = tzid.strip().strip('"')
    if not tzid or len(tzid) > MAX_TZID_CHARACTERS:
        return None
    names = _names()
    found = names.get(tzid.lower())
    if found is not None or "/" not in tzid:
        return found
    segments = tzid.strip("/").split("/")
    for count in range(min(_MAX_SEGMENTS, len(segments)), 0, -1):
        # The last segment alone is a name only if there is a prefix of some software in front.
        if count > 1 or tzid.startswith("/"):
            found = names.get("/".join(segments[-count:]).lower())
            if found is not None:
                return found
    return None


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """All names of the time zone database, sorted."""
    from importlib.resources import files

    return tuple(sorted(files("tzdata").joinpath("zones").read_text("utf-8").split()))


def vtimezone(tzid: str) -> Component | None:
    """A VTIMEZONE of a zone of the database under the id asked for (RFC 7809); `None`: unknown."""
    name = canonical_name(tzid)
    if name is None:
        return None
    from pillarbox.formats.ical.zone_rules import zone_component

    component = zone_component(name)
    if component is None:
        return None
    component = component.copy()
    component.lines[0].value = tzid
    return component


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names = {}
    for pair in WINDOWS.strip().split("\n"):
        windows, _, name = pair.partition("=")
        names[windows.lower()] = name
    names.update((name.lower(), name) for name in zone_names())
    return names


@lru_cache(maxsize=64)
def _loaded(name: str) -> tzinfo | None:
    # Imported here: a process without calendars does without it.
    from zoneinfo import ZoneInfo

    if name in ("UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):
        return None


def _evaluated(component: Component) -> tzinfo:
    location = component.value("X-LIC-LOCATION")
    named = named_zone(location) if location else None
    return named or ObjectZone(component)


def _fixed(tzid: str) -> tzinfo | None:
    found = _FIXED.fullmatch(tzid.strip())
    if found is None or int(found[2]) > 14 or int(found[3] or 0) > 59:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-offset if found[1] == "-" else offset)

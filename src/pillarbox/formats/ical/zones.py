"""Time zones of calendar objects: by name from the database, else by their VTIMEZONE."""

from datetime import UTC, tzinfo
from functools import lru_cache

from pillarbox.formats.ical.component import Component


class Zones:
    """The time zones an object's TZIDs mean.

    A TZID is a name of the time zone database, a Windows or Outlook name, or either behind a
    prefix (`/mozilla.org/20050126_1/Europe/Berlin`); else its VTIMEZONE in the object is evaluated;
    where that is missing too, `default` it is, the zone of floating times and dates.
    """

    def __init__(self, calendar: Component | None = None, default: tzinfo = UTC) -> None:
        self.default = default
        self._calendar = calendar
        self._found: dict[str, tzinfo] = {}

    def zone(self, tzid: str | None) -> tzinfo:
        """The zone of a TZID; of `None` the default."""
        raise NotImplementedError


def zone_of(text: str | None) -> tzinfo | None:
    """The zone of an id, or of the first VTIMEZONE of a whole VCALENDAR (calendar-timezone).

    `None` for what names no zone.
    """
    raise NotImplementedError


def named_zone(tzid: str) -> tzinfo | None:
    """The zone a TZID names without any VTIMEZONE; never reads but files of the database."""
    raise NotImplementedError


def canonical_name(tzid: str) -> str | None:
    """The database's name for a TZID (`W. Europe Standard Time`: `Europe/Berlin`), or `None`."""
    raise NotImplementedError


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """All names of the time zone database, sorted."""
    raise NotImplementedError


def vtimezone(tzid: str) -> Component | None:
    """A VTIMEZONE of a zone of the database under the id asked for (RFC 7809); `None`: unknown."""
    raise NotImplementedError

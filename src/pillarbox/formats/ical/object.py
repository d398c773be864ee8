"""Calendar objects as CalDAV stores them: checked, and what queries need to know of them."""

from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.zones import Zones

KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
"""The components an object may be of."""


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
    """

    uid: str
    component_name: str
    first_ms: int | None
    last_ms: int | None


def check_object(calendar: Component, *, allow_method: bool = False) -> None:
    """Raises `InvalidObject` for what is no calendar object resource (RFC 4791 §4.1).

    Unknown properties, components and values are nobody's business; what counts is one kind of
    component, one UID, and dates and rules that can be expanded.
    """
    raise NotImplementedError


def facts_of(calendar: Component, zones: Zones) -> CalendarFacts:
    """The facts of a checked object; raises `GrammarError` for what can't be read."""
    raise NotImplementedError


def components_of(calendar: Component) -> list[Component]:
    """The master and overrides: all components but VTIMEZONEs and unknown ones."""
    return [part for part in calendar.parts if part.name in KINDS]

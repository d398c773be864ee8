"""Occurrences of events, tasks and journal entries within a window (RFC 5545 §3.8.5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.values import Moment
from pillarbox.formats.ical.zones import Zones

DEFAULT_STEPS = 50_000


class TooMuchWork(GrammarError):
    """A rule, or an object's dates, would take more steps than were allowed."""


class Budget:
    """How many steps work on rules may take; one is in the order of a microsecond."""

    __slots__ = ("left", "steps")

    def __init__(self, steps: int = DEFAULT_STEPS) -> None:
        self.steps = steps
        self.left = steps

    @property
    def used(self) -> int:
        """Steps that were taken."""
        return self.steps - self.left

    def spend(self, steps: int = 1) -> None:
        """Take steps; raises `TooMuchWork` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork("the recurrence takes too much work to expand")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence: an instant, and the component that describes it.

    `start` is as its property would be written (a DATE, in the zone, floating or UTC), overrides'
    shifts included. `recurrence_id` is where the rule has it (in the form of the master's
    DTSTART), `None` for what does not recur. With `is_override` the component has a RECURRENCE-ID:
    that of this occurrence or, with THISANDFUTURE, of an earlier one.
    """

    component: Component
    start_ms: int
    end_ms: int
    recurrence_id: Moment | None
    is_override: bool
    start: Moment

    @property
    def end(self) -> Moment:
        """A DATE if the start is one (the day after the last), else in UTC."""
        raise NotImplementedError


def occurrences(
    components: Iterable[Component],
    zones: Zones,
    window: TimeRange,
    budget: Budget,
) -> Iterator[Occurrence]:
    """The occurrences that overlap a window, by their start.

    `components` are those of one UID: a master and overrides, or either alone. What has no length
    overlaps if it starts in the window (RFC 4791 §9.9, VEVENT). A VTODO starts with its DTSTART
    or else is its DUE alone; components with neither have no occurrences. Raises `GrammarError`
    for dates and rules that can't be read, and `TooMuchWork`.
    """
    raise NotImplementedError


def span_of(component: Component, zones: Zones) -> tuple[Moment, int, int] | None:
    """The start of a component with its instant and that of its end, recurrence left aside.

    `None` for what has no DTSTART (a VTODO: nor DUE).
    """
    raise NotImplementedError

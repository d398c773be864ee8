"""When somebody is there at all: VAVAILABILITY (RFC 7953)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.matching import availability_bounds
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork, occurrences
from pillarbox.formats.ical.zones import Zones

DEFAULT_KIND = "BUSY-UNAVAILABLE"
_KINDS = ("BUSY", "BUSY-UNAVAILABLE", "BUSY-TENTATIVE")
_LOWEST = 10


class Stretch(NamedTuple):
    """From `start_ms` until before `end_ms`; the kind of busy time, `None` for free."""

    start_ms: int
    end_ms: int
    kind: str | None


def unavailable(
    calendars: Iterable[tuple[Component, Zones]], start_ms: int, end_ms: int, budget: Budget
) -> list[Stretch]:
    """The time between two instants in which the VAVAILABILITYs of calendars say one is not there.

    Where they overlap that with the higher priority counts: 1 is the highest, 0 the lowest; of the
    same priority the one that comes last (RFC 7953 §4). What can't be read counts for nothing.
    Raises `TooMuchWork`.
    """
    found = [
        (_priority(part), part, zones)
        for calendar, zones in calendars
        for part in calendar.of("VAVAILABILITY")
    ]
    line = [Stretch(start_ms, end_ms, None)]
    for _, part, zones in sorted(found, key=lambda one: -one[0]):
        try:
            line = _painted(line, list(_stretches(part, zones, start_ms, end_ms, budget)))
        except TooMuchWork:
            raise
        except GrammarError:
            continue
    return [stretch for stretch in line if stretch.kind is not None]


def _priority(component: Component) -> int:
    text = (component.value("PRIORITY") or "").strip()
    return int(text) if len(text) == 1 and text in "123456789" else _LOWEST


def _stretches(
    component: Component, zones: Zones, low: int, high: int, budget: Budget
) -> Iterator[Stretch]:
    """What one VAVAILABILITY says, without gaps from its beginning to its end."""
    start, end = availability_bounds(component, zones)
    low = low if start is None else max(low, start)
    high = high if end is None else min(high, end)
    kind = (component.value("BUSYTYPE") or DEFAULT_KIND).strip().upper()
    kind = kind if kind in _KINDS else DEFAULT_KIND
    at = low
    for begin, until in _available(component, zones, low, high, budget):
        if begin > at:
            yield Stretch(at, begin, kind)
        if until > at:
            yield Stretch(max(begin, at), until, None)
            at = until
    if at < high:
        yield Stretch(at, high, kind)


def _available(
    component: Component, zones: Zones, low: int, high: int, budget: Budget
) -> list[tuple[int, int]]:
    """The AVAILABLE times between two instants, by their start."""
    if low >= high:
        return []
    groups: dict[str | None, list[Component]] = {}
    for number, part in enumerate(component.of("AVAILABLE")):
        groups.setdefault(part.value("UID") or str(number), []).append(part)
    return sorted(
        (max(low, found.start_ms), min(high, found.end_ms))
        for group in groups.values()
        for found in occurrences(group, zones, TimeRange(low, high), budget)
    )


def _painted(under: list[Stretch], over: list[Stretch]) -> list[Stretch]:
    """One line of stretches over another; `over` has no gaps, both are in order."""
    if not over:
        return under
    low, high = over[0].start_ms, over[-1].end_ms
    before = [Stretch(a, min(b, low), kind) for a, b, kind in under if a < low]
    after = [Stretch(max(a, high), b, kind) for a, b, kind in under if b > high]
    return before + over + after

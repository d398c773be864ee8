"""When alarms ring, and the alarms that a calendar gives to what is new in it (RFC 5545 §3.6.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component, parse_components
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.values import ZoneLookup, moment_of, parse_duration

MAX_ALARMS = 20
"""Of a default alarm property."""
_MAX_ALARM_LINES = 1000
_MAX_REPEATS = 10**9


@dataclass(frozen=True, slots=True)
class Trigger:
    """When an alarm rings: at an instant, or `offset_ms` after a start or end; then `repeats` more.

    Days of relative triggers count 24 hours.
    """

    at_ms: int | None
    offset_ms: int = 0
    after_end: bool = False
    repeats: int = 0
    every_ms: int = 0

    def first_ms(self, start_ms: int, end_ms: int) -> int:
        """When it first rings for an occurrence."""
        if self.at_ms is not None:
            return self.at_ms
        return (end_ms if self.after_end else start_ms) + self.offset_ms

    @property
    def lasting_ms(self) -> int:
        """From the first to the last ring."""
        return self.repeats * self.every_ms

    def rings_in(self, window: TimeRange, start_ms: int, end_ms: int) -> bool:
        """Whether one of the rings for an occurrence is in a window (RFC 4791 §9.9)."""
        first = self.first_ms(start_ms, end_ms)
        if window.start_ms is not None and first < window.start_ms:
            if self.repeats == 0 or self.every_ms == 0:
                return False
            passed = -((first - window.start_ms) // self.every_ms)
            if passed > self.repeats:
                return False
            first += passed * self.every_ms
        return window.end_ms is None or first < window.end_ms


def trigger_of(alarm: Component, zones: ZoneLookup) -> Trigger | None:
    """The trigger of a VALARM; `None` for one that has none or whose can't be read."""
    line = alarm.first("TRIGGER")
    if line is None:
        return None
    try:
        repeats, every = _repeats(alarm)
        value = line.value.strip()
        if value[:1] in ("P", "p", "-", "+"):
            length = parse_duration(value).length
            offset = (length.days * 86_400 + length.seconds) * 1000
            after_end = (line.param("RELATED") or "").upper() == "END"
            return Trigger(None, offset, after_end, repeats, every)
        return Trigger(moment_of(line).ms(zones), repeats=repeats, every_ms=every)
    except GrammarError:
        return None


def _repeats(alarm: Component) -> tuple[int, int]:
    text = (alarm.value("REPEAT") or "").strip()
    every = alarm.value("DURATION")
    if every is None or not (text.isascii() and text.isdigit()):
        return 0, 0
    length = parse_duration(every).length
    seconds = length.days * 86_400 + length.seconds
    return (min(int(text[:10]), _MAX_REPEATS), seconds * 1000) if seconds > 0 else (0, 0)


def parse_alarms(text: str) -> list[Component]:
    """The VALARMs of a default alarm property; none for an empty text, which means no alarm.

    Raises `GrammarError` for anything else, and for alarms that never ring.
    """
    if not text.strip():
        return []
    found = parse_components(text.encode("utf-8", "replace"), _MAX_ALARM_LINES)
    if len(found) > MAX_ALARMS:
        raise GrammarError(f"more than {MAX_ALARMS} alarms")
    for alarm in found:
        if alarm.name != "VALARM":
            raise GrammarError(f"{alarm.name[:40]} where VALARM is expected")
        if alarm.value("ACTION") is None or alarm.value("TRIGGER") is None:
            raise GrammarError("a VALARM needs ACTION and TRIGGER")
    return found


def default_alarms(component: Component, alarms: Mapping[str, str]) -> list[Component]:
    """What a calendar's default alarms add to an event or task that has no alarm of its own.

    `alarms` are texts by property name: `default-alarm-vevent-datetime`, `-vevent-date`,
    `-vtodo-datetime` and `-vtodo-date`. What can't be read adds nothing.
    """
    if component.name not in ("VEVENT", "VTODO") or component.of("VALARM"):
        return []
    start = component.first("DTSTART") or component.first("DUE")
    if start is None:
        return []
    try:
        form = "date" if moment_of(start).is_date else "datetime"
        return parse_alarms(alarms.get(f"default-alarm-{component.name.lower()}-{form}", ""))
    except GrammarError:
        return []

"""Managed attachments in calendar objects: added, exchanged, removed (RFC 8607 §3)."""

from collections.abc import Sequence

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.object import components_of
from pillarbox.formats.ical.recurrence import Budget, occurrences
from pillarbox.formats.ical.values import moment_of
from pillarbox.formats.ical.zones import Zones

MASTER = "M"
"""Names the component of the whole series among the ids of instances."""
_RULES = ("RRULE", "RDATE", "EXDATE", "EXRULE")


class NoSuchInstance(GrammarError):
    """The object has no instance of that id."""


def attachment_line(
    url: str, managed_id: str, filename: str, media_type: str, size_bytes: int
) -> ContentLine:
    """The ATTACH property of a managed attachment (§4)."""
    params = [
        ("MANAGED-ID", [managed_id]),
        ("FMTTYPE", [media_type]),
        ("FILENAME", [filename]),
        ("SIZE", [str(size_bytes)]),
    ]
    return ContentLine("ATTACH", url, params)


def managed_ids(calendar: Component) -> set[str]:
    """The managed attachments an object has."""
    found = set()
    for part in components_of(calendar):
        for line in part.all("ATTACH"):
            managed_id = line.param("MANAGED-ID")
            if managed_id:
                found.add(managed_id)
    return found


def with_attachment(calendar: Component, line: ContentLine, rids: Sequence[str]) -> Component:
    """The object with an attachment in all its components, or in those of some instances.

    Instances that have no component yet get one. Raises `NoSuchInstance`.
    """
    calendar = calendar.copy()
    for part in _meant(calendar, rids):
        part.lines.append(line.copy())
    return calendar


def with_exchanged(calendar: Component, managed_id: str, line: ContentLine) -> Component:
    """The object with another attachment wherever it has this one."""
    calendar = calendar.copy()
    for part in components_of(calendar):
        part.lines = [line.copy() if _is(one, managed_id) else one for one in part.lines]
    return calendar


def without_attachment(calendar: Component, managed_id: str, rids: Sequence[str]) -> Component:
    """The object without an attachment, everywhere or in some instances. `NoSuchInstance`."""
    calendar = calendar.copy()
    for part in _meant(calendar, rids):
        part.lines = [one for one in part.lines if not _is(one, managed_id)]
    return calendar


def _is(line: ContentLine, managed_id: str) -> bool:
    return line.name == "ATTACH" and line.param("MANAGED-ID") == managed_id


def _meant(calendar: Component, rids: Sequence[str]) -> list[Component]:
    parts = components_of(calendar)
    if not rids:
        return parts
    zones, budget = Zones(calendar), Budget()
    return [_instance(calendar, rid, zones, budget) for rid in rids]


def _instance(calendar: Component, rid: str, zones: Zones, budget: Budget) -> Component:
    parts = components_of(calendar)
    master = next((part for part in parts if part.first("RECURRENCE-ID") is None), None)
    if rid == MASTER:
        if master is None:
            raise NoSuchInstance("The object has no component for the whole series.")
        return master
    try:
        at_ms = _ms(rid, zones)
        for part in parts:
            line = part.first("RECURRENCE-ID")
            if line is not None and moment_of(line).ms(zones) == at_ms:
                return part
        if master is not None:
            window = TimeRange(at_ms, at_ms + 1)
            for found in occurrences([master], zones, window, budget):
                again = found.recurrence_id
                if again is not None and again.ms(zones) == at_ms:
                    made = _made(master, again.line("RECURRENCE-ID"))
                    calendar.parts.append(made)
                    return made
    except (OverflowError, ValueError):
        pass
    raise NoSuchInstance("The object has no such instance.")


def _ms(rid: str, zones: Zones) -> int:
    params = [("VALUE", ["DATE"])] if "T" not in rid else []
    return moment_of(ContentLine("RECURRENCE-ID", rid, params)).ms(zones)


def _made(master: Component, line: ContentLine) -> Component:
    """An instance as the series has it: at its time, and without what is of the series."""
    part = master.copy()
    for name in _RULES:
        part.remove(name)
    start = master.first("DTSTART")
    if start is not None:
        by = moment_of(line).local - moment_of(start).local
        for name in ("DTEND", "DUE"):
            end = part.first(name)
            if end is not None:
                end.value = moment_of(end).moved(by).written()
    part.put(ContentLine("DTSTART", line.value, line.params))
    part.put(ContentLine("RECURRENCE-ID", line.value, line.params))
    return part

"""What attendees answer, applied to the organizer's object (RFC 5546 §3.2.3)."""

from datetime import timedelta

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.recurrence import Budget, occurrences
from pillarbox.formats.ical.values import moment_of
from pillarbox.formats.itip.attendee import partstat
from pillarbox.formats.itip.message import STAMP, Incoming
from pillarbox.formats.itip.model import MAX_INSTANCES, Applied, Outcome
from pillarbox.formats.itip.series import (
    MASTER,
    Series,
    attendees,
    copied,
    sequence,
    stamp,
)

PARTSTATS = {
    "VEVENT": frozenset(("NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED")),
    "VTODO": frozenset(
        (
            "NEEDS-ACTION",
            "ACCEPTED",
            "DECLINED",
            "TENTATIVE",
            "DELEGATED",
            "COMPLETED",
            "IN-PROCESS",
        )
    ),
}
STEPS = 20_000
"""For finding out whether an instance is one of the series."""
REPLY_INSTANCES = 100
"""Of one answer."""


def apply_reply(stored: Series | None, incoming: Incoming) -> Applied:
    """A REPLY; of an instance that had no component of its own one is made.

    Who was not invited is refused: the answer is there to be read, and the organizer may invite.
    """
    answers = incoming.series.components
    if stored is None or incoming.series.kind != stored.kind:
        return Applied(Outcome.NOT_FOUND)
    if len(answers) > REPLY_INSTANCES:
        return Applied(Outcome.REFUSED)
    merged = {key: one.copy() for key, one in stored.components.items()}
    outcomes: set[Outcome] = set()
    found: dict[str, str] = {}
    budget = Budget(STEPS)
    # That of the series first: instances are made of it.
    for key in sorted(answers):
        outcome = _answer(stored, merged, incoming, key, budget)
        outcomes.add(outcome)
        if outcome is Outcome.APPLIED:
            line = _line_of(merged[key], incoming.sender)
            found.setdefault(incoming.sender, partstat(line))
    if Outcome.APPLIED in outcomes:
        parts = [one for one in stored.calendar.parts if one.name == "VTIMEZONE"]
        lines = [line.copy() for line in stored.calendar.lines]
        parts += [merged[key] for key in sorted(merged)]
        return Applied(Outcome.APPLIED, Component("VCALENDAR", lines, parts), partstats=found)
    for outcome in (Outcome.REFUSED, Outcome.STALE, Outcome.NOT_FOUND):
        if outcome in outcomes:
            return Applied(outcome)
    return Applied(Outcome.UNCHANGED)


def _answer(
    stored: Series,
    merged: dict[str, Component],
    incoming: Incoming,
    key: str,
    budget: Budget,
) -> Outcome:
    """Note the answer for one instance, or for the series."""
    said = incoming.series.components[key]
    new = partstat(_line_of(said, incoming.sender))
    if new not in PARTSTATS[stored.kind]:
        return Outcome.REFUSED
    target = merged.get(key) or _instance(stored, merged, said.first("RECURRENCE-ID"), budget)
    if target is None:
        return Outcome.NOT_FOUND
    own = _line_of(target, incoming.sender)
    if own is None:
        return Outcome.REFUSED
    if _is_old(own, target, said):
        return Outcome.STALE
    before = partstat(own)
    if before == new and own.param("SCHEDULE-STATUS") == _status(said):
        return Outcome.UNCHANGED
    _note(own, new, said)
    merged[key] = target
    if key == MASTER:
        # Instances that were answered as the series was are so still.
        others = (merged[one] for one in merged.keys() - incoming.series.components.keys())
        for line in (_line_of(component, incoming.sender) for component in others):
            if line is not None and partstat(line) == before:
                _note(line, new, said)
    return Outcome.APPLIED


def _is_old(own: ContentLine, target: Component, said: Component) -> bool:
    """Whether the meeting was changed since, or a newer answer is known."""
    if said.first("SEQUENCE") is not None and sequence(said) < sequence(target):
        return True
    newest = own.param(STAMP) or ""
    return bool(newest and stamp(said)) and stamp(said) < newest


def _note(line: ContentLine, new: str, said: Component) -> None:
    line.set_param("PARTSTAT", new)
    line.set_param("SCHEDULE-STATUS", _status(said))
    if new != "NEEDS-ACTION":
        line.set_param("RSVP", None)
    if stamp(said):
        line.set_param(STAMP, stamp(said))


def _status(said: Component) -> str:
    """The code of REQUEST-STATUS (RFC 6638 §3.2.9), that of success without one."""
    code = (said.value("REQUEST-STATUS") or "").partition(";")[0].strip()
    return code if code.replace(".", "").isdigit() and len(code) <= 8 and code.isascii() else "2.0"


def _line_of(component: Component, address: str) -> ContentLine | None:
    return next((line for known, line in attendees(component) if known == address), None)


def _instance(
    stored: Series, merged: dict[str, Component], line: ContentLine | None, budget: Budget
) -> Component | None:
    """A component for an instance of the series, `None` where there is no such instance."""
    master = merged.get(MASTER)
    if line is None or master is None or len(merged) >= MAX_INSTANCES:
        return None
    try:
        at_ms = moment_of(line).ms(stored.zones)
        window = TimeRange(at_ms, at_ms + 1)
        key = stored.key_of(line)
        for one in occurrences([master], stored.zones, window, budget):
            found = one.recurrence_id
            if found is not None and stored.key_of(found.line("RECURRENCE-ID")) == key:
                return _made(stored, master, found.line("RECURRENCE-ID"))
    except (GrammarError, OverflowError):
        return None
    return None


def _made(stored: Series, master: Component, line: ContentLine) -> Component:
    """An instance as the series has it: moved there, and without what is of the series."""
    start = master.first("DTSTART")
    moved = moment_of(line)
    component = master.copy()
    for name in ("RRULE", "RDATE", "EXDATE", "EXRULE"):
        component.remove(name)
    if start is not None:
        by: timedelta = moved.local - moment_of(start).local
        for name in ("DTEND", "DUE"):
            end = component.first(name)
            if end is not None:
                component.put(_as(end, moment_of(end).moved(by).written()))
    component.put(copied(line, "DTSTART"))
    component.put(copied(line, "RECURRENCE-ID"))
    return component


def _as(line: ContentLine, value: str) -> ContentLine:
    found = line.copy()
    found.value = value
    return found

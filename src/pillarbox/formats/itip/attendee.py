"""The attendee's side: what they may change, and what they answer (RFC 6638 §3.2.2)."""

from datetime import datetime

from pillarbox.formats.content_line import ContentLine, decode_text
from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import Identity, bare_address
from pillarbox.formats.itip.difference import TIMES
from pillarbox.formats.itip.message import (
    SCHEDULE_PARAMS,
    STAMP,
    answer,
    calendar_of,
)
from pillarbox.formats.itip.model import Message, Method, NotAllowed, Scheduled, Status
from pillarbox.formats.itip.series import (
    MASTER,
    Series,
    attendees,
    copied,
    sequence,
    set_value,
)

RULE = "allowed-attendee-scheduling-object-change"
NEEDS_ACTION = "NEEDS-ACTION"
DECLINED = "DECLINED"
_TEXTS = ("SUMMARY", "LOCATION", "DESCRIPTION")
_RULES = ("RRULE", "RDATE", "EXRULE")
_TASK_OWN = ("STATUS", "PERCENT-COMPLETE", "COMPLETED")


def attendee_changes(
    old: Series | None,
    new: Series | None,
    me: Identity,
    now: datetime,
    *,
    reply: bool = True,
    reach: Status = Status.SENT,
) -> Scheduled:
    """What an attendee's change means: an answer to the organizer, or nothing to anybody.

    Without `reply` a deletion is not told (RFC 6638 §8.1). Raises `NotAllowed` where more is
    changed than an attendee may. `new` is changed: its calendar is what is to be stored.
    """
    if new is None:
        messages: tuple[Message, ...] = ()
        if old is not None and reply and reach is not Status.INVALID_USER:
            messages = _declined(old, me, now)
        return Scheduled(None, messages)
    if not speaks(new):
        return Scheduled(new.calendar)
    changed = False
    if old is not None:
        _check(old, new)
        changed = _restore(old, new, me)
    lines = [line for one in new.components.values() for line in one.all("ORGANIZER")]
    forced = any((one.param("SCHEDULE-FORCE-SEND") or "").upper() == "REPLY" for one in lines)
    changed |= _set_all(lines, "SCHEDULE-FORCE-SEND", None)
    answers = _answers(old, new, me, forced=forced)
    if not answers:
        return Scheduled(new.calendar, as_sent=not changed)
    changed |= _set_all(lines, "SCHEDULE-STATUS", reach.value)
    messages = ()
    if reach is not Status.INVALID_USER:
        calendar = calendar_of(Method.REPLY, answers, new.calendar, now)
        messages = (Message(Method.REPLY, (bare_address(lines[0].value),), calendar),)
    return Scheduled(new.calendar, messages, as_sent=not changed)


def speaks(series: Series) -> bool:
    """Whether the server answers the organizer (SCHEDULE-AGENT, RFC 6638 §7.1)."""
    line = series.any.first("ORGANIZER")
    if line is None or not bare_address(line.value):
        return False
    return (line.param("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"


def _set_all(lines: list[ContentLine], name: str, value: str | None) -> bool:
    changed = [line for line in lines if line.param(name) != value]
    for line in changed:
        line.set_param(name, value)
    return bool(changed)


def reply_of(series: Series, me: Identity, now: datetime) -> Message | None:
    """An answer for all instances as they stand: what a resource sends by itself."""
    organizer = bare_address(series.any.value("ORGANIZER") or "")
    answers = [
        answer(series, component, line)
        for component in series.components.values()
        if (line := own_line(component, me)) is not None and partstat(line) != NEEDS_ACTION
    ]
    if not organizer or not answers:
        return None
    calendar = calendar_of(Method.REPLY, answers, series.calendar, now)
    return Message(Method.REPLY, (organizer,), calendar)


def own_line(component: Component, me: Identity) -> ContentLine | None:
    """The attendee's own line of a component."""
    return next((line for address, line in attendees(component) if address in me.addresses), None)


def partstat(line: ContentLine | None) -> str:
    """PARTSTAT in capitals, as it is where it is not given."""
    return ((line.param("PARTSTAT") if line is not None else "") or NEEDS_ACTION).upper()


def _check(old: Series, new: Series) -> None:
    """Refuse changes of what is the organizer's."""
    if old.master is not None and new.master is None:
        raise NotAllowed("Only the organizer may take the series from a meeting", RULE)
    for key, component in new.components.items():
        before = old.components.get(key)
        if before is None:
            _check_new(old, new, key, component)
        elif _meeting(old, before) != _meeting(new, component) or _people(before) != _people(
            component
        ):
            raise NotAllowed(
                "Only the organizer may change when and where a meeting is, what it is about and"
                " who is invited",
                RULE,
            )
    excluded = new.excluded(new.master).keys()
    if old.excluded(old.master).keys() - excluded - new.components.keys():
        raise NotAllowed("Only the organizer may add instances to a meeting", RULE)
    # Without a series an instance that is dropped is declined.
    dropped = old.components.keys() - new.components.keys() - excluded
    if new.master is not None and any(_differs(old, key) for key in dropped):
        raise NotAllowed("Only the organizer may put an instance back into the series", RULE)


def _differs(series: Series, key: str) -> bool:
    """Whether an instance differs from the series in what is the organizer's."""
    component, master = series.components[key], series.master
    start = component.first("DTSTART")
    return (
        master is None
        or start is None
        or series.key_of(start) != key
        or _texts(component) != _texts(master)
        or _people(component) != _people(master)
    )


def _check_new(old: Series, new: Series, key: str, component: Component) -> None:
    """An instance with a component of its own for the first time: to answer it differently."""
    master = old.master
    if master is None or key in old.excluded(master):
        raise NotAllowed("Only the organizer may add instances to a meeting", RULE)
    start = component.first("DTSTART")
    same = start is not None and new.key_of(start) == key
    if not same or _texts(master) != _texts(component) or _people(master) != _people(component):
        raise NotAllowed("Only the organizer may change an instance of a meeting", RULE)


def _meeting(series: Series, component: Component) -> object:
    times = [
        series.key_of(line) if line is not None else None
        for line in (component.first(name) for name in TIMES)
    ]
    rules = sorted(
        (line.name, line.value.upper()) for line in component.lines if line.name in _RULES
    )
    status = (component.value("STATUS") or "").upper() if series.kind == "VEVENT" else ""
    # That it is cancelled may be said by the organizer alone; CONFIRMED is what it is anyway.
    return times, rules, status == "CANCELLED", _texts(component)


def _texts(component: Component) -> list[str]:
    """What the meeting is about; programs write spaces and line ends as they like."""
    return [" ".join(decode_text(component.value(name) or "").split()) for name in _TEXTS]


def _people(component: Component) -> frozenset[str]:
    return frozenset(address for address, _ in attendees(component))


def _restore(old: Series, new: Series, me: Identity) -> bool:
    """Put back what only the organizer or the server says; gives whether anything was changed."""
    changed = False
    for key, component in new.components.items():
        before = old.components.get(key) or old.master
        if before is None:
            continue
        if sequence(component) != sequence(before):
            set_value(component, "SEQUENCE", before.value("SEQUENCE"))
            changed = True
        others = dict(attendees(before))
        for at, line in enumerate(component.lines):
            if line.name == "ORGANIZER":
                changed |= _restore_line(component, at, before.first("ORGANIZER"))
            elif line.name == "ATTENDEE":
                address = bare_address(line.value)
                if address not in me.addresses:
                    changed |= _restore_line(component, at, others.get(address))
    return changed


def _restore_line(component: Component, at: int, before: ContentLine | None) -> bool:
    """Put a line back as it was, but for what the client tells the server in it."""
    line = component.lines[at]
    if before is None or (line.value == before.value and _told(line) == _told(before)):
        return False
    told = [(name, values) for name, values in line.params if name in SCHEDULE_PARAMS[:2]]
    kept = [one for one in before.copy().params if one[0] not in SCHEDULE_PARAMS[:2]]
    component.lines[at] = ContentLine(line.name, before.value, [*kept, *told], line.group)
    return True


def _told(line: ContentLine) -> list[tuple[str, list[str]]]:
    return sorted(
        (name, values) for name, values in line.params if name in ("PARTSTAT", "CN", STAMP)
    )


def _answers(old: Series | None, new: Series, me: Identity, *, forced: bool) -> list[Component]:
    """The parts of the answer: one for each instance whose answer is new."""
    found = []
    for key, component in new.components.items():
        line = own_line(component, me)
        if line is None:
            continue
        said = _said(new, component, me)
        before = None if old is None else old.components.get(key)
        if before is None and key != MASTER:
            base = new.master if old is None else old.master
            known = None if base is None else (partstat(own_line(base, me)), said[1])
        else:
            known = None if before is None else _said(new, before, me)
        if known is None:
            known = (NEEDS_ACTION, said[1])
        if forced or said != known:
            found.append(answer(new, component, line))
    if old is not None and new.master is not None:
        found.extend(_left_out(old, new, me))
    return found


def _said(series: Series, component: Component, me: Identity) -> tuple[str, tuple[str | None, ...]]:
    own = (component.value(name) for name in _TASK_OWN) if series.kind == "VTODO" else ()
    return partstat(own_line(component, me)), tuple(own)


def _left_out(old: Series, new: Series, me: Identity) -> list[Component]:
    """Instances the attendee deleted: declined."""
    found = []
    known = old.excluded(old.master)
    for key, excluded in new.excluded(new.master).items():
        if key in known:
            continue
        component = old.components.get(key) or old.master
        line = None if component is None else own_line(component, me)
        if component is None or line is None:
            continue
        if partstat(line) == DECLINED and key in old.components:
            continue
        part = answer(new, component, _declining(line))
        if component.first("RECURRENCE-ID") is None:
            for name in TIMES:
                part.remove(name)
            part.lines.append(copied(excluded, "RECURRENCE-ID"))
            part.lines.append(copied(excluded, "DTSTART"))
        found.append(part)
    return found


def _declining(line: ContentLine) -> ContentLine:
    found = line.copy()
    found.set_param("PARTSTAT", DECLINED)
    return found


def _declined(series: Series, me: Identity, now: datetime) -> tuple[Message, ...]:
    """A deleted meeting: declined, unless that is known or it is cancelled."""
    parts = []
    for component in series.components.values():
        line = own_line(component, me)
        over = (component.value("STATUS") or "").upper() in ("CANCELLED", "COMPLETED")
        if line is not None and not over and partstat(line) not in (DECLINED, "COMPLETED"):
            parts.append(answer(series, component, _declining(line)))
    if not parts or not speaks(series):
        return ()
    organizer = bare_address(series.any.value("ORGANIZER") or "")
    calendar = calendar_of(Method.REPLY, parts, series.calendar, now)
    return (Message(Method.REPLY, (organizer,), calendar),)

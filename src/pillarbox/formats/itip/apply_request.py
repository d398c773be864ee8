"""What organizers send, applied to an attendee's object: REQUEST, ADD, CANCEL (RFC 5546 §3.2).

What the attendee made of the meeting for themselves stays: alarms, whether it blocks time, private
properties, and the answer unless it is asked for anew.
"""

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.values import moment_of, utc_moment
from pillarbox.formats.itip.address import Identity, bare_address
from pillarbox.formats.itip.attendee import DECLINED, NEEDS_ACTION, own_line, partstat
from pillarbox.formats.itip.difference import is_rescheduled, times
from pillarbox.formats.itip.message import PRODUCT, STAMP, Incoming, is_private, used_zones
from pillarbox.formats.itip.model import MAX_INSTANCES, Applied, Outcome
from pillarbox.formats.itip.series import (
    MASTER,
    Series,
    copied,
    organizer_of,
    sequence,
    set_value,
    stamp,
)

_OWN = ("TRANSP", "COLOR", "CREATED")


def apply_request(
    stored: Series | None, incoming: Incoming, me: Identity, *, complete: bool, decides: bool
) -> Applied:
    """A REQUEST; `complete` says that it has all of the meeting that concerns its recipient."""
    new = incoming.series
    mine = {key for key, one in new.components.items() if own_line(one, me) is not None}
    if not mine:
        return Applied(Outcome.REFUSED)
    if stored is None and all(
        partstat(own_line(new.components[key], me)) == DECLINED for key in mine
    ):
        # Declined, and deleted: to be put back by who declined it.
        return Applied(Outcome.FOR_PEOPLE)
    if stored is not None and any(
        _is_older(new.components[key], stored.components.get(key)) for key in new.components
    ):
        return Applied(Outcome.STALE)
    merged: dict[str, Component] = {}
    if stored is not None:
        merged.update(_kept(stored, new, complete=complete))
    asks = False
    for key, component in new.components.items():
        if key not in mine:
            continue
        found, asked = _merged(stored, new, key, component, me, decides=decides)
        asks |= asked
        merged[key] = found
    _settle_exclusions(stored, new, merged, mine, me)
    calendar = _calendar(stored, new, merged)
    if stored is not None and _same(calendar, stored.calendar):
        return Applied(Outcome.UNCHANGED, asks=False)
    return Applied(Outcome.APPLIED, calendar, asks=asks)


def apply_add(stored: Series | None, incoming: Incoming, me: Identity, *, decides: bool) -> Applied:
    """An ADD: one more instance of a series that is known (RFC 5546 §3.2.4)."""
    component = incoming.series.master
    start = None if component is None else component.first("DTSTART")
    if stored is None or stored.master is None or component is None or start is None:
        return Applied(Outcome.NOT_FOUND)
    if own_line(component, me) is None or component.first("RRULE") is not None:
        return Applied(Outcome.REFUSED)
    if sequence(component) < sequence(stored.master):
        return Applied(Outcome.STALE)
    key = incoming.series.key_of(start)
    if key in stored.components or len(stored.components) >= MAX_INSTANCES:
        return Applied(Outcome.UNCHANGED)
    added = _copy_of_theirs(component)
    if decides:
        _undecided(added, me)
    added.put(copied(start, "RECURRENCE-ID"))
    master = stored.master.copy()
    master.lines.append(copied(start, "RDATE"))
    merged = {**stored.components, MASTER: master, key: added}
    calendar = _calendar(stored, incoming.series, merged)
    asks = partstat(own_line(added, me)) == NEEDS_ACTION
    return Applied(Outcome.APPLIED, calendar, asks=asks)


def apply_cancel(stored: Series | None, incoming: Incoming, me: Identity) -> Applied:
    """A CANCEL of all, or of instances; what is cancelled as a whole stays, and says so."""
    if stored is None:
        return Applied(Outcome.NOT_FOUND)
    new = incoming.series
    newest = max(sequence(one) for one in stored.components.values())
    number = max(sequence(one) for one in new.components.values())
    if number < min(newest, sequence(stored.any)):
        return Applied(Outcome.STALE)
    merged = {key: one.copy() for key, one in stored.components.items()}
    if MASTER in new.components:
        for component in merged.values():
            _cancel(component, number)
    else:
        found = False
        for key, component in new.components.items():
            line = component.first("RECURRENCE-ID")
            if line is not None:
                found |= _cancel_instance(stored, merged, key, line, number)
        if not found:
            return Applied(Outcome.NOT_FOUND)
    calendar = _calendar(stored, stored, merged)
    if _same(calendar, stored.calendar):
        return Applied(Outcome.UNCHANGED)
    return Applied(Outcome.APPLIED, calendar)


def is_of_its_organizer(stored: Series, incoming: Incoming) -> bool:
    """Whether a message is of the organizer of the meeting that is stored."""
    try:
        return bare_address(organizer_of(stored) or "") == incoming.organizer
    except GrammarError:
        return False


def _is_older(new: Component, old: Component | None) -> bool:
    """RFC 5546 §2.1.5: by SEQUENCE, then by when the organizer wrote it."""
    if old is None:
        return False
    number, known = sequence(new), sequence(old)
    if number != known:
        return number < known
    organizer = old.first("ORGANIZER")
    newest = "" if organizer is None else organizer.param(STAMP) or ""
    return bool(newest and stamp(new)) and stamp(new) < newest


def _kept(stored: Series, new: Series, *, complete: bool) -> dict[str, Component]:
    """The components of which the message says nothing, and that stay."""
    if MASTER not in new.components:
        return {} if complete else dict(stored.components)
    old_master, master = stored.master, new.master
    if complete or old_master is None or master is None or _moved(stored, old_master, new, master):
        return {}
    excluded = new.excluded(master)
    return {key: one for key, one in stored.overrides.items() if key not in excluded}


def _moved(stored: Series, old: Component, new: Series, component: Component) -> bool:
    rules = [
        sorted(line.value.upper() for line in one.lines if line.name in ("RRULE", "RDATE"))
        for one in (old, component)
    ]
    return times(stored, old) != times(new, component) or rules[0] != rules[1]


def _merged(
    stored: Series | None,
    new: Series,
    key: str,
    component: Component,
    me: Identity,
    *,
    decides: bool,
) -> tuple[Component, bool]:
    """A component as it is stored; and whether it has to be answered."""
    found = _copy_of_theirs(component)
    if decides:
        _undecided(found, me)
    own = own_line(found, me)
    old = None if stored is None else stored.components.get(key) or stored.master
    if own is None or stored is None or old is None:
        return found, partstat(own) == NEEDS_ACTION
    known = own_line(old, me)
    is_new = sequence(component) > sequence(old) or (
        key in stored.components and times(stored, old) != times(new, component)
    )
    if decides:
        is_new = is_new or _is_other(stored, old, new, component, key)
    before = partstat(known)
    if partstat(own) == NEEDS_ACTION and before != NEEDS_ACTION and not is_new:
        own.set_param("PARTSTAT", before)
    _carry_over(old, found, own, known)
    return found, partstat(own) == NEEDS_ACTION and (is_new or known is None or decides)


def _undecided(component: Component, me: Identity) -> None:
    """Drop what an organizer says of a party that decides: its answer, and that it stays free."""
    component.remove("TRANSP")
    line = own_line(component, me)
    if line is not None:
        line.set_param("PARTSTAT", NEEDS_ACTION)


def _is_other(stored: Series, old: Component, new: Series, component: Component, key: str) -> bool:
    """Whether a component takes other times than the one before, or takes any again."""
    if _is_cancelled(old) and not _is_cancelled(component):
        return True
    return is_rescheduled(stored, old, new, component, key) or (
        key == MASTER and _moved(stored, old, new, component)
    )


def _is_cancelled(component: Component) -> bool:
    return (component.value("STATUS") or "").upper() == "CANCELLED"


def _carry_over(
    old: Component, found: Component, own: ContentLine, known: ContentLine | None
) -> None:
    """Keep what is the attendee's own."""
    for name in _OWN:
        line = old.first(name)
        if line is not None:
            found.put(line.copy())
    found.lines.extend(line.copy() for line in old.lines if is_private(line.name))
    found.parts.extend(part.copy() for part in old.of("VALARM"))
    if known is not None and own.param("CN") is None and known.param("CN"):
        own.set_param("CN", known.param("CN"))
    before, organizer = old.first("ORGANIZER"), found.first("ORGANIZER")
    if before is not None and organizer is not None:
        agent = before.param("SCHEDULE-AGENT")
        if agent is not None:
            organizer.set_param("SCHEDULE-AGENT", agent)


def _copy_of_theirs(component: Component) -> Component:
    """A component of a message, without alarms and what is for the server."""
    found = component.copy()
    found.parts = [part for part in found.parts if part.name != "VALARM"]
    found.lines = [line for line in found.lines if not is_private(line.name)]
    for line in found.lines:
        if line.name in ("ATTENDEE", "ORGANIZER"):
            line.params = [
                pair for pair in line.params if not pair[0].startswith(("SCHEDULE-", "X-"))
            ]
    organizer = found.first("ORGANIZER")
    if organizer is not None and stamp(component):
        organizer.set_param(STAMP, stamp(component))
    found.remove("REQUEST-STATUS")
    return found


def _settle_exclusions(
    stored: Series | None,
    new: Series,
    merged: dict[str, Component],
    mine: set[str],
    me: Identity,
) -> None:
    """Leave out the instances the attendee is no part of, or has deleted and so declined."""
    master = merged.get(MASTER)
    if master is None:
        return
    known = {} if stored is None else stored.excluded(stored.master)
    excluded = new.excluded(new.master) if MASTER in new.components else dict(known)
    if MASTER not in new.components and excluded.keys() & mine:
        master = merged[MASTER] = master.copy()
        master.remove("EXDATE")
        master.lines.extend(line for key, line in excluded.items() if key not in mine)
        excluded = {key: line for key, line in excluded.items() if key not in mine}
    for key, component in new.components.items():
        line = component.first("RECURRENCE-ID")
        if line is None or key in excluded:
            continue
        deleted = key in known and partstat(own_line(component, me)) == DECLINED
        if key not in mine or deleted:
            merged.pop(key, None)
            master.lines.append(_exclusion(line))


def _exclusion(line: ContentLine) -> ContentLine:
    found = copied(line, "EXDATE")
    found.set_param("RANGE", None)
    return found


def _cancel(component: Component, number: int) -> None:
    set_value(component, "STATUS", "CANCELLED")
    set_value(component, "SEQUENCE", str(max(number, sequence(component))))


def _cancel_instance(
    stored: Series, merged: dict[str, Component], key: str, line: ContentLine, number: int
) -> bool:
    """Cancel one instance, or that and all after it; gives whether it may be one."""
    master = merged.get(MASTER)
    following = (line.param("RANGE") or "").upper() == "THISANDFUTURE"
    if following:
        later = [one for one in merged if one != MASTER and one >= key]
    else:
        later = [key] if key in merged else []
    if master is None:
        for one in later:
            _cancel(merged[one], number)
        return bool(later)
    for one in later:
        del merged[one]
    # Else answers to other instances would look older than what they answer to.
    set_value(master, "SEQUENCE", str(max(number, sequence(master))))
    if following and master.first("RRULE") is not None:
        return _end_before(stored, master, line)
    if key not in stored.excluded(master):
        master.lines.append(_exclusion(line))
    return True


def _end_before(stored: Series, master: Component, line: ContentLine) -> bool:
    """End the rules of a series before an instance."""
    try:
        moment = moment_of(line)
        if moment.is_date:
            until = utc_moment(moment.ms(stored.zones) - 86_400_000).written()[:8]
        elif moment.is_utc or moment.tzid:
            until = utc_moment(moment.ms(stored.zones) - 1000).written()
        else:
            until = utc_moment(moment.ms(stored.zones) - 1000).written().rstrip("Z")
    except GrammarError:
        return False
    for rule in master.all("RRULE"):
        kept = [
            part
            for part in rule.value.split(";")
            if part.partition("=")[0].strip().upper() not in ("COUNT", "UNTIL")
        ]
        had = next((part for part in rule.value.upper().split(";") if part[:6] == "UNTIL="), "")
        if not had or had[6:] > until:
            rule.value = ";".join((*kept, f"UNTIL={until}"))
    return True


def _calendar(stored: Series | None, new: Series, merged: dict[str, Component]) -> Component:
    """The object of components, with the zones they need, the message's first."""
    components = [merged[key] for key in sorted(merged)]
    zones = used_zones(new.calendar, components)
    if stored is not None and stored is not new:
        named = {zone.value("TZID") for zone in zones}
        zones += [
            zone
            for zone in used_zones(stored.calendar, components)
            if zone.value("TZID") not in named
        ]
    lines = [ContentLine("VERSION", "2.0"), ContentLine("PRODID", PRODUCT)]
    if stored is not None:
        lines = [line.copy() for line in stored.calendar.lines if line.name != "METHOD"]
    return Component("VCALENDAR", lines, [*zones, *components])


def _same(one: Component, other: Component) -> bool:
    return _plain(one) == _plain(other)


def _plain(calendar: Component) -> object:
    """What is the same where only DTSTAMP and the order of lines are new."""
    return sorted(
        (
            component.name,
            sorted(
                line.written()
                for line in component.lines
                if line.name not in ("DTSTAMP", "LAST-MODIFIED", "ORGANIZER")
            ),
            sorted(part.written() for part in component.parts),
        )
        for component in calendar.parts
        if component.name != "VTIMEZONE"
    )

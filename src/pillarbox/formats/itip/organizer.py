"""The organizer's side: what a change of their object means to whom they invite (RFC 6638 §3.2.1).

Everybody gets the meeting as they are part of it: whoever is invited to some instances only gets
those. Messages that are alike are one for all they go to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.difference import (
    Digest,
    digest,
    is_rescheduled,
    without_attendees,
)
from pillarbox.formats.itip.message import STAMP, calendar_of, stripped, stub
from pillarbox.formats.itip.model import Message, Method, Scheduled, Status
from pillarbox.formats.itip.series import (
    MASTER,
    Series,
    attendees,
    copied,
    invited,
    sequence,
    set_value,
)


@dataclass(frozen=True, slots=True)
class _View:
    """A meeting as one attendee sees it: digests by key, and the instances they are not part of."""

    digests: Mapping[str, Digest]
    excluded: Mapping[str, ContentLine]

    @property
    def key(self) -> tuple[frozenset[str], frozenset[str]]:
        """The same for all who see the same of one object."""
        return frozenset(self.digests), frozenset(self.excluded)


@dataclass(slots=True)
class _Batch:
    """A message in the making, and who gets it; `instances` are those that are cancelled."""

    method: Method
    view: _View
    instances: Mapping[str, ContentLine | None]
    is_minor: bool
    recipients: list[str]


def organizer_changes(
    old: Series | None,
    new: Series | None,
    me: Identity,
    now: datetime,
    reach: Mapping[str, Status] | None = None,
) -> Scheduled:
    """What an organizer's change means; one of both states may be missing.

    `reach` is the status that is told of attendees right away (`SENT` without one); those with
    `INVALID_USER` get nothing. Raises `NotAllowed`. `new` is changed: its calendar is what is to
    be stored.
    """
    reach = reach or {}
    forced = _forced(new) if new is not None else frozenset()
    changed = False
    if new is not None:
        changed = _keep_order(old, new, me)
    people = dict(invited(old)) if old is not None else {}
    if new is not None:
        people.update(invited(new))
    batches: dict[object, _Batch] = {}
    views = _Views(old, new)
    told: set[str] = set()
    for address, line in people.items():
        if address in me.addresses or not handled_here(line):
            continue
        for batch in views.batches(address, forced=address in forced):
            status = reach.get(address)
            if batch.is_minor and status is Status.SENT:
                continue  # a mail to everybody for each who is invited would be too much
            told.add(address)
            if status is Status.INVALID_USER:
                continue
            kept = batches.setdefault(
                (batch.method, batch.view.key, frozenset(batch.instances), batch.is_minor), batch
            )
            kept.recipients.append(address)
    messages = tuple(_message(batch, old, new, now) for batch in batches.values())
    if new is not None:
        changed |= _mark(new, me, told, reach)
        return Scheduled(new.calendar, messages, as_sent=not (changed or forced))
    return Scheduled(None, messages)


def resent(series: Series, address: str, now: datetime) -> Message | None:
    """The current state for one attendee, as they ask for with REFRESH."""
    view = _Views(None, series).of(series, address)
    if view is None:
        return None
    batch = _Batch(Method.REQUEST, view, {}, False, [address])
    return _message(batch, None, series, now)


def refreshed(series: Series, people: Iterable[str], now: datetime) -> tuple[Message, ...]:
    """The current state for some, who are to see others' answers."""
    views = _Views(None, series)
    alike: dict[object, _Batch] = {}
    for address in people:
        view = views.of(series, address)
        if view is not None:
            batch = alike.setdefault(view.key, _Batch(Method.REQUEST, view, {}, True, []))
            batch.recipients.append(address)
    return tuple(_message(batch, None, series, now) for batch in alike.values())


def handled_here(line: ContentLine) -> bool:
    """Whether the server tells this party (SCHEDULE-AGENT, RFC 6638 §7.1)."""
    return (line.param("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"


def _forced(series: Series) -> frozenset[str]:
    """Who is to get a REQUEST in any case; that is asked for once (RFC 6638 §7.2)."""
    found = set()
    for component in series.components.values():
        for address, line in attendees(component):
            if (line.param("SCHEDULE-FORCE-SEND") or "").upper() == "REQUEST":
                found.add(address)
            if line.param("SCHEDULE-FORCE-SEND") is not None:
                line.set_param("SCHEDULE-FORCE-SEND", None)
    return frozenset(found)


def _keep_order(old: Series | None, new: Series, me: Identity) -> bool:
    """See to SEQUENCE and PARTSTAT of what was rescheduled; gives whether `new` was changed."""
    if old is None:
        return False
    changed = False
    for key, component in new.components.items():
        before = old.components.get(key) or old.master
        if before is None:
            continue
        least = sequence(before)
        rescheduled = is_rescheduled(old, before, new, component, key)
        if rescheduled:
            least += 1
            changed |= _ask_anew(component, me)
        elif key == MASTER and old.excluded(before).keys() != new.excluded(component).keys():
            least += 1
        asked_anew = rescheduled or sequence(component) > sequence(before)
        changed |= _keep_answers(before, component, keep_partstat=not asked_anew)
        if sequence(component) < least:
            set_value(component, "SEQUENCE", str(least))
            changed = True
    return changed


def _ask_anew(component: Component, me: Identity) -> bool:
    changed = False
    for address, line in attendees(component):
        if address in me.addresses or not handled_here(line):
            continue
        if (line.param("PARTSTAT") or "NEEDS-ACTION").upper() != "NEEDS-ACTION":
            line.set_param("PARTSTAT", "NEEDS-ACTION")
            changed = True
    return changed


def _keep_answers(old: Component, new: Component, *, keep_partstat: bool) -> bool:
    """Keep what the server noted of answers, where a client did not know of them or drops them.

    So a client that changes what it read before an answer came does not undo that (RFC 6638
    §3.2.10).
    """
    answered = {address: line for address, line in attendees(old) if line.param(STAMP) is not None}
    changed = False
    for address, line in attendees(new):
        before = answered.get(address)
        if before is None:
            continue
        for name in (STAMP, "PARTSTAT") if keep_partstat else (STAMP,):
            if line.param(name) != before.param(name):
                line.set_param(name, before.param(name))
                changed = True
    return changed


def _mark(series: Series, me: Identity, told: set[str], reach: Mapping[str, Status]) -> bool:
    """Write SCHEDULE-STATUS beside those who are told; gives whether anything was changed."""
    changed = False
    for component in series.components.values():
        for address, line in attendees(component):
            if address in me.addresses or address not in told:
                continue
            status = reach.get(address, Status.SENT)
            if line.param("SCHEDULE-STATUS") != status:
                line.set_param("SCHEDULE-STATUS", status.value)
                changed = True
    return changed


class _Views:
    """Who sees what of both states; a component is looked at once, however many see it."""

    def __init__(self, old: Series | None, new: Series | None) -> None:
        self._old, self._new = old, new
        self._known: dict[int, tuple[dict[str, Digest], dict[str, set[str]]]] = {}
        self._excluded: dict[int, dict[str, ContentLine]] = {}

    def batches(self, address: str, *, forced: bool) -> list[_Batch]:
        """What one attendee is told."""
        old, new = self.of(self._old, address), self.of(self._new, address)
        request, cancel = Method.REQUEST, Method.CANCEL
        if new is None:
            if old is None or self._is_over(self._old):
                return []
            return [_Batch(cancel, old, _whole(old), False, [])]
        if old is None:
            return [] if self._is_over(self._new) else [_Batch(request, new, {}, False, [])]
        if self._is_over(self._new) and not self._is_over(self._old):
            return [_Batch(cancel, new, _whole(new), False, [])]
        found = []
        gone = self._gone(old, new)
        same = all(new.digests[key] == old.digests.get(key) for key in new.digests)
        same = same and not (old.digests.keys() - new.digests.keys() - gone.keys())
        lost_master = MASTER in old.digests and MASTER not in new.digests
        if lost_master:
            found = [
                _Batch(cancel, old, _whole(old), False, []),
                _Batch(request, new, {}, False, []),
            ]
        elif gone and same and not (old.excluded.keys() - new.excluded.keys()):
            found = [_Batch(cancel, old, gone, False, [])]
        elif not same or old.key != new.key:
            if gone and MASTER not in new.digests:
                found.append(_Batch(cancel, old, gone, False, []))
            found.append(_Batch(request, new, {}, _is_minor(old, new), []))
        if forced and not any(one.method is request and not one.is_minor for one in found):
            found = [one for one in found if one.method is cancel]
            found.append(_Batch(request, new, {}, False, []))
        return found

    def of(self, series: Series | None, address: str) -> _View | None:
        """What an attendee sees of a state, `None` where they are no part of it."""
        if series is None:
            return None
        digests, invited_by_key = self._of(series)
        keys = {key for key in digests if address in invited_by_key[key]}
        if not keys:
            return None
        excluded: dict[str, ContentLine] = {}
        if MASTER in keys:
            excluded = dict(self._excluded[id(series)])
            for key in digests.keys() - keys:
                line = series.components[key].first("RECURRENCE-ID")
                if line is not None:
                    excluded[key] = _exclusion(line)
        return _View({key: one for key, one in digests.items() if key in keys}, excluded)

    def _of(self, series: Series) -> tuple[dict[str, Digest], dict[str, set[str]]]:
        found = self._known.get(id(series))
        if found is None:
            found = (
                {key: digest(series, one) for key, one in series.components.items()},
                {
                    key: {address for address, line in attendees(one)}
                    for key, one in series.components.items()
                },
            )
            self._known[id(series)] = found
            self._excluded[id(series)] = series.excluded(series.master)
        return found

    @staticmethod
    def _is_over(series: Series | None) -> bool:
        """Whether all of a meeting is cancelled already."""
        return series is not None and all(
            (one.value("STATUS") or "").upper() == "CANCELLED" for one in series.components.values()
        )

    @staticmethod
    def _gone(old: _View, new: _View) -> dict[str, ContentLine | None]:
        """The instances an attendee was part of, and no longer is."""
        gone: dict[str, ContentLine | None] = {}
        if MASTER in new.digests and MASTER in old.digests:
            gone.update(
                (key, line) for key, line in new.excluded.items() if key not in old.excluded
            )
        elif MASTER not in new.digests:
            gone = {key: None for key in old.digests if key not in new.digests and key != MASTER}
        return gone


def _is_minor(old: _View, new: _View) -> bool:
    return old.key == new.key and all(
        without_attendees(new.digests[key]) == without_attendees(old.digests[key])
        for key in new.digests
    )


def _whole(view: _View) -> Mapping[str, ContentLine | None]:
    return {MASTER: None} if MASTER in view.digests else dict.fromkeys(view.digests)


def _exclusion(line: ContentLine) -> ContentLine:
    found = copied(line, "EXDATE")
    found.set_param("RANGE", None)
    return found


def _message(batch: _Batch, old: Series | None, new: Series | None, now: datetime) -> Message:
    if batch.method is Method.CANCEL:
        components, source = _cancelled(batch, old, new)
    elif new is not None:
        components, source = _asked(batch.view, new), new
    else:
        raise ValueError("there is nothing to ask for")
    calendar = calendar_of(batch.method, components, source.calendar, now)
    recipients = tuple(batch.recipients)
    return Message(batch.method, recipients, calendar, batch.is_minor)


def _asked(view: _View, series: Series) -> list[Component]:
    """The components of a REQUEST."""
    found = []
    for key in view.digests:
        component = stripped(series.components[key])
        if key == MASTER:
            component.remove("EXDATE")
            component.lines.extend(line.copy() for line in view.excluded.values())
        found.append(component)
    return found


def _cancelled(
    batch: _Batch, old: Series | None, new: Series | None
) -> tuple[list[Component], Series]:
    """The components of a CANCEL, one for each instance, or one for all."""
    source = old if old is not None else new
    if source is None:
        raise ValueError("there is nothing to cancel")
    people = frozenset(batch.recipients)
    least = max(
        sequence(one) for series in (old, new) if series for one in series.components.values()
    )
    found = []
    for key, exclusion in batch.instances.items():
        component = source.components.get(key) or source.any
        lines = [line for address, line in attendees(stripped(component)) if address in people]
        part = stub(component, lines)
        if key != MASTER and component.first("RECURRENCE-ID") is None and exclusion is not None:
            _make_instance(part, exclusion)
        set_value(part, "STATUS", "CANCELLED")
        set_value(part, "SEQUENCE", str(least if new is not None else least + 1))
        found.append(part)
    return found, source


def _make_instance(part: Component, line: ContentLine) -> None:
    """Make a component that was of the series one of an instance; its end is not told."""
    for name in ("DTSTART", "DTEND", "DUE", "DURATION"):
        part.remove(name)
    part.lines.append(copied(line, "RECURRENCE-ID"))
    part.lines.append(copied(line, "DTSTART"))

"""Asking for objects: calendar and address-book queries, and when somebody is busy.

The database finds what may fit by time and component; what is left is opened page by page and
looked at outside of the transaction, in a thread.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import listing
from pillarbox.domain.collections.model import (
    Access,
    CollectionKind,
    ComponentKind,
    Item,
    Right,
)
from pillarbox.formats.content_line import unfold
from pillarbox.formats.ical.budget import DEFAULT_STEPS
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.matching import matches as calendar_matches
from pillarbox.formats.ical.partial import told as calendar_told
from pillarbox.formats.ical.partial import with_zones
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.ical.zones import Zones, zone_of
from pillarbox.formats.vcard.card import parse_card
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.formats.vcard.matching import matches as card_matches
from pillarbox.formats.vcard.partial import told as card_told
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

DAY_MS = 86_400_000

Rows = list[tuple[Item, bytes]]
STEPS = 500_000
"""Of work on recurrences for one request, all of its objects together; ten seconds at worst."""
TOLD_BYTES = 16 << 20
"""Of what is told of objects at once."""

_STEP_BYTES = 500
"""Of an object: to read so many takes as long as a step."""
_NO_RANGE = TimeRange()
_NOT_ONCE = ("RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID")
"""What an event that happens once does not have."""


@dataclass(frozen=True, slots=True)
class Told:
    """An object that fits; `data` is its content as asked for, `None` where it was not."""

    item: Item
    data: bytes | None


@dataclass(frozen=True, slots=True)
class CalendarQuery:
    """What is asked of a calendar.

    `timezone` is a VCALENDAR with a VTIMEZONE or a name of one, for times without a zone; empty:
    the calendar's. `tell` is `None` where only items are wanted, not their content. Without
    `with_timezones` zones of the time zone database are left out of the answer (RFC 7809).
    """

    filter: CompFilter
    tell: CalendarData | None = None
    timezone: str = ""
    with_timezones: bool = True


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the database can tell of a filter; `exact` says that nothing else is in it.

    `timed` says that besides there is nothing but the window, and that events are asked for.
    """

    components: ComponentKind
    window: TimeRange
    exact: bool
    timed: bool = False


class Work:
    """What one request may still take of `STEPS`; an object may take what a `Budget` has."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def budget(self) -> Budget:
        """For one object; to be given to `spent`."""
        return Budget(min(DEFAULT_STEPS, max(self.left, 0)))

    def spent(self, budget: Budget, content: bytes) -> None:
        """Count what was taken, and that an object was read."""
        self.left -= budget.used + len(content) // _STEP_BYTES


class TooMuchAsked(Exception):
    """A query takes too much work; what was told so far is right, and not all."""


class Queries:
    """Queries of whoever acts; one for a process. Rights are looked at with each page."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def calendar(
        self, actor: Actor, place: Place, query: CalendarQuery
    ) -> AsyncIterator[list[Told]]:
        """The objects of a calendar that fit, page by page.

        Raises `Denied`, `NotFound`, and `Invalid` for a time zone that can't be read. An object
        that takes too much work to expand is told in any case, as it is; where all of them together
        do, `TooMuchAsked` is raised.
        """
        work = Work()
        zone: tzinfo | None = None
        bounds = _bounds(query.filter)
        if bounds.exact and query.tell is None:
            found = await self._database.read(self._items, actor, place, bounds)
            yield [Told(item, None) for item in found]
            return
        after = 0
        while True:
            access, rows = await self._database.read(
                self._page, actor, place, Right.READ, bounds, after
            )
            if zone is None:
                zone = await asyncio.to_thread(_zone, query.timezone, access)
            left = rows
            while left:
                told, left = await asyncio.to_thread(_fitting, left, query, bounds, zone, work)
                yield told
                if work.left <= 0:
                    raise TooMuchAsked
            if not listing.more_follow(rows):
                return
            after = rows[-1][0].id

    async def cards(
        self, actor: Actor, place: Place, wanted: CardFilter, tell: AddressData | None
    ) -> AsyncIterator[list[Told]]:
        """The cards of an address book that fit, page by page; raises `Denied`, `NotFound`."""
        bounds = _Bounds(ComponentKind.VCARD, _NO_RANGE, not wanted.props)
        if bounds.exact and tell is None:
            found = await self._database.read(self._items, actor, place, bounds)
            yield [Told(item, None) for item in found]
            return
        after = 0
        while True:
            _, rows = await self._database.read(self._page, actor, place, Right.READ, bounds, after)
            if rows:
                yield await asyncio.to_thread(_fitting_cards, rows, wanted, tell)
            if not listing.more_follow(rows):
                return
            after = rows[-1][0].id

    async def one(
        self, actor: Actor, place: Place, href: str, query: CalendarQuery
    ) -> AsyncIterator[list[Told]]:
        """The object of a name, if it fits; raises as `calendar`."""
        access, rows, _ = await self._database.read(self._named, actor, place, [href])
        zone = await asyncio.to_thread(_zone, query.timezone, access)
        bounds = _Bounds(ComponentKind(0), _NO_RANGE, exact=False)
        told, _ = await asyncio.to_thread(_fitting, rows, query, bounds, zone, Work())
        yield told

    async def one_card(
        self, actor: Actor, place: Place, href: str, wanted: CardFilter, tell: AddressData | None
    ) -> AsyncIterator[list[Told]]:
        """The card of a name, if it fits; raises as `cards`."""
        _, rows, _ = await self._database.read(self._named, actor, place, [href])
        yield await asyncio.to_thread(_fitting_cards, rows, wanted, tell)

    async def named(
        self,
        actor: Actor,
        place: Place,
        hrefs: Sequence[str],
        tell: CalendarData | AddressData | None,
        with_timezones: bool = True,
        work: Work | None = None,
    ) -> tuple[dict[str, Told], int]:
        """Those of the objects named that there are, by name; and of how many names that is.

        It is of the first ones, as many as memory allows. `work` is the request's: when it is used
        up, objects are told as they are. Raises `Denied`, `NotFound`.
        """
        access, rows, count = await self._database.read(self._named, actor, place, list(hrefs))
        if tell is None:
            return {item.href: Told(item, None) for item, _ in rows}, count
        if tell == AddressData():
            return {item.href: Told(item, content) for item, content in rows}, count
        if tell == CalendarData() and with_timezones:
            return {item.href: Told(item, with_zones(content)) for item, content in rows}, count
        if isinstance(tell, AddressData):
            told = await asyncio.to_thread(_tell_cards, rows, tell)
        else:
            arguments = rows, tell, with_timezones, Work() if work is None else work
            told, left = await asyncio.to_thread(_tell_named, access, *arguments)
            if left:
                count = list(hrefs).index(left[0][0].href)
        return {one.item.href: one for one in told}, count

    # What runs in transactions.

    def _items(self, tx: Tx, actor: Actor, place: Place, bounds: _Bounds) -> list[Item]:
        access = place.require(tx, self._keys, actor, Right.READ)
        found = listing.list_of(tx, self._keys, access.collection)
        return [item for item in found if item.facts.component & bounds.components]

    def _page(
        self, tx: Tx, actor: Actor, place: Place, right: Right, bounds: _Bounds, after: int
    ) -> tuple[Access, Rows]:
        access = place.require(tx, self._keys, actor, right)
        collection, window = access.collection, bounds.window
        if place.kind is CollectionKind.ADDRESS_BOOK:
            return access, listing.contents(tx, self._keys, collection, after)
        return access, listing.within(
            tx, self._keys, collection, window.start_ms, window.end_ms, bounds.components, after
        )

    def _named(
        self, tx: Tx, actor: Actor, place: Place, hrefs: list[str]
    ) -> tuple[Access, Rows, int]:
        access = place.require(tx, self._keys, actor, Right.READ)
        return access, *listing.read_some(tx, self._keys, access.collection, hrefs)


def _bounds(wanted: CompFilter) -> _Bounds:
    """What of a filter on VCALENDAR the database can look at."""
    every = ComponentKind.VEVENT | ComponentKind.VTODO | ComponentKind.VJOURNAL
    every |= ComponentKind.VFREEBUSY | ComponentKind.VAVAILABILITY
    positive = [comp for comp in wanted.comps if not comp.is_not_defined]
    named = [comp for comp in positive if comp.name in ComponentKind.__members__]
    if not named:
        return _Bounds(every, _NO_RANGE, not (wanted.comps or wanted.props or wanted.time_range))
    kinds = every
    for comp in named:  # all have to hold, and an object is of one kind
        kinds &= ComponentKind[comp.name]
    window = named[0].time_range or _NO_RANGE
    rest = wanted.props or wanted.time_range or len(wanted.comps) > 1
    inner = named[0].props or named[0].comps
    timed = kinds is ComponentKind.VEVENT and not rest and not inner
    return _Bounds(kinds, window, not (rest or inner or named[0].time_range), timed)


def _zone(text: str, access: Access) -> tzinfo:
    """The zone of times that have none: as asked for, or else the calendar's."""
    if text:
        zone = zone_of(text)
        if zone is None:
            raise Invalid("The time zone of the query can't be read")
        return zone
    properties = access.properties
    for own in (properties.timezone_id, properties.timezone):
        zone = zone_of(own)
        if zone is not None:
            return zone
    return UTC


def _fitting(
    rows: Rows, query: CalendarQuery, bounds: _Bounds, zone: tzinfo, work: Work
) -> tuple[list[Told], Rows]:
    """Those that fit, and the rows that are left for the next time."""
    found: list[Told] = []
    size_bytes = 0
    for at, (item, content) in enumerate(rows):
        if size_bytes >= TOLD_BYTES or work.left <= 0:
            return found, rows[at:]
        surely = bounds.exact or (bounds.timed and _is_inside(item, content, bounds.window))
        if not surely and not _fits(content, query.filter, zone, work):
            continue
        told = None
        if query.tell is not None:
            told = _told(content, query.tell, zone, query.with_timezones, work)
            size_bytes += len(told)
        found.append(Told(item, told))
    return found, []


def _is_inside(item: Item, content: bytes, window: TimeRange) -> bool:
    """Whether an event that happens once surely does so within a window, which is often so."""
    first_ms, last_ms = item.facts.first_ms, item.facts.last_ms
    if first_ms is None or last_ms is None:
        return False
    if window.start_ms is not None and first_ms < window.start_ms:
        return False
    if window.end_ms is not None and last_ms > window.end_ms:
        return False
    text = unfold(content).upper()
    if any(word in text for word in _NOT_ONCE):
        return False
    # Zones that nobody knows were read as UTC when it was stored, now as the calendar's.
    is_sure = "TZID=" not in text or window.start_ms is None
    return is_sure or first_ms - DAY_MS >= (window.start_ms or 0)


def _fits(content: bytes, wanted: CompFilter, zone: tzinfo, work: Work) -> bool:
    budget = work.budget()
    try:
        calendar = parse_calendar(content)
        return calendar_matches(wanted, calendar, Zones(calendar, zone), budget)
    except TooMuchWork:
        return True
    except GrammarError:  # stored by an older version that took it
        return False
    finally:
        work.spent(budget, content)


def _tell_named(
    access: Access, rows: Rows, tell: CalendarData, with_timezones: bool, work: Work
) -> tuple[list[Told], Rows]:
    zone = _zone("", access)
    found: list[Told] = []
    size_bytes = 0
    for at, (item, content) in enumerate(rows):
        if size_bytes >= TOLD_BYTES:
            return found, rows[at:]
        told = _told(content, tell, zone, with_timezones, work)
        size_bytes += len(told)
        found.append(Told(item, told))
    return found, []


def _told(
    content: bytes, tell: CalendarData, zone: tzinfo, with_timezones: bool, work: Work
) -> bytes:
    if tell == CalendarData() and with_timezones:
        return with_zones(content)
    if work.left <= 0:
        return content
    budget = work.budget()
    try:
        return calendar_told(content, tell, zone, budget, timezones=with_timezones)
    except GrammarError:
        return content
    finally:
        work.spent(budget, content)


def _fitting_cards(rows: Rows, wanted: CardFilter, tell: AddressData | None) -> list[Told]:
    found = [row for row in rows if _card_fits(row[1], wanted)] if wanted.props else rows
    if tell is None:
        return [Told(item, None) for item, _ in found]
    return _tell_cards(found, tell)


def _card_fits(content: bytes, wanted: CardFilter) -> bool:
    try:
        return card_matches(wanted, parse_card(content))
    except GrammarError:
        return False


def _tell_cards(rows: Rows, tell: AddressData) -> list[Told]:
    if tell == AddressData():
        return [Told(item, content) for item, content in rows]
    return [Told(item, card_told(content, tell)) for item, content in rows]

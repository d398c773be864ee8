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
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.matching import matches as calendar_matches
from pillarbox.formats.ical.partial import told as calendar_told
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

Rows = list[tuple[Item, bytes]]

_NO_RANGE = TimeRange()


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
    """What the database can tell of a filter; `exact` says that nothing else is in it."""

    components: ComponentKind
    window: TimeRange
    exact: bool


class Queries:
    """Queries of whoever acts; one for a process. Rights are looked at with each page."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def calendar(
        self, actor: Actor, place: Place, query: CalendarQuery
    ) -> AsyncIterator[list[Told]]:
        """The objects of a calendar that fit, page by page.

        Raises `Denied`, `NotFound`, and `Invalid` for a time zone that can't be read. What takes
        too much work to expand is told in any case, as it is.
        """
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
            zone = _zone(query.timezone, access)
            if rows:
                yield await asyncio.to_thread(_fitting, rows, query, bounds, zone)
            if len(rows) < listing.PAGE:
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
            if len(rows) < listing.PAGE:
                return
            after = rows[-1][0].id

    async def named(
        self,
        actor: Actor,
        place: Place,
        hrefs: Sequence[str],
        tell: CalendarData | AddressData | None,
        with_timezones: bool = True,
    ) -> dict[str, Told]:
        """Those of the objects named that there are, by name; raises `Denied`, `NotFound`."""
        access, rows = await self._database.read(self._named, actor, place, list(hrefs))
        if tell is None:
            return {item.href: Told(item, None) for item, _ in rows}
        if tell in (CalendarData(), AddressData()) and with_timezones:
            return {item.href: Told(item, content) for item, content in rows}
        if isinstance(tell, AddressData):
            told = await asyncio.to_thread(_tell_cards, rows, tell)
        else:
            zone = _zone("", access)
            told = await asyncio.to_thread(_tell_objects, rows, tell, zone, with_timezones)
        return {one.item.href: one for one in told}

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

    def _named(self, tx: Tx, actor: Actor, place: Place, hrefs: list[str]) -> tuple[Access, Rows]:
        access = place.require(tx, self._keys, actor, Right.READ)
        return access, listing.read(tx, self._keys, access.collection, hrefs)


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
    inner = named[0].props or named[0].comps or named[0].time_range
    return _Bounds(kinds, window, not rest and not inner)


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


def _fitting(rows: Rows, query: CalendarQuery, bounds: _Bounds, zone: tzinfo) -> list[Told]:
    found = rows
    if not bounds.exact:
        found = [row for row in rows if _fits(row[1], query.filter, zone)]
    if query.tell is None:
        return [Told(item, None) for item, _ in found]
    return _tell_objects(found, query.tell, zone, query.with_timezones)


def _fits(content: bytes, wanted: CompFilter, zone: tzinfo) -> bool:
    try:
        calendar = parse_calendar(content)
        return calendar_matches(wanted, calendar, Zones(calendar, zone), Budget())
    except TooMuchWork:
        return True
    except GrammarError:  # stored by an older version that took it
        return False


def _tell_objects(rows: Rows, tell: CalendarData, zone: tzinfo, with_timezones: bool) -> list[Told]:
    if tell == CalendarData() and with_timezones:
        return [Told(item, content) for item, content in rows]
    return [Told(item, _told(content, tell, zone, with_timezones)) for item, content in rows]


def _told(content: bytes, tell: CalendarData, zone: tzinfo, with_timezones: bool) -> bytes:
    try:
        return calendar_told(content, tell, zone, Budget(), timezones=with_timezones)
    except GrammarError:
        return content


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

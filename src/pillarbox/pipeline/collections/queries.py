"""Asking for objects: calendar and address-book queries, and when somebody is busy.

The database finds what may fit by time and component; what is left is opened page by page and
looked at outside of the transaction, in a thread.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections.model import Item
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


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


class Queries:
    """Queries of whoever acts; one for a process. Rights are looked at with each page."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    def calendar(
        self, actor: Actor, place: Place, query: CalendarQuery
    ) -> AsyncIterator[list[Told]]:
        """The objects of a calendar that fit, page by page.

        Raises `Denied`, `NotFound`, `TooLarge` where recurrences take too much work.
        """
        raise NotImplementedError

    def cards(
        self, actor: Actor, place: Place, wanted: CardFilter, tell: AddressData | None
    ) -> AsyncIterator[list[Told]]:
        """The cards of an address book that fit, page by page; raises `Denied`, `NotFound`."""
        raise NotImplementedError

    async def named(
        self,
        actor: Actor,
        place: Place,
        hrefs: list[str],
        tell: CalendarData | AddressData | None,
        with_timezones: bool = True,
    ) -> dict[str, Told]:
        """Those of the objects named that there are, by name."""
        raise NotImplementedError

    async def busy(self, actor: Actor, place: Place, window: TimeRange) -> bytes:
        """When the owner of a calendar is busy: a VCALENDAR with one VFREEBUSY (RFC 4791 §7.10)."""
        raise NotImplementedError

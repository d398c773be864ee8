"""Exporting calendars and address books as one file each, page by page."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, tzinfo

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes, listing
from pillarbox.domain.collections.model import (
    Access,
    CollectionKind,
    Item,
    Properties,
    Right,
)
from pillarbox.formats.content_line import ContentLine, encode_text
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.matching import matches
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork
from pillarbox.formats.ical.split import Joining
from pillarbox.formats.ical.zones import Zones, zone_of
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

Rows = Sequence[tuple[Item, bytes]]

_FOLD = re.compile(rb"\r?\n[ \t]")
_CLASS = re.compile(
    rb"^CLASS(?:;[^\r\n]*)?:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)


class Exporter:
    """Exports for whoever acts; one for a process."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def collections(self, actor: Actor, owner: AccountId) -> list[Access]:
        """What an account has that can be exported and the actor may read, without mounts."""
        return await self._database.read(self._collections, actor, owner)

    async def run(
        self,
        actor: Actor,
        place: Place,
        window: TimeRange | None = None,
        *,
        only_public: bool = False,
    ) -> AsyncIterator[bytes]:
        """A calendar as one VCALENDAR, an address book as its cards, in parts.

        With `only_public` what its CLASS keeps from others is left out (RFC 5545 §3.8.1.3).

        With a `window` only calendar objects with an occurrence in it; those that take too much
        work to expand are among them. Raises `Denied` and `NotFound`.
        """
        joining = Joining()
        is_calendar = place.kind is CollectionKind.CALENDAR
        after = 0
        while True:
            access, page = await self._database.read(self._page, actor, place, window, after)
            rows = [row for row in page if is_public(row[1])] if only_public else page
            if is_calendar and after == 0:
                yield joining.begin(calendar_lines(access.properties, access.name))
            if is_calendar:
                zone = _zone(access.properties)
                yield await asyncio.to_thread(_joined, joining, rows, window, zone)
            else:
                yield b"".join(_ended(content) for _, content in rows)
            if not listing.more_follow(page):
                break
            after = page[-1][0].id
        if is_calendar:
            yield joining.end()

    # What runs in transactions.

    def _collections(self, tx: Tx, actor: Actor, owner: AccountId) -> list[Access]:
        kinds = (CollectionKind.CALENDAR, CollectionKind.ADDRESS_BOOK)
        found = homes.list_of(tx, self._keys, actor, owner, kinds)
        return [one for one in found if one.mount is None and Right.READ in one.rights]

    def _page(
        self, tx: Tx, actor: Actor, place: Place, window: TimeRange | None, after: int
    ) -> tuple[Access, Rows]:
        access = place.require(tx, self._keys, actor, Right.READ)
        collection = access.collection
        if window is None:
            return access, listing.contents(tx, self._keys, collection, after)
        return access, listing.within(
            tx, self._keys, collection, window.start_ms, window.end_ms, after=after
        )


def calendar_lines(properties: Properties, name: str) -> list[ContentLine]:
    """What a calendar file says of the calendar (RFC 7986 §5, and what came before it)."""
    title = encode_text(properties.display_name or name)
    lines = [ContentLine("X-WR-CALNAME", title), ContentLine("NAME", title)]
    if properties.description:
        text = encode_text(properties.description)
        lines += [ContentLine("X-WR-CALDESC", text), ContentLine("DESCRIPTION", text)]
    if properties.timezone_id:
        lines.append(ContentLine("X-WR-TIMEZONE", encode_text(properties.timezone_id)))
    if properties.color:
        lines.append(ContentLine("X-APPLE-CALENDAR-COLOR", encode_text(properties.color)))
    return lines


def _zone(properties: Properties) -> tzinfo:
    """The zone of times that have none."""
    return zone_of(properties.timezone_id) or zone_of(properties.timezone) or UTC


def _joined(joining: Joining, rows: Rows, window: TimeRange | None, zone: tzinfo) -> bytes:
    return b"".join(
        joining.add(content)
        for item, content in rows
        if window is None or _is_within(item, content, window, zone)
    )


def _is_within(item: Item, content: bytes, window: TimeRange, zone: tzinfo) -> bool:
    asked = CompFilter(item.facts.component.name or "", time_range=window)
    try:
        calendar = parse_calendar(content)
        whole = CompFilter("VCALENDAR", comps=(asked,))
        return matches(whole, calendar, Zones(calendar, zone), Budget())
    except TooMuchWork:
        return True
    except GrammarError:
        return False


def _ended(content: bytes) -> bytes:
    return content if content.endswith(b"\n") else content + b"\r\n"


def is_public(content: bytes) -> bool:
    """Whether an object may be shown to everybody; classes that are not known are private."""
    classes = _CLASS.findall(_FOLD.sub(b"", content))
    return all(one.upper() == b"PUBLIC" for one in classes)

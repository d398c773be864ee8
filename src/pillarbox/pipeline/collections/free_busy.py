"""When users are busy: what a calendar's readers may ask, and users of one domain of each other.

RFC 4791 §7.10 and RFC 6638 §5. Of what somebody does nothing is told but when.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, tzinfo

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError, Invalid, TooLarge
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes, listing
from pillarbox.domain.collections.model import (
    Collection,
    CollectionKind,
    ItemInvalid,
    Right,
)
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.domain.sharing import principals
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.free_busy import (
    Busy,
    FreeBusyRequest,
    busy_periods,
    free_busy_answer,
    free_busy_reply,
    merged,
    parse_free_busy_request,
)
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.zones import zone_of
from pillarbox.formats.itip.address import bare_address
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

WINDOW_MS_MAX = 400 * 86_400_000
OBJECTS_MAX = 20_000
"""Of one user, within the window; more is refused."""
CONTENT_BYTES_MAX = 64 << 20
"""Of those, before their recurrences are looked at; for one user as well."""
RECIPIENTS_MAX = 100
STEPS = 500_000
"""Of work on recurrences, for all recipients of a request together."""
REQUEST_BYTES_MAX = 256 * 1024
_SUCCESS = "2.0;Success"
_NO_USER = "3.7;Invalid calendar user"
_NO_AUTHORITY = "3.8;No authority"
_NO_ANSWER = "5.1;Could not be found out"


@dataclass(frozen=True, slots=True)
class Recipient:
    """What an outbox says of one recipient (RFC 6638 §10.5); `calendar` is their VFREEBUSY.

    `address` is as the client wrote it, `status` a REQUEST-STATUS such as `2.0;Success`.
    """

    address: str
    status: str
    calendar: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Diary:
    """What is in somebody's calendars: contents by the zone of their floating times."""

    contents: list[tuple[tzinfo, list[bytes]]]
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """Tells when users are busy; one for a process."""

    database: Database
    keys: KeyRing
    clock: Clock

    async def of_calendar(self, actor: Actor, place: Place, window: TimeRange) -> bytes:
        """When the owner of one calendar is busy: a VCALENDAR with one VFREEBUSY.

        Raises `Denied`, `NotFound`, `Invalid` for a window without bounds or too wide.
        """
        _require_window(window)
        diary = await self.database.read(self._calendar, actor, place, window)
        busy = await asyncio.to_thread(_busy, diary, window, "", Budget(STEPS))
        return free_busy_answer(window, busy, self.clock.now_ms()).written()

    async def free_busy(self, actor: Actor, request: bytes) -> list[Recipient]:
        """What a VFREEBUSY request finds, one answer for each attendee.

        Raises `ItemInvalid` with `valid-scheduling-message` or `valid-calendar-data`, and
        `SchedulingDenied` with `organizer-allowed`.
        """
        wanted = _request(request)
        own = await self.database.read(self._addresses, actor.account_id)
        if bare_address(wanted.organizer.value) not in own:
            text = "The organizer of a request for free times is who asks"
            raise SchedulingDenied(text, "organizer-allowed")
        budget = Budget(STEPS)
        return [await self._recipient(actor, wanted, line, budget) for line in wanted.attendees]

    async def _recipient(
        self, actor: Actor, wanted: FreeBusyRequest, attendee: ContentLine, budget: Budget
    ) -> Recipient:
        address = bare_address(attendee.value)
        try:
            found = await self.database.read(self._whole, actor, address, wanted.window)
            if not isinstance(found, _Diary):
                return Recipient(attendee.value, found)
            busy = await asyncio.to_thread(_busy, found, wanted.window, wanted.masked_uid, budget)
        except (GrammarError, TooLarge):
            return Recipient(attendee.value, _NO_ANSWER)
        reply = free_busy_reply(wanted, attendee, busy, self.clock.now_ms())
        return Recipient(attendee.value, _SUCCESS, reply.written())

    # What runs in transactions.

    def _addresses(self, tx: Tx, account: AccountId) -> tuple[str, ...]:
        found = principals.by_account(tx, account)
        return () if found is None else found.addresses

    def _calendar(self, tx: Tx, actor: Actor, place: Place, window: TimeRange) -> _Diary:
        access = place.require(tx, self.keys, actor, Right.FREE_BUSY)
        collection = access.collection
        addresses = self._addresses(tx, collection.account_id)
        return _Diary([self._contents(tx, collection, window)], _users(addresses))

    def _whole(self, tx: Tx, actor: Actor, address: str, window: TimeRange) -> _Diary | str:
        """All of somebody's calendars that count; a status where they are not to be told."""
        found = principals.behind(tx, address)
        if found is None or not found.enabled:
            return _NO_USER
        if found.domain_id != actor.domain_id and found.account_id != actor.account_id:
            return _NO_AUTHORITY
        contents = []
        left_bytes = CONTENT_BYTES_MAX
        for one in homes.of_owner(tx, self.keys, found.account_id):
            if one.kind is CollectionKind.CALENDAR and not one.properties.is_transparent:
                contents.append(self._contents(tx, one, window, left_bytes))
                left_bytes -= sum(map(len, contents[-1][1]))
        inbox = homes.inbox_of(tx, self.keys, found.account_id)
        if inbox is not None and inbox.properties.availability:
            contents.append((UTC, [inbox.properties.availability.encode()]))
        return _Diary(contents, _users(found.addresses))

    def _contents(
        self,
        tx: Tx,
        collection: Collection,
        window: TimeRange,
        most_bytes: int = CONTENT_BYTES_MAX,
    ) -> tuple[tzinfo, list[bytes]]:
        zone = zone_of(collection.properties.timezone_id) or zone_of(collection.properties.timezone)
        found: list[bytes] = []
        after = size_bytes = 0
        while True:
            page = listing.within(
                tx, self.keys, collection, window.start_ms, window.end_ms, after=after
            )
            found += [content for _, content in page]
            size_bytes += sum(len(content) for _, content in page)
            if len(found) > OBJECTS_MAX or size_bytes > most_bytes:
                raise TooLarge("There are too many events within that time")
            if not listing.more_follow(page):
                return zone or UTC, found
            after = page[-1][0].id


def _busy(diary: _Diary, window: TimeRange, masked_uid: str, budget: Budget) -> list[Busy]:
    """Raises `TooMuchWork` where recurrences take too much work."""
    found: list[Busy] = []
    for zone, contents in diary.contents:
        calendars = filter(None, map(_parsed, contents))
        found += busy_periods(calendars, window, zone, budget, diary.addresses, masked_uid)
    return merged(found)


def _parsed(content: bytes) -> Component | None:
    try:
        return parse_calendar(content)
    except GrammarError:  # stored by an older version that took it
        return None


def _request(content: bytes) -> FreeBusyRequest:
    if len(content) > REQUEST_BYTES_MAX:
        raise ItemInvalid("The request is too large", "valid-scheduling-message")
    try:
        calendar = parse_calendar(content)
    except GrammarError as error:
        text = f"The request can't be read: {error.text}"
        raise ItemInvalid(text, "valid-calendar-data") from error
    try:
        wanted = parse_free_busy_request(calendar)
        _require_window(wanted.window)
    except (GrammarError, Invalid) as error:
        text = f"This is no request for free times: {error}"
        raise ItemInvalid(text, "valid-scheduling-message") from error
    if len(wanted.attendees) > RECIPIENTS_MAX:
        text = f"A request asks about {RECIPIENTS_MAX} attendees at most"
        raise ItemInvalid(text, "valid-scheduling-message")
    return wanted


def _require_window(window: TimeRange) -> None:
    start_ms, end_ms = window.start_ms, window.end_ms
    if start_ms is None or end_ms is None or end_ms <= start_ms:
        raise Invalid("Busy times are told of a time that has a start and an end")
    if end_ms - start_ms > WINDOW_MS_MAX:
        raise Invalid(f"Busy times are told of {WINDOW_MS_MAX // 86_400_000} days at most")


def _users(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"mailto:{address.lower()}" for address in addresses)

"""Following calendars elsewhere on the web: fetched now and then, what changed is stored.

Only over HTTPS and from public addresses (`net/https`); so many redirects are followed, each of
which is looked at as the first address was.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import urljoin, urlsplit

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, GrammarError, Invalid, NotFound
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import feeds, items, listing
from pillarbox.domain.collections.collections import CALENDAR_COMPONENTS
from pillarbox.domain.collections.feeds import Feed, FeedState
from pillarbox.domain.collections.model import (
    Collection,
    CollectionKind,
    Item,
    ItemInvalid,
    Properties,
    Right,
)
from pillarbox.formats.ical.split import split_calendar
from pillarbox.net.https import HttpsClient, HttpsFailure, Response
from pillarbox.pipeline.collections.places import Place
from pillarbox.pipeline.collections.reading import Reader, Reading
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

FEED_BYTES_MAX = 10 << 20
OBJECTS_MAX = 10_000
TIMEOUT_S = 60.0
REDIRECTS_MAX = 5
FEEDS_EVERY_S = 300
AT_ONCE = 20
"""So many feeds are fetched in one run of the job."""
_BATCH = 50
_REDIRECTS = (301, 302, 303, 307, 308)

_log = logger("feeds")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching a feed: objects that were put and removed, and why not all were."""

    put: int = 0
    removed: int = 0
    refused: int = 0
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class _Difference:
    put: list[tuple[str, Reading]]
    gone: list[str]
    refused: int


class Feeds:
    """Subscribes to feeds and fetches them; one for a process."""

    def __init__(self, database: Database, keys: KeyRing, https: HttpsClient, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._https = https
        self._clock = clock
        self._reader = Reader()

    async def subscribe(
        self,
        actor: Actor,
        name: str,
        url: str,
        properties: Properties | None = None,
        every_s: int = feeds.USUAL_EVERY_S,
    ) -> Collection:
        """Make a calendar that follows the one at `url` (https: or webcal:).

        Raises `Invalid` for another kind of address, and as `collections.create`.
        """
        address = web_address(url)
        return await self._database.write(
            feeds.subscribe, self._keys, actor, name, address, properties or Properties(), every_s
        )

    async def refresh(self, actor: Actor, name: str) -> Fetched:
        """Fetch one of the actor's own feeds now; raises `NotFound`, `Invalid` with the problem."""
        feed = await self._database.read(self._own, actor, name)
        return await self._fetch(feed)

    async def run_due(self) -> None:
        """Fetch what is due; a periodic job."""
        for feed in await self._database.read(feeds.due, self._keys, AT_ONCE):
            try:
                await self._fetch(feed)
            except Failure as failure:
                account = feed.account_id
                _log.info("a feed was not fetched", account=account, why=failure.public)

    async def _fetch(self, feed: Feed) -> Fetched:
        try:
            answer = await self._answer(feed.state)
            if answer.status == 304:
                await self._settle(feed, feed.state)
                return Fetched(unchanged=True)
            if answer.status != 200:
                raise HttpsFailure(f"the server answered with status {answer.status}")
            difference = await self._compare(feed, answer.body)
            await self._store(feed, difference)
        except (HttpsFailure, GrammarError, Failure) as error:
            why = getattr(error, "public", "") or str(error)
            await self._database.write(feeds.failed, self._keys, feed, why)
            raise Invalid(f"The calendar can't be fetched: {why}") from error
        validators = FeedState(
            feed.state.url, answer.header("etag")[:500], answer.header("last-modified")[:100]
        )
        await self._settle(feed, validators)
        return Fetched(len(difference.put), len(difference.gone), difference.refused)

    async def _settle(self, feed: Feed, state: FeedState) -> None:
        state = FeedState(
            state.url, state.etag, state.last_modified, fetched_ms=self._clock.now_ms()
        )
        await self._database.write(feeds.fetched, self._keys, feed, state)

    async def _answer(self, state: FeedState) -> Response:
        """The answer, redirects followed; raises `HttpsFailure`."""
        headers = [("Accept", "text/calendar")]
        if state.etag:
            headers.append(("If-None-Match", state.etag))
        if state.last_modified:
            headers.append(("If-Modified-Since", state.last_modified))
        url = state.url
        for _ in range(REDIRECTS_MAX + 1):
            answer = await self._https.get(
                url, max_bytes=FEED_BYTES_MAX, timeout_s=TIMEOUT_S, headers=headers
            )
            target = answer.header("location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            try:
                url = web_address(urljoin(url, target))
            except (Invalid, ValueError) as error:
                raise HttpsFailure("it leads to an address that is not https:") from error
        raise HttpsFailure("it leads from one address to the next without end")

    async def _compare(self, feed: Feed, body: bytes) -> _Difference:
        """What has to be put and removed so that the calendar is as the feed says."""
        objects = await asyncio.to_thread(_split, body)
        have: dict[str, bytes] = {}
        after = 0
        while True:
            page = await self._database.read(self._page, feed, after)
            have.update(await asyncio.to_thread(_digests, page))
            if not listing.more_follow(page):
                break
            after = page[-1][0].id
        put, refused, seen = [], 0, set()
        for uid, content, digest in objects:
            href = href_of(uid)
            seen.add(href)
            if have.get(href) == digest:
                continue
            try:
                reading = await self._reader.read(CollectionKind.CALENDAR, content)
            except (ItemInvalid, Failure):
                refused += 1
                continue
            if reading.prepared.facts.component in CALENDAR_COMPONENTS:
                put.append((href, reading))
            else:
                refused += 1
        return _Difference(put, [href for href in have if href not in seen], refused)

    async def _store(self, feed: Feed, difference: _Difference) -> None:
        steps = [(href, reading) for href, reading in difference.put]
        for start in range(0, len(steps), _BATCH):
            await self._database.write(self._put, feed, steps[start : start + _BATCH])
        for start in range(0, len(difference.gone), _BATCH):
            await self._database.write(self._remove, feed, difference.gone[start : start + _BATCH])

    # What runs in transactions.

    def _own(self, tx: Tx, actor: Actor, name: str) -> Feed:
        place = Place(actor.account_id, CollectionKind.CALENDAR, name)
        access = place.require(tx, self._keys, actor, Right.PROPERTIES)
        feed = feeds.get(tx, self._keys, access.collection.id)
        if feed is None:
            raise NotFound("This calendar follows no other")
        return feed

    def _page(self, tx: Tx, feed: Feed, after: int) -> list[tuple[Item, bytes]]:
        access = feeds.access_of(tx, self._keys, feed)
        if access is None:
            return []
        return listing.contents(tx, self._keys, access.collection, after)

    def _put(self, tx: Tx, feed: Feed, objects: list[tuple[str, Reading]]) -> None:
        access = feeds.access_of(tx, self._keys, feed)
        if access is None:
            return  # it was removed meanwhile
        for href, reading in objects:
            items.put(tx, self._keys, access, href, reading.prepared, by_server=True)

    def _remove(self, tx: Tx, feed: Feed, hrefs: list[str]) -> None:
        access = feeds.access_of(tx, self._keys, feed)
        if access is None:
            return
        for href in hrefs:
            items.delete(tx, self._keys, access, href, by_server=True)


def web_address(url: str) -> str:
    """An address to be fetched by, webcal: as https:; `Invalid` for any other kind."""
    url = url.strip()
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() in ("webcal", "webcals"):
        url = "https:" + rest
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid("This is no web address") from error
    if parts.scheme != "https" or not parts.hostname:
        raise Invalid("The address of a calendar begins with https:// or webcal://")
    return url


def href_of(uid: str) -> str:
    """The name under which a feed's object is kept."""
    return blake2b(uid.encode(), digest_size=16).hexdigest() + ".ics"


def _split(body: bytes) -> list[tuple[str, bytes, bytes]]:
    """UID, object, and its digest."""
    objects = split_calendar(body)
    if len(objects) > OBJECTS_MAX:
        raise Invalid(f"it has more than {OBJECTS_MAX} events")
    return [(uid, content, _lasting(content)) for uid, content in objects]


def _digests(page: Sequence[tuple[Item, bytes]]) -> list[tuple[str, bytes]]:
    return [(item.href, _lasting(content)) for item, content in page]


def _lasting(content: bytes) -> bytes:
    """A digest of what counts: many servers write the time of the request into each event."""
    lines = [line for line in content.splitlines() if not line.startswith(b"DTSTAMP")]
    return blake2b(b"\n".join(lines), digest_size=16).digest()

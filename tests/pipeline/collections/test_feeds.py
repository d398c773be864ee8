"""Calendars that follow others: fetched over HTTPS, and only what changed is stored."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from kit.calendars import ics
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.web import Page, Web
from pillarbox.base.errors import Denied, Invalid, NotFound
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.collection_rows.forget import forget_collection
from pillarbox.domain.collections import feeds, homes, listing
from pillarbox.domain.collections.feeds import Feed
from pillarbox.domain.collections.model import Access, CollectionKind, Properties, Right
from pillarbox.domain.owners.tables import accounts
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.https import HttpsClient, HttpsOptions
from pillarbox.pipeline.collections.feeds import Feeds, Fetched, web_address
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(range(32))})
HOST = "calendar.test"


def event(uid: str, *lines: str) -> tuple[str, ...]:
    return ("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT")


HOLIDAYS = (
    event("one", "DTSTART;VALUE=DATE:20260101", "SUMMARY:New Year"),
    event("two", "DTSTART;VALUE=DATE:20261225", "SUMMARY:Christmas"),
)


def page(*events: tuple[str, ...]) -> Page:
    return Page(ics(*(line for event in events for line in event)), headers=('ETag: "v1"',))


@dataclass
class Follower:
    """A user who follows a calendar of a server under test."""

    database: Database
    actor: Actor
    web: Web
    clock: FakeClock
    feeds: Feeds

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.web.port}/holidays.ics"

    async def follow(self, url: str = "") -> None:
        await self.feeds.subscribe(
            self.actor, "holidays", url or self.url, Properties(display_name="Holidays")
        )

    async def refresh(self) -> Fetched:
        return await self.feeds.refresh(self.actor, "holidays")

    async def access(self) -> Access:
        def find(tx: Tx) -> Access:
            kind = CollectionKind.CALENDAR
            return homes.require(
                tx, KEYS, self.actor, self.actor.account_id, kind, "holidays", Right.READ
            )

        return await self.database.read(find)

    async def feed(self) -> Feed:
        found = await self.access()
        feed = await self.database.read(feeds.get, KEYS, found.collection.id)
        assert feed is not None
        return feed

    async def words(self) -> set[str]:
        """The summaries of what is stored."""
        found = await self.access()
        rows = await self.database.read(listing.contents, KEYS, found.collection)
        lines = b"\r\n".join(content for _, content in rows).splitlines()
        return {
            line.removeprefix(b"SUMMARY:").decode()
            for line in lines
            if line.startswith(b"SUMMARY:")
        }


@pytest.fixture
async def follower(database: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Follower]:
    def make(tx: Tx) -> Actor:
        domains.create(tx, "example.org")
        user = users.create(tx, "ann@example.org", "hash", "", Role.USER, 0)
        homes.ensure(tx, user.account_id)
        return Actor(user.account_id, user.address, user.domain_id, Role.USER)

    actor = await database.write(make)
    zone = Zone()
    zone.addresses[HOST] = ("127.0.0.1",)
    async with Web() as web:
        web.vouch(HOST)
        web.pages[HOST] = page(*HOLIDAYS)
        https = web.client(zone, clock, tmp_path)
        yield Follower(database, actor, web, clock, Feeds(database, KEYS, https, clock))


async def test_what_a_feed_says_is_stored(follower: Follower) -> None:
    await follower.follow()

    assert await follower.refresh() == Fetched(put=2)
    assert await follower.words() == {"New Year", "Christmas"}


async def test_what_has_not_changed_is_not_stored_anew(follower: Follower) -> None:
    """Many servers write the time of the request into each event: that is no change."""
    await follower.follow()
    await follower.refresh()
    before = (await follower.access()).collection.modseq
    again = [(*event[:-1], "DTSTAMP:20261122T010101Z", event[-1]) for event in HOLIDAYS]
    follower.web.pages[HOST] = page(*again)

    assert await follower.refresh() == Fetched()
    assert (await follower.access()).collection.modseq == before


async def test_what_changed_and_went_follows(follower: Follower) -> None:
    await follower.follow()
    await follower.refresh()
    changed = event("one", "DTSTART;VALUE=DATE:20260101", "SUMMARY:Hangover")
    follower.web.pages[HOST] = page(changed)

    assert await follower.refresh() == Fetched(put=1, removed=1)
    assert await follower.words() == {"Hangover"}


async def test_an_unchanged_answer_costs_nothing(follower: Follower) -> None:
    await follower.follow()
    await follower.refresh()
    assert (await follower.feed()).state.etag == '"v1"'
    follower.web.pages[HOST] = Page(status=304)

    assert await follower.refresh() == Fetched(unchanged=True)
    assert await follower.words() == {"New Year", "Christmas"}
    assert (await follower.feed()).state.etag == '"v1"'


async def test_what_can_not_be_stored_is_left_out(follower: Follower) -> None:
    broken = event("three", "DTSTART:never", "SUMMARY:Broken")
    follower.web.pages[HOST] = page(*HOLIDAYS, broken)
    await follower.follow()

    assert await follower.refresh() == Fetched(put=2, refused=1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Page(status=404), "status 404"),
        (Page(b"<html>"), "fetched"),
        (Page(status=301, headers=("Location: http://calendar.test/",)), "https"),
        (Page(status=302, headers=("Location: /again",)), "without end"),
    ],
)
async def test_what_can_not_be_fetched_stays_as_it_was_and_waits_longer(
    follower: Follower, answer: Page, why: str
) -> None:
    await follower.follow()
    await follower.refresh()
    follower.web.pages[HOST] = answer
    waits = []

    for _ in range(2):
        with pytest.raises(Invalid, match=why):
            await follower.refresh()
        feed = await follower.feed()
        assert feed.state.problem
        waits.append(feed.due_ms - follower.clock.now_ms())

    assert waits[1] > waits[0] > feed.every_s * 1000
    assert await follower.words() == {"New Year", "Christmas"}
    follower.web.pages[HOST] = page(*HOLIDAYS)
    await follower.refresh()
    feed = await follower.feed()
    assert (feed.failures, feed.state.problem) == (0, "")


async def test_due_feeds_are_fetched_and_only_those(follower: Follower) -> None:
    await follower.follow()

    await follower.feeds.run_due()
    await follower.feeds.run_due()

    assert len(follower.web.asked) == 1
    assert await follower.words() == {"New Year", "Christmas"}


async def test_nobody_else_writes_to_it(follower: Follower) -> None:
    await follower.follow()

    assert Right.WRITE not in (await follower.access()).rights


async def test_an_address_inside_is_not_fetched(follower: Follower, tmp_path: Path) -> None:
    zone = Zone()
    zone.addresses[HOST] = ("127.0.0.1",)
    https = HttpsClient(FakeDns(zone, follower.clock), ClientContexts(), HttpsOptions())
    follower.feeds = Feeds(follower.database, KEYS, https, follower.clock)
    await follower.follow()

    with pytest.raises(Invalid, match="no public address"):
        await follower.refresh()
    assert follower.web.asked == []


async def test_a_feed_goes_with_its_calendar(follower: Follower) -> None:
    await follower.follow()
    found = await follower.access()
    await follower.database.write(forget_collection, found.collection.id)

    assert await follower.database.read(feeds.list_of, KEYS, follower.actor.account_id) == []
    with pytest.raises((NotFound, Denied)):
        await follower.refresh()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("webcal://calendar.test/a.ics", "https://calendar.test/a.ics"),
        (" HTTPS://calendar.test/a.ics", "HTTPS://calendar.test/a.ics"),
    ],
)
def test_addresses_that_can_be_followed(url: str, address: str) -> None:
    assert web_address(url) == address


@pytest.mark.parametrize(
    "url", ["http://calendar.test/", "file:///etc/passwd", "calendar.test", "https://", "https://["]
)
def test_addresses_that_can_not(url: str) -> None:
    with pytest.raises(Invalid):
        web_address(url)


async def test_what_has_no_room_waits_its_turn(follower: Follower) -> None:
    await follower.follow()
    tell = Statement(update(accounts).values(quota_bytes=1))
    await follower.database.write(Tx.run, tell)
    with pytest.raises(Invalid, match="can't be fetched"):
        await follower.refresh()
    feed = await follower.feed()
    assert feed.failures == 1
    assert feed.due_ms > follower.clock.now_ms()
    assert "quota" in feed.state.problem.lower() or "full" in feed.state.problem.lower()


async def test_what_no_calendar_takes_is_left_out(follower: Follower) -> None:
    await follower.follow()
    busy = (
        "BEGIN:VFREEBUSY", "UID:three", "DTSTAMP:20260101T000000Z", "DTSTART:20260101T000000Z",
        "DTEND:20260102T000000Z", "END:VFREEBUSY",
    )  # fmt: skip
    follower.web.pages[HOST] = page(*HOLIDAYS, busy)
    assert await follower.refresh() == Fetched(put=2, refused=1)

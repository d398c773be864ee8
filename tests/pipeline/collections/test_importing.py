"""Files are imported as far as they can be, and what was imported is exported again."""

from dataclasses import dataclass

import pytest

from kit.calendars import component, ics, window
from pillarbox.base.errors import Denied, NotFound, OverQuota
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.collections import collections, homes, listing
from pillarbox.domain.collections.model import (
    CollectionKind,
    ComponentKind,
    Item,
    ItemInvalid,
    Properties,
)
from pillarbox.formats.ical.split import split_calendar
from pillarbox.formats.vcard.card import parse_cards
from pillarbox.pipeline.collections.exporting import Exporter
from pillarbox.pipeline.collections.importing import (
    Existing,
    Importer,
    Wanted,
    href_of,
    properties_of,
)
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(range(32))})
CALENDAR, BOOK = CollectionKind.CALENDAR, CollectionKind.ADDRESS_BOOK


@dataclass
class Home:
    """Somebody's calendars, and what is done with them."""

    database: Database
    actor: Actor

    def place(self, kind: CollectionKind = CALENDAR, name: str = "personal") -> Place:
        return Place(self.actor.account_id, kind, name)

    @property
    def importer(self) -> Importer:
        return Importer(self.database, KEYS)

    async def items(self, place: Place) -> list[tuple[Item, bytes]]:
        def read(tx: Tx) -> list[tuple[Item, bytes]]:
            found = homes.find(tx, KEYS, self.actor, place.owner, place.kind, place.name)
            assert found is not None
            return listing.contents(tx, KEYS, found.collection, most=10_000)

        return await self.database.read(read)

    async def exported(self, place: Place, first: str = "", last: str = "") -> bytes:
        during = window(first, last) if first else None
        parts = Exporter(self.database, KEYS).run(self.actor, place, during)
        return b"".join([part async for part in parts])


async def open_home(database: Database, address: str, quota_bytes: int = 0) -> Home:
    def make(tx: Tx) -> Actor:
        domain = address.rpartition("@")[2]
        if domains.get(tx, domain) is None:
            domains.create(tx, domain)
        user = users.create(tx, address, "hash", "", Role.USER, quota_bytes)
        homes.ensure(tx, user.account_id)
        return Actor(user.account_id, address, user.domain_id, Role.USER)

    return Home(database, await database.write(make))


@pytest.fixture
async def home(database: Database) -> Home:
    return await open_home(database, "ann@example.test")


def event(uid: str, *more: str, day: int = 5) -> tuple[str, ...]:
    lines = component(
        "VEVENT", f"DTSTART:202601{day:02}T100000Z", "DTSTAMP:20260101T000000Z", *more
    )
    return tuple(line.replace("UID:one", f"UID:{uid}") for line in lines)


async def test_whole_file_and_back(home: Home) -> None:
    whole = ics(*event("a", "RRULE:FREQ=DAILY;COUNT=3"), *event("b/c"), *event("d"))
    report = await home.importer.run(home.actor, home.place(), whole)
    assert (report.added, report.refused, report.refusals) == (3, 0, [])
    hrefs = [item.href for item, _ in await home.items(home.place())]
    assert hrefs == ["a.ics", href_of("b/c", CALENDAR), "d.ics"]
    out = await home.exported(home.place())
    assert [uid for uid, _ in split_calendar(out)] == ["a", "b/c", "d"]
    again = await home.importer.run(home.actor, home.place(), out, Existing.REPLACE)
    assert again.added == 0
    assert again.replaced + again.unchanged == 3


async def test_the_rest_is_stored_where_some_are_refused(home: Home) -> None:
    lines: list[str] = []
    for number in range(120):
        bad = ("RRULE:FREQ=NEVER",) if number % 40 == 7 else ()
        lines += event(f"e{number}", f"SUMMARY:Number {number}", *bad)
    report = await home.importer.run(home.actor, home.place(), ics(*lines))
    assert (report.added, report.refused) == (117, 3)
    assert [(one.number, one.uid, one.title) for one in report.refusals] == [
        (number + 1, f"e{number}", f"Number {number}") for number in (7, 47, 87)
    ]
    assert all(one.why for one in report.refusals)
    assert len(await home.items(home.place())) == 117


async def test_what_the_collection_does_not_take(home: Home) -> None:
    task = component("VTODO", "DTSTAMP:20260101T000000Z", "SUMMARY:x")
    report = await home.importer.run(home.actor, home.place(), ics(*task))
    assert report.refusals[0].why == "The collection takes no VTODO"
    report = await home.importer.run(home.actor, home.place(name="tasks"), ics(*task))
    assert report.added == 1


async def test_uids_that_are_there(home: Home) -> None:
    place, first = home.place(), ics(*event("a", "SUMMARY:old"))
    second = ics(*event("a", "SUMMARY:new"), *event("b"))
    await home.importer.run(home.actor, place, first)

    report = await home.importer.run(home.actor, place, second)
    assert (report.skipped, report.added) == (1, 1)
    contents = [content for _, content in await home.items(place)]
    assert b"SUMMARY:old" in contents[0]

    report = await home.importer.run(home.actor, place, second, Existing.REPLACE)
    assert (report.replaced, report.unchanged, report.added) == (1, 1, 0)
    contents = [content for _, content in await home.items(place)]
    assert b"SUMMARY:new" in contents[0]

    report = await home.importer.run(home.actor, place, second, Existing.KEEP_BOTH)
    assert report.added == 2
    found = await home.items(place)
    assert len({item.facts.uid for item, _ in found}) == 4
    assert all(item.facts.uid.encode() in content for item, content in found)


async def test_a_uid_that_comes_twice(home: Home) -> None:
    twice = ics(*event("a", "SUMMARY:one")) + ics(*event("a", "SUMMARY:two"))
    for existing, added in ((Existing.SKIP, 1), (Existing.REPLACE, 1), (Existing.KEEP_BOTH, 2)):
        told = await home.importer.run(home.actor, home.place(), twice, existing, dry_run=True)
        assert (told.added, told.skipped + told.replaced) == (added, 2 - added)
    report = await home.importer.run(home.actor, home.place(), twice, Existing.KEEP_BOTH)
    assert report.added == 2
    assert len(await home.items(home.place())) == 2


async def test_dry_run_stores_nothing(home: Home) -> None:
    whole = ics(*event("a"), *event("b", "DURATION:x"))
    report = await home.importer.run(home.actor, home.place(), whole, dry_run=True)
    assert (report.dry_run, report.added, report.refused) == (True, 1, 1)
    assert await home.items(home.place()) == []


async def test_part_of_a_file(home: Home) -> None:
    whole = ics(*event("a"), *event("b", "RRULE:FREQ=WEEKLY", day=1), *event("c", day=20))
    wanted = Wanted(window=window("20260114", "20260116"))
    report = await home.importer.run(home.actor, home.place(), whole, wanted=wanted)
    assert (report.added, report.passed_over) == (1, 2)
    wanted = Wanted(uids=frozenset(["c"]), components=ComponentKind.VEVENT)
    report = await home.importer.run(home.actor, home.place(), whole, wanted=wanted)
    assert (report.added, report.passed_over) == (1, 2)
    out = await home.exported(home.place(), "20260114", "20260116")
    assert [uid for uid, _ in split_calendar(out)] == ["b"]


async def test_meetings_are_stored_and_nobody_is_told(home: Home) -> None:
    meeting = event(
        "m", "ORGANIZER:mailto:ann@example.test", "ATTENDEE:mailto:bob@example.test", "SUMMARY:x"
    )
    report = await home.importer.run(home.actor, home.place(), ics(*meeting))
    assert report.added == 1
    ((item, _),) = await home.items(home.place())
    assert item.schedule_tag is None


async def test_files_that_are_none(home: Home) -> None:
    for kind, name, content in (
        (CALENDAR, "personal", b"BEGIN:VCARD\r\nEND:VCARD\r\n"),
        (CALENDAR, "personal", b"\x00\xff"),
        (BOOK, "contacts", ics(*event("a"))),
        (BOOK, "contacts", b""),
    ):
        with pytest.raises(ItemInvalid):
            await home.importer.run(home.actor, home.place(kind, name), content)


async def test_a_file_that_is_cut_off(home: Home) -> None:
    cut = ics(*event("a")) + b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"
    report = await home.importer.run(home.actor, home.place(), cut)
    assert (report.added, report.refused) == (1, 1)
    assert "can't be read" in report.refusals[-1].why


async def test_other_character_sets(home: Home) -> None:
    whole = ics(*event("a", "SUMMARY:Café")).decode()
    for number, form in enumerate(("cp1252", "utf-16", "utf-8-sig")):
        content = whole.replace("UID:a", f"UID:a{number}").encode(form)
        report = await home.importer.run(home.actor, home.place(), content)
        assert report.added == 1
    assert all("Café".encode() in content for _, content in await home.items(home.place()))


async def test_cards(home: Home) -> None:
    place = home.place(BOOK, "contacts")
    cards = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:"
        b"M=FCller;Eva\r\nEND:VCARD\r\n"
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:two\r\nFN:Two\r\nEND:VCARD"
        b"\r\nBEGIN:VCARD\r\nVERSION:9.0\r\nFN:Nine\r\nUID:nine\r\nEND:VCARD\r\n"
    )
    report = await home.importer.run(home.actor, place, cards)
    assert (report.added, report.refused) == (2, 1)
    assert (report.refusals[0].uid, report.refusals[0].title) == ("nine", "Nine")
    again = await home.importer.run(home.actor, place, cards, Existing.REPLACE)
    assert (again.unchanged, again.refused) == (2, 1)
    out = parse_cards(await home.exported(place))
    assert sorted(card.value("FN") or "" for card in out) == ["Eva Müller", "Two"]
    both = await home.importer.run(home.actor, place, cards, Existing.KEEP_BOTH)
    assert both.added == 2
    assert len(await home.items(place)) == 4


async def test_rights_and_room(database: Database, home: Home) -> None:
    bob = await open_home(database, "bob@example.test", quota_bytes=2000)
    whole = ics(*event("a"))
    with pytest.raises(Denied):
        await bob.importer.run(bob.actor, home.place(), whole)
    with pytest.raises(NotFound):
        await bob.importer.run(bob.actor, bob.place(name="none"), whole)
    large = ics(*event("a"), *event("b", "DESCRIPTION:" + "x" * 5000))
    with pytest.raises(OverQuota):
        await bob.importer.run(bob.actor, bob.place(), large)
    assert [item.facts.uid for item, _ in await bob.items(bob.place())] == ["a"]


async def test_properties_are_told_and_read(home: Home) -> None:
    def make(tx: Tx) -> None:
        told = Properties(
            display_name="Club, the",
            description="a;b",
            color="#1E90FF",
            timezone_id="Europe/Berlin",
        )
        owner = home.actor.account_id
        collections.create(tx, KEYS, home.actor, owner, CALENDAR, "club", told)

    await home.database.write(make)
    out = await home.exported(home.place(name="club"))
    found = properties_of(out)
    assert (found.display_name, found.description) == ("Club, the", "a;b")
    assert (found.color, found.timezone_id) == ("#1E90FF", "Europe/Berlin")
    assert properties_of(b"broken") == Properties()
    odd = ics("X-APPLE-CALENDAR-COLOR:red;}", "X-WR-TIMEZONE:Nowhere", *event("a"))
    assert properties_of(odd) == Properties()
    assert len(await Exporter(home.database, KEYS).collections(home.actor, home.actor.account_id))


@pytest.mark.parametrize("kind", [CALENDAR, BOOK])
async def test_what_is_exported_and_imported_is_exported_alike(
    database: Database, home: Home, kind: CollectionKind
) -> None:
    odd = 'X-ODD;X-P="a,b":Grüße\\, ' + "é" * 90
    name, whole = "personal", ics(*event("a", "RRULE:FREQ=DAILY;COUNT=3"), *event("b", odd))
    if kind is BOOK:
        name, whole = (
            "contacts",
            b"".join(
                f"BEGIN:VCARD\r\nVERSION:{version}\r\nUID:{version}\r\nFN:Grüße {'é' * 90}\r\n"
                f'N:x;;;;\r\nitem1.X-ODD;X-P="a,b":kept\r\nEND:VCARD\r\n'.encode()
                for version in ("3.0", "4.0")
            ),
        )
    await home.importer.run(home.actor, home.place(kind, name), whole)
    first = await home.exported(home.place(kind, name))
    other = await open_home(database, "other@example.test")
    report = await other.importer.run(other.actor, other.place(kind, name), first)
    assert (report.added, report.refused) == (2, 0)
    assert await other.exported(other.place(kind, name)) == first
    if kind is BOOK:
        assert first == whole

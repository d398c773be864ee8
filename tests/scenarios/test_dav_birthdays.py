"""The calendar of birthdays follows cards, whatever is done with them and by whom."""

from kit.app import AppUnderTest
from kit.dav import D, Dav, card, event, names_of
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections.model import CollectionKind
from pillarbox.domain.sharing import principals
from pillarbox.pipeline.collections.birthdays import Birthdays
from pillarbox.pipeline.collections.importing import Existing, Importer
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.tx import Tx

BOOK, OTHER = "~card/contacts/", "~card/friends/"
BIRTHDAYS = "~cal/birthdays/"


async def opened(server: AppUnderTest) -> tuple[Birthdays, Actor]:
    services = server.services

    def actor(tx: Tx) -> Actor:
        return principals.require(tx, "alice@example.test").actor

    found = await services.database.read(actor)
    return Birthdays(services.database, services.keys), found


async def days(alice: Dav) -> list[str]:
    """The first days of all events."""
    found = await alice.report(
        BIRTHDAYS,
        "C:calendar-query",
        '<prop><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>',
    )
    assert found.status == 207, found.heard.text
    texts = [
        row.text("{urn:ietf:params:xml:ns:caldav}calendar-data") for row in found.rows.values()
    ]
    return sorted(text.partition("DTSTART;VALUE=DATE:")[2][:8] for text in texts)


def born(uid: str, day: str) -> bytes:
    return card(uid, f"BDAY:{day}")


async def test_birthdays_follow_cards(server: AppUnderTest) -> None:
    birthdays, actor = await opened(server)
    async with await Dav.open(server) as alice:
        for number in range(45):
            content = born(f"old{number}", "1980-03-01") if number % 2 else card(f"old{number}")
            assert (await alice.put(f"{BOOK}old{number}.vcf", content)).status == 201
        assert (await alice.ask("MKCOL", OTHER, friends())).status == 201
        await alice.put(OTHER + "eve.vcf", born("eve", "1981-04-02"))
        await birthdays.turn_on(actor)
        assert await days(alice) == ["19800301"] * 22 + ["19810402"]
        token = (await alice.sync(BIRTHDAYS)).token
        await birthdays.turn_on(actor)
        assert (await alice.sync(BIRTHDAYS, token)).rows == {}
        for number in range(45):
            await alice.ask("DELETE", f"{BOOK}old{number}.vcf")
        assert await days(alice) == ["19810402"]

        # A card takes the place of another with its UID, then goes.
        await alice.put(BOOK + "eve.vcf", born("eve", "1982-05-03"))
        for method in ("COPY", "MOVE"):
            moved = await alice.ask(method, BOOK + "eve.vcf", Destination=OTHER + "eve.vcf")
            assert moved.status == 204
        assert await days(alice) == ["19820503"]
        await alice.ask("DELETE", OTHER + "eve.vcf")
        assert await days(alice) == []

        # Cards that are imported, and an address book that goes.
        place = Place(actor.account_id, CollectionKind.ADDRESS_BOOK, "friends")
        importer = Importer(server.services.database, server.services.keys)
        await importer.run(actor, place, born("a", "1983-06-04") + born("b", "1984-07-05"))
        await importer.run(actor, place, born("a", "1985-08-06"), Existing.REPLACE)
        assert await days(alice) == ["19840705", "19850806"]
        await alice.put(BOOK + "stays.vcf", born("stays", "1986-09-07"))
        assert (await alice.ask("DELETE", OTHER)).status == 204
        assert await days(alice) == ["19860907"]

        assert await birthdays.turn_off(actor)
        assert not await birthdays.turn_off(actor)
        home = await alice.propfind("~cal/", "resourcetype", depth="1")
        assert "birthdays" not in names_of(home.rows)


def friends() -> str:
    return (
        '<mkcol xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype>'
        "<collection/><A:addressbook/></resourcetype></prop></set></mkcol>"
    )


async def test_only_the_server_writes_it(server: AppUnderTest) -> None:
    birthdays, actor = await opened(server)
    await birthdays.turn_on(actor)
    async with await Dav.open(server) as alice:
        await alice.put(BOOK + "1.vcf", card("one", "BDAY:19800105"))
        row = (await alice.propfind(BIRTHDAYS, "current-user-privilege-set")).only
        names = {one.tag for one in row.props[200][D + "current-user-privilege-set"].iter()}
        assert D + "read" in names
        assert D + "write-content" not in names
        assert D + "bind" not in names
        (first,) = [
            name
            for name in names_of((await alice.propfind(BIRTHDAYS, "getetag", depth="1")).rows)
            if name.endswith(".ics")
        ]
        for method in ("PUT", "DELETE"):
            assert (await alice.ask(method, BIRTHDAYS + first, event("x"))).status == 403, method
        assert (await alice.put(BIRTHDAYS + "new.ics", event("x"))).status == 403
        assert (await alice.ask("GET", BIRTHDAYS + first)).status == 200

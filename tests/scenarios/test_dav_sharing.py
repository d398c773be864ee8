"""Collections of others: in their owner's home, in one's own once accepted, and those of groups."""

from kit.app import DOMAIN, AppUnderTest
from kit.dav import CS, ICAL, D, Dav, card, event, names_of
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import homes, shares
from pillarbox.domain.collections.model import (
    READ_RIGHTS,
    WRITE_RIGHTS,
    CollectionKind,
    Mount,
    Right,
)
from pillarbox.domain.sharing import groups
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

CALENDAR = "~cal/personal/"
ALICES = f"/dav/calendars/alice@{DOMAIN}/personal/"


def _actor(tx: Tx, name: str) -> Actor:
    user = users.require(tx, f"{name}@{DOMAIN}")
    return Actor(user.account_id, user.address, user.domain_id, user.role)


def _shared(tx: Tx, keys: KeyRing, rights: Right) -> Mount:
    """Alice's calendar, accepted by bob."""
    alice, bob = _actor(tx, "alice"), _actor(tx, "bob")
    for one in (alice, bob):
        homes.ensure(tx, one.account_id)
    kind = CollectionKind.CALENDAR
    access = homes.require(tx, keys, alice, alice.account_id, kind, "personal", Right.ADMIN)
    shares.share(tx, keys, alice, access, bob.address, rights)
    return shares.answer(tx, keys, bob, access.collection.id, True, "of-alice")


async def share(server: AppUnderTest, rights: Right) -> None:
    services = server.services
    await services.database.write(_shared, services.keys, rights)


def setting(inside: str) -> str:
    return f"<set><prop>{inside}</prop></set>"


async def test_an_accepted_calendar_is_in_ones_home(server: AppUnderTest) -> None:
    await share(server, WRITE_RIGHTS)
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.put(CALENDAR + "1.ics", event("one"))
        home = await bob.propfind("~cal/", "resourcetype", "owner", depth="1")
        assert "of-alice" in names_of(home.rows)
        row = home.rows[bob.path("~cal/of-alice/")]
        assert CS + "shared" in row.inner(D + "resourcetype")
        assert row.hrefs(D + "owner") == [f"/dav/principals/alice@{DOMAIN}/"]
        found = await bob.ask("GET", "~cal/of-alice/1.ics")
        assert found.heard.body == event("one")
        made = await bob.put("~cal/of-alice/2.ics", event("two"))
        assert (await alice.ask("GET", CALENDAR + "2.ics")).etag == made.etag
        listed = await bob.propfind("~cal/of-alice/", "getetag", depth="1")
        assert names_of(listed.rows) == ["1.ics", "2.ics", "of-alice"]
        synced = await bob.sync("~cal/of-alice/")
        await alice.ask("DELETE", CALENDAR + "1.ics")
        gone = await bob.sync("~cal/of-alice/", synced.token)
        assert gone.rows[bob.path("~cal/of-alice/1.ics")].status == 404


async def test_a_sharee_paints_it_for_themself(server: AppUnderTest) -> None:
    await share(server, READ_RIGHTS)
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        inside = "<displayname>Hers</displayname><I:calendar-color>#00FF00</I:calendar-color>"
        done = await bob.proppatch("~cal/of-alice/", setting(inside))
        assert done.only.names() == {D + "displayname", ICAL + "calendar-color"}
        found = (await bob.propfind("~cal/of-alice/", "displayname")).only
        assert found.text(D + "displayname") == "Hers"
        found = (await alice.propfind(CALENDAR, "displayname")).only
        assert found.text(D + "displayname") == "Calendar"
        assert (await bob.put("~cal/of-alice/x.ics", event("x"))).status == 403
        assert (await bob.proppatch(ALICES, setting(inside))).status == 403


async def test_a_sharee_leaves(server: AppUnderTest) -> None:
    await share(server, WRITE_RIGHTS)
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.put(CALENDAR + "1.ics", event("one"))
        assert (await bob.ask("MOVE", "~cal/of-alice/", Destination="~cal/hers/")).status == 201
        assert (await bob.ask("GET", "~cal/hers/1.ics")).status == 200
        assert (await bob.ask("DELETE", "~cal/hers/")).status == 204
        assert "hers" not in names_of((await bob.propfind("~cal/", "owner", depth="1")).rows)
        assert (await alice.ask("GET", CALENDAR + "1.ics")).status == 200


async def test_between_homes(server: AppUnderTest) -> None:
    await share(server, WRITE_RIGHTS)
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await bob.put(CALENDAR + "1.ics", event("one"))
        moved = await bob.ask("MOVE", CALENDAR + "1.ics", Destination=ALICES + "1.ics")
        assert moved.status == 201, moved.heard.text
        assert (await alice.ask("GET", CALENDAR + "1.ics")).heard.body == event("one")
        assert (await bob.ask("GET", CALENDAR + "1.ics")).status == 404
        copied = await bob.ask("COPY", ALICES + "1.ics", Destination=CALENDAR + "2.ics")
        assert copied.status == 201


def _team(tx: Tx) -> None:
    team = groups.create(tx, f"team@{DOMAIN}")
    groups.add_member(tx, team, users.require(tx, f"alice@{DOMAIN}"))


async def test_members_use_the_homes_of_their_groups(server: AppUnderTest) -> None:
    await server.services.database.write(_team)
    home = f"/dav/calendars/team@{DOMAIN}/"
    book = f"/dav/contacts/team@{DOMAIN}/contacts/"
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        found = await alice.propfind(home, "resourcetype", depth="1")
        assert "personal" in names_of(found.rows)
        assert (await alice.put(home + "personal/1.ics", event("one"))).status == 201
        assert (await alice.put(book + "1.vcf", card("one"))).status == 201
        assert (await alice.ask("DELETE", home + "personal/")).status == 403
        assert (await bob.ask("PROPFIND", home)).status == 403
        mine = await alice.propfind("~/", "group-membership")
        assert mine.only.hrefs(D + "group-membership") == [f"/dav/principals/team@{DOMAIN}/"]
        team = await alice.propfind(f"/dav/principals/team@{DOMAIN}/", "group-member-set")
        assert team.only.hrefs(D + "group-member-set") == [f"/dav/principals/alice@{DOMAIN}/"]

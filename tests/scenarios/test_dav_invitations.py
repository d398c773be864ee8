"""Sharing over DAV: invitations, their answers, what is told to whom, and the end of a share."""

import re
from xml.etree import ElementTree

from kit.app import DOMAIN, AppUnderTest
from kit.dav import CS, A, Answer, C, D, Dav, card, event, names_of
from pillarbox.domain.accounts import users
from pillarbox.domain.sharing import groups
from pillarbox.storage.tx import Tx

CALENDAR = "~cal/personal/"
ALICES = f"/dav/calendars/alice@{DOMAIN}/personal/"
BOB = f"mailto:bob@{DOMAIN}"
XML = "application/xml"


def notices(user: str) -> str:
    return f"/dav/notifications/{user}@{DOMAIN}/"


async def share(dav: Dav, *changes: str, path: str = CALENDAR) -> Answer:
    """Changes as (kind of access, href), such as `read-write mailto:bob`."""
    inside = ""
    for one in changes:
        access, _, href = one.partition(" ")
        what = "remove" if access == "remove" else "set"
        given = "" if access == "remove" else f"<C:{access}/>"
        inside += f"<C:{what}><A:href>{href}</A:href>{given}</C:{what}>"
    body = f'<C:share xmlns:C="http://calendarserver.org/ns/" xmlns:A="DAV:">{inside}</C:share>'
    return await dav.ask("POST", path, body, Content_Type=XML)


async def reply(
    dav: Dav, host: str = ALICES, accept: str = "accepted", uid: str = "", to: str = "~cal/"
) -> Answer:
    body = (
        '<C:invite-reply xmlns:C="http://calendarserver.org/ns/" xmlns:A="DAV:">'
        f"<C:invite-{accept}/><C:hosturl><A:href>{host}</A:href></C:hosturl>"
        f"<C:in-reply-to>{uid}</C:in-reply-to></C:invite-reply>"
    )
    return await dav.ask("POST", to, body, Content_Type=XML)


def shared_as(answer: Answer) -> str:
    assert answer.status == 200, answer.heard.text
    return ElementTree.fromstring(answer.heard.body).findtext(D + "href") or ""


async def told(dav: Dav, user: str) -> list[str]:
    """The names of somebody's notifications."""
    found = await dav.propfind(notices(user), "getetag", "CS:notificationtype", depth="1")
    return [name for name in names_of(found.rows) if name.endswith(".xml")]


async def answers_of(dav: Dav, path: str = CALENDAR) -> dict[str, tuple[str, str]]:
    """Whom a collection is shared with: access and status by href."""
    found = await dav.propfind(path, "CS:invite")
    if CS + "invite" not in found.only.names():
        return {}
    said = {}
    for one in found.only.props[200][CS + "invite"].findall(CS + "user"):
        access = one.find(CS + "access")
        assert access is not None
        status = next(tag for tag in (part.tag for part in one) if "invite-" in tag)
        said[one.findtext(D + "href") or ""] = (
            access[0].tag.removeprefix(CS),
            status.removeprefix(CS + "invite-"),
        )
    return said


async def test_from_an_invitation_to_its_end(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.put(CALENDAR + "1.ics", event("one"))
        assert (await share(alice, f"read {BOB}")).status == 200
        (invited,) = await told(bob, "bob")
        before = (await bob.propfind(notices("bob"), "CS:getctag")).only.text(CS + "getctag")
        # What is shared may be read at once, but has no place in the other's home yet.
        assert (await bob.ask("GET", ALICES + "1.ics")).status == 200
        assert "personal-alice" not in names_of(
            (await bob.propfind("~cal/", "owner", depth="1")).rows
        )
        assert await answers_of(alice) == {BOB: ("read", "noresponse")}
        uid = re.search(
            r"<CS:uid>(.*?)</CS:uid>", (await bob.ask("GET", notices("bob") + invited)).heard.text
        )
        assert uid is not None
        path = shared_as(await reply(bob, "/dav/", uid=uid[1]))
        assert path == bob.path("~cal/personal-alice/")
        assert await told(bob, "bob") == []
        after = (await bob.propfind(notices("bob"), "CS:getctag")).only.text(CS + "getctag")
        assert before != after
        assert await answers_of(alice) == {BOB: ("read", "accepted")}
        row = (
            await bob.propfind(
                path, "CS:shared-url", "share-access", "CS:allowed-sharing-modes", "CS:invite"
            )
        ).only
        assert row.hrefs(CS + "shared-url") == [ALICES]
        assert row.inner(D + "share-access") == {D + "read"}
        assert CS + "allowed-sharing-modes" in row.names(404)
        (said,) = await told(alice, "alice")
        got = await alice.ask("GET", notices("alice") + said)
        assert got.fields["content-type"].startswith("application/xml")
        assert "<CS:invite-accepted/>" in got.heard.text
        assert BOB in got.heard.text
        assert (await bob.ask("GET", notices("alice") + said)).status == 403
        assert (await alice.ask("DELETE", notices("alice") + said)).status == 204
        assert await told(alice, "alice") == []
        # From reading to writing, without another answer.
        assert (await bob.put(path + "2.ics", event("two"))).status == 403
        await share(alice, f"read-write {BOB}")
        assert (await bob.put(path + "2.ics", event("two"))).status == 201
        assert await told(bob, "bob") == []
        # Whoever removes it from their home declines; it may be invited back to.
        assert (await bob.ask("DELETE", path)).status == 204
        assert await answers_of(alice) == {BOB: ("read-write", "declined")}
        assert (
            "<CS:invite-declined/>"
            in (
                await alice.ask("GET", notices("alice") + (await told(alice, "alice"))[0])
            ).heard.text
        )
        assert shared_as(await reply(bob)) == path
        await share(alice, f"remove {BOB}")
        assert await answers_of(alice) == {}
        assert (await bob.ask("PROPFIND", path)).status == 404
        assert (await bob.ask("PROPFIND", ALICES)).status == 403
        assert (await reply(bob)).status == 404
        await share(alice, f"read {BOB}")
        assert len(await told(bob, "bob")) == 1


async def test_declining(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await share(alice, f"read {BOB}")
        assert (await reply(bob, accept="declined")).status == 204
        assert await answers_of(alice) == {BOB: ("read", "declined")}
        assert await told(bob, "bob") == []
        await share(alice, f"remove {BOB}")
        await share(alice, f"read {BOB}")
        (invited,) = await told(bob, "bob")
        assert (await bob.ask("DELETE", notices("bob") + invited)).status == 204
        assert await answers_of(alice) == {BOB: ("read", "declined")}


async def test_the_owner_deletes_what_is_shared(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        assert (await alice.ask("MKCALENDAR", "~cal/club/")).status == 201
        club = alice.path("~cal/club/")
        await share(alice, f"read-write {BOB}", path=club)
        path = shared_as(await reply(bob, club))
        assert path.endswith("/club/")
        assert (await alice.ask("DELETE", club)).status == 204
        assert (await bob.ask("PROPFIND", path)).status == 404
        assert (await bob.put(path + "1.ics", event("one"))).status in (403, 409)
        assert await told(bob, "bob") == []
        assert await told(alice, "alice") == []
        assert "club" not in names_of((await bob.propfind("~cal/", "owner", depth="1")).rows)


async def test_who_can_not_be_invited(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        strangers = (f"mailto:alice@{DOMAIN}", "mailto:x@elsewhere.test", "/dav/", "urn:x:y")
        said = await share(alice, f"read {BOB}", *(f"read {one}" for one in strangers))
        assert said.status == 207
        assert {href: row.status for href, row in said.rows.items()} == {
            BOB: 200,
            **dict.fromkeys(strangers, 403),
        }
        assert list(await answers_of(alice)) == [BOB]
        assert (await share(alice, "remove mailto:x@elsewhere.test")).status == 207
        # Only who may administer a collection shares it.
        assert (await share(bob, f"read-write {BOB}", path=ALICES)).status == 403
        assert (await share(bob, f"read {BOB}", path=shared_as(await reply(bob)))).status == 403
        assert (await share(alice, f"read {BOB}", path="~cal/inbox/")).status == 405
        assert (await share(alice, f"read {BOB}", path="~cal/")).status == 405
        # Nobody answers for others, or for what was not shared with them.
        assert (await reply(bob, to=alice.path("~cal/"))).status == 403
        for host in (
            "/dav/",
            "/nowhere/",
            alice.path("~cal/tasks/"),
            f"/dav/calendars/bob@{DOMAIN}/personal/",
        ):
            assert (await reply(bob, host)).status in (404, 409), host
        assert (await alice.ask("POST", CALENDAR, "<x/>", Content_Type=XML)).status == 400


async def test_an_address_book(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.put("~card/contacts/1.vcf", card("one"))
        await share(alice, f"read-write /dav/principals/bob@{DOMAIN}/", path="~card/contacts/")
        (invited,) = await told(bob, "bob")
        text = (await bob.ask("GET", notices("bob") + invited)).heard.text
        assert 'shared-type="addressbook"' in text
        path = shared_as(await reply(bob, alice.path("~card/contacts/"), to="~card/"))
        found = await bob.propfind(path, "resourcetype")
        assert {CS + "shared", A + "addressbook"} <= found.only.inner(D + "resourcetype")
        assert (await bob.put(path + "2.vcf", card("two"))).status == 201
        assert (await alice.ask("GET", "~card/contacts/2.vcf")).status == 200


async def test_what_the_sharee_calls_it(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await share(alice, f"read {BOB}")
        body = (
            '<invite-reply xmlns="DAV:"><invite-accepted/>'
            f"<hosturl><href>{ALICES}</href></hosturl><slug>hers</slug></invite-reply>"
        )
        (invited,) = await told(bob, "bob")
        draft = await bob.ask(
            "GET", notices("bob") + invited, Accept="application/davnotification+xml"
        )
        assert "<D:share-invite-notification>" in draft.heard.text
        made = await bob.ask(
            "POST", notices("bob") + invited, body, Content_Type="application/davsharing+xml"
        )
        assert shared_as(made) == bob.path("~cal/hers/")
        done = await bob.proppatch(
            "~cal/hers/", "<set><prop><displayname>Hers</displayname></prop></set>"
        )
        assert done.only.names() == {D + "displayname"}
        found = (
            await alice.propfind(CALENDAR, "displayname", "share-access", "invite", "resourcetype")
        ).only
        assert found.text(D + "displayname") == "Calendar"
        assert found.inner(D + "share-access") == {D + "shared-owner"}
        assert CS + "shared-owner" in found.inner(D + "resourcetype")
        sharee = found.props[200][D + "invite"].find(D + "sharee")
        assert sharee is not None
        assert sharee.find(D + "invite-accepted") is not None
        ended = (
            f'<share-resource xmlns="DAV:"><sharee><href>{BOB}</href>'
            "<share-access><no-access/></share-access></sharee></share-resource>"
        )
        assert (
            await alice.ask("POST", CALENDAR, ended, Content_Type="application/davsharing+xml")
        ).status == 200
        assert (await bob.ask("PROPFIND", "~cal/hers/")).status == 404
        found = (await alice.propfind(CALENDAR, "share-access", "invite")).only
        assert found.inner(D + "share-access") == {D + "not-shared"}
        assert found.names(404) == {D + "invite"}


def _team(tx: Tx) -> None:
    team = groups.create(tx, f"team@{DOMAIN}")
    for name in ("alice", "bob"):
        groups.add_member(tx, team, users.require(tx, f"{name}@{DOMAIN}"))


def _bob_leaves(tx: Tx) -> None:
    team = groups.require(tx, f"team@{DOMAIN}")
    groups.remove_member(tx, team, users.require(tx, f"bob@{DOMAIN}"))


async def test_a_group_and_everybody(server: AppUnderTest) -> None:
    team, everybody = f"mailto:team@{DOMAIN}", "urn:pillarbox:everybody"
    await server.services.database.write(_team)
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await share(alice, f"read-write {team}")
        assert await answers_of(alice) == {team: ("read-write", "accepted")}
        assert await told(alice, "alice") == []
        assert len(await told(bob, "bob")) == 1
        path = shared_as(await reply(bob))
        assert (await bob.put(path + "1.ics", event("one"))).status == 201
        await server.services.database.write(_bob_leaves)
        assert (await bob.ask("PROPFIND", path)).status == 404
        assert (await bob.ask("GET", ALICES + "1.ics")).status == 403
        await share(alice, f"read {everybody}")
        assert (await answers_of(alice))[everybody] == ("read", "accepted")
        assert (await bob.ask("GET", ALICES + "1.ics")).status == 200
        # Everybody is not invited one by one, but may take it into their home.
        assert await told(bob, "bob") == []
        assert "personal-alice" in shared_as(await reply(bob))
        await share(alice, f"remove {everybody}", f"remove {team}")
        assert (await bob.ask("GET", ALICES + "1.ics")).status == 403


async def test_whose_notifications(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        home = await alice.propfind("~cal/", "CS:notification-URL", "C:calendar-description")
        assert home.only.hrefs(CS + "notification-URL") == [notices("alice")]
        assert C + "calendar-description" in home.only.names(404)
        await share(alice, f"read {BOB}")
        (invited,) = await told(bob, "bob")
        for method in ("GET", "PROPFIND", "DELETE", "PUT", "POST"):
            assert (await alice.ask(method, notices("bob") + invited)).status in (403, 405), method
        assert (await bob.put(notices("bob") + "x.xml", event("x"))).status == 403
        assert (await bob.ask("DELETE", notices("bob") + "x.xml")).status == 404
        assert (await bob.ask("DELETE", notices("bob"))).status == 403
        assert await told(bob, "bob") == [invited]

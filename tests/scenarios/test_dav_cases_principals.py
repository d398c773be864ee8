"""Principals and privileges: what is told of them, how they are searched, and to whom."""

import pytest

from kit.app import DOMAIN, AppUnderTest
from kit.dav import C, D, Dav, event, names_of

CALENDAR = "~cal/personal/"
PRINCIPALS = "/dav/principals/"


def search(prop: str, text: str, attributes: str = "") -> str:
    return (
        f"<property-search><prop><{prop}/></prop><match {attributes}>{text}</match>"
        "</property-search>"
    )


async def found(client: Dav, inside: str, root: str = "principal-property-search") -> list[str]:
    """The names that a search of principals finds."""
    answer = await client.report(PRINCIPALS, root, inside + "<prop><displayname/></prop>")
    assert answer.status == 207, answer.heard.text
    return [name.partition("@")[0] for name in names_of(answer.rows)]


async def test_searches(server: AppUnderTest) -> None:
    await server.add_users("bobby", "carol")
    async with await Dav.open(server) as alice:
        assert await found(alice, search("displayname", "bob")) == ["bob", "bobby"]
        assert await found(alice, search("displayname", "BOBBY")) == ["bobby"]
        assert await found(alice, search("displayname", "zzz")) == []
        both = search("displayname", "bob") + search("displayname", "y")
        assert await found(alice, both) == ["bobby"]
        either = 'principal-property-search test="anyof"'
        both = search("displayname", "bobby") + search("displayname", "carol")
        assert await found(alice, both, either) == ["bobby", "carol"]
        by_address = search("C:calendar-user-address-set", f"mailto:bob@{DOMAIN}")
        assert "bob" in await found(alice, by_address)
        by_mail = search("CS:email-address-set", f"carol@{DOMAIN}")
        assert await found(alice, by_mail) == ["carol"]
        # What is no property to search by finds nobody, rather than everybody.
        assert await found(alice, search("getetag", "bob")) == []
        apple = 'CS:calendarserver-principal-search context="attendee"'
        token = "<CS:search-token>{}</CS:search-token>"
        assert await found(alice, token.format("bobb"), apple) == ["bobby"]
        assert await found(alice, token.format("b") + token.format("by"), apple) == ["bobby"]
        limit = "<CS:limit><CS:nresults>1</CS:nresults></CS:limit>"
        asked = token.format("bob") + limit + "<prop><displayname/></prop>"
        answer = await alice.report(PRINCIPALS, apple, asked)
        rows = [path for path, row in answer.rows.items() if row.status != 507]
        assert len(rows) == 1
        for room in ("location", "resource"):
            other = apple.replace("attendee", room)
            assert await found(alice, token.format("bob"), other) == []


@pytest.mark.parametrize(
    ("root", "inside"),
    [
        ("principal-property-search", "<property-search/>"),
        ("principal-match", ""),
        ("expand-property", '<property name="bad name"/>'),
        ("expand-property", '<property name="a/>&lt;b"/>'),
        ("expand-property", '<property name="a" namespace="&quot;&gt;"/>'),
    ],
)
async def test_searches_that_are_none(server: AppUnderTest, root: str, inside: str) -> None:
    async with await Dav.open(server) as alice:
        answer = await alice.report(PRINCIPALS, root, inside)
        assert answer.status in (400, 403), answer.heard.text


async def test_a_principal_tells_of_itself(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        names = (
            "displayname", "resourcetype", "principal-URL", "alternate-URI-set",
            "group-membership", "C:calendar-home-set",
            "A:addressbook-home-set", "C:schedule-inbox-URL", "C:schedule-outbox-URL",
            "C:calendar-user-address-set", "C:calendar-user-type", "CS:email-address-set",
            "supported-report-set", "current-user-principal", "principal-collection-set",
        )  # fmt: skip
        own = (await alice.propfind("~", *names)).only
        assert own.names(404) == set()
        assert D + "principal" in own.inner(D + "resourcetype")
        me = f"{PRINCIPALS}alice@{DOMAIN}/"
        assert own.hrefs(D + "principal-URL") == [me]
        assert own.text(C + "calendar-user-type") == "INDIVIDUAL"
        addresses = own.hrefs(C + "calendar-user-address-set")
        assert {f"mailto:alice@{DOMAIN}", me} <= set(addresses)
        seen = (await bob.propfind(me, *names)).only
        assert seen.hrefs(D + "principal-URL") == [me]
        assert seen.hrefs(D + "current-user-principal") == [f"{PRINCIPALS}bob@{DOMAIN}/"]
        for name, value in (("displayname", "Other"), ("principal-URL", "/")):
            changed = await bob.proppatch(me, f"<set><prop><{name}>{value}</{name}></prop></set>")
            assert changed.status == 403 or changed.only.names() == set()
        assert (await alice.propfind("~", "displayname")).only.text(D + "displayname") != "Other"


async def test_privileges_of_each_kind(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:

        async def told(path: str) -> set[str]:
            row = (await alice.propfind(path, "current-user-privilege-set")).only
            return {one[0].tag for one in row.props[200][D + "current-user-privilege-set"]}

        assert C + "schedule-deliver" in await told("~cal/inbox/")
        assert C + "schedule-send" in await told("~cal/outbox/")
        plain = await told(CALENDAR)
        assert {D + "read", D + "write", D + "bind", D + "unbind", C + "read-free-busy"} <= plain
        assert not {C + "schedule-deliver", C + "schedule-send"} & plain
        assert D + "write" not in await told("~card/directory/")
        await alice.put(CALENDAR + "1.ics", event("1"))
        assert D + "read" in await told(CALENDAR + "1.ics")
        found = await alice.propfind(
            CALENDAR, "supported-privilege-set", "acl-restrictions", "inherited-acl-set",
            "principal-collection-set", "owner", "acl",
        )  # fmt: skip
        assert {D + "owner", D + "acl", D + "supported-privilege-set"} <= found.only.names()
        assert found.only.hrefs(D + "owner") == [alice.path("~") + "/"]
        assert b"read-free-busy" in found.heard.body


async def test_expanded_properties(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        inner = '<property name="displayname"/><property name="nothing"/>'
        asked = f'<property name="owner">{inner}</property><property name="displayname"/>'
        answer = await alice.report(CALENDAR, "expand-property", asked)
        owner = answer.only.props[200][D + "owner"]
        assert owner.findtext(f"{D}response/{D}href") == "/dav/principals/alice@example.test/"
        assert answer.only.text(D + "displayname") == "Calendar"
        assert (await bob.report(alice.path(CALENDAR), "expand-property", asked)).status == 403
        homes = (
            '<property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav">'
            '<property name="displayname"/></property>'
        )
        answer = await bob.report(alice.path("~"), "expand-property", homes)
        assert answer.status == 207
        assert b"personal" not in answer.heard.body
        missing = await alice.report(CALENDAR, "expand-property", '<property name="nothing"/>')
        assert missing.only.names(404) == {D + "nothing"}


async def test_nothing_is_told_without_a_login(server: AppUnderTest) -> None:
    """What is there and what is not look alike, with and without a slash."""
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
    async with await Dav.open(server, "") as anyone:
        base = f"/dav/calendars/alice@{DOMAIN}"
        told = set()
        for path in ("", "/", "/personal", "/personal/", "/none", "/none/", "/personal/1.ics",
                     "/personal/2.ics", "/../nobody/"):  # fmt: skip
            for method in ("GET", "PROPFIND", "DELETE", "HEAD"):
                answer = await anyone.ask(method, base + path)
                told.add((answer.status, "location" in answer.fields))
        assert told <= {(401, False), (400, False)}
        assert (401, False) in told


async def test_sharees_and_what_they_see(server: AppUnderTest) -> None:
    """Copies and moves across homes go by the rights of both ends."""
    await server.add_users("carol")
    async with (
        await Dav.open(server) as alice,
        await Dav.open(server, "bob") as bob,
        await Dav.open(server, "carol") as carol,
    ):
        theirs = alice.path(CALENDAR)
        await alice.put(CALENDAR + "1.ics", event("1"))
        await bob.put(CALENDAR + "b.ics", event("b"))
        await carol.put(CALENDAR + "c.ics", event("c"))
        aces = "".join(
            f"<ace><principal><href>{PRINCIPALS}{who}@{DOMAIN}/</href></principal><grant>"
            f"<privilege><{right}/></privilege></grant></ace>"
            for who, right in (("bob", "read"), ("carol", "all"))
        )
        given = await alice.ask("ACL", CALENDAR, f'<acl xmlns="DAV:">{aces}</acl>')
        assert given.status in (200, 403), given.heard.text
        if given.status == 403:
            aces = aces.replace("<all/>", "<read/></privilege><privilege><write-content/>")
            given = await alice.ask("ACL", CALENDAR, f'<acl xmlns="DAV:">{aces}</acl>')
            assert given.status == 200, given.heard.text
        for client, method, source, target, status in (
            (bob, "COPY", theirs + "1.ics", CALENDAR + "1.ics", 201),
            (bob, "MOVE", theirs + "1.ics", CALENDAR + "2.ics", 403),
            (bob, "COPY", CALENDAR + "b.ics", theirs + "b.ics", 403),
            (bob, "MOVE", CALENDAR + "b.ics", theirs + "b.ics", 403),
            (bob, "COPY", CALENDAR + "b.ics", theirs + "1.ics", 403),
            (carol, "COPY", CALENDAR + "c.ics", theirs + "c.ics", 201),
            (carol, "MOVE", theirs + "1.ics", CALENDAR + "1.ics", 201),
            (carol, "COPY", CALENDAR + "c.ics", bob.path(CALENDAR) + "c.ics", 403),
        ):
            answer = await client.ask(method, source, Destination=target)
            assert answer.status == status, (client.address, method, source, target)
        assert (await bob.ask("GET", CALENDAR + "b.ics")).heard.body == event("b")
        assert names_of((await alice.sync(CALENDAR)).rows) == ["c.ics"]
        home = await bob.propfind(alice.path("~cal/"), "displayname", "resourcetype", depth="1")
        assert names_of(home.rows) == [f"alice@{DOMAIN}", "personal"]
        assert (await bob.ask("ACL", theirs, '<acl xmlns="DAV:"/>')).status == 403
        paint = "<set><prop><displayname>Bobs</displayname></prop></set>"
        assert (await bob.proppatch(theirs, paint)).status in (207, 403)
        assert (await alice.propfind(CALENDAR, "displayname")).only.text(
            D + "displayname"
        ) == "Calendar"
        assert (await alice.ask("ACL", CALENDAR, '<acl xmlns="DAV:"/>')).status == 200
        for client in (bob, carol):
            assert (await client.ask("PROPFIND", theirs)).status == 403


async def test_options_of_each_kind(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
        for path in ("/dav/", "~", "~cal/", CALENDAR, CALENDAR + "1.ics", "~cal/inbox/"):
            answer = await alice.ask("OPTIONS", path)
            assert answer.status == 200, path
            classes = set(answer.fields["dav"].split(", "))
            assert {
                "1", "3", "access-control", "calendar-access", "calendar-auto-schedule",
                "addressbook", "extended-mkcol",
            } <= classes, path  # fmt: skip

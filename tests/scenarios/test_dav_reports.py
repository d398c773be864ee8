"""Reports of WebDAV, CalDAV and CardDAV over loopback."""

import pytest

from kit.app import AppUnderTest
from kit.dav import CS, A, C, D, Dav, card, event, names_of

CALENDAR, BOOK = "~cal/personal/", "~card/contacts/"
JANUARY = '<C:time-range start="20260101T000000Z" end="20260201T000000Z"/>'


def events(inside: str, props: str = "<getetag/><C:calendar-data/>") -> str:
    return (
        f'<prop>{props}</prop><C:filter><C:comp-filter name="VCALENDAR">'
        f'<C:comp-filter name="VEVENT">{inside}</C:comp-filter></C:comp-filter></C:filter>'
    )


def hrefs(client: Dav, *paths: str) -> str:
    return "".join(f"<href>{client.path(path)}</href>" for path in paths)


async def test_calendar_query(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "one.ics", event("one"))
        await alice.put(CALENDAR + "late.ics", event("late", start="20260305T100000Z"))
        weekly = event("weekly", "RRULE:FREQ=WEEKLY", start="20250101T100000Z")
        await alice.put(CALENDAR + "weekly.ics", weekly)
        found = await alice.report(CALENDAR, "C:calendar-query", events(JANUARY), Depth="1")
        assert found.status == 207, found.heard.text
        assert names_of(found.rows) == ["one.ics", "weekly.ics"]
        row = found.rows[alice.path(CALENDAR + "one.ics")]
        assert row.text(C + "calendar-data").encode() == event("one")
        etag = (await alice.ask("HEAD", CALENDAR + "one.ics")).etag
        assert row.text(D + "getetag") == etag
        text = '<C:prop-filter name="SUMMARY"><C:text-match>LATE</C:text-match></C:prop-filter>'
        found = await alice.report(CALENDAR, "C:calendar-query", events(text, "<getetag/>"))
        assert names_of(found.rows) == ["late.ics"]
        expanded = events(
            JANUARY,
            '<C:calendar-data><C:expand start="20260101T000000Z" end="20260201T000000Z"/>'
            "</C:calendar-data>",
        )
        found = await alice.report(CALENDAR, "C:calendar-query", expanded)
        data = found.rows[alice.path(CALENDAR + "weekly.ics")].text(C + "calendar-data")
        assert data.count("BEGIN:VEVENT") == 4
        assert "RRULE" not in data


async def test_limits_of_queries(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for number in range(5):
            await alice.put(f"{BOOK}{number}.vcf", card(f"c{number}"))
        found = await alice.report(
            BOOK,
            "A:addressbook-query",
            "<prop><getetag/></prop><A:limit><A:nresults>2</A:nresults></A:limit>",
        )
        self = found.rows.pop(alice.path(BOOK))
        assert (self.status, self.conditions) == (507, {D + "number-of-matches-within-limits"})
        assert len(found.rows) == 2


@pytest.mark.parametrize(
    ("root", "inside", "condition"),
    [
        ("C:calendar-query", "<prop><getetag/></prop>", C + "valid-filter"),
        (
            "C:calendar-query",
            events("", '<C:calendar-data content-type="text/html" version="9"/>'),
            C + "supported-calendar-data",
        ),
        (
            "C:calendar-query",
            events(
                '<C:prop-filter name="SUMMARY"><C:text-match collation="i;none">x</C:text-match>'
                "</C:prop-filter>"
            ),
            C + "supported-collation",
        ),
        ("A:addressbook-query", "<prop/>", D + "supported-report"),
        ("C:nonsense", "", D + "supported-report"),
        (
            "C:calendar-query",
            events("").replace("<C:filter>", "<C:timezone-id>No/Where</C:timezone-id><C:filter>"),
            C + "valid-timezone",
        ),
        (
            "sync-collection",
            "<sync-token>nonsense</sync-token><prop/>",
            D + "valid-sync-token",
        ),
    ],
)
async def test_what_can_not_be_asked(
    server: AppUnderTest, root: str, inside: str, condition: str
) -> None:
    async with await Dav.open(server) as alice:
        found = await alice.report(CALENDAR, root, inside)
        assert (found.status, found.conditions) == (403, {condition}), found.heard.text


async def test_bodies_that_are_no_xml(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for body in (b"", b"<", b"<a>", b"\xff", b"<report xmlns='DAV:'>" + b"<a>" * 100):
            assert (await alice.ask("REPORT", CALENDAR, body)).status in (400, 403), body
        bomb = b'<!DOCTYPE a [<!ENTITY x "y">]><propfind xmlns="DAV:"><allprop/></propfind>'
        refused = await alice.ask("PROPFIND", CALENDAR, bomb)
        assert (refused.status, refused.conditions) == (403, {D + "no-external-entities"})
        assert (await alice.ask("PROPFIND", CALENDAR, b" " * (2 << 20))).status == 413


async def test_multiget(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "a%20b.ics", event("one"))
        await alice.put(BOOK + "1.vcf", card("one", "EMAIL:one@example.org"))
        found = await alice.report(
            CALENDAR,
            "C:calendar-multiget",
            "<prop><getetag/><C:calendar-data/><nothing/></prop>"
            + hrefs(alice, CALENDAR + "a%20b.ics", CALENDAR + "no.ics", "~cal/tasks/x.ics", "/x"),
        )
        assert len(found.rows) == 4
        one = found.rows[alice.path(CALENDAR + "a b.ics")]
        assert one.text(C + "calendar-data").encode() == event("one")
        assert one.names(404) == {D + "nothing"}
        for path in (CALENDAR + "no.ics", "~cal/tasks/x.ics", "/x"):
            assert found.rows[alice.path(path)].status == 404
        found = await alice.report(
            BOOK,
            "A:addressbook-multiget",
            '<prop><A:address-data content-type="text/vcard" version="4.0"/></prop>'
            + hrefs(alice, BOOK + "1.vcf"),
        )
        assert "VERSION:4.0" in found.only.text(A + "address-data")
        wrong = await alice.report(
            BOOK,
            "A:addressbook-multiget",
            '<prop><A:address-data content-type="text/plain"/></prop>' + hrefs(alice, BOOK),
        )
        assert wrong.status == 403


async def test_multiget_of_many(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for number in range(210):
            note = event(f"e{number}", "DESCRIPTION:" + "x" * 8000)
            assert (await alice.put(f"{CALENDAR}{number}.ics", note)).status == 201
        paths = [f"{CALENDAR}{number}.ics" for number in range(210)]
        found = await alice.report(
            CALENDAR,
            "C:calendar-multiget",
            "<prop><C:calendar-data/></prop>" + hrefs(alice, *paths),
        )
        assert len(found.rows) == 210
        assert found.fields.get("transfer-encoding") == "chunked"
        everything = await alice.propfind(CALENDAR, "getetag", depth="1")
        assert len(everything.rows) == 211


async def test_sync(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        first = await alice.sync(CALENDAR)
        assert first.rows == {}
        await alice.put(CALENDAR + "1.ics", event("one"))
        await alice.put(CALENDAR + "2.ics", event("two"))
        second = await alice.sync(CALENDAR, first.token)
        assert names_of(second.rows) == ["1.ics", "2.ics"]
        assert (await alice.sync(CALENDAR, second.token)).rows == {}
        await alice.put(CALENDAR + "1.ics", event("one", "SUMMARY:other"))
        await alice.ask("DELETE", CALENDAR + "2.ics")
        third = await alice.sync(CALENDAR, second.token)
        assert third.rows[alice.path(CALENDAR + "2.ics")].status == 404
        assert D + "getetag" in third.rows[alice.path(CALENDAR + "1.ics")].names()
        found = await alice.propfind(CALENDAR, "sync-token", "CS:getctag")
        assert found.only.text(D + "sync-token") == third.token
        assert found.only.text(CS + "getctag")
        other = await alice.sync("~cal/tasks/", third.token)
        assert (other.status, other.conditions) == (403, {D + "valid-sync-token"})


async def test_a_sync_in_parts(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for number in range(5):
            await alice.put(f"{CALENDAR}{number}.ics", event(f"e{number}"))
        seen: set[str] = set()
        token, rounds = "", 0
        while True:
            part = await alice.sync(CALENDAR, token, limit=2)
            token, rounds = part.token, rounds + 1
            more = part.rows.pop(alice.path(CALENDAR), None)
            seen |= set(part.rows)
            assert len(part.rows) <= 2
            if more is None:
                break
            assert (more.status, more.conditions) == (507, {D + "number-of-matches-within-limits"})
        assert (len(seen), rounds) == (5, 3)
        assert (await alice.sync(CALENDAR, token)).rows == {}


async def test_free_busy(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("one"))
        answer = await alice.report(CALENDAR, "C:free-busy-query", JANUARY)
        assert answer.status == 200, answer.heard.text
        assert answer.fields["content-type"].startswith("text/calendar")
        assert "FREEBUSY" in answer.heard.text
        assert "20260105T100000Z/" in answer.heard.text


async def test_the_outbox_tells_when_others_are_busy(server: AppUnderTest) -> None:
    async with await Dav.open(server, "bob") as bob:
        await bob.put(CALENDAR + "1.ics", event("one"))
    async with await Dav.open(server) as alice:
        request = (
            b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nMETHOD:REQUEST\r\n"
            b"BEGIN:VFREEBUSY\r\nUID:fb\r\nDTSTAMP:20260101T000000Z\r\n"
            b"DTSTART:20260105T000000Z\r\nDTEND:20260106T000000Z\r\n"
            b"ORGANIZER:mailto:alice@example.test\r\nATTENDEE:mailto:bob@example.test\r\n"
            b"ATTENDEE:mailto:nobody@example.test\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
        )
        answer = await alice.ask("POST", "~cal/outbox/", request, Content_Type="text/calendar")
        assert answer.status == 200, answer.heard.text
        assert "mailto:bob@example.test" in answer.heard.text
        assert "2.0;" in answer.heard.text
        assert "FREEBUSY" in answer.heard.text
        wrong = await alice.ask("POST", "~cal/outbox/", event("x"), Content_Type="text/calendar")
        assert wrong.status in (400, 403)
        other = await alice.ask(
            "POST", "/dav/calendars/bob@example.test/outbox/", request, Content_Type="text/calendar"
        )
        assert other.status == 403


async def test_principals_are_found(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        inside = (
            "<property-search><prop><displayname/></prop><match>BO</match></property-search>"
            "<prop><displayname/><C:calendar-user-address-set/></prop>"
        )
        found = await alice.report("/dav/principals/", "principal-property-search", inside)
        assert names_of(found.rows) == ["bob@example.test"]
        everybody = await alice.report(
            "/dav/", "principal-property-search", "<prop/><displayname/>"
        )
        assert sorted(names_of(everybody.rows)) == ["alice@example.test", "bob@example.test"]
        assert "<D:displayname>bob</D:displayname>" in everybody.heard.text
        apple = await alice.report(
            "/dav/",
            'CS:calendarserver-principal-search context="attendee"',
            "<CS:search-token>ali</CS:search-token><prop><displayname/></prop>",
        )
        assert names_of(apple.rows) == ["alice@example.test"]
        searched = await alice.report("/dav/principals/", "principal-search-property-set", "")
        assert searched.status == 200
        assert "displayname" in searched.heard.text
        me = await alice.report(
            "/dav/principals/", "principal-match", "<self/><prop><displayname/></prop>"
        )
        assert names_of(me.rows) == ["alice@example.test"]
        of_acl = await alice.report(
            CALENDAR, "acl-principal-prop-set", "<prop><displayname/></prop>"
        )
        assert names_of(of_acl.rows) == ["alice@example.test"]


async def test_properties_are_expanded(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        inside = (
            '<property name="current-user-principal"><property name="displayname"/>'
            '<property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav">'
            '<property name="resourcetype"/></property><property name="none"/></property>'
        )
        found = await alice.report("/dav/", "expand-property", inside)
        assert found.status == 207
        value = found.only.props[200][D + "current-user-principal"]
        response = value[0]
        assert response.tag == D + "response"
        assert response.findtext(D + "href") == "/dav/principals/alice@example.test/"
        assert "collection" in found.heard.text
        assert "404 Not Found" in found.heard.text


async def test_the_directory(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        found = await alice.propfind("~card/directory/", "getetag", "resourcetype", depth="1")
        assert {"alice@example.test.vcf", "bob@example.test.vcf"} <= set(names_of(found.rows))
        bob = await alice.ask("GET", "~card/directory/bob@example.test.vcf")
        assert b"bob@example.test" in bob.heard.body
        query = (
            "<prop><getetag/><A:address-data/></prop><A:filter>"
            '<A:prop-filter name="EMAIL"><A:text-match>bob</A:text-match></A:prop-filter>'
            "</A:filter>"
        )
        matched = await alice.report("~card/directory/", "A:addressbook-query", query)
        assert names_of(matched.rows) == ["bob@example.test.vcf"]
        assert matched.only.text(A + "address-data").encode() == bob.heard.body
        many = await alice.report(
            "~card/directory/",
            "A:addressbook-multiget",
            "<prop><A:address-data/></prop>"
            + hrefs(alice, "~card/directory/bob@example.test.vcf", "~card/directory/no.vcf"),
        )
        assert names_of(many.rows) == ["bob@example.test.vcf", "no.vcf"]
        assert (await alice.ask("DELETE", "~card/directory/bob@example.test.vcf")).status == 403

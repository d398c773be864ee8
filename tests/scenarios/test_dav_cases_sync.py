"""Conditions, depths, wishes and sync tokens: who is told what, and when nothing is to be done."""

import pytest

from kit.app import AppUnderTest
from kit.dav import CS, C, D, Dav, event, names_of, task

CALENDAR = "~cal/personal/"
WANTED = "<sync-level>1</sync-level><prop><getetag/></prop>"


async def test_each_kind_of_change_is_told_once(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.ask("MKCALENDAR", "~cal/work/")
        for name in ("kept", "changed", "gone", "moved"):
            await alice.put(f"{CALENDAR}{name}.ics", event(name))
        first = await alice.sync(CALENDAR)
        assert len(first.rows) == 4
        work = await alice.sync("~cal/work/")
        await alice.put(CALENDAR + "new.ics", event("new"))
        for text in ("a", "b"):
            await alice.put(CALENDAR + "changed.ics", event("changed", f"SUMMARY:{text}"))
        await alice.ask("DELETE", CALENDAR + "gone.ics")
        await alice.ask("MOVE", CALENDAR + "moved.ics", Destination="~cal/work/moved.ics")
        await alice.put(CALENDAR + "brief.ics", event("brief"))
        await alice.ask("DELETE", CALENDAR + "brief.ics")
        second = await alice.sync(CALENDAR, first.token)
        told = {
            path.rpartition("/")[2]: row.status or max(row.props)
            for path, row in second.rows.items()
        }
        # What came and went in between may be told as gone.
        told.pop("brief.ics", None)
        assert told == {"new.ics": 200, "changed.ics": 200, "gone.ics": 404, "moved.ics": 404}
        assert names_of((await alice.sync("~cal/work/", work.token)).rows) == ["moved.ics"]
        # What comes back is there again.
        await alice.put(CALENDAR + "gone.ics", event("gone"))
        third = await alice.sync(CALENDAR, second.token)
        assert third.only.props[200]
        # An older token still works, as does asking the same again.
        assert len((await alice.sync(CALENDAR, first.token)).rows) >= 4
        assert (await alice.sync(CALENDAR, third.token)).rows == {}
        assert (await alice.sync(CALENDAR, third.token)).token == third.token
        # Properties of the calendar are no change of its objects.
        paint = "<set><prop><displayname>Other</displayname></prop></set>"
        assert (await alice.proppatch(CALENDAR, paint)).status == 207
        assert (await alice.sync(CALENDAR, third.token)).rows == {}


@pytest.mark.parametrize(
    ("inside", "fields", "statuses"),
    [
        (f"<sync-token/>{WANTED}", {}, {207}),
        (f"<sync-token/>{WANTED}", {"Depth": "0"}, {207}),
        # Older drafts had the depth there.
        (f"<sync-token/>{WANTED}", {"Depth": "1"}, {207, 400}),
        (WANTED, {}, {207, 400}),
        ("<sync-token/><prop><getetag/></prop>", {"Depth": "1"}, {207, 400}),
        ("<sync-token/><sync-level>infinite</sync-level><prop/>", {}, {207, 403}),
        ("<sync-token/><sync-level>2</sync-level><prop/>", {}, {400}),
        ("<sync-token/><sync-level>1</sync-level>", {}, {207, 400}),
        (f"<sync-token>x</sync-token>{WANTED}", {}, {403}),
        (f"<sync-token>data:,1</sync-token>{WANTED}", {}, {403}),
        (f"<sync-token/>{WANTED}<limit><nresults>0</nresults></limit>", {}, {207, 400, 403}),
        (f"<sync-token/>{WANTED}<limit><nresults>x</nresults></limit>", {}, {400}),
    ],
)
async def test_forms_of_sync(
    server: AppUnderTest, inside: str, fields: dict[str, str], statuses: set[int]
) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
        answer = await alice.report(CALENDAR, "sync-collection", inside, **fields)
        assert answer.status in statuses, answer.heard.text
        if "infinite" in inside and answer.status == 403:
            assert answer.conditions == {D + "sync-traversal-supported"}
        if answer.status == 207:
            assert answer.token.startswith(("http", "data:", "urn:", "sync:")), answer.token


async def test_sync_tells_properties_as_asked(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
        asked = (
            "<sync-token/><sync-level>1</sync-level><prop><getetag/><getcontenttype/>"
            "<getlastmodified/><getcontentlength/><C:calendar-data/><nothing/></prop>"
        )
        row = (await alice.report(CALENDAR, "sync-collection", asked)).only
        assert row.names(404) - {C + "calendar-data"} == {D + "nothing"}
        assert row.text(D + "getcontentlength") == str(len(event("1")))
        assert row.text(D + "getcontenttype").startswith("text/calendar")


async def test_conditions(server: AppUnderTest) -> None:
    """Of every method that changes something, and of GET."""
    async with await Dav.open(server) as alice:
        one, two = CALENDAR + "1.ics", CALENDAR + "2.ics"
        etag = (await alice.put(one, event("1"))).etag
        await alice.put(two, event("2"))
        wrong = '"no"'
        cases = (
            ("PUT", one, {"If_None_Match": "*"}, 412),
            ("PUT", one, {"If_None_Match": etag}, 412),
            ("PUT", one, {"If_Match": wrong}, 412),
            ("PUT", one, {"If_Match": f"W/{etag}"}, 412),
            ("PUT", CALENDAR + "3.ics", {"If_Match": "*"}, 412),
            ("PUT", CALENDAR + "3.ics", {"If_Match": etag}, 412),
            ("DELETE", one, {"If_Match": wrong}, 412),
            ("DELETE", one, {"If_None_Match": etag}, 412),
            ("COPY", one, {"If_Match": wrong, "Destination": CALENDAR + "4.ics"}, 412),
            ("MOVE", one, {"If_Match": wrong, "Destination": CALENDAR + "4.ics"}, 412),
            ("MOVE", one, {"Overwrite": "F", "Destination": two}, 412),
            ("GET", one, {"If_None_Match": f"{wrong}, {etag}"}, 304),
            ("GET", one, {"If_None_Match": "*"}, 304),
            ("HEAD", one, {"If_None_Match": f"W/{etag}"}, 304),
            ("GET", one, {"If_None_Match": wrong}, 200),
            ("GET", one, {"If_Match": wrong}, 412),
            ("GET", one, {"If_Match": etag}, 200),
            ("PUT", one, {"If_Match": f"{wrong}, {etag}"}, 204),
        )
        faults = []
        for method, path, fields, status in cases:
            content = event(path[-5]) if method == "PUT" else b""
            answer = await alice.ask(method, path, content, **fields)
            if answer.status != status:
                faults.append(f"{method} {fields}: {answer.status}, not {status}")
        assert not faults, "\n".join(faults)
        now = (await alice.ask("HEAD", one)).etag
        assert (await alice.ask("DELETE", one, If_Match=now)).status == 204


@pytest.mark.parametrize("wish", [{"Prefer": "return=minimal"}, {"Brief": "t"}])
async def test_wishes_for_less(server: AppUnderTest, wish: dict[str, str]) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
        asked = "<prop><getetag/><nothing/></prop>"
        filter = '<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
        href = f"<href>{alice.path(CALENDAR)}1.ics</href>"
        for other in ({"Prefer": "x-foo"}, {"Brief": "f"}, {"Brief": "?"}, {}):
            full = await alice.propfind(CALENDAR, "nothing", **other)
            assert full.only.names(404) == {D + "nothing"}
        less = await alice.propfind(CALENDAR, "nothing", "displayname", **wish)
        assert list(less.only.props) == [200]
        empty = await alice.propfind(CALENDAR, "nothing", **wish)
        assert not empty.only.names(404)
        for root, inside in (
            ("C:calendar-query", asked + filter),
            ("C:calendar-multiget", asked + href),
            ("sync-collection", f"<sync-token/><sync-level>1</sync-level>{asked}"),
        ):
            assert (await alice.report(CALENDAR, root, inside)).only.names(404) == {D + "nothing"}
            less = await alice.report(CALENDAR, root, inside, **wish)
            assert list(less.only.props) == [200], root
        paint = "<set><prop><displayname>A</displayname></prop></set>"
        assert (await alice.proppatch(CALENDAR, paint, **wish)).status == 200
        paint = "<set><prop><getetag>A</getetag></prop></set>"
        refused = await alice.proppatch(CALENDAR, paint, **wish)
        assert (refused.status, refused.only.names(403)) == (207, {D + "getetag"})


async def test_conditions_with_a_wish_for_the_object(server: AppUnderTest) -> None:
    """Whoever loses a race can be told what won (RFC 8144 \u00a73.2)."""
    async with await Dav.open(server) as alice:
        one = CALENDAR + "1.ics"
        made = await alice.put(one, event("1", "SUMMARY:first"))
        lost = await alice.put(one, event("1"), If_Match='"old"', Prefer="return=representation")
        assert lost.status == 412
        if lost.heard.body.startswith(b"BEGIN:VCALENDAR"):
            assert lost.heard.body == event("1", "SUMMARY:first")
            assert lost.etag == made.etag


async def test_depths(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("1"))
        for path in ("/dav/", "~cal/", CALENDAR, CALENDAR + "1.ics", "~", "~card/"):
            assert len((await alice.propfind(path, "displayname")).rows) == 1
            asked = '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
            for depth in ("infinity", "Infinity"):
                answer = await alice.ask("PROPFIND", path, asked, Depth=depth)
                assert answer.status == 403 or len(answer.rows) == 1, path
            assert (await alice.ask("PROPFIND", path, asked, Depth="2")).status == 400
        inner = await alice.propfind(CALENDAR, "getetag", depth="1")
        assert names_of(inner.rows) == ["1.ics", "personal"]
        outer = await alice.propfind("~cal/", "getetag", depth="1")
        assert "1.ics" not in names_of(outer.rows)
        noroot = await alice.propfind(CALENDAR, "getetag", depth="1", Prefer="depth-noroot")
        assert names_of(noroot.rows) == ["1.ics"]


async def test_properties_of_objects(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        made = await alice.put(CALENDAR + "1.ics", event("1"))
        path = CALENDAR + "1.ics"
        row = (
            await alice.propfind(
                path, "getetag", "getcontenttype", "getcontentlength", "getlastmodified",
                "resourcetype", "creationdate", "owner", "current-user-privilege-set",
                "supported-report-set", "C:calendar-data", "quota-used-bytes",
            )
        ).only  # fmt: skip
        assert row.text(D + "getetag") == made.etag
        assert row.text(D + "getcontentlength") == str(len(event("1")))
        assert row.inner(D + "resourcetype") == set()
        assert row.hrefs(D + "owner") == [alice.path("~") + "/"]
        assert "component=vevent" in row.text(D + "getcontenttype").lower().replace(" ", "")
        got = (await alice.ask("GET", path)).fields
        assert got["content-length"] == str(len(event("1")))
        assert got["last-modified"] == row.text(D + "getlastmodified")
        for body in (
            '<propfind xmlns="DAV:"><allprop/></propfind>',
            '<propfind xmlns="DAV:"><propname/></propfind>',
            "",
        ):
            answer = await alice.ask("PROPFIND", path, body, Depth="0")
            assert D + "getetag" in answer.only.names()
            assert b"BEGIN:VCALENDAR" not in answer.heard.body
        for body in (
            '<propfind xmlns="DAV:"/>',
            '<propfind xmlns="DAV:"><prop/><allprop/></propfind>',
            '<propfind xmlns="DAV:"><x/></propfind>',
            '<other xmlns="DAV:"/>',
        ):
            answer = await alice.ask("PROPFIND", path, body, Depth="0")
            assert answer.status in (400, 403, 422), body
        foreign = await alice.ask(
            "PROPFIND",
            path,
            '<propfind xmlns="DAV:"><prop><a xmlns="urn:x"/><b xmlns=""/></prop></propfind>',
            Depth="0",
        )
        assert foreign.status in (207, 400)


async def test_quota_follows_what_is_stored(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:

        async def used() -> int:
            found = await alice.propfind("~cal/", "quota-used-bytes")
            return int(found.only.text(D + "quota-used-bytes"))

        start = await used()
        big = event("1", "DESCRIPTION:" + "x" * 50_000)
        await alice.put(CALENDAR + "1.ics", big)
        full = await used()
        assert full - start >= 50_000
        await alice.put(CALENDAR + "1.ics", event("1"))
        assert start < await used() < full
        await alice.ask("DELETE", CALENDAR + "1.ics")
        assert await used() == start
        await alice.ask("MKCALENDAR", "~cal/work/")
        await alice.put("~cal/work/1.ics", big)
        await alice.ask("DELETE", "~cal/work/")
        assert await used() == start


async def test_collections_in_one_piece(server: AppUnderTest) -> None:
    """GET of a calendar: each zone once, nothing lost, and not sent again while it is the same."""
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT"
    )
    async with await Dav.open(server) as alice:
        for uid in ("1", "2"):
            content = event(uid).replace(b"BEGIN:VEVENT", zone.encode())
            content = content.replace(b"DTSTART:2026", b"DTSTART;TZID=Here:2026")
            await alice.put(f"{CALENDAR}{uid}.ics", content.replace(b"100000Z", b"100000"))
        whole = await alice.ask("GET", CALENDAR)
        assert whole.heard.text.count("BEGIN:VTIMEZONE") == 1
        assert whole.heard.text.count("BEGIN:VEVENT") == 2
        await alice.put("~cal/tasks/t.ics", task("t"))
        assert "BEGIN:VTODO" in (await alice.ask("GET", "~cal/tasks/")).heard.text
        same = await alice.ask("GET", CALENDAR, If_None_Match=whole.etag)
        assert (same.status, same.heard.body) == (304, b"")
        await alice.put(CALENDAR + "3.ics", event("3"))
        assert (await alice.ask("GET", CALENDAR, If_None_Match=whole.etag)).status == 200
        without = await alice.ask("GET", CALENDAR.rstrip("/"))
        assert without.status in (200, 301)
        found = await alice.propfind("~cal/", "CS:getctag", depth="1")
        assert CS + "getctag" in found.rows[alice.path(CALENDAR)].names()

"""Published calendars: made and ended over DAV, read by whoever has the address."""

from urllib.parse import urlsplit
from xml.etree import ElementTree

from kit.app import DOMAIN, AppUnderTest
from kit.dav import CS, Answer, D, Dav, event
from pillarbox.domain.accounts import users
from pillarbox.storage.tx import Tx

CALENDAR = "~cal/personal/"
XML = "application/xml"


async def publish(dav: Dav, path: str = CALENDAR, *, on: bool = True) -> Answer:
    word = "publish-calendar" if on else "unpublish-calendar"
    body = f'<C:{word} xmlns:C="http://calendarserver.org/ns/"/>'
    return await dav.ask("POST", path, body, Content_Type=XML)


async def published(dav: Dav) -> str:
    """Publish the calendar and give the path of its address."""
    made = await publish(dav)
    assert made.status == 202, made.heard.text
    url = ElementTree.fromstring(made.heard.body).findtext(D + "href") or ""
    found = await dav.propfind(CALENDAR, "CS:publish-url")
    assert found.only.hrefs(CS + "publish-url") == [url]
    parts = urlsplit(url)
    assert (parts.scheme, parts.path[:18]) == ("https", "/calendars/public/")
    assert parts.path.endswith(".ics")
    return parts.path


async def test_a_published_calendar(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        modes = (await alice.propfind(CALENDAR, "CS:allowed-sharing-modes")).only
        assert modes.inner(CS + "allowed-sharing-modes") == {
            CS + "can-be-shared",
            CS + "can-be-published",
        }
        await alice.put(CALENDAR + "1.ics", event("one"))
        path = await published(alice)
        assert await published(alice) == path
        got = await nobody.ask("GET", path)
        assert got.status == 200
        assert got.fields["content-type"] == "text/calendar; charset=utf-8"
        assert got.fields["cache-control"] == "max-age=300"
        assert "UID:one\r\n" in got.heard.text
        assert "X-WR-CALNAME:Calendar\r\n" in got.heard.text
        assert (await nobody.ask("GET", path.removesuffix(".ics"))).heard.body == got.heard.body
        head = await nobody.ask("HEAD", path)
        assert (head.status, head.heard.body, head.etag) == (200, b"", got.etag)
        again = await nobody.ask("GET", path, If_None_Match=f"W/{got.etag}")
        assert (again.status, again.heard.body) == (304, b"")
        await alice.put(CALENDAR + "2.ics", event("two"))
        newer = await nobody.ask("GET", path, If_None_Match=got.etag)
        assert newer.status == 200
        assert "UID:two\r\n" in newer.heard.text
        for method in ("PUT", "DELETE", "PROPFIND", "POST", "REPORT"):
            assert (await nobody.ask(method, path)).status == 405, method
        assert (await publish(alice, on=False)).status == 200
        assert CS + "publish-url" in (await alice.propfind(CALENDAR, "CS:publish-url")).only.names(
            404
        )
        gone = await nobody.ask("GET", path, If_None_Match=newer.etag)
        unknown = await nobody.ask("GET", "/calendars/public/" + "x" * 32 + ".ics")
        assert (gone.status, gone.heard.body) == (unknown.status, unknown.heard.body)
        assert gone.status == 404
        assert await published(alice) != path


async def test_what_is_private_is_not_published(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        for uid, line in (
            ("open", "CLASS:PUBLIC"),
            ("hidden", "CLASS:PRIVATE"),
            ("secret", "class;x-a=b:Confidential"),
            ("folded", "CLA\r\n SS:PRI\r\n VATE"),
            ("strange", "CLASS:X-OURS"),
        ):
            content = event(uid).replace(b"END:VEVENT", line.encode() + b"\r\nEND:VEVENT")
            assert (await alice.put(f"{CALENDAR}{uid}.ics", content)).status == 201, uid
        got = await nobody.ask("GET", await published(alice))
        assert "UID:open\r\n" in got.heard.text
        for uid in ("hidden", "secret", "folded", "strange"):
            assert f"UID:{uid}" not in got.heard.text, uid


async def test_who_may_publish(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        assert (await publish(bob, f"/dav/calendars/alice@{DOMAIN}/personal/")).status == 403
        assert (await publish(alice, "~card/contacts/")).status == 403
        assert (await publish(alice, "~cal/inbox/")).status == 405
        assert (await publish(alice, "~cal/nowhere/")).status == 404
        body = (
            '<C:share xmlns:C="http://calendarserver.org/ns/" xmlns:A="DAV:"><C:set>'
            f"<A:href>mailto:bob@{DOMAIN}</A:href><C:read-write/></C:set></C:share>"
        )
        assert (await alice.ask("POST", CALENDAR, body, Content_Type=XML)).status == 200
        await published(alice)
        theirs = f"/dav/calendars/alice@{DOMAIN}/personal/"
        assert (await publish(bob, theirs)).status == 403
        found = await bob.propfind(theirs, "CS:publish-url", "CS:allowed-sharing-modes")
        assert found.only.names(404) == {CS + "publish-url", CS + "allowed-sharing-modes"}


async def test_hostile_tokens(server: AppUnderTest) -> None:
    async with await Dav.open(server, "") as nobody:
        for token in ("", ".ics", "%00", "a" * 5000, "%ff%fe", "*", "%F0%9F%98%80"):
            heard = await nobody.ask("GET", "/calendars/public/" + token)
            assert heard.status == 404, token


def _disable(tx: Tx) -> None:
    users.set_enabled(tx, users.require(tx, f"alice@{DOMAIN}").account_id, False)


async def test_it_goes_with_its_calendar_and_rests_with_its_owner(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        path = await published(alice)
        assert (await alice.ask("MKCALENDAR", "~cal/club/")).status == 201
        made = await publish(alice, "~cal/club/")
        club = urlsplit(ElementTree.fromstring(made.heard.body).findtext(D + "href") or "").path
        assert (await nobody.ask("GET", club)).status == 200
        assert (await alice.ask("DELETE", "~cal/club/")).status == 204
        assert (await nobody.ask("GET", club)).status == 404
        await server.services.database.write(_disable)
        assert (await nobody.ask("GET", path)).status == 404


async def test_a_large_one_is_streamed(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        path = await published(alice)
        for number in range(3):
            content = event(f"large-{number}", "SUMMARY:Large", "DESCRIPTION:" + "x" * 500_000)
            assert (await alice.put(f"{CALENDAR}{number}.ics", content)).status == 201
        got = await nobody.ask("GET", path)
        assert got.heard.text.count("BEGIN:VEVENT") == 3
        assert (await nobody.ask("HEAD", path)).etag == got.etag

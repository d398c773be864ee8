"""Managed attachments over DAV (RFC 8607): added, exchanged, removed, read, swept."""

from urllib.parse import unquote, urlsplit

from sqlalchemy import func, select

from kit.app import DOMAIN, AppUnderTest
from kit.dav import Answer, C, D, Dav, event
from pillarbox.domain.accounts import users
from pillarbox.domain.collection_rows.attachment_table import attachments
from pillarbox.domain.owners import quota
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.object import components_of
from pillarbox.pipeline.collections.attachments import UNUSED_FOR_MS, Sweeping
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

EVENT = "~cal/personal/1.ics"
_COUNT = Statement(select(func.count()).select_from(attachments))


async def attach(
    dav: Dav,
    action: str = "add",
    content: bytes = b"agenda",
    *,
    path: str = EVENT,
    name: str = "Agenda.txt",
    **fields: str,
) -> Answer:
    """`action` as it goes on in the query, such as `update&managed-id=1`."""
    sent = {"Content_Type": "text/plain", **fields}
    if name:
        sent["Content_Disposition"] = f'attachment; filename="{name}"'
    return await dav.ask("POST", f"{path}?action=attachment-{action}", content, **sent)


async def parts(dav: Dav, path: str = EVENT) -> list[Component]:
    """The components of an object."""
    return components_of(parse_calendar((await dav.ask("GET", path)).heard.body))


async def attached(dav: Dav, path: str = EVENT) -> list[ContentLine]:
    """What an event has attached."""
    return [line for part in await parts(dav, path) for line in part.all("ATTACH")]


def path_of(line: ContentLine) -> str:
    parts = urlsplit(line.value)
    assert parts.scheme == "https"
    return parts.path


def _used(tx: Tx) -> tuple[int, int]:
    """Bytes that alice uses, and how many attachments there are."""
    found = quota.usage(tx, users.require(tx, f"alice@{DOMAIN}").account_id)
    assert found is not None
    return found.used_bytes, int(tx.scalar(_COUNT))


async def test_from_the_first_to_the_last(server: AppUnderTest) -> None:
    database = server.services.database
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        assert "calendar-managed-attachments" in (await alice.ask("OPTIONS", "~cal/")).fields["dav"]
        put = await alice.put(EVENT, event("one"))
        before, _ = await database.read(_used)
        disposition = "attachment; filename*=UTF-8''Agenda%20%C3%BC.txt"
        added = await attach(alice, Content_Disposition=disposition, name="")
        assert added.status == 201, added.heard.text
        assert added.etag != put.etag
        (line,) = await attached(alice)
        assert line.param("MANAGED-ID") == added.fields["cal-managed-id"]
        assert (line.param("SIZE"), line.param("FMTTYPE")) == ("6", "text/plain")
        assert line.param("FILENAME") == "Agenda ü.txt"
        assert (await database.read(_used))[1] == 1
        assert (await database.read(_used))[0] > before + 6
        got = await nobody.ask("GET", path_of(line))
        assert (got.status, got.heard.body) == (200, b"agenda")
        assert got.fields["content-type"] == "text/plain"
        assert got.fields["content-disposition"].startswith("attachment;")
        assert (await nobody.ask("HEAD", path_of(line))).fields["content-length"] == "6"

        managed_id = added.fields["cal-managed-id"]
        newer = await attach(alice, f"update&managed-id={managed_id}", b"newer", name="b.txt")
        assert newer.status == 204, newer.heard.text
        (line,) = await attached(alice)
        assert line.param("MANAGED-ID") == newer.fields["cal-managed-id"] != managed_id
        assert unquote(path_of(line)).endswith("/b.txt")
        assert (await nobody.ask("GET", path_of(line))).heard.body == b"newer"

        managed_id = newer.fields["cal-managed-id"]
        gone = await attach(
            alice, f"remove&managed-id={managed_id}", b"", Prefer="return=representation"
        )
        assert gone.status == 200
        assert "cal-managed-id" not in gone.fields
        assert b"ATTACH" not in gone.heard.body
        assert await attached(alice) == []
        sweeping = Sweeping(database, server.services.keys, Later(server))
        await sweeping.run()
        assert (await database.read(_used))[1] == 0
        assert (await nobody.ask("GET", path_of(line))).status == 404


class Later:
    """The server's clock, when what is new today has become old."""

    def __init__(self, server: AppUnderTest) -> None:
        self._clock = server.services.http.clock

    def now_ms(self) -> int:
        return self._clock.now_ms() + UNUSED_FOR_MS + 1000

    def monotonic(self) -> float:
        return self._clock.monotonic()


async def test_what_is_used_is_not_swept(server: AppUnderTest) -> None:
    database = server.services.database
    sweeping = Sweeping(database, server.services.keys, Later(server))
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        await alice.put(EVENT, event("one"))
        await attach(alice, name="a" * 200 + ".txt")
        (line,) = await attached(alice)
        await alice.ask("MKCALENDAR", "~cal/other/")
        moved = await alice.ask("MOVE", EVENT, Destination="~cal/other/2.ics")
        assert moved.status == 201
        await sweeping.run()
        assert (await nobody.ask("GET", path_of(line))).status == 200
        assert (await alice.ask("DELETE", "~cal/other/")).status == 204
        used, count = await database.read(_used)
        assert count == 1
        await sweeping.run()
        assert await database.read(_used) == (used - 6, 0)


async def test_instances(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(EVENT, event("one", "RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:Daily"))
        added = await attach(alice, "add&rid=20260106T100000Z")
        assert added.status == 201, added.heard.text
        master, override = await parts(alice)
        assert master.all("ATTACH") == []
        assert len(override.all("ATTACH")) == 1
        assert override.value("RECURRENCE-ID") == "20260106T100000Z"
        assert override.value("DTSTART") == "20260106T100000Z"
        assert override.first("RRULE") is None
        assert (await attach(alice, "add&rid=M,20260106T100000Z", name="b.txt")).status == 201
        master, override = await parts(alice)
        assert (len(master.all("ATTACH")), len(override.all("ATTACH"))) == (1, 2)
        managed_id = added.fields["cal-managed-id"]
        gone = await attach(alice, f"remove&managed-id={managed_id}&rid=20260106T100000Z", b"")
        assert gone.status == 204
        assert len(await attached(alice)) == 2
        for rid in ("20260106T110000Z", "20270106T100000Z", "20260107"):
            refused = await attach(alice, f"add&rid={rid}")
            assert (refused.status, refused.conditions) == (403, {C + "valid-rid-parameter"}), rid
        assert len(await attached(alice)) == 2


async def test_refusals(server: AppUnderTest) -> None:
    database = server.services.database
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.put(EVENT, event("one"))
        theirs = alice.path(EVENT)
        assert (await attach(bob, path=theirs)).status == 403
        assert (await attach(alice, path="~cal/personal/none.ics")).status == 404
        assert (await attach(alice, path="~cal/inbox/none.ics")).status == 403
        for query in ("x", "update&managed-id=nope", "remove&managed-id=nope", "update"):
            assert (await attach(alice, query)).status == 403, query
        assert (await alice.ask("POST", EVENT, b"x", Content_Type="text/plain")).status == 405
        async with await Dav.open(server) as other:
            big = await attach(other, content=b"x" * (10 * 1024 * 1024 + 1))
            assert (big.status, big.conditions) == (403, {C + "max-attachment-size"})
        assert (await attach(alice, If_Match='"other"')).status == 412
        assert (await database.read(_used))[1] == 0
        for _ in range(20):
            assert (await attach(alice)).status == 201
        many = await attach(alice)
        assert (many.status, many.conditions) == (403, {C + "max-attachments-per-resource"})
        assert (await database.read(_used))[1] == 20
        found = await alice.propfind(
            "~cal/personal/", "C:max-attachment-size", "C:max-attachments-per-resource"
        )
        assert found.only.text(C + "max-attachment-size") == "10485760"
        assert found.only.text(C + "max-attachments-per-resource") == "20"
        home = await alice.propfind("~cal/", "C:managed-attachments-server-URL")
        assert home.only.inner(C + "managed-attachments-server-URL") == {D + "href"}


def _little_room(tx: Tx) -> None:
    account = users.require(tx, f"alice@{DOMAIN}").account_id
    used = quota.usage(tx, account)
    assert used is not None
    users.set_quota(tx, account, used.used_bytes + 1000)


async def test_it_counts_against_the_quota_of_the_owner(server: AppUnderTest) -> None:
    database = server.services.database
    async with await Dav.open(server) as alice:
        await alice.put(EVENT, event("one"))
        await database.write(_little_room)
        full = await attach(alice, content=b"x" * 2000)
        assert (full.status, full.conditions) == (507, {D + "quota-not-exceeded"})
        assert (await database.read(_used))[1] == 0
        assert await attached(alice) == []


async def test_a_page_is_no_page(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "") as nobody:
        await alice.put(EVENT, event("one"))
        await attach(alice, content=b"<script>", name='../../x";\\y.html', Content_Type="text/html")
        (line,) = await attached(alice)
        got = await nobody.ask("GET", path_of(line))
        assert got.fields["content-disposition"].startswith("attachment;")
        assert got.fields["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in got.fields["content-security-policy"]
        assert (await nobody.ask("GET", "/calendars/attachments/x/y")).status == 404
        assert (await nobody.ask("PUT", path_of(line), b"x")).status == 405


def _gone(tx: Tx) -> None:
    users.delete(tx, users.require(tx, f"alice@{DOMAIN}").account_id)


async def test_it_goes_with_its_owner(server: AppUnderTest) -> None:
    database = server.services.database
    async with await Dav.open(server) as alice:
        await alice.put(EVENT, event("one"))
        await attach(alice)
    await database.write(_gone)
    assert await database.read(lambda tx: tx.scalar(_COUNT)) == 0

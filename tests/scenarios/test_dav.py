"""WebDAV, CalDAV and CardDAV over loopback: objects and collections, and what is refused."""

import pytest

from kit.app import AppUnderTest
from kit.dav import CS, A, C, D, Dav, card, event, names_of, task

CALENDAR, BOOK = "~cal/personal/", "~card/contacts/"


async def test_options_tell_what_there_is(server: AppUnderTest) -> None:
    async with await Dav.open(server, "") as anyone:
        heard = await anyone.ask("OPTIONS", "/dav/calendars/alice@example.test/personal/")
        assert heard.status == 200
        classes = heard.fields["dav"].split(", ")
        assert {"1", "3", "calendar-access", "addressbook", "extended-mkcol"} <= set(classes)
        assert "2" not in classes
        assert {"MKCALENDAR", "REPORT", "ACL", "POST"} <= set(heard.fields["allow"].split(", "))
        assert "LOCK" not in heard.fields["allow"]
        refused = await anyone.ask("PROPFIND", "/dav/", Depth="0")
        assert refused.status == 401
        assert refused.fields["www-authenticate"].startswith("Basic ")


async def test_discovery(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for path in ("/.well-known/caldav", "/.well-known/carddav"):
            assert (await alice.ask("PROPFIND", path)).fields["location"] == "/dav/"
        root = await alice.propfind("/dav/", "current-user-principal", "resourcetype")
        (principal,) = root.only.hrefs(D + "current-user-principal")
        assert principal == "/dav/principals/alice@example.test/"
        found = await alice.propfind(
            principal,
            "C:calendar-home-set",
            "A:addressbook-home-set",
            "C:calendar-user-address-set",
        )
        assert found.only.hrefs(C + "calendar-home-set") == ["/dav/calendars/alice@example.test/"]
        assert found.only.hrefs(A + "addressbook-home-set") == ["/dav/contacts/alice@example.test/"]
        assert "mailto:alice@example.test" in found.only.hrefs(C + "calendar-user-address-set")
        home = await alice.propfind("~cal/", "resourcetype", "CS:getctag", depth="1")
        assert names_of(home.rows) == ["alice@example.test", "inbox", "outbox", "personal", "tasks"]
        assert CS + "getctag" in home.rows[alice.path(CALENDAR)].names()
        books = await alice.propfind("~card/", "resourcetype", depth="1")
        assert names_of(books.rows) == ["alice@example.test", "contacts", "directory"]


@pytest.mark.parametrize("prefix", ["/caldav", "/carddav"])
async def test_other_prefixes_lead_to_the_same(server: AppUnderTest, prefix: str) -> None:
    async with await Dav.open(server) as alice:
        found = await alice.propfind(f"{prefix}/", "current-user-principal")
        assert list(found.rows) == [f"{prefix}/"]
        moved = await alice.ask("GET", f"{prefix}/calendars/alice@example.test/")
        assert (moved.status, moved.fields["location"]) == (
            301,
            "/dav/calendars/alice@example.test/",
        )


async def test_an_object_is_kept_as_it_was_sent(server: AppUnderTest) -> None:
    content = event("one", "SUMMARY:Grüße", 'X-ODD;X-P="a,b":kept')
    async with await Dav.open(server) as alice:
        made = await alice.put(CALENDAR + "one.ics", content, If_None_Match="*")
        assert made.status == 201
        found = await alice.ask("GET", CALENDAR + "one.ics")
        assert (found.status, found.heard.body) == (200, content)
        assert found.etag == made.etag
        assert found.fields["content-type"].startswith("text/calendar")
        head = await alice.ask("HEAD", CALENDAR + "one.ics")
        assert (head.heard.body, head.etag) == (b"", made.etag)
        assert head.fields["content-length"] == str(len(content))
        same = await alice.ask("GET", CALENDAR + "one.ics", If_None_Match=made.etag)
        assert same.status == 304
        changed = await alice.put(CALENDAR + "one.ics", event("one"), If_Match=made.etag)
        assert changed.status == 204
        assert changed.etag != made.etag
        late = await alice.put(CALENDAR + "one.ics", content, If_Match=made.etag)
        assert late.status == 412
        assert (await alice.put(CALENDAR + "one.ics", content, If_None_Match="*")).status == 412
        gone = await alice.ask("DELETE", CALENDAR + "one.ics", If_Match=made.etag)
        assert gone.status == 412
        assert (await alice.ask("DELETE", CALENDAR + "one.ics")).status == 204
        assert (await alice.ask("GET", CALENDAR + "one.ics")).status == 404
        assert (await alice.ask("DELETE", CALENDAR + "one.ics")).status == 404


async def test_an_if_field_is_looked_at(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        made = await alice.put(CALENDAR + "one.ics", event("one"))
        path = alice.path(CALENDAR + "one.ics")
        for value, status in (
            (f"([{made.etag}])", 204),
            ('(["other"])', 412),
            ("(<urn:uuid:00000000-0000-0000-0000-000000000000>)", 412),
            ("(Not <DAV:no-lock>)", 204),
            (f'<https://mail.example.test{path}> (Not ["other"])', 204),
        ):
            now = (await alice.ask("HEAD", CALENDAR + "one.ics")).etag
            value = value.replace(made.etag, now)
            answer = await alice.put(CALENDAR + "one.ics", event("one"), If=value)
            assert answer.status == status, value
        assert (await alice.put(CALENDAR + "one.ics", event("one"), If="nonsense")).status == 400


async def test_prefer_return_representation(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        made = await alice.put(BOOK + "a.vcf", card("a"), Prefer="return=representation")
        assert (made.status, made.heard.body) == (201, card("a"))
        assert made.fields["preference-applied"] == "return=representation"
        again = await alice.put(BOOK + "a.vcf", card("a"), Prefer="return=representation")
        assert again.status == 200


@pytest.mark.parametrize(
    ("path", "content", "fields", "status", "condition"),
    [
        (CALENDAR + "x.ics", b"nonsense", {}, 403, C + "valid-calendar-data"),
        (CALENDAR + "x.ics", card("a"), {}, 403, C + "valid-calendar-data"),
        (CALENDAR + "x.ics", b"", {}, 403, C + "valid-calendar-data"),
        (
            CALENDAR + "x.ics",
            event("x").replace(b"UID:x\r\n", b""),
            {},
            403,
            C + "valid-calendar-object-resource",
        ),
        (
            CALENDAR + "x.ics",
            event("x").replace(b"VERSION:2.0", b"VERSION:2.0\r\nMETHOD:REQUEST"),
            {},
            403,
            C + "valid-calendar-object-resource",
        ),
        (CALENDAR + "x.ics", task("x"), {}, 403, C + "supported-calendar-component"),
        (
            CALENDAR + "x.ics",
            event("x"),
            {"Content_Type": "application/json"},
            403,
            C + "supported-calendar-data",
        ),
        (BOOK + "x.vcf", event("x"), {}, 403, A + "valid-address-data"),
        (
            BOOK + "x.vcf",
            card("x"),
            {"Content_Type": "text/calendar"},
            403,
            A + "supported-address-data",
        ),
        ("~cal/nowhere/x.ics", event("x"), {}, 409, C + "calendar-collection-location-ok"),
        ("~card/nowhere/x.vcf", card("x"), {}, 409, A + "addressbook-collection-location-ok"),
        ("~cal/inbox/x.ics", event("x"), {}, 403, D + "need-privileges"),
        ("~card/directory/x.vcf", card("x"), {}, 403, D + "need-privileges"),
    ],
)
async def test_what_can_not_be_put(
    server: AppUnderTest,
    path: str,
    content: bytes,
    fields: dict[str, str],
    status: int,
    condition: str,
) -> None:
    async with await Dav.open(server) as alice:
        answer = await alice.put(path, content, **fields)
        assert (answer.status, answer.conditions) == (status, {condition})


async def test_uids_are_one_of_a_kind(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "one.ics", event("one"))
        other = await alice.put(CALENDAR + "two.ics", event("one"))
        assert (other.status, other.conditions) == (409, {C + "no-uid-conflict"})
        assert alice.path(CALENDAR + "one.ics") in other.heard.text
        await alice.put(BOOK + "a.vcf", card("a"))
        other = await alice.put(BOOK + "b.vcf", card("a"))
        assert (other.status, other.conditions) == (409, {A + "no-uid-conflict"})


async def test_what_is_too_large_is_refused(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        large = event("x", "DESCRIPTION:" + "x" * (10 << 20))
        answer = await alice.put(CALENDAR + "x.ics", large)
        assert (answer.status, answer.conditions) == (413, {C + "max-resource-size"})


async def test_paths_that_are_none(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for path, status in (
            ("/dav/nothing/", 404),
            ("~cal/personal/a/b", 404),
            ("~cal/personal/%2e%2e/x", 400),
            ("~cal/personal/a%2fb.ics", 400),
            ("~cal/personal/%ff.ics", 400),
            ("~cal/personal/%00.ics", 400),
            ("~cal/personal/" + "x" * 300 + ".ics", 404),
        ):
            assert (await alice.ask("PROPFIND", path)).status == status, path
        strange = CALENDAR + "a%20b%C3%A9&'+;=@,.ics"
        assert (await alice.put(strange, event("s"))).status == 201
        found = await alice.propfind(CALENDAR, "getetag", depth="1")
        assert "a bé&'+;=@,.ics" in names_of(found.rows)
        assert (await alice.ask("GET", strange)).status == 200


async def test_collections_are_made_and_removed(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        made = await alice.ask(
            "MKCALENDAR",
            "~cal/work/",
            '<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>'
            "<displayname>Work &amp; more</displayname>"
            '<C:supported-calendar-component-set><C:comp name="VTODO"/>'
            "</C:supported-calendar-component-set></prop></set></C:mkcalendar>",
        )
        assert made.status == 201, made.heard.text
        found = await alice.propfind(
            "~cal/work/", "displayname", "C:supported-calendar-component-set", "resourcetype"
        )
        assert found.only.text(D + "displayname") == "Work & more"
        components = found.only.props[200][C + "supported-calendar-component-set"]
        assert [one.get("name") for one in components] == ["VTODO"]
        assert (await alice.put("~cal/work/t.ics", task("t"))).status == 201
        assert (await alice.put("~cal/work/e.ics", event("e"))).status == 403
        again = await alice.ask("MKCALENDAR", "~cal/work/")
        assert (again.status, again.conditions) == (403, {D + "resource-must-be-null"})
        assert (await alice.ask("MKCOL", "~cal/work/")).status == 405
        assert (await alice.ask("DELETE", "~cal/work/")).status == 204
        assert (await alice.ask("PROPFIND", "~cal/work/")).status == 404
        default = await alice.ask("DELETE", "~cal/personal/")
        assert (default.status, default.conditions) == (403, {C + "default-calendar-needed"})
        assert (await alice.ask("DELETE", "~cal/")).status == 403
        assert (await alice.ask("DELETE", "~cal/inbox/")).status == 403


MKCOL = (
    '<mkcol xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"'
    ' xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><resourcetype><collection/>{type}'
    "</resourcetype>{props}</prop></set></mkcol>"
)


async def test_extended_mkcol(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        body = MKCOL.format(type="<A:addressbook/>", props="<displayname>Team</displayname>")
        assert (await alice.ask("MKCOL", "~card/team/", body)).status == 201
        assert (await alice.put("~card/team/a.vcf", card("a"))).status == 201
        wrong = await alice.ask("MKCOL", "~cal/team/", body)
        assert (wrong.status, wrong.conditions) == (403, {D + "valid-resourcetype"})
        body = MKCOL.format(
            type="<C:calendar/>", props="<displayname>No</displayname><getetag>x</getetag>"
        )
        partly = await alice.ask("MKCOL", "~cal/half/", body)
        assert partly.status == 424
        assert b"mkcol-response" in partly.heard.body
        assert b"cannot-modify-protected-property" in partly.heard.body
        assert (await alice.ask("PROPFIND", "~cal/half/")).status == 404
        assert (await alice.ask("MKCOL", "~cal/a/b/")).status == 409
        assert (await alice.ask("MKCOL", "~cal/a/b/c/")).status == 409
        assert (await alice.ask("PUT", "~cal/a/b/c", event("c"))).status == 409
        typed = await alice.ask("MKCOL", "~cal/c/", "{}", Content_Type="application/json")
        assert typed.status == 415
        typed = await alice.ask("MKCOL", "~cal/personal/c", "{}", Content_Type="application/json")
        assert typed.status == 415


async def test_copies_and_moves(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.ask("MKCALENDAR", "~cal/work/")
        made = await alice.put(CALENDAR + "one.ics", event("one"))
        copied = await alice.ask(
            "COPY", CALENDAR + "one.ics", Destination="https://mail.example.test~cal/work/one.ics"
        )
        assert copied.status == 201, copied.heard.text
        assert (await alice.ask("GET", "~cal/work/one.ics")).heard.body == event("one")
        taken = await alice.ask(
            "COPY", CALENDAR + "one.ics", Destination="~cal/work/one.ics", Overwrite="F"
        )
        assert taken.status == 412
        over = await alice.ask("COPY", CALENDAR + "one.ics", Destination="~cal/work/one.ics")
        assert over.status == 204
        same = await alice.ask("COPY", CALENDAR + "one.ics", Destination=CALENDAR + "two.ics")
        assert (same.status, same.conditions) == (409, {C + "no-uid-conflict"})
        moved = await alice.ask("MOVE", CALENDAR + "one.ics", Destination=CALENDAR + "two.ics")
        assert moved.status == 201
        assert (await alice.ask("GET", CALENDAR + "one.ics")).status == 404
        over = await alice.ask("MOVE", CALENDAR + "two.ics", Destination="~cal/work/one.ics")
        assert over.status == 204
        assert made.etag
        for target, status in (
            ("https://elsewhere.example/dav/x", 502),
            ("~cal/nowhere/x.ics", 409),
            ("~card/contacts/x.vcf", 403),
            ("~cal/inbox/x.ics", 403),
            ("~cal/work/", 403),
            ("/other/x.ics", 409),
            ("~cal/work/../x.ics", 400),
        ):
            answer = await alice.ask("MOVE", "~cal/work/one.ics", Destination=target)
            assert answer.status == status, target
        assert (await alice.ask("MOVE", "~cal/work/one.ics")).status == 400
        assert (await alice.ask("MOVE", "~cal/work/no.ics", Destination="~cal/a")).status in (
            403,
            404,
        )
        renamed = await alice.ask("MOVE", "~cal/work/", Destination="~cal/renamed/")
        assert renamed.status == 201
        assert (await alice.ask("GET", "~cal/renamed/one.ics")).status == 200
        taken = await alice.ask("MOVE", "~cal/renamed/", Destination="~cal/tasks/")
        assert taken.status == 412


async def test_add_member(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        found = await alice.propfind(CALENDAR, "add-member")
        (where,) = found.only.hrefs(D + "add-member")
        made = await alice.ask("POST", where, event("new"), Content_Type="text/calendar")
        assert made.status == 201
        assert made.fields["location"].startswith(alice.path(CALENDAR))
        assert (await alice.ask("GET", made.fields["location"])).heard.body == event("new")
        wrong = await alice.ask("POST", where, card("a"), Content_Type="text/vcard")
        assert (wrong.status, wrong.conditions) == (403, {C + "supported-calendar-data"})
        assert (await alice.ask("POST", "~cal/", b"x", Content_Type="text/calendar")).status == 405


async def test_a_collection_as_one_file(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("one"))
        await alice.put(CALENDAR + "2.ics", event("two"))
        whole = await alice.ask("GET", CALENDAR)
        assert whole.fields["content-type"].startswith("text/calendar")
        assert whole.heard.text.count("BEGIN:VCALENDAR") == 1
        assert whole.heard.text.count("BEGIN:VEVENT") == 2
        await alice.put(BOOK + "1.vcf", card("one"))
        await alice.put(BOOK + "2.vcf", card("two"))
        assert (await alice.ask("GET", BOOK)).heard.body == card("one") + card("two")
        page = await alice.ask("GET", "~cal/")
        assert page.fields["content-type"].startswith("text/html")
        assert alice.path(CALENDAR) in page.heard.text


async def test_methods_that_mean_nothing(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for method, path in (
            ("LOCK", CALENDAR),
            ("PUT", CALENDAR),
            ("PATCH", CALENDAR + "x.ics"),
            ("POST", CALENDAR + "x.ics"),
        ):
            answer = await alice.ask(method, path, b"x")
            assert answer.status in (404, 405), (method, path)
            assert answer.status == 404 or "PROPFIND" in answer.fields["allow"]

"""Properties over loopback: told, set, removed and kept (RFC 4918 §9.2, RFC 7953 §6)."""

import pytest

from kit.app import AppUnderTest
from kit.dav import CS, ICAL, A, C, D, Dav, card, event

CALENDAR, BOOK = "~cal/personal/", "~card/contacts/"
ZONE = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VTIMEZONE\r\n"
    "TZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"
    "TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
)
ALARM = "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
AVAILABLE = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VAVAILABILITY\r\nUID:v\r\n"
    "DTSTAMP:20260101T000000Z\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n"
)

EVERY_PROPERTY = [
    "resourcetype",
    "displayname",
    "getetag",
    "creationdate",
    "getcontenttype",
    "getcontentlength",
    "getlastmodified",
    "current-user-principal",
    "owner",
    "principal-URL",
    "alternate-URI-set",
    "group-membership",
    "group-member-set",
    "current-user-privilege-set",
    "supported-privilege-set",
    "acl",
    "acl-restrictions",
    "inherited-acl-set",
    "principal-collection-set",
    "supported-report-set",
    "sync-token",
    "quota-used-bytes",
    "quota-available-bytes",
    "add-member",
    "resource-id",
    "supportedlock",
    "lockdiscovery",
    "C:calendar-home-set",
    "C:calendar-user-address-set",
    "C:calendar-user-type",
    "C:schedule-inbox-URL",
    "C:schedule-outbox-URL",
    "C:schedule-default-calendar-URL",
    "C:schedule-calendar-transp",
    "C:schedule-tag",
    "C:supported-calendar-component-set",
    "C:supported-calendar-component-sets",
    "C:supported-calendar-data",
    "C:max-resource-size",
    "C:min-date-time",
    "C:max-date-time",
    "C:max-instances",
    "C:max-attendees-per-instance",
    "C:calendar-timezone",
    "C:calendar-timezone-id",
    "C:calendar-description",
    "C:supported-collation-set",
    "C:calendar-availability",
    "C:default-alarm-vevent-date",
    "C:calendar-free-busy-set",
    "A:addressbook-home-set",
    "A:addressbook-description",
    "A:supported-address-data",
    "A:supported-collation-set",
    "A:max-resource-size",
    "A:max-image-size",
    "A:directory-gateway",
    "CS:getctag",
    "CS:email-address-set",
    "CS:notification-URL",
    "CS:allowed-sharing-modes",
    "I:calendar-color",
    "I:calendar-order",
    "C:nothing",
]


def setting(inside: str) -> str:
    return f"<set><prop>{inside}</prop></set>"


@pytest.mark.parametrize(
    ("path", "name", "tag", "value"),
    [
        (CALENDAR, "displayname", D + "displayname", "Heim & Hof <1>"),
        (CALENDAR, "C:calendar-description", C + "calendar-description", "What I do"),
        (CALENDAR, "I:calendar-color", ICAL + "calendar-color", "#FF00AAFF"),
        (CALENDAR, "I:calendar-order", ICAL + "calendar-order", "7"),
        (CALENDAR, "C:calendar-timezone-id", C + "calendar-timezone-id", "Europe/Berlin"),
        (CALENDAR, "C:calendar-timezone", C + "calendar-timezone", ZONE),
        (
            CALENDAR,
            "C:default-alarm-vevent-datetime",
            C + "default-alarm-vevent-datetime",
            ALARM,
        ),
        ("~cal/", "C:default-alarm-vevent-date", C + "default-alarm-vevent-date", ALARM),
        ("~cal/inbox/", "C:calendar-availability", C + "calendar-availability", AVAILABLE),
        ("~cal/", "CS:calendar-availability", CS + "calendar-availability", AVAILABLE),
        (BOOK, "displayname", D + "displayname", "Leute"),
        (BOOK, "A:addressbook-description", A + "addressbook-description", "Whom I know"),
        (CALENDAR, 'X:mood xmlns:X="http://example.org/"', "{http://example.org/}mood", "fine"),
    ],
)
async def test_properties_are_set_and_removed(
    server: AppUnderTest, path: str, name: str, tag: str, value: str
) -> None:
    text = value.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")
    plain = name.partition(" ")[0]
    async with await Dav.open(server) as alice:
        before = (await alice.propfind(path, name)).only
        done = await alice.proppatch(path, setting(f"<{name}>{text}</{plain}>"))
        assert (done.status, done.only.names()) == (207, {tag}), done.heard.text
        async with await Dav.open(server) as other:
            found = (await other.propfind(path, name)).only
            assert found.text(tag).strip() == value.strip()
        gone = await alice.proppatch(path, f"<remove><prop><{name}/></prop></remove>")
        assert gone.only.names() == {tag}
        assert (await alice.propfind(path, name)).only.names() == before.names()


async def test_all_changes_are_done_or_none(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        answer = await alice.proppatch(
            CALENDAR, setting("<displayname>New</displayname><getetag>x</getetag>")
        )
        row = answer.only
        assert row.names(403) == {D + "getetag"}
        assert row.names(424) == {D + "displayname"}
        assert row.conditions == {D + "cannot-modify-protected-property"}
        found = await alice.propfind(CALENDAR, "displayname")
        assert found.only.text(D + "displayname") == "Calendar"


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("<C:calendar-timezone>nonsense</C:calendar-timezone>", C + "valid-calendar-data"),
        ("<C:calendar-timezone-id>No/Where</C:calendar-timezone-id>", C + "valid-timezone"),
        (
            "<C:default-alarm-vevent-date>BEGIN:VEVENT&#13;\nEND:VEVENT</C:default-alarm-vevent-date>",
            C + "valid-calendar-data",
        ),
        ("<resourcetype/>", D + "cannot-modify-protected-property"),
        (
            '<C:supported-calendar-component-set><C:comp name="VTODO"/>'
            "</C:supported-calendar-component-set>",
            D + "cannot-modify-protected-property",
        ),
        ("<CS:getctag>1</CS:getctag>", D + "cannot-modify-protected-property"),
        ("<sync-token>1</sync-token>", D + "cannot-modify-protected-property"),
    ],
)
async def test_values_that_can_not_be_set(
    server: AppUnderTest, inside: str, condition: str
) -> None:
    async with await Dav.open(server) as alice:
        answer = await alice.proppatch(CALENDAR, setting(inside))
        assert (answer.status, answer.only.names(200)) == (207, set())
        assert answer.only.conditions == {condition}


async def test_properties_are_bounded(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        large = "x" * 300_000
        answer = await alice.proppatch(CALENDAR, setting(f"<displayname>{large}</displayname>"))
        assert answer.status in (403, 413, 507)


async def test_prefer_minimal(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        found = await alice.propfind(CALENDAR, "displayname", "none", Prefer="return=minimal")
        assert found.only.names(404) == set()
        done = await alice.proppatch(
            CALENDAR, setting("<displayname>N</displayname>"), Prefer="return=minimal"
        )
        assert (done.status, done.heard.body) == (200, b"")
        assert done.fields["preference-applied"] == "return=minimal"


async def test_depth(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        endless = await alice.ask("PROPFIND", CALENDAR, Depth="infinity")
        assert (endless.status, endless.conditions) == (403, {D + "propfind-finite-depth"})
        assert (await alice.ask("PROPFIND", CALENDAR, Depth="2")).status == 400


async def test_allprop_and_propname(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("one"))
        everything = await alice.ask("PROPFIND", CALENDAR, Depth="1")
        item = everything.rows[alice.path(CALENDAR + "1.ics")]
        assert {
            D + "getetag",
            D + "getcontentlength",
            D + "getlastmodified",
            D + "resourcetype",
        } <= item.names()
        assert item.inner(D + "resourcetype") == set()
        assert item.names(404) == set()
        names = await alice.ask(
            "PROPFIND", CALENDAR, b'<propfind xmlns="DAV:"><propname/></propfind>', Depth="1"
        )
        row = names.rows[alice.path(CALENDAR)]
        assert {C + "supported-calendar-data", D + "sync-token", D + "acl"} <= row.names()
        assert all(not one.text and not len(one) for one in row.props[200].values())
        included = await alice.ask(
            "PROPFIND",
            CALENDAR,
            b'<propfind xmlns="DAV:"><allprop/><include><sync-token/></include></propfind>',
        )
        assert {D + "sync-token", D + "displayname"} <= included.only.names()


async def test_every_property_asked_for_is_told_of(server: AppUnderTest) -> None:
    """Found or not: nothing is left out, on any kind of resource."""
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "1.ics", event("one"))
        await alice.put(BOOK + "1.vcf", card("one"))
        kinds = set()
        for path in (
            *("/dav/", "/dav/principals/", "/dav/calendars/", "/dav/contacts/", "~/", "~cal/"),
            *("~card/", CALENDAR, "~cal/tasks/", "~cal/inbox/", "~cal/outbox/", BOOK),
            *("~card/directory/", CALENDAR + "1.ics", BOOK + "1.vcf"),
            *("/dav/notifications/alice@example.test/", "~card/directory/bob@example.test.vcf"),
        ):
            row = (await alice.propfind(path, *EVERY_PROPERTY)).only
            assert len(row.names(200) | row.names(404)) == len(EVERY_PROPERTY), path
            assert not row.names(200) & row.names(404)
            assert D + "current-user-principal" in row.names(200)
            assert C + "nothing" in row.names(404)
            kinds.add(frozenset(row.names(200)))
        assert len(kinds) > 10


async def test_the_default_calendar_can_be_another(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.ask("MKCALENDAR", "~cal/work/")
        name, tag = "C:schedule-default-calendar-URL", C + "schedule-default-calendar-URL"
        found = await alice.propfind("~cal/inbox/", name)
        assert found.only.hrefs(tag) == [alice.path(CALENDAR)]
        href = alice.path("~cal/work/")
        done = await alice.proppatch(
            "~cal/inbox/", setting(f"<{name}><href>{href}</href></{name}>")
        )
        assert done.only.names() == {tag}, done.heard.text
        assert (await alice.propfind("~cal/inbox/", name)).only.hrefs(tag) == [href]
        assert (await alice.ask("DELETE", CALENDAR)).status == 204
        wrong = await alice.proppatch("~cal/inbox/", setting(f"<{name}><href>/x</href></{name}>"))
        assert b"valid-schedule-default-calendar-URL" in wrong.heard.body


async def test_quotas_are_told(server: AppUnderTest) -> None:
    await server.add_users("small", quota_bytes=1 << 20)
    async with await Dav.open(server, "small") as small:
        names = ("quota-used-bytes", "quota-available-bytes")
        before = (await small.propfind("~cal/", *names)).only
        assert int(before.text(D + names[1])) <= 1 << 20
        await small.put(CALENDAR + "1.ics", event("one", "DESCRIPTION:" + "x" * 10_000))
        after = (await small.propfind("~cal/", *names)).only
        assert int(after.text(D + names[0])) >= int(before.text(D + names[0])) + 10_000
        full = await small.put(CALENDAR + "2.ics", event("two", "DESCRIPTION:" + "x" * (1 << 20)))
        assert (full.status, full.conditions) == (507, {D + "quota-not-exceeded"})

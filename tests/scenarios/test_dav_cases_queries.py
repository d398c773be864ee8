"""What calendar-query finds: filters of each kind, time ranges, zones, and what is told of it."""

from collections.abc import AsyncIterator

import pytest

from kit.app import AppUnderTest
from kit.dav import C, D, Dav, event, names_of, task, wrapped

CALENDAR, TASKS = "~cal/personal/", "~cal/tasks/"
MASTER = ("BEGIN:VEVENT", "DTSTAMP:20260101T000000Z")
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT30M", "END:VALARM")
EVENTS = {
    "plain": event("plain", "SUMMARY:Tea", "CATEGORIES:Home,Food", "CREATED:20251201T000000Z"),
    "noted": event("noted", "SUMMARY:tea time", "DESCRIPTION:Bring cake",
                   start="20260106T100000Z"),
    "alarm": event("alarm", "SUMMARY:Train", *ALARM, start="20260107T100000Z"),
    "zoned": wrapped(*MASTER, "UID:zoned", "SUMMARY:Call",
                     "DTSTART;TZID=America/Los_Angeles:20260107T200000",
                     "DTEND;TZID=America/Los_Angeles:20260107T210000", "END:VEVENT"),
    "day": wrapped(*MASTER, "UID:day", "DTSTART;VALUE=DATE:20260110", "SUMMARY:Day",
                   "END:VEVENT"),
    "days": wrapped(*MASTER, "UID:days", "DTSTART;VALUE=DATE:20260112",
                    "DTEND;VALUE=DATE:20260115", "SUMMARY:Days", "END:VEVENT"),
    "float": wrapped(*MASTER, "UID:float", "DTSTART:20260117T230000", "DTEND:20260117T233000",
                     "SUMMARY:Float", "END:VEVENT"),
    "point": wrapped(*MASTER, "UID:point", "DTSTART:20260119T100000Z", "SUMMARY:Point",
                     "END:VEVENT"),
    "weekly": wrapped(
        *MASTER, "UID:weekly", "DTSTART:20260202T100000Z", "DURATION:PT1H", "SUMMARY:Week",
        "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20260209T100000Z", "END:VEVENT",
        *MASTER, "UID:weekly", "RECURRENCE-ID:20260216T100000Z", "DTSTART:20260218T150000Z",
        "DURATION:PT1H", "SUMMARY:Moved", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:x@example.org",
        *ALARM, "END:VEVENT",
    ),
}  # fmt: skip
ALL = set(EVENTS)


def comp(name: str, inside: str = "") -> str:
    return f'<C:comp-filter name="{name}">{inside}</C:comp-filter>'


def prop(name: str, inside: str = "") -> str:
    return f'<C:prop-filter name="{name}">{inside}</C:prop-filter>'


def text(value: str, attributes: str = "") -> str:
    return f"<C:text-match {attributes}>{value}</C:text-match>"


def times(start: str = "", end: str = "") -> str:
    """A time range; days of 2026 or whole times."""
    found = ""
    for name, value in (("start", start), ("end", end)):
        if value:
            found += f' {name}="2026{value if "T" in value else value + "T000000"}Z"'
    return f"<C:time-range{found}/>"


ABSENT = "<C:is-not-defined/>"
FILTERS = (
    ("", ALL),
    (prop("DESCRIPTION"), {"noted"}),
    (prop("DESCRIPTION", ABSENT), ALL - {"noted"}),
    (prop("SUMMARY", text("TEA")), {"plain", "noted"}),
    (prop("SUMMARY", text("tea", 'collation="i;octet"')), {"noted"}),
    (prop("SUMMARY", text("tea", 'negate-condition="yes"')), ALL - {"plain", "noted"}),
    (prop("SUMMARY", text("tea")) + prop("DESCRIPTION", text("cake")), {"noted"}),
    (prop("UID", text("plain", 'collation="i;ascii-casemap"')), {"plain"}),
    (prop("CATEGORIES", text("food")), {"plain"}),
    (prop("SUMMARY", text("moved")), {"weekly"}),
    (prop("DTSTART", '<C:param-filter name="TZID"/>'), {"zoned"}),
    (prop("DTSTART", f'<C:param-filter name="TZID">{text("los_ang")}</C:param-filter>'), {"zoned"}),
    (
        prop("DTSTART", f'<C:param-filter name="TZID">{ABSENT}</C:param-filter>'),
        ALL - {"zoned"},
    ),
    (
        prop("ATTENDEE", text("x@") + '<C:param-filter name="PARTSTAT">'
             + text("NEEDS-ACTION") + "</C:param-filter>"),
        {"weekly"},
    ),
    (comp("VALARM"), {"alarm", "weekly"}),
    (comp("VALARM", ABSENT), ALL - {"alarm"}),
    (comp("VALARM", times("0107T092000", "0107T094000")), {"alarm"}),
    (comp("VALARM", times("0107T094000", "0107T100000")), set()),
    (comp("VALARM", times("0218T142500", "0218T143500")), {"weekly"}),
    (prop("CREATED", times("", "0101")), {"plain"}),
    # Each kind of event, and its borders.
    (times("0105", "0106"), {"plain"}),
    (times("0105T110000", "0105T120000"), set()),
    (times("0105T105959", "0105T110000"), {"plain"}),
    (times("0105T090000", "0105T100000"), set()),
    (times("0108T033000", "0108T040000"), set()),
    (times("0108T040000", "0108T043000"), {"zoned"}),
    (times("0110T230000", "0111"), {"day"}),
    (times("0111", "0112"), set()),
    (times("0114T230000", "0115"), {"days"}),
    (times("0115", "0116"), set()),
    (times("0117T230000", "0118"), {"float"}),
    (times("0119T100000", "0119T100001"), {"point"}),
    (times("0119T100001", "0120"), set()),
    (times("0202", "0203"), {"weekly"}),
    (times("0209", "0210"), set()),
    (times("0216", "0217"), set()),
    (times("0218", "0219"), {"weekly"}),
    (times("0302T100000", ""), {"weekly"}),
    (times("0302T110000", ""), set()),
    (times("", "0106"), {"plain"}),
    (times("0102", "0104"), set()),
    (times("0104", "0109") + prop("SUMMARY", text("tea")), {"plain", "noted"}),
)  # fmt: skip
TASKS_THERE = {
    "plain": task("plain"),
    "due": task("due", "DUE:20260105T100000Z"),
    "start": task("start", "DTSTART:20260106T100000Z"),
    "both": task("both", "DTSTART:20260107T100000Z", "DUE:20260109T100000Z"),
    "long": task("long", "DTSTART:20260112T100000Z", "DURATION:PT2H"),
    "done": task("done", "CREATED:20260114T000000Z", "COMPLETED:20260116T100000Z"),
    "made": task("made", "CREATED:20260120T000000Z"),
}
TASK_FILTERS = (
    ("", set(TASKS_THERE)),
    (prop("COMPLETED", ABSENT), set(TASKS_THERE) - {"done"}),
    (times("0105T093000", "0105T110000"), {"plain", "due"}),
    (times("0106", "0107"), {"plain", "start"}),
    (times("0108", "0109"), {"plain", "both"}),
    (times("0112T110000", "0112T113000"), {"plain", "long"}),
    (times("0115", "0116"), {"plain", "done"}),
    (times("0117", "0118"), {"plain"}),
    (times("0121", "0122"), {"plain", "made"}),
)


async def found(client: Dav, path: str, inside: str, extra: str = "") -> set[str]:
    """The names of what a filter of VCALENDAR finds."""
    asked = f"<prop><getetag/></prop><C:filter>{comp('VCALENDAR', inside)}</C:filter>{extra}"
    answer = await client.report(path, "C:calendar-query", asked, Depth="1")
    assert answer.status == 207, answer.heard.text
    assert all(D + "getetag" in row.names() for row in answer.rows.values())
    return {name.removesuffix(".ics") for name in names_of(answer.rows)}


@pytest.fixture
async def alice(server: AppUnderTest) -> AsyncIterator[Dav]:
    """A client whose calendar and task list hold the above."""
    async with await Dav.open(server) as client:
        for path, objects in ((CALENDAR, EVENTS), (TASKS, TASKS_THERE)):
            for name, content in objects.items():
                made = await client.put(f"{path}{name}.ics", content)
                assert made.status == 201, (name, made.heard.text)
        yield client


async def test_filters(alice: Dav) -> None:
    wrong = []
    for path, kind, cases in (
        (CALENDAR, "VEVENT", FILTERS),
        (TASKS, "VTODO", TASK_FILTERS),
    ):
        for inside, wanted in cases:
            names = await found(alice, path, comp(kind, inside))
            if names != wanted:
                wrong.append(f"{kind} {inside}: {sorted(names)}, not {sorted(wanted)}")
    assert await found(alice, CALENDAR, "") == ALL
    assert await found(alice, CALENDAR, comp("VTODO")) == set()
    assert await found(alice, CALENDAR, comp("VTODO", ABSENT)) == ALL
    assert await found(alice, CALENDAR, comp("VEVENT", ABSENT)) == set()
    assert await found(alice, CALENDAR, prop("VERSION", text("2.0"))) == ALL
    assert await found(alice, CALENDAR, prop("METHOD", ABSENT)) == ALL
    assert not wrong, "\n".join(wrong)


async def test_floating_times_are_of_a_zone(alice: Dav) -> None:
    """Of the query's, else of the calendar's, else UTC."""
    nine, eleven = (comp("VEVENT", times(f"0117T{h}0000", f"0117T{h}5959")) for h in ("09", "22"))
    night = comp("VEVENT", times("0118T044500", "0118T045000"))
    assert await found(alice, CALENDAR, eleven) == set()
    berlin = "<C:timezone-id>Europe/Berlin</C:timezone-id>"
    assert await found(alice, CALENDAR, eleven, berlin) == {"float"}
    zone = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:Far\nBEGIN:STANDARD\n"
        "DTSTART:19700101T000000\nTZOFFSETFROM:+1400\nTZOFFSETTO:+1400\nEND:STANDARD\n"
        "END:VTIMEZONE\nEND:VCALENDAR\n"
    )
    assert await found(alice, CALENDAR, nine, f"<C:timezone>{zone}</C:timezone>") == {"float"}
    set_zone = (
        "<set><prop><C:calendar-timezone-id>America/Chicago</C:calendar-timezone-id></prop></set>"
    )
    assert (await alice.proppatch(CALENDAR, set_zone)).status == 207
    assert await found(alice, CALENDAR, eleven) == set()
    night = comp("VEVENT", times("0118T050000", "0118T051000"))
    assert await found(alice, CALENDAR, night) == {"float"}
    # A whole day is one of that zone as well.
    assert await found(alice, CALENDAR, comp("VEVENT", times("0111T050000", "0111T055900"))) == {
        "day"
    }


async def told(alice: Dav, name: str, inside: str) -> str:
    """What multiget tells of an object with these elements in calendar-data."""
    asked = (
        f"<prop><C:calendar-data>{inside}</C:calendar-data></prop>"
        f"<href>{alice.path(CALENDAR)}{name}.ics</href>"
    )
    answer = await alice.report(CALENDAR, "C:calendar-multiget", asked)
    assert answer.status == 207, answer.heard.text
    return answer.only.text(C + "calendar-data")


def window(kind: str, start: str, end: str) -> str:
    return f'<C:{kind} start="2026{start}T000000Z" end="2026{end}T000000Z"/>'


async def test_parts_of_objects(alice: Dav) -> None:
    assert (await told(alice, "alarm", "")).encode() == EVENTS["alarm"]
    part = await told(alice, "alarm", '<C:comp name="VCALENDAR"><C:prop name="VERSION"/></C:comp>')
    assert "VERSION:2.0" in part
    assert "VEVENT" not in part
    assert "PRODID" not in part
    part = await told(
        alice,
        "alarm",
        '<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY"/>'
        '<C:prop name="UID" novalue="yes"/><C:comp name="VALARM"><C:allprop/></C:comp>'
        "</C:comp></C:comp>",
    )
    assert "SUMMARY:Train" in part
    assert "UID:\r\n" in part.replace("\n", "\r\n").replace("\r\r", "\r")
    assert "TRIGGER:-PT30M" in part
    assert "DTSTART" not in part


async def test_series_are_expanded(alice: Dav) -> None:
    """Every occurrence of a window for itself, in UTC, overridden ones as they are."""
    whole = await told(alice, "weekly", window("expand", "0201", "0401"))
    assert whole.count("BEGIN:VEVENT") == 4
    assert whole.count("RECURRENCE-ID") == 4
    assert not any(word in whole for word in ("RRULE", "EXDATE", "VTIMEZONE", "0209"))
    assert "RECURRENCE-ID:20260216T100000Z" in whole
    assert "DTSTART:20260218T150000Z" in whole
    assert "SUMMARY:Moved" in whole
    one = await told(alice, "weekly", window("expand", "0223", "0224"))
    assert one.count("BEGIN:VEVENT") == 1
    zoned = await told(alice, "zoned", window("expand", "0101", "0201"))
    assert "DTSTART:20260108T040000Z" in zoned
    assert "RECURRENCE-ID" not in zoned
    limited = await told(alice, "weekly", window("limit-recurrence-set", "0201", "0204"))
    assert limited.count("BEGIN:VEVENT") == 1
    assert "RRULE" in limited
    limited = await told(alice, "weekly", window("limit-recurrence-set", "0218", "0219"))
    assert limited.count("BEGIN:VEVENT") == 2


async def test_where_queries_go(alice: Dav) -> None:
    """Of a collection, of one object; and what is not there or not a calendar."""
    for depth in ({}, {"Depth": "0"}, {"Depth": "1"}, {"Depth": "infinity"}):
        asked = f"<prop><getetag/></prop><C:filter>{comp('VCALENDAR')}</C:filter>"
        answer = await alice.report(CALENDAR, "C:calendar-query", asked, **depth)
        assert (answer.status, len(answer.rows)) in ((207, len(ALL)), (207, 0)), depth
    for path in ("~cal/", "~", "/dav/", "~card/contacts/"):
        answer = await alice.report(path, "C:calendar-query", asked, Depth="1")
        assert (answer.status, answer.conditions) == (403, {D + "supported-report"}), path
    assert (await alice.report("~cal/none/", "C:calendar-query", asked)).status == 404
    for props in ("<allprop/>", "<propname/>", ""):
        asked = f"{props}<C:filter>{comp('VCALENDAR', comp('VEVENT'))}</C:filter>"
        answer = await alice.report(CALENDAR, "C:calendar-query", asked, Depth="1")
        assert len(answer.rows) == len(ALL), props
        if props:
            assert D + "getetag" in answer.rows[alice.path(CALENDAR + "day.ics")].names()
            assert b"BEGIN:VCALENDAR" not in answer.heard.body


@pytest.mark.parametrize(
    "inside",
    [
        "",
        comp("VEVENT"),
        comp("VCALENDAR", prop("A") + comp("VEVENT", comp("VEVENT", ABSENT + prop("A")))),
        comp("VCALENDAR", comp("VEVENT", "<C:time-range/>")),
        comp("VCALENDAR", comp("VEVENT", '<C:time-range start="20260101" end="20260102"/>')),
        comp("VCALENDAR", comp("VEVENT", '<C:time-range start="20260101T000000"/>')),
        comp("VCALENDAR", comp("VEVENT", times("0102", "0101"))),
        comp("VCALENDAR", comp("VEVENT", times("0101", "0101"))),
        comp("VCALENDAR", comp("VEVENT", prop("SUMMARY", times("x", "y")))),
        comp("VCALENDAR") + comp("VCALENDAR"),
        comp("VCALENDAR", "<C:comp-filter/>"),
        comp("VCALENDAR", comp("VEVENT", "<C:prop-filter/>")),
        comp("VCALENDAR", comp("VEVENT", prop("A", "<C:param-filter/>"))),
        comp("VCALENDAR", comp("VEVENT", prop("A", text("x", 'negate-condition="maybe"')))),
    ],
)
async def test_filters_that_are_none(server: AppUnderTest, inside: str) -> None:
    async with await Dav.open(server) as client:
        asked = f"<prop><getetag/></prop><C:filter>{inside}</C:filter>"
        answer = await client.report(CALENDAR, "C:calendar-query", asked, Depth="1")
        assert answer.status in (400, 403), answer.heard.text
        if answer.status == 403:
            assert answer.conditions <= {C + "valid-filter", C + "supported-filter"}


async def test_free_and_busy(alice: Dav) -> None:
    busy = wrapped(
        *MASTER, "UID:t", "DTSTART:20260105T103000Z", "DTEND:20260105T120000Z",
        "STATUS:TENTATIVE", "END:VEVENT",
    )  # fmt: skip
    free = event("free", "TRANSP:TRANSPARENT", start="20260105T150000Z")
    gone = event("gone", "STATUS:CANCELLED", start="20260105T170000Z")
    for name, content in (("t", busy), ("free", free), ("gone", gone)):
        assert (await alice.put(f"{CALENDAR}{name}.ics", content)).status == 201
    answer = await alice.report(CALENDAR, "C:free-busy-query", times("0105", "0106"))
    assert answer.status == 200
    told = [line for line in answer.heard.text.splitlines() if line.startswith("FREEBUSY")]
    assert not any("T15" in line or "T17" in line for line in told)
    assert any("BUSY-TENTATIVE" in line for line in told)
    assert any("20260105T100000Z/" in line and "TENTATIVE" not in line for line in told)
    answer = await alice.report(CALENDAR, "C:free-busy-query", times("0216", "0219"))
    assert "20260218T150000Z/" in answer.heard.text
    assert "20260216T1" not in answer.heard.text.partition("FREEBUSY")[2]
    for wrong in ("", "<C:time-range/>", '<C:time-range start="20260101" end="20260102"/>'):
        refused = await alice.report(CALENDAR, "C:free-busy-query", wrong)
        assert refused.status in (400, 403), wrong
    of_one = await alice.report(CALENDAR + "plain.ics", "C:free-busy-query", times("0105", "0106"))
    assert of_one.status in (400, 403)

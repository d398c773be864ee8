"""Calendar objects of every kind: what is taken and kept as it is, what is refused, and why."""

import pytest

from kit.app import AppUnderTest
from kit.dav import CS, C, D, Dav, event, task, wrapped

CALENDAR, TASKS = "~cal/personal/", "~cal/tasks/"
DATA, OBJECT = C + "valid-calendar-data", C + "valid-calendar-object-resource"
ZONE = (
    "BEGIN:VTIMEZONE", "TZID:Here", "BEGIN:STANDARD", "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE",
)  # fmt: skip
MASTER = ("BEGIN:VEVENT", "UID:x", "DTSTAMP:20260101T000000Z", "SUMMARY:x")
AT = "DTSTART:20260105T100000Z"
DAILY = (*MASTER, AT, "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=9", "END:VEVENT")
OVERRIDE = (*MASTER, "DTSTART:20260107T120000Z", "DURATION:PT1H")
THIRD = (*OVERRIDE, "RECURRENCE-ID:20260107T100000Z", "END:VEVENT")


def timed(kind: str, start: str, end: str) -> bytes:
    """An object with two times, written with their parameters."""
    head = (f"BEGIN:{kind}", "UID:x", "DTSTAMP:20260101T000000Z", "SUMMARY:x")
    return wrapped(*ZONE, *head, f"DTSTART{start}", end, f"END:{kind}")


TIMES = (
    ":20260105T100000Z",
    ";TZID=Here:20260105T100000",
    ";TZID=Europe/Berlin:20260105T100000",
    ":20260105T100000",
)
TAKEN = {
    "an event without an end": wrapped(*MASTER, AT, "END:VEVENT"),
    "a day": wrapped(*MASTER, "DTSTART;VALUE=DATE:20260105", "END:VEVENT"),
    "a zone without VTIMEZONE": wrapped(
        *MASTER, "DTSTART;TZID=America/New_York:20260105T100000", "END:VEVENT"
    ),
    "a series": wrapped(*DAILY),
    "an override": wrapped(*DAILY, *THIRD),
    "the override first": wrapped(*THIRD, *DAILY),
    "an override alone": wrapped(*THIRD),
    "an override of this and what follows": wrapped(
        *DAILY, *OVERRIDE, "RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T100000Z", "END:VEVENT"
    ),
    "overrides a year apart": wrapped(
        *MASTER, AT, "RRULE:FREQ=DAILY", "END:VEVENT",
        *MASTER, "DTSTART:20260110T110000Z", "RECURRENCE-ID:20260110T100000Z", "END:VEVENT",
        *MASTER, "DTSTART:20270110T110000Z", "RECURRENCE-ID:20270110T100000Z", "END:VEVENT",
    ),
    "every day without end": wrapped(*MASTER, AT, "RRULE:FREQ=DAILY", "END:VEVENT"),
    "the last workday of each month": wrapped(
        *MASTER, AT, "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "END:VEVENT"
    ),
    "dates added and left out": wrapped(
        *MASTER, AT, "RDATE:20260106T100000Z,20260108T100000Z",
        "EXDATE:20260105T100000Z", "END:VEVENT",
    ),
    "more alarms": event("x", "BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER;RELATED=END:PT0S",
                         "END:VALARM", "BEGIN:VALARM", "ACTION:NONE",
                         "TRIGGER;VALUE=DATE-TIME:19760401T005545Z", "END:VALARM"),
    "an end that is of another kind than the start": timed(
        "VEVENT", ":20260105T100000Z", "DTEND;TZID=Here:20260105T120000"
    ),
    "an end in another zone": timed(
        "VEVENT", ";TZID=Here:20260105T100000", "DTEND;TZID=Europe/London:20260105T120000"
    ),
    "quotes in parameters": event("x", 'X-A;X-B="a;b:c,d";CN="^\'q^\' ^n":v'),
    "unknown components and properties": event(
        "x", "X-ODD:1", "BEGIN:X-MINE", "X-A:b", "END:X-MINE"
    ),
    "an attachment inside": event("x", "ATTACH;ENCODING=BASE64;VALUE=BINARY:QUJDRA=="),
    "line ends of Unix": event("x").replace(b"\r\n", b"\n"),
    "lines folded within letters": event("x", "SUMMARY:Gr\u00fc\u00dfe").replace(
        "\u00fc".encode(), b"\xc3\r\n \xbc"
    ),
    "no line end at the end": event("x").rstrip(),
    "names in small letters": event("x").lower().replace(b"begin:vcalendar", b"BEGIN:vcalendar"),
    # Not by the book, but there are programs that write them.
    "no version": event("x").replace(b"VERSION:2.0\r\n", b""),
    "a rule with COUNT and UNTIL": event("x", "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260201T000000Z"),
    "the same override twice": wrapped(*DAILY, *THIRD, *THIRD),
    "a calendar scale": event("x").replace(b"VERSION:2.0", b"VERSION:2.0\r\nCALSCALE:GREGORIAN"),
}  # fmt: skip
"""Objects that come back byte by byte."""
TASKS_TAKEN = {
    "nothing but a name": task("x"),
    "only due": task("x", "DUE:20260105T100000Z"),
    "only a start": task("x", "DTSTART;VALUE=DATE:20260105"),
    "a start and a duration": task("x", "DTSTART:20260105T100000Z", "DURATION:PT1H"),
    "done": task("x", "COMPLETED:20260105T100000Z", "STATUS:COMPLETED", "PERCENT-COMPLETE:100"),
    "again and again": task("x", "DTSTART:20260105T100000Z", "RRULE:FREQ=WEEKLY"),
    "again and again by days": task(
        "x", "DTSTART;VALUE=DATE:20260105", "DUE;VALUE=DATE:20260106", "RRULE:FREQ=DAILY"
    ),
    "due elsewhere": task(
        "x", "DTSTART:20260105T100000Z", "DUE;TZID=America/New_York:20260106T100000"
    ),
    "part of another": task("x", "RELATED-TO;RELTYPE=PARENT:y", "PRIORITY:1"),
}
REFUSED = {
    "no end": (event("x").replace(b"END:VCALENDAR\r\n", b""), DATA),
    "something behind": (event("x") + event("y"), DATA),
    "an end of something else": (event("x").replace(b"END:VEVENT", b"END:VTODO"), DATA),
    "a line without a colon": (event("x", "SUMMARY"), DATA),
    "a NUL": (event("x", "SUMMARY:a\0b"), DATA),
    "no UTF-8": (event("x", "SUMMARY:x").replace(b"SUMMARY:x", b"SUMMARY:\xff\xfe"), DATA),
    "version 1.0": (event("x").replace(b"VERSION:2.0", b"VERSION:1.0"), DATA),
    "no date": (event("x", start="20260132T100000Z"), DATA),
    "a rule without FREQ": (event("x", "RRULE:COUNT=2"), DATA),
    "a rule of nothing known": (event("x", "RRULE:FREQ=SOMETIMES"), DATA),
    "a rule with an ordinal too large": (event("x", "RRULE:FREQ=YEARLY;BYMONTH=13"), DATA),
    "no event": (wrapped(), OBJECT),
    "a time zone alone": (wrapped(*ZONE), OBJECT),
    "no start": (event("x").replace(b"DTSTART:20260105T100000Z\r\n", b""), DATA),
    "two starts": (event("x", "DTSTART:20260106T100000Z"), DATA),
    "two UIDs in one event": (event("x", "UID:y"), DATA),
    "an empty UID": (event(""), OBJECT),
    "two events": (
        wrapped(*MASTER, AT, "END:VEVENT", *MASTER[:1], "UID:y", *MASTER[2:], AT, "END:VEVENT"),
        OBJECT,
    ),
    "an event and a task": (
        wrapped(*MASTER, AT, "END:VEVENT", "BEGIN:VTODO", "UID:x",
                "DTSTAMP:20260101T000000Z", "END:VTODO"),
        OBJECT,
    ),
    "the same event twice": (wrapped(*DAILY, *DAILY), OBJECT),
    "a method": (event("x").replace(b"VERSION:2.0", b"VERSION:2.0\r\nMETHOD:PUBLISH"), OBJECT),
}  # fmt: skip


async def test_what_is_taken_is_kept(server: AppUnderTest) -> None:
    wrong = []
    async with await Dav.open(server) as alice:
        taken = {name: (CALENDAR, content) for name, content in TAKEN.items()}
        taken |= {name: (TASKS, content) for name, content in TASKS_TAKEN.items()}
        for start in TIMES:
            for end in (*TIMES, ";VALUE=DATE:20260107"):
                late = end.replace("20260105", "20260106")
                content = timed("VTODO", start, f"DUE{late}")
                taken[f"a task of {start} due {late}"] = (TASKS, content)
        for name, (where, content) in taken.items():
            # Zones that are missing would be told.
            made = await alice.put(where + "x.ics", content, CalDAV_Timezones="F")
            if made.status != 201:
                wrong.append(f"{name}: {made.status} {made.heard.text}")
                continue
            found = await alice.ask("GET", where + "x.ics", CalDAV_Timezones="F")
            if found.heard.body != content or found.etag != made.etag:
                wrong.append(f"{name}: {found.heard.text}")
            await alice.ask("DELETE", where + "x.ics")
    assert not wrong, "\n".join(wrong)


async def test_what_is_refused_is_nowhere(server: AppUnderTest) -> None:
    wrong = []
    async with await Dav.open(server) as alice:
        made = await alice.put(CALENDAR + "old.ics", event("x"))
        for name, (content, condition) in REFUSED.items():
            for path in ("new.ics", "old.ics"):
                answer = await alice.put(CALENDAR + path, content)
                if (answer.status, answer.heard.text.count(condition.split("}")[1])) != (403, 1):
                    wrong.append(f"{name}: {answer.status} {answer.heard.text}")
        assert (await alice.ask("GET", CALENDAR + "new.ics")).status == 404
        assert (await alice.ask("GET", CALENDAR + "old.ics")).etag == made.etag
    assert not wrong, "\n".join(wrong)


async def test_uids(server: AppUnderTest) -> None:
    """One UID is in a calendar once, and an object keeps its own."""
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await alice.ask("MKCALENDAR", "~cal/work/")
        for client in (alice, bob):
            assert (await client.put(CALENDAR + "x.ics", event("x"))).status == 201
        await alice.put("~cal/work/y.ics", event("y"))
        conflict = ({409, 403}, {C + "no-uid-conflict"})
        for method, path, content, target in (
            ("PUT", CALENDAR + "two.ics", event("x"), ""),
            ("PUT", CALENDAR + "x.ics", event("other"), ""),
            ("COPY", CALENDAR + "x.ics", b"", CALENDAR + "two.ics"),
            ("COPY", "~cal/work/y.ics", b"", CALENDAR + "x.ics"),
            ("MOVE", "~cal/work/y.ics", b"", CALENDAR + "x.ics"),
        ):
            fields = {"Destination": target} if target else {}
            answer = await alice.ask(method, path, content, **fields)
            assert answer.status in conflict[0], (method, path, target)
            assert answer.conditions == conflict[1]
            assert alice.path(CALENDAR + "x.ics") in answer.heard.text or target
        assert (await alice.ask("GET", "~cal/work/y.ics")).heard.body == event("y")
        assert (await alice.ask("GET", CALENDAR + "x.ics")).heard.body == event("x")
        # Free again once it is gone; and for somebody else it never was taken.
        await alice.ask("DELETE", CALENDAR + "x.ics")
        assert (await alice.put(CALENDAR + "two.ics", event("x"))).status == 201
        assert (await bob.ask("GET", CALENDAR + "x.ics")).status == 200


async def test_where_nothing_can_be_put(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "x.ics", event("x"))
        for method, path, target in (
            ("PUT", "~cal/x.ics", ""),
            ("PUT", "/dav/x.ics", ""),
            ("PUT", "/dav/principals/x.ics", ""),
            ("PUT", CALENDAR + "x.ics/y.ics", ""),
            ("PUT", CALENDAR + "deep/y.ics", ""),
            ("PUT", "~cal/personal", ""),
            ("MKCALENDAR", CALENDAR + "inner/", ""),
            ("MKCOL", CALENDAR + "inner/", ""),
            ("MKCALENDAR", CALENDAR, ""),
            ("MKCALENDAR", "~cal/", ""),
            ("COPY", TASKS, CALENDAR + "tasks/"),
            ("MOVE", TASKS, CALENDAR + "tasks/"),
            ("COPY", "/dav/", "/copy/"),
            ("MOVE", "/dav/", "/copy/"),
            ("DELETE", "/dav/", ""),
            ("DELETE", "/dav/principals/", ""),
            ("MOVE", CALENDAR + "x.ics", TASKS + "x.ics"),
            ("COPY", CALENDAR + "x.ics", "~card/contacts/x.ics"),
        ):
            fields = {"Destination": target} if target else {}
            content = event("y") if method == "PUT" else b""
            answer = await alice.ask(method, path, content, **fields)
            assert answer.status in (403, 404, 405, 409), (method, path, target, answer.status)
        assert (await alice.ask("GET", CALENDAR + "x.ics")).heard.body == event("x")


async def test_names_outside_of_ascii(server: AppUnderTest) -> None:
    """In paths as in content, for each method."""
    async with await Dav.open(server) as alice:
        home = alice.path("~cal/") + "Gr%C3%BC%C3%9Fe%20%26%20%3Cx%3E/"
        plain = alice.path("~cal/") + "Gr\u00fc\u00dfe & <x>/"
        assert (await alice.ask("MKCALENDAR", home)).status == 201
        assert (await alice.ask("MKCALENDAR", home)).status in (403, 405)
        path, content = home + "%E6%9D%B1%3F%23.ics", event("x", "SUMMARY:\u6771\u4eac")
        assert (await alice.put(path, content)).status == 201
        found = await alice.propfind(home, "getetag", depth="1")
        assert plain + "\u6771?#.ics" in found.rows
        data = "<prop><C:calendar-data/></prop>"
        got = await alice.report(home, "C:calendar-multiget", f"{data}<href>{path}</href>")
        assert got.only.text(C + "calendar-data").encode() == content
        for text, count in (("\u6771", 1), ("\u897f", 0)):
            asked = (
                f'{data}<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
                f'<C:prop-filter name="SUMMARY"><C:text-match>{text}</C:text-match>'
                "</C:prop-filter></C:comp-filter></C:comp-filter></C:filter>"
            )
            assert len((await alice.report(home, "C:calendar-query", asked)).rows) == count
        moved = await alice.ask("MOVE", path, Destination=home + "a%2Bb%25.ics")
        assert moved.status == 201
        assert (await alice.ask("GET", home + "a+b%25.ics")).heard.body == content
        assert (await alice.ask("DELETE", home + "a%2bb%25.ics")).status == 204
        utf16 = event("y", "SUMMARY:\u00fc").decode().encode("utf-16")
        assert (await alice.put(home + "y.ics", utf16)).status in (403, 415)


async def test_tags_follow_what_happens(server: AppUnderTest) -> None:
    """CTag and sync-token change with every change, and with nothing else."""
    async with await Dav.open(server) as alice:
        await alice.ask("MKCALENDAR", "~cal/work/")

        async def tags() -> list[str]:
            found = await alice.propfind("~cal/", "CS:getctag", "sync-token", depth="1")
            return [
                found.rows[alice.path(path)].text(name)
                for path in (CALENDAR, "~cal/work/")
                for name in (CS + "getctag", D + "sync-token")
            ]

        one, work = CALENDAR + "1.ics", "~cal/work/1.ics"
        steps = (
            ("PUT", one, event("1"), "", "10"),
            ("PUT", one, event("1", "SUMMARY:other"), "", "10"),
            ("PUT", one, b"nonsense", "", "00"),
            ("GET", one, b"", "", "00"),
            ("COPY", one, b"", work, "01"),
            ("COPY", one, b"", work, "01"),
            ("MOVE", one, b"", "~cal/no/1.ics", "00"),
            ("MOVE", one, b"", CALENDAR + "2.ics", "10"),
            ("MOVE", CALENDAR + "2.ics", b"", work, "11"),
            ("DELETE", one, b"", "", "00"),
            ("DELETE", work, b"", "", "01"),
        )
        before = await tags()
        for method, path, content, target, changes in steps:
            fields = {"Destination": target} if target else {}
            await alice.ask(method, path, content, **fields)
            after = await tags()
            found = [before[at] != after[at] for at in range(4)]
            wanted = [change == "1" for change in changes for _ in range(2)]
            assert found == wanted, (method, path, target)
            before = after


@pytest.mark.parametrize("component", ["VEVENT", "VTODO"])
async def test_calendars_of_one_component(server: AppUnderTest, component: str) -> None:
    async with await Dav.open(server) as alice:
        body = (
            '<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>'
            "<C:supported-calendar-component-set>"
            f'<C:comp name="{component}"/></C:supported-calendar-component-set>'
            "</prop></set></C:mkcalendar>"
        )
        assert (await alice.ask("MKCALENDAR", "~cal/one/", body)).status == 201
        for name, content in (("VEVENT", event("e")), ("VTODO", task("t"))):
            answer = await alice.put(f"~cal/one/{name}.ics", content)
            assert answer.status == (201 if name == component else 403)
            if name != component:
                assert answer.conditions == {C + "supported-calendar-component"}
        changed = await alice.proppatch(
            "~cal/one/",
            "<set><prop><C:supported-calendar-component-set>"
            '<C:comp name="VJOURNAL"/></C:supported-calendar-component-set></prop></set>',
        )
        assert C + "supported-calendar-component-set" in changed.only.names(403)

"""When somebody is busy, and how requests for it are read and answered."""

from zoneinfo import ZoneInfo

import pytest

from kit.calendars import BERLIN, calendar, component, ms, window
from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.free_busy import (
    Busy,
    BusyKind,
    busy_periods,
    free_busy_answer,
    free_busy_reply,
    merged,
    parse_free_busy_request,
)
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork
from pillarbox.formats.ical.values import utc_moment

DAY = window("20260105", "20260106")
NAMES = {BusyKind.BUSY: "", BusyKind.TENTATIVE: "?", BusyKind.UNAVAILABLE: "!"}


def clock(ms_: int) -> str:
    return utc_moment(ms_).written()[6:13]


def told(busy: list[Busy]) -> list[str]:
    return [f"{clock(one.start_ms)}-{clock(one.end_ms)}{NAMES[one.kind]}" for one in busy]


def periods(
    *calendars: Component,
    during: TimeRange = DAY,
    addresses: tuple[str, ...] = (),
    masked_uid: str = "",
) -> list[str]:
    zone = ZoneInfo("UTC")
    return told(busy_periods(calendars, during, zone, Budget(), addresses, masked_uid))


def event(start: str, end: str, *more: str) -> Component:
    times = (f"DTSTART:20260105T{start}00Z", f"DTEND:20260105T{end}00Z")
    return calendar(*component("VEVENT", *times, *more))


def test_events_are_merged_and_cut() -> None:
    long = calendar(
        *component("VEVENT", "DTSTART:20260105T230000Z", "DTEND:20260107T000000Z"),
    )
    assert periods(
        event("1000", "1100"),
        event("1030", "1200"),
        event("1200", "1230"),
        long,
        event("0800", "0900"),
    ) == ["05T0800-05T0900", "05T1000-05T1230", "05T2300-06T0000"]


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("TRANSP:OPAQUE", ""),
        ("TRANSP:TRANSPARENT", None),
        ("STATUS:CANCELLED", None),
        ("STATUS:CONFIRMED", ""),
        ("STATUS:TENTATIVE", "?"),
        ("status:tentative", "?"),
    ],
)
def test_what_counts(line: str, mark: str | None) -> None:
    found = periods(event("1000", "1100", line))
    assert found == ([] if mark is None else [f"05T1000-05T1100{mark}"])


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        (";PARTSTAT=ACCEPTED", ""),
        (";PARTSTAT=DECLINED", None),
        (";PARTSTAT=TENTATIVE", "?"),
        (";PARTSTAT=NEEDS-ACTION", "?"),
        ("", "?"),
    ],
)
def test_own_answer_counts(answer: str, mark: str | None) -> None:
    one = event("1000", "1100", f"ATTENDEE{answer}:mailto:Ann@example.test")
    found = periods(one, addresses=("mailto:ann@example.test",))
    assert found == ([] if mark is None else [f"05T1000-05T1100{mark}"])
    assert periods(one, addresses=("mailto:bob@example.test",)) == ["05T1000-05T1100"]


def test_what_has_no_length_is_not_busy() -> None:
    assert periods(calendar(*component("VEVENT", "DTSTART:20260105T100000Z"))) == []
    assert periods(calendar(*component("VTODO", "DTSTART:20260105T100000Z", "DURATION:PT1H"))) == []


def test_recurrence_overrides_and_masked_events() -> None:
    series = calendar(
        *BERLIN,
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260101T100000",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY",
        ),
        *component(
            "VEVENT",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260106T100000",
            "DTSTART;TZID=Europe/Berlin:20260106T120000",
            "DURATION:PT1H",
            "STATUS:TENTATIVE",
        ),
        *component(
            "VEVENT",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260107T100000",
            "DTSTART;TZID=Europe/Berlin:20260107T100000",
            "DURATION:PT1H",
            "TRANSP:TRANSPARENT",
        ),
    )
    during = window("20260105", "20260109")
    assert periods(series, during=during) == [
        "05T0900-05T1000",
        "06T1100-06T1200?",
        "08T0900-08T1000",
    ]
    assert periods(series, during=during, masked_uid="one") == []


def test_days_are_busy_in_the_zone_of_the_calendar() -> None:
    day = calendar(*component("VEVENT", "DTSTART;VALUE=DATE:20260105"))
    found = busy_periods([day], window("20260104", "20260107"), ZoneInfo("Europe/Berlin"), Budget())
    assert told(found) == ["04T2300-05T2300"]


def test_free_busy_objects() -> None:
    one = calendar(
        *component(
            "VFREEBUSY",
            "FREEBUSY:20260105T080000Z/PT1H,20260105T090000Z/20260105T093000Z",
            "FREEBUSY;FBTYPE=FREE:20260105T120000Z/PT1H",
            "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T140000Z/PT1H",
            "FREEBUSY;FBTYPE=X-ELSE:20260105T160000Z/PT1H",
            "FREEBUSY:20260107T080000Z/PT1H",
        )
    )
    assert periods(one) == ["05T0800-05T0930", "05T1400-05T1500?", "05T1600-05T1700"]


def test_what_cant_be_read_is_left_out() -> None:
    broken = calendar(*component("VEVENT", "DTSTART:soon", "DURATION:PT1H"))
    assert periods(broken, event("1000", "1100")) == ["05T1000-05T1100"]


def test_bounds() -> None:
    with pytest.raises(GrammarError):
        periods(during=window("20260105", None))
    endless = calendar(
        *component("VEVENT", "DTSTART:20000101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY")
    )
    with pytest.raises(TooMuchWork):
        periods(endless, during=window("20000101", "20260101"))


def test_merged_keeps_kinds_apart() -> None:
    found = merged(
        [
            Busy(5, 9, BusyKind.TENTATIVE),
            Busy(0, 4),
            Busy(3, 8),
            Busy(8, 9),
            Busy(11, 12),
            Busy(1, 2, BusyKind.TENTATIVE),
        ]
    )
    assert found == [
        Busy(0, 9),
        Busy(1, 2, BusyKind.TENTATIVE),
        Busy(5, 9, BusyKind.TENTATIVE),
        Busy(11, 12),
    ]
    assert merged([]) == []


WORK = (
    "BEGIN:VAVAILABILITY",
    "UID:work",
    "BEGIN:AVAILABLE",
    "UID:hours",
    "DTSTART;TZID=Europe/Berlin:20251201T090000",
    "DTEND;TZID=Europe/Berlin:20251201T170000",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "END:AVAILABLE",
    "END:VAVAILABILITY",
)


def test_availability() -> None:
    work = calendar(*BERLIN, *WORK)
    assert periods(work) == ["05T0000-05T0800!", "05T1600-06T0000!"]
    # A meeting is busy time, whether or not one is there.
    assert periods(work, event("1500", "1700")) == [
        "05T0000-05T0800!",
        "05T1500-05T1700",
        "05T1600-06T0000!",
    ]
    assert periods(work, during=window("20260110", "20260112")) == ["10T0000-12T0000!"]


def test_bounds_and_kind_of_availability() -> None:
    bounded = [*WORK]
    bounded[2:2] = [
        "DTSTART:20260105T060000Z",
        "DURATION:PT12H",
        "BUSYTYPE:BUSY-TENTATIVE",
    ]
    work = calendar(*BERLIN, *bounded)
    assert periods(work) == ["05T0600-05T0800?", "05T1600-05T1800?"]


def test_priorities_of_availability() -> None:
    work = calendar(*BERLIN, *WORK)
    away = calendar(
        "BEGIN:VAVAILABILITY",
        "UID:trip",
        "PRIORITY:1",
        "BUSYTYPE:BUSY",
        "DTSTART:20260105T100000Z",
        "DTEND:20260105T200000Z",
        "BEGIN:AVAILABLE",
        "UID:call",
        "DTSTART:20260105T180000Z",
        "DTEND:20260105T190000Z",
        "END:AVAILABLE",
        "END:VAVAILABILITY",
    )
    expected = [
        "05T0000-05T0800!",
        "05T1000-05T1800",
        "05T1900-05T2000",
        "05T2000-06T0000!",
    ]
    assert periods(work, away) == expected
    assert periods(away, work) == expected
    lower = calendar(*[line.replace("PRIORITY:1", "PRIORITY:0") for line in away_lines(away)])
    assert periods(lower, work) == ["05T0000-05T0800!", "05T1600-06T0000!"]


def away_lines(one: Component) -> list[str]:
    return one.parts[0].written().decode().splitlines()


def test_availability_with_an_override() -> None:
    closed = [*WORK]
    closed[-1:-1] = [
        "BEGIN:AVAILABLE",
        "UID:hours",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260105T090000",
        "DTSTART;TZID=Europe/Berlin:20260105T120000",
        "DTEND;TZID=Europe/Berlin:20260105T130000",
        "END:AVAILABLE",
    ]
    assert periods(calendar(*BERLIN, *closed)) == ["05T0000-05T1100!", "05T1200-06T0000!"]


REQUEST = (
    "METHOD:REQUEST",
    "BEGIN:VFREEBUSY",
    "UID:asked",
    "DTSTAMP:20260101T000000Z",
    "DTSTART:20260105T000000Z",
    "DTEND:20260106T000000Z",
    "ORGANIZER:mailto:ann@example.test",
    "ATTENDEE;CN=Bob:mailto:bob@example.test",
    "ATTENDEE:mailto:cleo@example.test",
    "X-CALENDARSERVER-MASK-UID:one",
    "END:VFREEBUSY",
)


def test_request_and_reply() -> None:
    request = parse_free_busy_request(calendar(*REQUEST))
    assert request.window == DAY
    assert request.masked_uid == "one"
    assert [line.value for line in request.attendees] == [
        "mailto:bob@example.test",
        "mailto:cleo@example.test",
    ]
    busy = [
        Busy(ms("20260105T100000"), ms("20260105T110000")),
        Busy(ms("20260105T140000"), ms("20260105T150000")),
        Busy(ms("20260105T120000"), ms("20260105T130000"), BusyKind.TENTATIVE),
    ]
    reply = free_busy_reply(request, request.attendees[0], busy, ms("20260102"))
    assert reply.value("METHOD") == "REPLY"
    assert reply.parts[0].written().decode().splitlines() == [
        "BEGIN:VFREEBUSY",
        "UID:asked",
        "ORGANIZER:mailto:ann@example.test",
        "ATTENDEE;CN=Bob:mailto:bob@example.test",
        "DTSTAMP:20260102T000000Z",
        "DTSTART:20260105T000000Z",
        "DTEND:20260106T000000Z",
        "FREEBUSY;FBTYPE=BUSY:20260105T100000Z/20260105T110000Z,20260105T140000Z/202",
        " 60105T150000Z",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T120000Z/20260105T130000Z",
        "END:VFREEBUSY",
    ]


def test_answer_to_a_query() -> None:
    answer = free_busy_answer(DAY, [], ms("20260102"))
    assert answer.value("METHOD") is None
    assert [line.name for line in answer.parts[0].lines] == ["DTSTAMP", "DTSTART", "DTEND"]
    many = [Busy(n * 2000, n * 2000 + 1000) for n in range(120)]
    lines = free_busy_answer(DAY, many, 0).parts[0].all("FREEBUSY")
    assert [line.value.count("/") for line in lines] == [50, 50, 20]


@pytest.mark.parametrize("left_out", ["METHOD", "UID", "ORGANIZER", "ATTENDEE", "DTSTART", "DTEND"])
def test_requests_that_lack_something(left_out: str) -> None:
    with pytest.raises(GrammarError):
        parse_free_busy_request(
            calendar(*(line for line in REQUEST if not line.startswith(left_out)))
        )


def test_requests_that_end_before_they_begin() -> None:
    request = calendar(*REQUEST)
    request.parts[0].put(ContentLine("DTEND", "20260104T000000Z"))
    with pytest.raises(GrammarError):
        parse_free_busy_request(request)
    request.parts[0].put(ContentLine("DTEND", "20260107T000000Z"))
    request.parts[0].lines += [ContentLine("ATTENDEE", f"mailto:{n}@x.test") for n in range(200)]
    with pytest.raises(GrammarError):
        parse_free_busy_request(request)

"""Queries of any calendar object: an answer or a `GrammarError`, and never much work."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from time import process_time
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from kit.calendars import BERLIN, component, ics
from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.alarms import default_alarms, parse_alarms
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.expand import expanded, limited, limited_free_busy
from pillarbox.formats.ical.filter import CompFilter, PropFilter, TimeRange
from pillarbox.formats.ical.free_busy import (
    busy_periods,
    free_busy_answer,
    parse_free_busy_request,
)
from pillarbox.formats.ical.matching import check_filter, matches
from pillarbox.formats.ical.partial import told, with_zones, without_zones
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.selection import CalendarData, CompSelection, PropSelection
from pillarbox.formats.ical.split import calendar_properties, joined, split_calendar
from pillarbox.formats.ical.zones import Zones
from pillarbox.formats.text_match import Collation, MatchType, ParamFilter, TextMatch

ZONE = ZoneInfo("Europe/Berlin")
KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
NAMES = (
    *("DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "UID"),
    *("RECURRENCE-ID", "TRIGGER", "REPEAT", "FREEBUSY", "TRANSP", "STATUS", "ATTENDEE", "METHOD"),
    *("COMPLETED", "CREATED", "PRIORITY", "BUSYTYPE", "CATEGORIES", "SUMMARY"),
)
VALUES = st.one_of(
    st.sampled_from(
        (
            "20260105T100000Z",
            "20260105T100000",
            "20260329T023000",
            "20260105",
            "00010101",
            "99991231T235959Z",
            "PT1H",
            "-P1D",
            "P999999999D",
            "-PT0S",
            "FREQ=DAILY",
            "FREQ=SECONDLY",
            "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
            "FREQ=MINUTELY;COUNT=999999999",
            "FREQ=MONTHLY;BYMONTHDAY=31;BYSETPOS=-1",
            "20260105T100000Z/PT1H,20260106T100000Z/20260107T100000Z",
            "999999999999",
            "1",
            "TENTATIVE",
            "a\\, b,c",
            "mailto:a@example.test",
            "",
        )
    ),
    st.text(alphabet='0129TZP:;,=/\\-+ \u00fc"', max_size=20),
)
PARAMS = st.sampled_from(
    (
        "",
        ";VALUE=DATE",
        ";TZID=Europe/Berlin",
        ';TZID="No/Where"',
        ";RANGE=THISANDFUTURE",
        ";RELATED=END",
        ";VALUE=PERIOD",
        ";FBTYPE=FREE",
        ";PARTSTAT",
    )
)
PROPERTIES = st.lists(
    st.builds("{}{}:{}".format, st.sampled_from(NAMES), PARAMS, VALUES), max_size=7
)


@st.composite
def calendars(draw: st.DrawFn) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *(BERLIN if draw(st.booleans()) else ())]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(KINDS))
        inner = "AVAILABLE" if kind == "VAVAILABILITY" else "VALARM"
        lines += [f"BEGIN:{kind}", *draw(PROPERTIES)]
        for _ in range(draw(st.integers(0, 2))):
            lines += [f"BEGIN:{inner}", *draw(PROPERTIES), f"END:{inner}"]
        lines.append(f"END:{kind}")
    lines.append("END:VCALENDAR")
    return "".join(line + "\r\n" for line in lines).encode()


INSTANTS = st.one_of(
    st.none(),
    st.sampled_from((0, 1767607200000, 1767610800000, 1774746000000, -62135596800000, 1 << 60)),
    st.integers(-(1 << 61), 1 << 61),
)
WINDOWS = st.builds(TimeRange, INSTANTS, INSTANTS)
TEXTS = st.builds(
    TextMatch,
    st.text(alphabet="aA1 \u00fc\u0130:", max_size=4),
    st.sampled_from(Collation),
    st.sampled_from(MatchType),
    st.booleans(),
)
PARAM_FILTERS = st.builds(
    ParamFilter, st.sampled_from(("TZID", "value", "X")), st.booleans(), st.none() | TEXTS
)
PROP_FILTERS = st.builds(
    PropFilter,
    st.sampled_from(NAMES),
    st.booleans(),
    st.none() | WINDOWS,
    st.none() | TEXTS,
    st.lists(PARAM_FILTERS, max_size=2).map(tuple),
)
FILTERS = st.recursive(
    st.builds(
        CompFilter,
        st.sampled_from((*KINDS, "valarm", "AVAILABLE")),
        st.booleans(),
        st.none() | WINDOWS,
    ),
    lambda inner: st.builds(
        CompFilter,
        st.sampled_from((*KINDS, "VALARM", "VCALENDAR")),
        st.booleans(),
        st.none() | WINDOWS,
        st.lists(PROP_FILTERS, max_size=2).map(tuple),
        st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=4,
)


RULES = st.builds(
    "FREQ={};INTERVAL={}{}".format,
    st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "WEEKLY;BYDAY=MO,TH", "MONTHLY;BYDAY=-1FR")),
    st.integers(1, 4),
    st.sampled_from(("", ";COUNT=5", ";UNTIL=20260301T000000Z")),
)
HOUR_MS = 3_600_000


@given(RULES, st.integers(0, 30), st.integers(-24 * 40, 24 * 80), st.integers(1, 24 * 12))
def test_recurring_events_as_by_another_engine(
    rule: str, hours: int, first: int, length: int
) -> None:
    """Filters, expansion and free/busy find what dateutil does."""
    start = datetime(2026, 1, 5, 10)
    lines = (f"DTSTART:{start:%Y%m%dT%H%M%S}Z", f"DURATION:PT{hours}H", f"RRULE:{rule}")
    calendar = parse_calendar(ics(*component("VEVENT", *lines)))
    begin = datetime(2026, 1, 5) + timedelta(hours=first)
    end = begin + timedelta(hours=length)
    # The first is an occurrence whether or not it follows the rule, and COUNT counts it.
    told = rrulestr(rule.replace("Z", ""), dtstart=start)
    limit = None if told._count is None else told._count
    times = sorted({start, *islice(told, 400)})[:limit]
    wanted = [
        at
        for at in times
        if at < end and (at + timedelta(hours=hours) > begin or (hours == 0 and at >= begin))
    ]
    window = TimeRange(*(int(at.replace(tzinfo=UTC).timestamp() * 1000) for at in (begin, end)))
    zones = Zones(calendar, UTC)
    ranged = CompFilter("VCALENDAR", comps=(CompFilter("VEVENT", time_range=window),))
    assert matches(ranged, calendar, zones, Budget()) == bool(wanted)
    found = expanded(calendar, window, zones, Budget())
    starts = [part.value("DTSTART") for part in found.parts]
    assert starts == [f"{at:%Y%m%dT%H%M%S}Z" for at in wanted]
    busy = busy_periods([calendar], window, UTC, Budget())
    covered = sum(one.end_ms - one.start_ms for one in busy) // HOUR_MS
    hours_busy = {
        at + timedelta(hours=n)
        for at in wanted
        for n in range(hours)
        if begin <= at + timedelta(hours=n) < end
    }
    assert covered == len(hours_busy)


def parsed(content: bytes) -> Component | None:
    try:
        return parse_calendar(content)
    except GrammarError:
        return None


@given(calendars(), FILTERS)
def test_filters(content: bytes, wanted: CompFilter) -> None:
    calendar = parsed(content)
    if calendar is None:
        return
    begin = process_time()
    try:
        check_filter(CompFilter("VCALENDAR", comps=(wanted,)))
    except GrammarError:
        pass
    try:
        matches(CompFilter("VCALENDAR", comps=(wanted,)), calendar, Zones(calendar, ZONE), Budget())
    except GrammarError:
        pass
    assert process_time() - begin < 1
    assert parsed(content) == calendar


@given(calendars(), WINDOWS)
def test_ranges(content: bytes, window: TimeRange) -> None:
    calendar = parsed(content)
    if calendar is None:
        return
    zones = Zones(calendar, ZONE)
    begin = process_time()
    for change in (expanded, limited):
        try:
            found = change(calendar, window, zones, Budget())
        except GrammarError:
            continue
        again = parse_calendar(found.written())
        assert len(again.parts) == len(found.parts)
        if change is expanded:
            assert not again.of("VTIMEZONE")
            for part in again.parts:
                if part.name in ("VEVENT", "VTODO", "VJOURNAL"):
                    names = {line.name for line in part.lines}
                    assert names.isdisjoint({"RRULE", "RDATE", "EXDATE"}) or "DTSTART" not in names
    limited_free_busy(calendar, window, zones)
    assert process_time() - begin < 2
    assert parsed(content) == calendar


@given(st.lists(calendars(), max_size=3), WINDOWS)
def test_free_busy(contents: list[bytes], window: TimeRange) -> None:
    objects = [one for one in map(parsed, contents) if one is not None]
    try:
        found = busy_periods(objects, window, ZONE, Budget(), ("mailto:a@example.test",))
    except GrammarError:
        return
    assert window.start_ms is not None
    assert window.end_ms is not None
    for one in found:
        assert window.start_ms <= one.start_ms < one.end_ms <= window.end_ms
    for kind in {one.kind for one in found}:
        same = [one for one in found if one.kind is kind]
        assert all(a.end_ms < b.start_ms for a, b in pairwise(same))
    parse_calendar(free_busy_answer(window, found, 0).written())


@given(calendars(), WINDOWS, st.booleans(), st.integers(0, 4))
def test_told(content: bytes, window: TimeRange, timezones: bool, which: int) -> None:
    chosen = CompSelection(
        "VCALENDAR",
        (PropSelection("VERSION"),),
        (CompSelection("vevent", (PropSelection("dtstart", True),), None),),
    )
    data = [
        CalendarData(),
        CalendarData(selection=chosen),
        CalendarData(expand=window),
        CalendarData(limit_recurrence=window, selection=chosen),
        CalendarData(limit_free_busy=window),
    ][which]
    try:
        parse_calendar(told(content, data, ZONE, Budget(), timezones))
    except GrammarError:
        if which < 2:
            assert parsed(content) is None


@given(calendars())
def test_requests_and_alarms(content: bytes) -> None:
    calendar = parsed(content)
    if calendar is None:
        return
    try:
        parse_free_busy_request(calendar)
    except GrammarError:
        pass
    for part in calendar.parts:
        default_alarms(part, {"default-alarm-vevent-date": content.decode()})
    try:
        parse_alarms(content.decode())
    except GrammarError:
        pass


@given(st.lists(calendars(), max_size=4))
def test_split_and_joined(contents: list[bytes]) -> None:
    whole = joined(contents, [ContentLine("X-WR-CALNAME", "x\r\ny")])
    first = split_calendar(whole)
    again = split_calendar(joined(one for _, one in first))
    assert sorted(uid for uid, _ in first) == sorted(uid for uid, _ in again)
    for _, one in first:
        if parsed(one) is not None:
            assert len(split_calendar(one)) == 1


STREAMS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            (
                b"BEGIN:VCALENDAR",
                b"END:VCALENDAR",
                b"begin:vevent",
                b"END:VEVENT",
                b"BEGIN:VTIMEZONE",
                b"END:VTIMEZONE",
                b"TZID:a",
                b"UID:1",
                b'UID;X="a:b',
                b" fold",
                b"DTSTART;TZID=Europe/Berlin:20260101T000000",
                b"\xff\0",
                b"",
            )
        ),
        max_size=12,
    ).map(b"\r\n".join),
)


@given(STREAMS)
def test_any_stream(content: bytes) -> None:
    for read in (split_calendar, calendar_properties):
        try:
            read(content)
        except GrammarError:
            pass
    joined([content])
    without_zones(content)
    with_zones(content)

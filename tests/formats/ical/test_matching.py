"""Which calendar objects a filter finds: the tables of RFC 4791 §9.9, and tests of properties."""

from zoneinfo import ZoneInfo

import pytest

from kit.calendars import BERLIN, calendar, component, window, zones
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.filter import CompFilter, PropFilter, TimeRange
from pillarbox.formats.ical.matching import InvalidFilter, check_filter, matches
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.text_match import Collation, MatchType, ParamFilter, TextMatch

START, END = "20260105T100000", "20260105T120000"
DURING = window(START, END)


def found(wanted: CompFilter, one: Component, zone: str = "UTC") -> bool:
    whole = CompFilter("VCALENDAR", comps=(wanted,))
    check_filter(whole)
    return matches(whole, one, zones(one, ZoneInfo(zone)), Budget())


def overlaps(kind: str, *lines: str, during: TimeRange = DURING, zone: str = "UTC") -> bool:
    return found(CompFilter(kind, time_range=during), calendar(*component(kind, *lines)), zone)


def has(prop: PropFilter, *lines: str, kind: str = "VEVENT") -> bool:
    return found(CompFilter(kind, props=(prop,)), calendar(*component(kind, *lines)))


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        # DTEND: start < DTEND and end > DTSTART.
        (("DTSTART:20260105T090000Z", "DTEND:20260105T100001Z"), True),
        (("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z"), False),
        (("DTSTART:20260105T115959Z", "DTEND:20260105T130000Z"), True),
        (("DTSTART:20260105T120000Z", "DTEND:20260105T130000Z"), False),
        (("DTSTART:20260104T000000Z", "DTEND:20260107T000000Z"), True),
        # DURATION above 0.
        (("DTSTART:20260105T090000Z", "DURATION:PT1H1S"), True),
        (("DTSTART:20260105T090000Z", "DURATION:PT1H"), False),
        (("DTSTART:20260105T115959Z", "DURATION:PT1S"), True),
        (("DTSTART:20260105T120000Z", "DURATION:PT1S"), False),
        # DURATION of 0, and none: start <= DTSTART and end > DTSTART.
        (("DTSTART:20260105T100000Z", "DURATION:PT0S"), True),
        (("DTSTART:20260105T095959Z", "DURATION:PT0S"), False),
        (("DTSTART:20260105T120000Z", "DURATION:PT0S"), False),
        (("DTSTART:20260105T100000Z",), True),
        (("DTSTART:20260105T115959Z",), True),
        (("DTSTART:20260105T095959Z",), False),
        (("DTSTART:20260105T120000Z",), False),
        # A day: start < DTSTART+P1D and end > DTSTART.
        (("DTSTART;VALUE=DATE:20260105",), True),
        (("DTSTART;VALUE=DATE:20260104",), False),
        (("DTSTART;VALUE=DATE:20260106",), False),
        (("DTSTART;VALUE=DATE:20260103", "DTEND;VALUE=DATE:20260106"), True),
        (("DTSTART;VALUE=DATE:20260103", "DTEND;VALUE=DATE:20260105"), False),
        (("DTSTART;VALUE=DATE:20260103", "DURATION:P3D"), True),
    ],
)
def test_events(lines: tuple[str, ...], fits: bool) -> None:
    assert overlaps("VEVENT", *lines) is fits


DTSTART = "DTSTART:20260105T{}Z"
DUE = "DUE:20260105T{}Z"
COMPLETED = "COMPLETED:20260105T{}Z"
CREATED = "CREATED:20260105T{}Z"


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        # DTSTART and DURATION: start <= its end, and end > DTSTART or end >= its end.
        ((DTSTART.format("090000"), "DURATION:PT1H"), True),
        ((DTSTART.format("090000"), "DURATION:PT59M"), False),
        ((DTSTART.format("115959"), "DURATION:PT1H"), True),
        ((DTSTART.format("120000"), "DURATION:PT1H"), False),
        ((DTSTART.format("120000"), "DURATION:PT0S"), True),
        # DTSTART and DUE.
        ((DTSTART.format("090000"), DUE.format("100001")), True),
        ((DTSTART.format("090000"), DUE.format("100000")), False),
        ((DTSTART.format("100000"), DUE.format("100000")), True),
        ((DTSTART.format("115959"), DUE.format("130000")), True),
        ((DTSTART.format("120000"), DUE.format("130000")), False),
        ((DTSTART.format("120000"), DUE.format("120000")), True),
        # DTSTART alone.
        ((DTSTART.format("100000"),), True),
        ((DTSTART.format("095959"),), False),
        ((DTSTART.format("120000"),), False),
        # DUE alone: start < DUE and end >= DUE.
        ((DUE.format("100001"),), True),
        ((DUE.format("100000"),), False),
        ((DUE.format("120000"),), True),
        ((DUE.format("120001"),), False),
        # COMPLETED and CREATED.
        ((COMPLETED.format("090000"), CREATED.format("080000")), False),
        ((COMPLETED.format("110000"), CREATED.format("080000")), True),
        ((COMPLETED.format("130000"), CREATED.format("110000")), True),
        ((COMPLETED.format("130000"), CREATED.format("080000")), True),
        ((COMPLETED.format("140000"), CREATED.format("130000")), False),
        # COMPLETED alone: start <= it <= end.
        ((COMPLETED.format("100000"),), True),
        ((COMPLETED.format("120000"),), True),
        ((COMPLETED.format("095959"),), False),
        ((COMPLETED.format("120001"),), False),
        # CREATED alone: end > it.
        ((CREATED.format("115959"),), True),
        ((CREATED.format("000000"),), True),
        ((CREATED.format("120000"),), False),
        # Nothing.
        (("SUMMARY:Some day",), True),
    ],
)
def test_tasks(lines: tuple[str, ...], fits: bool) -> None:
    assert overlaps("VTODO", *lines) is fits


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (("DTSTART:20260105T100000Z",), True),
        (("DTSTART:20260105T115959Z",), True),
        (("DTSTART:20260105T095959Z",), False),
        (("DTSTART:20260105T120000Z",), False),
        (("DTSTART;VALUE=DATE:20260105",), True),
        (("DTSTART;VALUE=DATE:20260104",), False),
        (("DTSTART;VALUE=DATE:20260106",), False),
        (("SUMMARY:Without a day",), False),
    ],
)
def test_journals(lines: tuple[str, ...], fits: bool) -> None:
    assert overlaps("VJOURNAL", *lines) is fits


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        # DTSTART and DTEND: start <= DTEND and end > DTSTART.
        (("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z"), True),
        (("DTSTART:20260105T090000Z", "DTEND:20260105T095959Z"), False),
        (("DTSTART:20260105T120000Z", "DTEND:20260105T130000Z"), False),
        (
            (
                "DTSTART:20260105T100000Z",
                "DTEND:20260105T130000Z",
                "FREEBUSY:20260105T123000Z/PT10M",
            ),
            True,
        ),
        # FREEBUSY: one of the periods overlaps.
        (("FREEBUSY:20260105T080000Z/20260105T090000Z,20260105T115900Z/PT1H",), True),
        (("FREEBUSY:20260105T080000Z/20260105T100000Z,20260105T120000Z/PT1H",), False),
        (("FREEBUSY:20260101T080000Z/PT1H", "FREEBUSY;FBTYPE=FREE:20260105T080000Z/PT3H"), True),
        # Neither.
        (("COMMENT:nothing",), False),
        (("DTSTART:20260105T110000Z",), False),
    ],
)
def test_free_busy(lines: tuple[str, ...], fits: bool) -> None:
    assert overlaps("VFREEBUSY", *lines) is fits


def test_ranges_without_a_bound() -> None:
    line = "DTSTART:20260105T100000Z"
    daily = "RRULE:FREQ=DAILY"
    assert overlaps("VEVENT", line, during=window("20260105T100000", None))
    assert not overlaps("VEVENT", line, during=window("20260105T100001", None))
    assert overlaps("VEVENT", line, daily, during=window("21000105T100001", None))
    assert not overlaps("VEVENT", line, daily, during=window(None, "20260105T100000"))
    assert overlaps("VEVENT", line, daily, during=window(None, "20260105T100001"))
    assert overlaps("VTODO", "SUMMARY:x", during=window(None, "20260105T100001"))


def test_floating_times_are_in_the_zone_of_the_query() -> None:
    hour = ("DTSTART:20260105T110000", "DTEND:20260105T113000")
    assert overlaps("VEVENT", *hour)
    assert overlaps("VEVENT", *hour, zone="Europe/Berlin")
    assert not overlaps("VEVENT", *hour, zone="America/New_York")
    day = ("DTSTART;VALUE=DATE:20260104",)
    assert not overlaps("VEVENT", *day, zone="Europe/Berlin")
    assert overlaps("VEVENT", *day, zone="Pacific/Honolulu") is False
    assert overlaps(
        "VEVENT", *day, during=window("20260105T030000", "20260105T040000"), zone="America/New_York"
    )


def test_recurrence() -> None:
    weekly = ("DTSTART;TZID=Europe/Berlin:20251201T110000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY")
    one = calendar(*BERLIN, *component("VEVENT", *weekly))
    assert found(CompFilter("VEVENT", time_range=DURING), one)
    assert not found(CompFilter("VEVENT", time_range=window("20260106", "20260112")), one)
    summer = window("20260706T090000", "20260706T100000")
    assert found(CompFilter("VEVENT", time_range=summer), one)
    without = (*weekly, "EXDATE;TZID=Europe/Berlin:20260105T110000")
    two = calendar(*BERLIN, *component("VEVENT", *without))
    assert not found(CompFilter("VEVENT", time_range=DURING), two)


def test_parts_of_a_filter_hold_for_one_component() -> None:
    one = calendar(
        *component("VEVENT", "DTSTART:20260104T100000Z", "SUMMARY:Stand-up", "RRULE:FREQ=DAILY"),
        *component(
            "VEVENT",
            "RECURRENCE-ID:20260105T100000Z",
            "DTSTART:20260105T100000Z",
            "SUMMARY:Review",
        ),
    )

    def wanted(text: str) -> CompFilter:
        return CompFilter(
            "VEVENT",
            time_range=DURING,
            props=(PropFilter("SUMMARY", text_match=TextMatch(text)),),
        )

    assert found(wanted("review"), one)
    assert not found(wanted("stand-up"), one)


def test_moved_override_counts_where_it_is() -> None:
    one = calendar(
        *component(
            "VEVENT", "DTSTART:20260104T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"
        ),
        *component(
            "VEVENT",
            "RECURRENCE-ID:20260105T100000Z",
            "DTSTART:20260120T100000Z",
            "DURATION:PT1H",
        ),
    )
    assert not found(CompFilter("VEVENT", time_range=DURING), one)
    moved = window("20260120T100000", "20260120T110000")
    assert found(CompFilter("VEVENT", time_range=moved), one)


ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x")


@pytest.mark.parametrize(
    ("kind", "lines", "alarm", "fits"),
    [
        ("VEVENT", ("DTSTART:20260105T101500Z",), ("TRIGGER:-PT15M",), True),
        ("VEVENT", ("DTSTART:20260105T101459Z",), ("TRIGGER:-PT15M",), False),
        ("VEVENT", ("DTSTART:20260105T121459Z",), ("TRIGGER:-PT15M",), True),
        ("VEVENT", ("DTSTART:20260105T121500Z",), ("TRIGGER:-PT15M",), False),
        (
            "VEVENT",
            ("DTSTART:20260105T090000Z", "DTEND:20260105T103000Z"),
            ("TRIGGER;RELATED=END:PT0S",),
            True,
        ),
        (
            "VEVENT",
            ("DTSTART:20260105T090000Z", "DURATION:PT30M"),
            ("TRIGGER;RELATED=END:PT0S",),
            False,
        ),
        (
            "VEVENT",
            ("DTSTART:20200105T090000Z",),
            ("TRIGGER;VALUE=DATE-TIME:20260105T110000Z",),
            True,
        ),
        (
            "VEVENT",
            ("DTSTART:20260105T110000Z",),
            ("TRIGGER;VALUE=DATE-TIME:20260104T110000Z",),
            False,
        ),
        # Every repetition counts.
        (
            "VEVENT",
            ("DTSTART:20260105T090000Z",),
            ("TRIGGER:PT0S", "REPEAT:2", "DURATION:PT30M"),
            True,
        ),
        (
            "VEVENT",
            ("DTSTART:20260105T090000Z",),
            ("TRIGGER:PT0S", "REPEAT:1", "DURATION:PT30M"),
            False,
        ),
        (
            "VEVENT",
            ("DTSTART:20260104T090000Z",),
            ("TRIGGER:PT0S", "REPEAT:1000000000", "DURATION:PT30M"),
            True,
        ),
        # Those of every occurrence.
        (
            "VEVENT",
            ("DTSTART:20250105T104500Z", "RRULE:FREQ=DAILY"),
            ("TRIGGER:-PT15M",),
            True,
        ),
        (
            "VEVENT",
            ("DTSTART:20250105T124500Z", "RRULE:FREQ=DAILY"),
            ("TRIGGER:-PT15M",),
            False,
        ),
        (
            "VEVENT",
            ("DTSTART:20250110T104500Z", "RRULE:FREQ=YEARLY"),
            ("TRIGGER:-P5D",),
            True,
        ),
        ("VTODO", ("DUE:20260105T110000Z",), ("TRIGGER;RELATED=END:-PT30M",), True),
        ("VTODO", ("DUE:20260105T130000Z",), ("TRIGGER;RELATED=END:-PT30M",), False),
        ("VTODO", ("DTSTART:20260105T110000Z",), ("TRIGGER:PT0S",), True),
        (
            "VTODO",
            ("DTSTART:20260105T080000Z", "DUE:20260105T110000Z"),
            ("TRIGGER;RELATED=END:PT0S",),
            True,
        ),
        ("VTODO", ("SUMMARY:x",), ("TRIGGER;VALUE=DATE-TIME:20260105T110000Z",), True),
        ("VTODO", ("SUMMARY:x",), ("TRIGGER:-PT5M",), False),
        ("VEVENT", ("DTSTART:20260105T110000Z",), ("TRIGGER:whenever",), False),
    ],
)
def test_alarms(kind: str, lines: tuple[str, ...], alarm: tuple[str, ...], fits: bool) -> None:
    one = calendar(*component(kind, *lines, *ALARM, *alarm, "END:VALARM"))
    wanted = CompFilter(kind, comps=(CompFilter("VALARM", time_range=DURING),))
    assert found(wanted, one) is fits
    assert not found(wanted, calendar(*component(kind, *lines)))


def test_absent_components() -> None:
    event = calendar(*component("VEVENT", "DTSTART:20260105T101500Z"))
    assert found(CompFilter("VTODO", is_not_defined=True), event)
    assert not found(CompFilter("VEVENT", is_not_defined=True), event)
    assert found(CompFilter("VEVENT"), event)
    assert not found(CompFilter("VTODO"), event)
    assert found(CompFilter("VEVENT", comps=(CompFilter("VALARM", is_not_defined=True),)), event)
    ringing = calendar(
        *component("VEVENT", "DTSTART:20260105T101500Z", *ALARM, "TRIGGER:PT0S", "END:VALARM")
    )
    without = CompFilter("VEVENT", comps=(CompFilter("VALARM", is_not_defined=True),))
    assert not found(without, ringing)
    assert found(CompFilter("VEVENT", comps=(CompFilter("VALARM"),)), ringing)


def test_root() -> None:
    event = calendar(*component("VEVENT", "DTSTART:20260105T101500Z"))
    assert matches(CompFilter("VCALENDAR"), event, zones(event), Budget())
    other = CompFilter("VCALENDAR", props=(PropFilter("PRODID", text_match=TextMatch("nobody")),))
    assert not matches(other, event, zones(event), Budget())
    assert not matches(CompFilter("VCALENDAR", is_not_defined=True), event, zones(event), Budget())


STARTS = "DTSTART:20260105T100000Z"


def test_properties_there_and_absent() -> None:
    assert has(PropFilter("SUMMARY"), STARTS, "SUMMARY:x")
    assert not has(PropFilter("SUMMARY"), STARTS)
    assert has(PropFilter("SUMMARY", is_not_defined=True), STARTS)
    assert not has(PropFilter("SUMMARY", is_not_defined=True), STARTS, "summary:x")
    assert has(PropFilter("x-thing"), STARTS, "X-THING:1")


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (TextMatch("rivi"), True),
        (TextMatch("RIVI"), True),
        (TextMatch("RIVI", Collation.OCTET), False),
        (TextMatch("A RIVI", Collation.ASCII_CASEMAP), True),
        (TextMatch("RIVIÈRE", Collation.ASCII_CASEMAP), False),
        (TextMatch("RIVIÈRE", Collation.UNICODE_CASEMAP), True),
        (TextMatch("bank; one, two"), True),
        (TextMatch("nothing"), False),
        (TextMatch("nothing", negate=True), True),
        (TextMatch("rivi", negate=True), False),
        (TextMatch("a rivière", Collation.UNICODE_CASEMAP, MatchType.STARTS_WITH), True),
        (TextMatch("TWO", match_type=MatchType.ENDS_WITH), True),
        (TextMatch("two", match_type=MatchType.EQUALS), False),
    ],
)
def test_text(match: TextMatch, fits: bool) -> None:
    line = "SUMMARY:A rivière bank\\; one\\, two"
    assert has(PropFilter("SUMMARY", text_match=match), STARTS, line) is fits


def test_text_of_lists() -> None:
    lines = (STARTS, "CATEGORIES:Work,Travel\\, long", "CATEGORIES:Home")

    def fits(text: str, negate: bool = False) -> bool:
        match = TextMatch(text, match_type=MatchType.EQUALS, negate=negate)
        return has(PropFilter("CATEGORIES", text_match=match), *lines)

    assert fits("travel, long")
    assert fits("home")
    assert not fits("work,travel, long")
    assert fits("work", negate=True)
    assert not has(PropFilter("CATEGORIES", text_match=TextMatch("o", negate=True)), *lines)


def test_params_hold_for_the_same_property() -> None:
    lines = (
        STARTS,
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Ann:mailto:ann@example.test",
        'ATTENDEE;PARTSTAT=ACCEPTED;MEMBER="mailto:a@example.test","mailto:b@example.test":mailto:bob@example.test',
    )

    def fits(text: str, *params: ParamFilter) -> bool:
        return has(PropFilter("ATTENDEE", text_match=TextMatch(text), params=params), *lines)

    pending = ParamFilter("PARTSTAT", text_match=TextMatch("needs-action"))
    assert fits("mailto:ann", pending)
    assert not fits("mailto:bob", pending)
    assert fits("bob", ParamFilter("CN", is_not_defined=True))
    assert not fits("ann", ParamFilter("cn", is_not_defined=True))
    assert fits("ann", ParamFilter("cn"))
    assert not fits("bob", ParamFilter("CN"))
    assert fits("bob", ParamFilter("MEMBER", text_match=TextMatch("b@example")))
    assert not fits("bob", ParamFilter("CN", text_match=TextMatch("x", negate=True)))
    assert fits("", ParamFilter("PARTSTAT", text_match=TextMatch("needs", negate=True)))


@pytest.mark.parametrize(
    ("name", "lines", "fits"),
    [
        ("COMPLETED", ("COMPLETED:20260105T100000Z",), True),
        ("COMPLETED", ("COMPLETED:20260105T120000Z",), False),
        ("DUE", ("DUE;VALUE=DATE:20260105",), False),
        ("DUE", ("DUE:20260105T110000",), True),
        # The end that DURATION says.
        ("DUE", ("DTSTART:20260105T090000Z", "DURATION:PT1H"), True),
        ("DUE", ("DTSTART:20260105T090000Z", "DURATION:PT5H"), False),
        ("DTSTART", ("DTSTART:20250105T110000Z", "RRULE:FREQ=DAILY"), True),
        ("DTSTART", ("DTSTART:20250105T110000Z",), False),
        ("LAST-MODIFIED", ("LAST-MODIFIED:nonsense",), False),
        ("LAST-MODIFIED", (), False),
    ],
)
def test_times_of_properties(name: str, lines: tuple[str, ...], fits: bool) -> None:
    assert has(PropFilter(name, time_range=DURING), *lines, kind="VTODO") is fits


def test_ends_of_events() -> None:
    ends = PropFilter("DTEND", time_range=DURING)
    assert has(ends, "DTSTART:20260105T090000Z", "DURATION:PT2H")
    assert has(ends, "DTSTART:20260101T090000Z", "DURATION:PT2H", "RRULE:FREQ=DAILY")
    assert not has(ends, "DTSTART:20260105T090000Z", "DURATION:PT3H")
    assert not has(ends, "DTSTART:20260105T090000Z", "DTEND:20260105T123000Z")


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        (CompFilter("VEVENT"), "valid-filter"),
        (CompFilter("VCALENDAR", time_range=DURING), "supported-filter"),
        (
            CompFilter("VCALENDAR", comps=(CompFilter("VTIMEZONE", time_range=DURING),)),
            "supported-filter",
        ),
        (
            CompFilter(
                "VCALENDAR",
                comps=(CompFilter("VEVENT", props=(PropFilter("SUMMARY", time_range=DURING),)),),
            ),
            "supported-filter",
        ),
        (
            CompFilter("VCALENDAR", comps=(CompFilter("VEVENT", time_range=window(END, START)),)),
            "valid-filter",
        ),
    ],
)
def test_filters_that_make_no_sense(wanted: CompFilter, rule: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        check_filter(wanted)
    assert refused.value.rule == rule

"""Recurring objects told occurrence by occurrence, or without the overrides out of a range."""

from zoneinfo import ZoneInfo

import pytest

from kit.calendars import BERLIN, calendar, component, window, zones
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.expand import expanded, limited, limited_free_busy
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.recurrence import Budget, TooMuchWork

WEEK = window("20260105", "20260112")


def expand(one: Component, during: TimeRange = WEEK) -> list[list[str]]:
    whole = expanded(one, during, zones(one, ZoneInfo("America/New_York")), Budget())
    assert not whole.of("VTIMEZONE")
    return [[line.written().strip() for line in part.lines] for part in whole.parts]


def test_occurrences_in_utc() -> None:
    one = calendar(
        *BERLIN,
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20251229T100000",
            "DTEND;TZID=Europe/Berlin:20251229T113000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
            "EXDATE;TZID=Europe/Berlin:20260109T100000",
            "RDATE;TZID=Europe/Berlin:20260111T120000",
            "SUMMARY:x",
        ),
    )
    before = one.copy()
    assert expand(one) == [
        [
            "UID:one",
            f"DTSTART:202601{start}",
            f"DTEND:202601{end}",
            "SUMMARY:x",
            f"RECURRENCE-ID:202601{start}",
        ]
        for start, end in (
            ("05T090000Z", "05T103000Z"),
            ("07T090000Z", "07T103000Z"),
            ("11T110000Z", "11T123000Z"),
        )
    ]
    assert one == before


def test_overrides() -> None:
    one = calendar(
        *BERLIN,
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260105T100000",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY;COUNT=3",
        ),
        *component(
            "VEVENT",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260106T100000",
            "DTSTART;TZID=Europe/Berlin:20260106T150000",
            "DURATION:PT2H",
            "SUMMARY:later",
        ),
    )
    assert expand(one) == [
        [
            "UID:one",
            "DTSTART:20260105T090000Z",
            "DURATION:PT1H",
            "RECURRENCE-ID:20260105T090000Z",
        ],
        [
            "UID:one",
            "RECURRENCE-ID:20260106T090000Z",
            "DTSTART:20260106T140000Z",
            "DURATION:PT2H",
            "SUMMARY:later",
        ],
        [
            "UID:one",
            "DTSTART:20260107T090000Z",
            "DURATION:PT1H",
            "RECURRENCE-ID:20260107T090000Z",
        ],
    ]


def test_what_does_not_recur_has_no_recurrence_id() -> None:
    one = calendar(
        *BERLIN,
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260106T100000",
            "BEGIN:VALARM",
            "TRIGGER:PT0S",
            "END:VALARM",
        ),
    )
    assert expand(one) == [["UID:one", "DTSTART:20260106T090000Z"]]
    whole = expanded(one, WEEK, zones(one), Budget())
    assert whole.parts[0].of("VALARM")
    assert expand(one, window("20260107", "20260108")) == []


def test_days_and_floating_times_stay() -> None:
    days = calendar(
        *component(
            "VEVENT",
            "DTSTART;VALUE=DATE:20260105",
            "DTEND;VALUE=DATE:20260107",
            "RRULE:FREQ=WEEKLY;COUNT=9",
        )
    )
    assert expand(days, window("20260113", "20260115")) == [
        [
            "UID:one",
            "DTSTART;VALUE=DATE:20260112",
            "DTEND;VALUE=DATE:20260114",
            "RECURRENCE-ID;VALUE=DATE:20260112",
        ]
    ]
    floating = calendar(*component("VEVENT", "DTSTART:20260105T220000", "RRULE:FREQ=DAILY"))
    # 22:00 in New York is 03:00 UTC of the next day.
    assert expand(floating, window("20260110T023000", "20260110T033000")) == [
        ["UID:one", "DTSTART:20260109T220000", "RECURRENCE-ID:20260109T220000"]
    ]


def test_day_long_durations_over_the_change_of_clocks() -> None:
    one = calendar(
        *BERLIN,
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260328T120000",
            "DURATION:P1D",
            "RRULE:FREQ=WEEKLY;COUNT=2",
        ),
    )
    assert expand(one, window("20260328", "20260407")) == [
        [
            "UID:one",
            "DTSTART:20260328T110000Z",
            "DTEND:20260329T100000Z",
            "RECURRENCE-ID:20260328T110000Z",
        ],
        [
            "UID:one",
            "DTSTART:20260404T100000Z",
            "DURATION:P1D",
            "RECURRENCE-ID:20260404T100000Z",
        ],
    ]


def test_tasks() -> None:
    one = calendar(
        *BERLIN,
        *component(
            "VTODO",
            "DTSTART;TZID=Europe/Berlin:20260101T080000",
            "DUE;TZID=Europe/Berlin:20260101T170000",
            "RRULE:FREQ=DAILY;INTERVAL=5",
        ),
    )
    assert expand(one) == [
        [
            "UID:one",
            f"DTSTART:202601{day}T070000Z",
            f"DUE:202601{day}T160000Z",
            f"RECURRENCE-ID:202601{day}T070000Z",
        ]
        for day in ("06", "11")
    ]
    undated = calendar(*component("VTODO", "SUMMARY:some day"))
    assert expand(undated) == [["UID:one", "SUMMARY:some day"]]


def test_expansion_is_bounded() -> None:
    one = calendar(*component("VEVENT", "DTSTART:20000101T000000Z", "RRULE:FREQ=SECONDLY"))
    with pytest.raises(TooMuchWork):
        expand(one, window("20000101", "21000101"))


SERIES = component(
    "VEVENT", "DTSTART:20260101T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "SUMMARY:series"
)


def override(day: str, start: str, *more: str, range_: str = "") -> tuple[str, ...]:
    return component(
        "VEVENT", f"RECURRENCE-ID{range_}:{day}T100000Z", f"DTSTART:{start}", "DURATION:PT1H", *more
    )


def limit(one: Component, during: TimeRange = WEEK) -> list[str | None]:
    return [
        part.value("RECURRENCE-ID") for part in limited(one, during, zones(one), Budget()).parts
    ]


def test_overrides_out_of_the_range_are_left_out() -> None:
    one = calendar(
        *SERIES,
        *override("20260103", "20260103T150000Z"),
        *override("20260106", "20260106T150000Z"),
        *override("20260107", "20260120T150000Z"),
        *override("20260120", "20260108T150000Z"),
        *override("20260121", "20260122T150000Z"),
    )
    # The series, the one in the range, the one moved out of it, the one moved into it.
    assert limit(one) == [None, "20260106T100000Z", "20260107T100000Z", "20260120T100000Z"]


def test_override_of_all_that_follow() -> None:
    one = calendar(
        *SERIES, *override("20260102", "20260102T120000Z", range_=";RANGE=THISANDFUTURE")
    )
    assert limit(one) == [None, "20260102T100000Z"]
    assert limit(one, window("20251201", "20251210")) == [None]


def test_limit_of_what_does_not_recur_changes_nothing() -> None:
    one = calendar(*BERLIN, *component("VEVENT", "DTSTART:20250101T100000Z"))
    assert limited(one, WEEK, zones(one), Budget()) == one


def test_free_busy_periods_out_of_the_range() -> None:
    one = calendar(
        *component(
            "VFREEBUSY",
            "DTSTART:20260101T000000Z",
            "DTEND:20260201T000000Z",
            "FREEBUSY;FBTYPE=BUSY:20260102T000000Z/PT1H,20260106T000000Z/PT1H,"
            "20260104T230000Z/20260105T000100Z",
            "FREEBUSY:20260120T000000Z/PT1H",
            "FREEBUSY:nonsense",
        )
    )
    (part,) = limited_free_busy(one, WEEK, zones(one)).parts
    assert [f"{line.params}:{line.value}" for line in part.all("FREEBUSY")] == [
        "[('FBTYPE', ['BUSY'])]:20260106T000000Z/PT1H,20260104T230000Z/20260105T000100Z"
    ]
    assert part.value("DTSTART") == "20260101T000000Z"

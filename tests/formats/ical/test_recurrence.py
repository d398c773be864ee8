"""Occurrences of whole objects: overrides, dates, exceptions, clocks put forward and back."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from kit.steps import counted
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.object import components_of
from pillarbox.formats.ical.recurrence import Budget, Occurrence, TooMuchWork, occurrences
from pillarbox.formats.ical.values import parse_moment
from pillarbox.formats.ical.zones import Zones


def found(
    *events: str,
    begin: str | None = None,
    end: str | None = None,
    budget: Budget | None = None,
    kind: str = "VEVENT",
    zone: str | None = None,
) -> list[Occurrence]:
    """Occurrences of events given by their lines, `|` between them; `begin`, `end` in UTC."""
    body = "".join(
        f"BEGIN:{kind}\nUID:1\n{event.replace('|', chr(10))}\nEND:{kind}\n" for event in events
    )
    calendar = parse_calendar(f"BEGIN:VCALENDAR\n{body}END:VCALENDAR\n".encode())
    zones = Zones(calendar, ZoneInfo(zone) if zone else UTC)
    bounds = [parse_moment(at).ms(zones) if at else None for at in (begin, end)]
    window = TimeRange(*bounds)
    return list(occurrences(components_of(calendar), zones, window, budget or Budget()))


def starts(
    *events: str, begin: str | None = None, end: str | None = None, **more: str
) -> list[str]:
    return [each.start.written() for each in found(*events, begin=begin, end=end, **more)]


def spans(*events: str, begin: str | None = None, end: str | None = None) -> list[tuple[int, int]]:
    return [(each.start_ms, each.end_ms) for each in found(*events, begin=begin, end=end)]


BERLIN = "DTSTART;TZID=Europe/Berlin:"


def test_one_event_overlaps_by_its_bounds() -> None:
    event = "DTSTART:20240105T100000Z|DTEND:20240105T110000Z"
    assert starts(event, begin="20240105T105959Z", end="20240106T000000Z")
    assert not starts(event, begin="20240105T110000Z", end="20240106T000000Z")
    assert not starts(event, begin="20240105T090000Z", end="20240105T100000Z")
    point = "DTSTART:20240105T100000Z"
    assert starts(point, begin="20240105T100000Z", end="20240105T100001Z")
    assert not starts(point, begin="20240105T100001Z", end="20240105T110000Z")


def test_dates_are_whole_days_in_the_floating_zone() -> None:
    event = "DTSTART;VALUE=DATE:20240105"
    assert starts(event, begin="20240105T235900Z", end="20240106T000000Z")
    each = found(event, zone="America/New_York")[0]
    assert each.start_ms == parse_moment("20240105T050000Z").ms(Zones())
    assert each.end.written() == "20240106"
    assert found("DTSTART;VALUE=DATE:20240105|DTEND;VALUE=DATE:20240105")[0].end.written() == (
        "20240106"
    )


def test_times_keep_their_clock_over_changes_and_ends_their_length() -> None:
    event = (
        f"{BERLIN}20240329T220000|DTEND;TZID=Europe/Berlin:20240330T060000|RRULE:FREQ=DAILY;COUNT=3"
    )
    each = found(event)
    assert [one.start.written() for one in each] == [
        "20240329T220000",
        "20240330T220000",
        "20240331T220000",
    ]
    assert [one.end_ms - one.start_ms for one in each] == [8 * 3_600_000] * 3
    nominal = f"{BERLIN}20240330T120000|DURATION:P1D|RRULE:FREQ=DAILY;COUNT=2"
    assert [end - start for start, end in spans(nominal)] == [23 * 3_600_000, 24 * 3_600_000]


def test_left_out_times_have_the_offset_before_and_double_ones_are_the_first() -> None:
    gap = f"{BERLIN}20240330T023000|RRULE:FREQ=DAILY;COUNT=3"
    assert [one.end.written() for one in found(gap)] == [
        "20240330T013000Z",
        "20240331T013000Z",
        "20240401T003000Z",
    ]
    fold = f"{BERLIN}20241026T023000|RRULE:FREQ=DAILY;COUNT=3"
    assert [one.end.written() for one in found(fold)] == [
        "20241026T003000Z",
        "20241027T003000Z",
        "20241028T013000Z",
    ]


def test_hours_over_a_change_stay_in_order() -> None:
    rule = f"{BERLIN}20240331T010000|RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=8"
    instants = [one.start_ms for one in found(rule)]
    assert len(instants) == 8
    assert instants == sorted(instants)


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        (";VALUE=DATE:20240101", "UNTIL=20240103", "20240103"),
        (";VALUE=DATE:20240101", "UNTIL=20240103T235959Z", "20240103"),
        (";TZID=Europe/Berlin:20240101T100000", "UNTIL=20240103", "20240103T100000"),
        (";TZID=Europe/Berlin:20240101T003000", "UNTIL=20240102T233000Z", "20240103T003000"),
        (";TZID=Europe/Berlin:20240101T100000", "UNTIL=20240103T100000", "20240103T100000"),
        (":20240101T100000Z", "UNTIL=20240103T100000;", "20240103T100000Z"),
        (":20240101T100000", "UNTIL=20240103T100000Z", "20240103T100000"),
        (":20240101T100000", "UNTIL=20200103T100000Z", None),
    ],
)
def test_until_in_all_its_forms(start: str, rule: str, expected: str | None) -> None:
    all_of_them = starts(f"DTSTART{start}|RRULE:FREQ=DAILY;{rule}")
    assert (all_of_them[-1] if all_of_them else None) == expected


def test_dates_are_added_and_taken_out() -> None:
    event = (
        f"{BERLIN}20240101T100000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=4"
        "|RDATE;TZID=Europe/Berlin:20240101T150000,20240102T100000"
        "|RDATE;VALUE=PERIOD:20240110T090000Z/PT30M,20240111T090000Z/20240111T120000Z"
        "|EXDATE:20240103T090000Z|EXDATE;VALUE=DATE:20240104"
    )
    each = found(event)
    assert [one.start.written() for one in each] == [
        *("20240101T100000", "20240101T150000", "20240102T100000"),
        *("20240110T100000", "20240111T100000"),
    ]
    assert [(one.end_ms - one.start_ms) // 60_000 for one in each] == [60, 60, 60, 30, 180]


def test_rules_that_exclude() -> None:
    event = "DTSTART:20240101T100000Z|RRULE:FREQ=DAILY;COUNT=6|EXRULE:FREQ=DAILY;INTERVAL=2"
    assert starts(event) == ["20240102T100000Z", "20240104T100000Z", "20240106T100000Z"]


def test_several_rules_are_one_set() -> None:
    event = "DTSTART:20240101T100000Z|RRULE:FREQ=DAILY;COUNT=3|RRULE:FREQ=WEEKLY;COUNT=2"
    assert [each[:8] for each in starts(event)] == ["20240101", "20240102", "20240103", "20240108"]


def test_overrides_take_the_place_of_what_they_name() -> None:
    master = f"{BERLIN}20240101T100000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3"
    # Named in UTC, and moved out of the order.
    moved = f"RECURRENCE-ID:20240101T090000Z|{BERLIN}20240102T180000|DURATION:PT2H"
    each = found(master, moved)
    assert [one.start.written()[:11] for one in each] == [
        "20240102T10",
        "20240102T18",
        "20240103T10",
    ]
    assert [one.is_override for one in each] == [False, True, False]
    assert each[0].recurrence_id is not None
    assert each[0].recurrence_id.line("RECURRENCE-ID").written() == (
        "RECURRENCE-ID;TZID=Europe/Berlin:20240102T100000\r\n"
    )
    # Moved into the window, and out of it.
    assert starts(master, moved, begin="20240102T160000Z", end="20240102T170100Z")
    assert not starts(master, moved, begin="20240101T000000Z", end="20240101T230000Z")


def test_overrides_by_day_and_without_a_master() -> None:
    master = f"{BERLIN}20240101T100000|RRULE:FREQ=DAILY;COUNT=2"
    by_day = f"RECURRENCE-ID;VALUE=DATE:20240102|{BERLIN}20240102T120000"
    assert starts(master, by_day) == ["20240101T100000", "20240102T120000"]
    assert starts(by_day) == ["20240102T120000"]
    all_day = "DTSTART;VALUE=DATE:20240101|RRULE:FREQ=DAILY;COUNT=2"
    timed = "RECURRENCE-ID:20240102T000000Z|DTSTART:20240102T120000Z"
    assert starts(all_day, timed) == ["20240101", "20240102T120000Z"]


def test_overrides_of_all_that_follow() -> None:
    master = f"{BERLIN}20240101T100000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=6"
    later = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin"
    range_ = f"{later}:20240103T100000|{BERLIN}20240103T120000|DURATION:PT2H"
    again = f"{later}:20240106T100000|{BERLIN}20240106T080000|DURATION:PT3H"
    single = (
        f"RECURRENCE-ID;TZID=Europe/Berlin:20240104T100000|{BERLIN}20240104T200000|DURATION:PT1H"
    )
    each = found(master, range_, single, again)
    assert [one.start.written()[6:11] for one in each] == [
        *("01T10", "02T10", "03T12", "04T20", "05T12", "06T08"),
    ]
    assert [(one.end_ms - one.start_ms) // 3_600_000 for one in each] == [1, 1, 2, 1, 2, 3]
    assert [one.is_override for one in each] == [False, False, True, True, True, True]
    assert starts(master, range_, begin="20240105T120000Z", end="20240106T000000Z") == [
        "20240105T120000"
    ]


def test_long_events_reach_into_the_window() -> None:
    event = "DTSTART:20200101T000000Z|DURATION:P40D|RRULE:FREQ=MONTHLY"
    # The first of May and forty days are over by then.
    assert starts(event, begin="20240610T000000Z", end="20240610T010000Z") == ["20240601T000000Z"]
    assert starts(event, begin="20240609T230000Z", end="20240609T233000Z") == [
        "20240501T000000Z",
        "20240601T000000Z",
    ]


def test_tasks_start_or_are_due() -> None:
    assert starts("DUE:20240105T100000Z", kind="VTODO") == ["20240105T100000Z"]
    assert starts("DUE:20240105T100000Z|RRULE:FREQ=DAILY;COUNT=2", kind="VTODO") == [
        "20240105T100000Z",
        "20240106T100000Z",
    ]
    assert starts("SUMMARY:some day", kind="VTODO") == []


def test_the_end_of_the_calendar_ends_rules() -> None:
    assert starts("DTSTART:99991230T100000Z|DURATION:PT48H|RRULE:FREQ=DAILY") == [
        "99991230T100000Z",
        "99991231T100000Z",
    ]
    assert starts("DTSTART;VALUE=DATE:99991231|RRULE:FREQ=YEARLY") == ["99991231"]
    assert starts("DTSTART:00010101T000000|RRULE:FREQ=DAILY;COUNT=1", zone="Asia/Tokyo")


@pytest.mark.parametrize(
    "events",
    [
        ("DTSTART:20240101T000000Z|RRULE:FREQ=SECONDLY",),
        ("DTSTART:20240101T000000Z|RRULE:FREQ=SECONDLY;COUNT=1000000000;BYMONTH=1",),
        ("DTSTART:20240101T000000Z|RDATE:" + ",".join(["20240101T000000Z"] * 30_000),),
        ("DTSTART:20240101T000000Z|RRULE:FREQ=DAILY|EXDATE:" + "20240101T000000Z," * 30_000,),
        ("DTSTART:20240101T000000Z|RRULE:FREQ=DAILY",)
        + ("RECURRENCE-ID:20240101T000000Z|DTSTART:20240101T000000Z",) * 6_000,
        ("DTSTART:20240101T000000Z|RRULE:FREQ=DAILY;BYMONTH=1;COUNT=99999",)
        + ("RECURRENCE-ID;RANGE=THISANDFUTURE:20290101T000000Z|DTSTART:20240101T000000Z",) * 1_000,
    ],
    ids=["seconds", "count", "dates", "exceptions", "overrides", "ranges"],
)
def test_hostile_objects_are_refused_within_their_steps(events: tuple[str, ...]) -> None:
    body = "".join(
        f"BEGIN:VEVENT\nUID:1\n{event.replace('|', chr(10))}\nEND:VEVENT\n" for event in events
    )
    calendar = parse_calendar(f"BEGIN:VCALENDAR\n{body}END:VCALENDAR\n".encode())
    budget = Budget()

    def run() -> None:
        with pytest.raises(TooMuchWork):
            list(occurrences(components_of(calendar), Zones(calendar), TimeRange(), budget))

    assert counted(run) < 40 * budget.steps


def test_a_window_far_from_the_start_takes_few_steps() -> None:
    budget = Budget()
    event = f"{BERLIN}20000103T100000|DURATION:PT1H|RRULE:FREQ=WEEKLY;BYDAY=MO"
    assert len(found(event, begin="20990401T000000Z", end="20990501T000000Z", budget=budget)) == 4
    assert budget.used < 30

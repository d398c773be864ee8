"""Anything at all as a calendar: read or refused, expanded within its steps, written the same."""

from datetime import UTC

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import parse_content, text_of
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import TimeRange
from pillarbox.formats.ical.object import check_object, components_of, facts_of
from pillarbox.formats.ical.recurrence import Budget, occurrences
from pillarbox.formats.ical.zones import Zones, zone_of

FUZZ = settings(
    max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
TIMES = st.sampled_from(
    (
        *("20240101", "20240101T100000", "20240101T100000Z", "00010101", "99991231T235959Z"),
        *(
            "20240331T023000",
            "x",
            "",
            "20240101T100000Z/PT1H",
            "20240101,20240102",
            "19700101T000000",
        ),
    )
)
PARAMS = st.sampled_from(
    (
        *("", ";VALUE=DATE", ";TZID=Europe/Berlin", ";TZID=Own", ";RANGE=THISANDFUTURE"),
        *(';TZID="x', ";VALUE=PERIOD", ";TZID=../../etc/passwd"),
    )
)
PARTS = st.sampled_from(
    (
        *("INTERVAL=2", "INTERVAL=999999999", "COUNT=3", "COUNT=999999999", "UNTIL=20250101"),
        *("BYDAY=MO", "BYDAY=-1SU", "BYDAY=53FR", "BYMONTH=2", "BYMONTHDAY=30", "BYSETPOS=-1"),
        *("BYHOUR=1,2,3", "BYMINUTE=0", "BYSECOND=60", "BYWEEKNO=53", "BYYEARDAY=-366"),
        *("WKST=SU", "SKIP=FORWARD", "RSCALE=GREGORIAN", "", "=", "BYDAY="),
    )
)
RULES = st.tuples(
    st.sampled_from(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")),
    st.lists(PARTS, max_size=4),
).map(lambda found: f"RRULE:FREQ={found[0]};{';'.join(found[1])}")
DATES = st.tuples(
    st.sampled_from(("DTSTART", "DTEND", "DUE", "RDATE", "EXDATE", "RECURRENCE-ID", "FREEBUSY")),
    PARAMS,
    TIMES,
).map(lambda found: f"{found[0]}{found[1]}:{found[2]}")
LINES = st.one_of(DATES, RULES, st.sampled_from(("DURATION:P1D", "DURATION:-PT9999H", "UID:1")))
COMPONENTS = st.tuples(
    st.sampled_from(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")),
    st.lists(LINES, max_size=7),
).map(lambda found: "\n".join((f"BEGIN:{found[0]}", "UID:1", *found[1], f"END:{found[0]}")))
ZONE = """BEGIN:VTIMEZONE
TZID:Own
BEGIN:STANDARD
DTSTART:{}
TZOFFSETFROM:+0200
TZOFFSETTO:-0500
{}
END:STANDARD
END:VTIMEZONE"""
CALENDARS = st.tuples(st.lists(COMPONENTS, max_size=4), TIMES, RULES).map(
    lambda found: "\n".join(
        ("BEGIN:VCALENDAR", ZONE.format(found[1], found[2]), *found[0], "END:VCALENDAR", "")
    )
)


@FUZZ
@given(
    st.one_of(
        st.binary(max_size=80), st.text(max_size=80).map(lambda at: at.encode("utf-8", "replace"))
    )
)
def test_lines_of_anything(content: bytes) -> None:
    try:
        lines = parse_content(content, 50)
    except GrammarError as error:
        position = error.position
    else:
        position = 0
        written = "".join(line.written() for line in lines).encode()
        assert parse_content(written, 50) == lines
        text_of(content)
    assert 0 <= position <= len(content)


@FUZZ
@given(CALENDARS)
def test_calendars_of_anything(text: str) -> None:
    calendar = parse_calendar(text.encode())
    assert parse_calendar(calendar.written()) == calendar
    zones = Zones(calendar, UTC)
    zone_of(text)
    components = components_of(calendar)
    bounds = None
    try:
        check_object(calendar)
        bounds = facts_of(calendar, zones)
    except GrammarError:
        pass
    for window in (TimeRange(1_700_000_000_000, 1_720_000_000_000), TimeRange()):
        previous = None
        try:
            for each in occurrences(components, zones, window, Budget(5_000)):
                assert each.end_ms >= each.start_ms
                assert previous is None or previous <= each.start_ms
                previous = each.start_ms
                assert each.end.written()
                if bounds is not None and bounds.component_name in ("VEVENT", "VTODO"):
                    assert bounds.first_ms is None or each.start_ms >= bounds.first_ms
                    assert bounds.last_ms is None or each.end_ms <= bounds.last_ms
        except GrammarError:
            continue

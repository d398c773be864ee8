"""What is known of an event's bounds spares a look at it, and never changes what is found."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from pillarbox.domain.collections.model import ComponentKind, Item, ItemFacts
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.object import facts_of
from pillarbox.formats.ical.zones import Zones
from pillarbox.pipeline.collections import queries

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
EVENTS = (
    "DTSTART:20260302T100000Z\r\nDTEND:20260302T110000Z\r\n",
    "DTSTART:20260302T100000Z\r\n",
    "DTSTART;VALUE=DATE:20260302\r\n",
    "DTSTART:20260302T100000\r\nDURATION:PT3H\r\n",
    "DTSTART;TZID=Europe/Berlin:20260302T100000\r\nDURATION:P2D\r\n",
    "DTSTART;TZID=Nowhere:20260302T100000\r\nDURATION:PT1H\r\n",
    "DTSTART:20260302T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=2\r\n"
    "EXDATE:20260302T100000Z,20260303T100000Z\r\n",
    "DTSTART:20260302T100000Z\r\nDURATION:PT1H\r\nRRU\r\n LE:FREQ=DAILY;COUNT=2\r\n"
    "EXDA\r\n\tTE:20260302T100000Z,20260303T100000Z\r\n",
    "DTSTART:20260302T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n",
)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("hours", [-14, 0, 14])
def test_windows_find_what_a_look_at_each_event_finds(event: str, hours: int) -> None:
    content = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTAMP:20260101T000000Z\r\n{event}END:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()
    calendar = parse_calendar(content)
    facts = facts_of(calendar, Zones(calendar))
    found = ItemFacts("1", ComponentKind.VEVENT, facts.first_ms, facts.last_ms)
    item = Item(1, 1, "1.ics", found, 1, len(content), "1", None, 0, 0)
    start_ms = int(START.timestamp() * 1000)
    spared = 0
    for begin in range(-48, 60, 3):
        for end in (begin + 1, begin + 30, begin + 400):
            window = TimeRange(start_ms + begin * HOUR_MS, start_ms + end * HOUR_MS)
            looked = _fits(content, window, timezone(timedelta(hours=hours)))
            if queries._is_inside(item, content, window):
                spared += 1
                assert looked, (begin, end)
    recurs = "\tTE" in event or "RRULE" in event
    assert bool(spared) != recurs


def test_only_a_window_alone_is_answered_so() -> None:
    window = TimeRange(0, 1)
    event = CompFilter("VEVENT", time_range=window)
    assert queries._bounds(CompFilter("VCALENDAR", comps=(event,))).timed
    alarm = CompFilter("VALARM", time_range=window)
    for inner in (
        CompFilter("VTODO", time_range=window),
        CompFilter("VEVENT", time_range=window, comps=(alarm,)),
    ):
        assert not queries._bounds(CompFilter("VCALENDAR", comps=(inner,))).timed
    both = CompFilter("VCALENDAR", comps=(event, CompFilter("VTIMEZONE", is_not_defined=True)))
    assert not queries._bounds(both).timed


def _fits(content: bytes, window: TimeRange, zone: tzinfo) -> bool:
    wanted = CompFilter("VCALENDAR", comps=(CompFilter("VEVENT", time_range=window),))
    return queries._fits(content, wanted, zone, queries.Work())

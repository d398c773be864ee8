"""Triggers of alarms, and a calendar's default alarms."""

import pytest

from kit.calendars import calendar, component, ms, window, zones
from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.alarms import Trigger, default_alarms, parse_alarms, trigger_of

ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
MINUTE = 60_000


def trigger(*lines: str) -> Trigger | None:
    one = calendar("BEGIN:VALARM", *lines, "END:VALARM")
    return trigger_of(one.parts[0], zones(one))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("TRIGGER:-PT15M",), Trigger(None, -15 * MINUTE)),
        (("TRIGGER;RELATED=END:P1D",), Trigger(None, 1440 * MINUTE, after_end=True)),
        (("TRIGGER;VALUE=DATE-TIME:19700101T000100Z",), Trigger(MINUTE)),
        (("TRIGGER:19700101T000100Z",), Trigger(MINUTE)),
        (
            ("TRIGGER:PT0S", "REPEAT:4", "DURATION:PT5M"),
            Trigger(None, 0, repeats=4, every_ms=5 * MINUTE),
        ),
        (("TRIGGER:PT0S", "REPEAT:4"), Trigger(None, 0)),
        (("TRIGGER:PT0S", "REPEAT:4", "DURATION:-PT5M"), Trigger(None, 0)),
        (("TRIGGER:PT0S", "REPEAT:4", "DURATION:PT0S"), Trigger(None, 0)),
        (("TRIGGER:PT0S", "REPEAT:x", "DURATION:PT5M"), Trigger(None, 0)),
        (("TRIGGER:later",), None),
        (("ACTION:AUDIO",), None),
    ],
)
def test_triggers(lines: tuple[str, ...], expected: Trigger | None) -> None:
    assert trigger(*lines) == expected


@pytest.mark.parametrize("first", range(-30, 12))
def test_repeated_rings_are_found_as_by_counting(first: int) -> None:
    found = Trigger(None, 0, repeats=5, every_ms=4)
    during = window(None, None)
    assert found.rings_in(during, first, 0)
    for low in range(6):
        for high in range(low + 1, 10):
            rings = any(low <= first + 4 * n < high for n in range(6))
            ranged = type(during)(low, high)
            assert found.rings_in(ranged, first, 0) is rings


def test_default_alarms_are_read() -> None:
    assert [alarm.value("TRIGGER") for alarm in parse_alarms(ALARM * 2)] == ["-PT15M"] * 2
    assert parse_alarms(" ") == []
    for text in (
        "BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        "BEGIN:VALARM\r\nACTION:NONE\r\nEND:VALARM\r\n",
        "BEGIN:VALARM\r\n",
        "SUMMARY:x",
        ALARM * 21,
    ):
        with pytest.raises(GrammarError):
            parse_alarms(text)


@pytest.mark.parametrize(
    ("kind", "lines", "name"),
    [
        ("VEVENT", ("DTSTART:20260105T100000Z",), "default-alarm-vevent-datetime"),
        ("VEVENT", ("DTSTART;VALUE=DATE:20260105",), "default-alarm-vevent-date"),
        ("VTODO", ("DUE:20260105T100000Z",), "default-alarm-vtodo-datetime"),
        ("VTODO", ("DUE;VALUE=DATE:20260105",), "default-alarm-vtodo-date"),
        ("VTODO", ("SUMMARY:x",), None),
        ("VJOURNAL", ("DTSTART:20260105T100000Z",), None),
        ("VEVENT", ("DTSTART:20260105T100000Z", *ALARM.split("\r\n")[:-1]), None),
    ],
)
def test_default_alarms_are_given(kind: str, lines: tuple[str, ...], name: str | None) -> None:
    part = calendar(*component(kind, *lines)).parts[0]
    names = [
        f"default-alarm-v{kind}-{form}"
        for kind in ("event", "todo")
        for form in ("date", "datetime")
    ]
    for one in names:
        found = default_alarms(part, {one: ALARM})
        assert len(found) == (1 if one == name else 0)
        assert default_alarms(part, {one: "broken"}) == []
    assert ms("19700101T000100") == MINUTE

"""Parts of calendar objects: chosen components and properties, and objects without time zones."""

from datetime import UTC

from kit.calendars import BERLIN, calendar, component, ics, window
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.partial import selected, told
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.selection import CalendarData, CompSelection, PropSelection

EVENT = component(
    "VEVENT",
    "DTSTART;TZID=Europe/Berlin:20260105T110000",
    "SUMMARY:x",
    "ATTENDEE:mailto:a@example.test",
    "ATTENDEE:mailto:b@example.test",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    "TRIGGER:PT0S",
    "END:VALARM",
)
OBJECT = ics(*BERLIN, *EVENT)


def props(*names: str) -> tuple[PropSelection, ...]:
    return tuple(PropSelection(name) for name in names)


def tell(content: bytes, data: CalendarData, timezones: bool = True) -> bytes:
    return told(content, data, UTC, Budget(), timezones)


def test_nothing_asked_gives_the_same_bytes() -> None:
    odd = OBJECT.replace(b"\r\n", b"\n").replace(b"SUMMARY:x", b'summary;X-A="b":\n  x')
    assert tell(odd, CalendarData()) is odd
    assert tell(odd, CalendarData(selection=CompSelection("VCALENDAR"))) == odd


def test_chosen_properties_and_components() -> None:
    wanted = CompSelection(
        "VCALENDAR",
        props("VERSION"),
        (CompSelection("VEVENT", props("summary", "UID", "ATTENDEE", "ABSENT"), ()),),
    )
    assert tell(OBJECT, CalendarData(selection=wanted)).decode().splitlines() == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        "UID:one",
        "SUMMARY:x",
        "ATTENDEE:mailto:a@example.test",
        "ATTENDEE:mailto:b@example.test",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_all_properties_or_all_components() -> None:
    everything = selected(calendar(*BERLIN, *EVENT), CompSelection("VCALENDAR"))
    assert everything == calendar(*BERLIN, *EVENT)
    bare = selected(calendar(*EVENT), CompSelection("VCALENDAR", (), None))
    assert bare.lines == []
    assert bare.parts == calendar(*EVENT).parts
    wanted = CompSelection("VCALENDAR", None, (CompSelection("VEVENT", None, ()),))
    chosen = selected(calendar(*BERLIN, *EVENT), wanted)
    assert [part.name for part in chosen.parts] == ["VEVENT"]
    assert chosen.parts[0].parts == []
    assert len(chosen.parts[0].lines) == 5


def test_property_without_its_value() -> None:
    wanted = CompSelection(
        "VCALENDAR",
        (),
        (CompSelection("VEVENT", (PropSelection("SUMMARY", without_value=True),), ()),),
    )
    assert b"\r\nSUMMARY:\r\n" in tell(OBJECT, CalendarData(selection=wanted))


def test_zones_of_the_database_are_left_out_if_asked() -> None:
    assert tell(OBJECT, CalendarData(), timezones=False) == ics(*EVENT)
    own = OBJECT.replace(b"Europe/Berlin", b"Our own zone")
    assert tell(own, CalendarData(), timezones=False) is own
    assert tell(ics(*EVENT), CalendarData(), timezones=False) == ics(*EVENT)


def test_only_time_zones_go_from_the_text() -> None:
    odd = OBJECT.replace(b"SUMMARY:x", b"summary:\r\n  x\r\nX-Y;z=1:BEGIN:VTIMEZONE")
    assert tell(odd, CalendarData(), timezones=False) == odd.replace(
        "".join(line + "\r\n" for line in BERLIN).encode(), b""
    )


def test_zones_that_were_left_out_are_put_in() -> None:
    whole = parse_calendar(tell(ics(*EVENT), CalendarData()))
    assert [part.name for part in whole.parts] == ["VTIMEZONE", "VEVENT"]
    assert whole.parts[0].value("TZID") == "Europe/Berlin"
    assert whole.parts[1] == calendar(*EVENT).parts[0]
    unknown = ics(*EVENT).replace(b"Europe/Berlin", b"Nowhere")
    assert tell(unknown, CalendarData()) is unknown


def test_expanded_then_chosen() -> None:
    wanted = CompSelection("VCALENDAR", (), (CompSelection("VEVENT", props("DTSTART"), ()),))
    recurring = ics(
        *BERLIN,
        *component("VEVENT", "DTSTART;TZID=Europe/Berlin:20260105T110000", "RRULE:FREQ=DAILY"),
    )
    data = CalendarData(selection=wanted, expand=window("20260106", "20260108"))
    lines = tell(recurring, data).decode().splitlines()
    assert [line for line in lines if line.startswith("DTSTART")] == [
        "DTSTART:20260106T100000Z",
        "DTSTART:20260107T100000Z",
    ]
    assert "BEGIN:VTIMEZONE" not in lines
    limited = CalendarData(limit_recurrence=window("20260106", "20260108"))
    assert parse_calendar(tell(recurring, limited)) == parse_calendar(recurring)

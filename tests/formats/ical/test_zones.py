"""Time zones of objects: by all the names that are sent, and by their VTIMEZONEs."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component, parse_components
from pillarbox.formats.ical.object_zone import ObjectZone
from pillarbox.formats.ical.zone_names import WINDOWS
from pillarbox.formats.ical.zones import (
    Zones,
    canonical_name,
    named_zone,
    vtimezone,
    zone_names,
    zone_of,
)

OUTLOOK = b"""BEGIN:VTIMEZONE
TZID:Our office
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def component(text: bytes) -> Component:
    return parse_components(text)[0]


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/America/New_York", "America/New_York"),
        ("/softwarestudio.org/Olson_20011030_5/America/Chicago", "America/Chicago"),
        (
            "/citadel.org/20190914_1/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
        ("tzone://Microsoft/Utc", "Etc/UTC"),
        ("/example.org/UTC", "UTC"),
    ],
)
def test_names_as_they_are_sent(tzid: str, name: str) -> None:
    assert canonical_name(tzid) == name
    assert named_zone(tzid) is not None


@pytest.mark.parametrize(
    "tzid",
    [
        "../../../etc/passwd",
        "/etc/localtime",
        "Europe/../Europe/Berlin/../../tzdata.zi",
        "zone.tab",
        "posixrules",
        "",
        "   ",
        "Europe",
        "x" * 100_000,
        "a/" * 50_000,
        "Europe/Berlin\0",
        "nowhere",
    ],
)
def test_nothing_outside_of_the_database_is_opened(tzid: str) -> None:
    assert canonical_name(tzid) is None
    assert named_zone(tzid) is None
    assert vtimezone(tzid) is None
    assert Zones(None, UTC).zone(tzid) is UTC


def test_every_windows_name_has_a_zone() -> None:
    for pair in WINDOWS.strip().split("\n"):
        windows, _, name = pair.partition("=")
        assert name in zone_names(), windows
        assert named_zone(windows) is not None, windows


def test_the_objects_own_zone_is_evaluated() -> None:
    calendar = Component("VCALENDAR", [], [component(OUTLOOK)])
    zone = Zones(calendar, UTC).zone("Our office")
    berlin = ZoneInfo("Europe/Berlin")
    for hours in range(0, 24 * 400, 7):
        instant = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        assert instant.astimezone(zone).replace(tzinfo=None) == (
            instant.astimezone(berlin).replace(tzinfo=None)
        )


def test_a_known_name_beats_the_objects_zone_and_a_missing_one_is_the_default() -> None:
    own = component(OUTLOOK.replace(b"Our office", b"Asia/Tokyo"))
    zones = Zones(Component("VCALENDAR", [], [own]), ZoneInfo("America/New_York"))
    assert zones.zone("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
    assert zones.zone("Customized Time Zone") == ZoneInfo("America/New_York")
    assert zones.zone(None) == ZoneInfo("America/New_York")


def test_the_location_of_an_objects_zone_names_it() -> None:
    own = component(OUTLOOK.replace(b"office\n", b"office\nX-LIC-LOCATION:Asia/Tokyo\n"))
    assert Zones(Component("VCALENDAR", [], [own])).zone("Our office") == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "hours"), [("UTC+2", 2), ("GMT-05:00", -5), ("GMT+0530", 5.5), ("UTC", 0)]
)
def test_offsets_as_names(text: str, hours: float) -> None:
    zone = zone_of(text)
    assert zone is not None
    assert datetime(2024, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=hours)


def test_zone_of_reads_a_whole_calendar() -> None:
    text = f"BEGIN:VCALENDAR\r\n{OUTLOOK.decode()}END:VCALENDAR\r\n"
    zone = zone_of(text)
    assert zone is not None
    assert datetime(2024, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)
    assert zone_of("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n") is None
    assert zone_of("BEGIN:VCALENDAR\r\n") is None
    assert zone_of(None) is None
    assert zone_of("../../etc/passwd") is None


def around(name: str, years: range) -> list[datetime]:
    """Instants just before and after every change of offset, and some between."""
    zone = ZoneInfo(name)
    found = []
    for year in years:
        before = datetime(year, 1, 1, tzinfo=UTC)
        for day in range(1, 367, 3):
            after = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
            if after.astimezone(zone).utcoffset() != before.astimezone(zone).utcoffset():
                low, high = before, after
                while high - low > timedelta(minutes=1):
                    middle = low + (high - low) / 2
                    same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                    low, high = (middle, high) if same else (low, middle)
                found += [low - timedelta(minutes=1), high + timedelta(minutes=1)]
            before = after
        found.append(datetime(year, 6, 1, tzinfo=UTC))
    return found


NAMES = (
    *("Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Nuuk", "Asia/Gaza"),
    *("Africa/Casablanca", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran"),
    *("America/Santiago", "Pacific/Chatham", "Antarctica/Troll", "Europe/Moscow", "Etc/UTC"),
)


@pytest.mark.parametrize("name", NAMES)
def test_made_zones_are_those_of_the_database(name: str) -> None:
    made = vtimezone(name)
    assert made is not None
    assert made.value("TZID") == name
    own = ObjectZone(component(made.written()))
    zone = ZoneInfo(name)
    for instant in around(name, range(1971, 2050)):
        assert instant.astimezone(own).replace(tzinfo=None) == (
            instant.astimezone(zone).replace(tzinfo=None)
        ), instant
        for minutes in range(-200, 200, 20):
            local = instant.astimezone(zone).replace(tzinfo=None) + timedelta(minutes=minutes)
            for fold in (0, 1):
                local = local.replace(fold=fold)
                assert own.utcoffset(local) == local.replace(tzinfo=zone).utcoffset(), local


def test_every_zone_of_the_database_can_be_made() -> None:
    for name in zone_names():
        made = vtimezone(name)
        assert made is not None, name
        own = ObjectZone(made)
        zone = ZoneInfo(name)
        for at in (datetime(2026, 1, 15), datetime(2026, 7, 15), datetime(2036, 7, 15)):
            assert own.utcoffset(at) == at.replace(tzinfo=zone).utcoffset(), (name, at)


def test_a_made_zone_has_the_id_that_was_asked_for() -> None:
    made = vtimezone("W. Europe Standard Time")
    assert made is not None
    assert made.value("TZID") == "W. Europe Standard Time"
    made.lines.clear()
    again = vtimezone("Europe/Berlin")
    assert again is not None
    assert again.value("TZID") == "Europe/Berlin"


def test_a_zone_that_ended_its_summer_time_keeps_its_last_offset() -> None:
    text = OUTLOOK.replace(b"BYMONTH=10", b"BYMONTH=10;UNTIL=20101031T010000Z")
    text = text.replace(b"BYMONTH=3", b"BYMONTH=3;COUNT=410")
    own = ObjectZone(component(text))
    assert own.utcoffset(datetime(2009, 7, 1)) == timedelta(hours=2)
    assert own.utcoffset(datetime(2010, 12, 1)) == timedelta(hours=1)
    assert own.utcoffset(datetime(2060, 7, 1)) == timedelta(hours=1)
    assert own.utcoffset(datetime(1600, 7, 1)) == timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    [
        b"BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n",
        OUTLOOK.replace(b"DTSTART:16010101T030000\n", b""),
        OUTLOOK.replace(b"TZOFFSETFROM:+0200\n", b""),
        OUTLOOK.replace(b"TZOFFSETTO:+0100\n", b"TZOFFSETTO:+9900\n"),
        OUTLOOK.replace(b"FREQ=YEARLY", b"FREQ=SECONDLY"),
        OUTLOOK.replace(b"BYMONTH=3", b"BYMINUTE=1,2,3"),
    ],
)
def test_zones_that_make_no_sense_are_refused(text: bytes) -> None:
    with pytest.raises(GrammarError):
        ObjectZone(component(text))
    calendar = Component("VCALENDAR", [], [component(text)])
    assert Zones(calendar, UTC).zone("Our office") is UTC

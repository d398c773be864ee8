"""Managed attachments in objects: in which components they come and go."""

import pytest

from kit.calendars import component, ics
from pillarbox.formats.ical.attachments import (
    NoSuchInstance,
    attachment_line,
    managed_ids,
    with_attachment,
    with_exchanged,
    without_attachment,
)
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.object import components_of

LINE = attachment_line("https://x.test/1", "id-1", 'a;"b".txt', "text/plain", 3)
ZONED = parse_calendar(
    ics(
        *component(
            "VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260105T100000",
            "DTEND;TZID=Europe/Berlin:20260105T110000",
            "RRULE:FREQ=DAILY;COUNT=3",
        )
    )
)
DAYS = parse_calendar(
    ics(*component("VEVENT", "DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=WEEKLY;COUNT=3"))
)


def test_an_instance_gets_a_component_in_its_own_zone() -> None:
    changed = with_attachment(ZONED, LINE, ["20260106T090000Z"])
    master, override = components_of(changed)
    assert not master.all("ATTACH")
    again = override.first("RECURRENCE-ID")
    assert again is not None
    assert (again.value, again.param("TZID")) == ("20260106T100000", "Europe/Berlin")
    assert override.value("DTEND") == "20260106T110000"
    assert override.first("RRULE") is None
    assert len(components_of(ZONED)) == 1


def test_whole_days() -> None:
    _, override = components_of(with_attachment(DAYS, LINE, ["20260112"]))
    assert override.value("DTSTART") == "20260112"
    with pytest.raises(NoSuchInstance):
        with_attachment(DAYS, LINE, ["20260113"])
    with pytest.raises(NoSuchInstance):
        with_attachment(DAYS, LINE, ["20269999"])


def test_exchanged_and_removed() -> None:
    calendar = with_attachment(ZONED, LINE, ["M", "20260106T090000Z"])
    assert managed_ids(parse_calendar(calendar.written())) == {"id-1"}
    newer = attachment_line("https://x.test/2", "id-2", "b.txt", "text/plain", 4)
    calendar = with_exchanged(calendar, "id-1", newer)
    assert managed_ids(calendar) == {"id-2"}
    part = without_attachment(calendar, "id-2", ["M"])
    assert [len(one.all("ATTACH")) for one in components_of(part)] == [0, 1]
    assert managed_ids(without_attachment(calendar, "id-2", [])) == set()
    assert managed_ids(without_attachment(calendar, "id-3", [])) == {"id-2"}

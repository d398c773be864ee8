"""Calendar objects: what is stored, what is refused and why, and their facts."""

from datetime import UTC

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import (
    MAX_DEPTH,
    Component,
    parse_calendar,
    parse_calendars,
)
from pillarbox.formats.ical.object import InvalidObject, check_object, facts_of
from pillarbox.formats.ical.values import parse_moment
from pillarbox.formats.ical.zones import Zones


def calendar(*lines: str, kind: str = "VEVENT", head: str = "VERSION:2.0") -> Component:
    body = "\n".join(("BEGIN:VCALENDAR", head, f"BEGIN:{kind}", *lines, f"END:{kind}"))
    return parse_calendar(f"{body}\nEND:VCALENDAR\n".encode())


def ms(value: str) -> int:
    return parse_moment(value).ms(Zones())


START = "DTSTART:20240101T100000Z"


@pytest.mark.parametrize(
    "lines",
    [
        ("UID:1", START),
        ("UID:1", START, "X-APPLE-THING;X=y:z", "NO-SUCH:1", "RRULE:FREQ=DAILY;"),
        ("UID:1", "DTSTART;VALUE=DATE:20240101", "RRULE:FREQ=DAILY;UNTIL=20240105T235959Z;X-A=1"),
        ("UID:1", 'DTSTART;TZID="W. Europe Standard Time":20240101T100000'),
        ("UID:1", "DTSTART;TZID=Nowhere:20240101T100000", "DTEND;TZID=Nowhere:20240101T090000"),
        ("UID:1", START, "RRULE:freq=weekly;byday=mo;count=3;until=20240301"),
        ("UID:1", START, "EXDATE:", "DURATION:PT"),
    ],
)
def test_what_clients_send_is_taken(lines: tuple[str, ...]) -> None:
    check_object(calendar(*lines))


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((START,), "valid-calendar-object-resource"),
        (("UID:1",), "valid-calendar-data"),
        (("UID:1", START, START), "valid-calendar-data"),
        (("UID:1", "DTSTART:20240230T100000Z"), "valid-calendar-data"),
        (("UID:1", START, "DTEND:soon"), "valid-calendar-data"),
        (("UID:1", START, "RRULE:COUNT=1"), "valid-calendar-data"),
        (("UID:1", START, "RRULE:FREQ=DAILY;INTERVAL=0"), "valid-calendar-data"),
        (("UID:1", START, "RRULE:FREQ=DAILY;BYDAY=XX"), "valid-calendar-data"),
        (("UID:1", START, "RRULE:RSCALE=HEBREW;FREQ=YEARLY"), "supported-rscale"),
        (("UID:1", START, "RRULE:FREQ=SECONDLY"), "max-instances"),
        (("UID:1", START, "RRULE:FREQ=DAILY;COUNT=99999999;BYMONTH=1"), "max-instances"),
        (("UID:1", START, *("RRULE:FREQ=DAILY",) * 21), "max-instances"),
        (("UID:1", START, "RDATE:" + "20240101T000000Z," * 9000), "max-instances"),
        (("UID:" + "x" * 3000, START), "valid-calendar-data"),
    ],
)
def test_what_is_refused(lines: tuple[str, ...], rule: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        check_object(calendar(*lines))
    assert caught.value.rule == rule


def test_one_kind_one_uid_no_method() -> None:
    one = calendar("UID:1", START)
    for other in (
        Component("VTODO", list(one.parts[0].lines)),
        Component("VEVENT", calendar("UID:2", START).parts[0].lines),
        one.parts[0].copy(),
    ):
        two = one.copy()
        two.parts.append(other)
        with pytest.raises(InvalidObject) as caught:
            check_object(two)
        assert caught.value.rule == "valid-calendar-object-resource"
    request = calendar("UID:1", START, head="VERSION:2.0\nMETHOD:REQUEST")
    with pytest.raises(InvalidObject):
        check_object(request)
    check_object(request, allow_method=True)
    with pytest.raises(InvalidObject):
        check_object(calendar("UID:1", START, head="VERSION:1.0"))


@pytest.mark.parametrize(
    ("kind", "lines", "first", "last"),
    [
        ("VEVENT", (START, "RRULE:FREQ=DAILY"), "20240101T100000Z", None),
        ("VTODO", ("SUMMARY:x",), None, None),
        ("VJOURNAL", ("SUMMARY:x",), None, None),
        ("VFREEBUSY", ("FREEBUSY:20240101T100000Z/PT1H",), "20240101T100000Z", "20240101T110000Z"),
        ("VAVAILABILITY", ("SUMMARY:x",), None, None),
    ],
)
def test_facts(kind: str, lines: tuple[str, ...], first: str | None, last: str | None) -> None:
    facts = facts_of(calendar("UID:a b", *lines, kind=kind), Zones(None, UTC))
    assert (facts.uid, facts.component_name) == ("a b", kind)
    assert facts.first_ms == (ms(first) if first else None)
    assert facts.last_ms == (ms(last) if last else None)


def test_bounds_hold_all_occurrences() -> None:
    event = calendar("UID:1", START, "DURATION:PT1H", "RRULE:FREQ=DAILY;BYDAY=MO;COUNT=3")
    facts = facts_of(event, Zones(event))
    assert facts.first_ms == ms("20240101T100000Z")
    assert facts.last_ms is not None
    assert ms("20240115T110000Z") <= facts.last_ms <= ms("20240117T000000Z")


def test_components_as_a_tree() -> None:
    tree = calendar("UID:1", "begin:valarm", "TRIGGER:-PT5M", "end:valarm")
    event = tree.of("VEVENT")[0]
    assert event.of("VALARM")[0].value("TRIGGER") == "-PT5M"
    copied = event.copy()
    copied.parts[0].lines[0].value = "-PT9M"
    assert event.of("VALARM")[0].value("TRIGGER") == "-PT5M"
    assert parse_calendar(tree.written()) == tree
    assert len(parse_calendars(tree.written() * 2)) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BEGIN:VCALENDAR\n",
        b"END:VCALENDAR\n",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n",
        b"BEGIN:VCARD\nEND:VCARD\n",
        b"A:b\nBEGIN:VCALENDAR\nEND:VCALENDAR\n",
        b"BEGIN:VCALENDAR\nEND:VCALENDAR\n" * 2,
        b"BEGIN:VCALENDAR\n" * (MAX_DEPTH + 1) + b"END:VCALENDAR\n" * (MAX_DEPTH + 1),
        b"BEGIN:VCALENDAR\n" + b"A:b\n" * 100_001 + b"END:VCALENDAR\n",
    ],
    ids=range(9),
)
def test_what_is_no_calendar(content: bytes) -> None:
    with pytest.raises(GrammarError):
        parse_calendar(content)


def test_dates_are_counted_before_they_are_read() -> None:
    dates = ",".join(["20260101T000000Z"] * 4000 + ["none"])
    text = f"BEGIN:VEVENT\nUID:u\nDTSTART:20260101T000000Z\nRDATE:{dates}\nEND:VEVENT\n"
    content = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{text}END:VCALENDAR\n".encode()
    with pytest.raises(InvalidObject, match="more than 4000 dates"):
        check_object(parse_calendar(content))

"""Files of many objects are taken apart by UID and put together again."""

from time import process_time

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine
from pillarbox.formats.ical.split import (
    calendar_properties,
    joined,
    joined_parts,
    split_calendar,
)


def text(*lines: str) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode()


def zone(name: str, offset: str = "+0100") -> list[str]:
    return [
        "BEGIN:VTIMEZONE",
        f"TZID:{name}",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        f"TZOFFSETFROM:{offset}",
        f"TZOFFSETTO:{offset}",
        "END:STANDARD",
        "END:VTIMEZONE",
    ]


def event(uid: str, tzid: str = "Europe/Berlin", *more: str) -> list[str]:
    start = f"DTSTART;TZID={tzid}:20260105T100000"
    return ["BEGIN:VEVENT", f"UID:{uid}", start, *more, "END:VEVENT"]


def calendar(*lines: str) -> bytes:
    return text("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", *lines, "END:VCALENDAR")


def test_one_object_per_uid_with_its_zones() -> None:
    content = calendar(
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Team",
        *event("a"),
        *event("b", "America/New_York"),
        *event("a", "Europe/Berlin", "RECURRENCE-ID;TZID=America/New_York:20260106T100000"),
        *zone("Europe/Berlin"),
        *zone("America/New_York", "-0500"),
        *zone("Asia/Tokyo", "+0900"),
    )
    found = split_calendar(content)
    assert [uid for uid, _ in found] == ["a", "b"]
    assert found[1][1] == text(
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//t//t//EN",
        *zone("America/New_York", "-0500"),
        *event("b", "America/New_York"),
        "END:VCALENDAR",
    )
    first = found[0][1]
    assert first.count(b"BEGIN:VEVENT") == 2
    assert b"TZID:Europe/Berlin" in first
    assert b"TZID:America/New_York" in first
    assert b"Tokyo" not in first
    assert b"METHOD" not in first
    assert b"X-WR-CALNAME" not in first


def test_folds_and_line_ends() -> None:
    content = calendar(
        "BEGIN:VEVENT",
        "UID:long-",
        " name-of-an-object",
        "DTSTART;TZID=Euro",
        " pe/Berlin:20260105T100000",
        "SUMMARY:caf\u00e9",
        "BEGIN:VALARM",
        "UID:of-the-alarm",
        "END:VALARM",
        "END:VEVENT",
        *zone("Europe/Berlin"),
    )
    ((uid, one),) = split_calendar(content)
    assert uid == "long-name-of-an-object"
    assert b"BEGIN:VTIMEZONE" in one
    assert b"UID:long-\r\n name-of-an-object\r\n" in one
    for end in (b"\n", b"\r"):
        assert split_calendar(b"\xef\xbb\xbf" + content.replace(b"\r\n", end)) == [(uid, one)]


def test_same_uid_in_two_calendars_is_told_twice() -> None:
    found = split_calendar(calendar(*event("a")) + calendar(*event("a", "UTC")))
    assert [uid for uid, _ in found] == ["a", "a"]


def test_without_uid_and_without_version() -> None:
    lines = ["BEGIN:VTODO", "SUMMARY:Water the plants", "END:VTODO"]
    content = text("BEGIN:VCALENDAR", *lines, "END:VCALENDAR")
    ((uid, one),) = split_calendar(content)
    assert len(uid) == 40
    assert f"UID:{uid}\r\n".encode() in one
    assert b"VERSION:2.0\r\n" in one
    assert b"PRODID:" in one
    assert split_calendar(content) == [(uid, one)]


@pytest.mark.parametrize(
    "content",
    [
        b"BEGIN:VCARD\r\nEND:VCARD\r\n",
        b"<html>",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 9,
        b"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\n" + b"X:1\r\n" * 30_000 + b"END:VTIMEZONE\r\n",
    ],
)
def test_refused(content: bytes) -> None:
    with pytest.raises(GrammarError):
        split_calendar(content)


def test_properties_of_a_calendar() -> None:
    content = calendar("X-WR-CALNAME:Team ", " of two", *event("a"), "COLOR:red")
    told = {line.name: line.value for line in calendar_properties(content)}
    assert told["X-WR-CALNAME"] == "Team of two"
    assert told["COLOR"] == "red"
    assert calendar_properties(b"") == []


def test_joined_tells_each_zone_once() -> None:
    one = calendar(*zone("Europe/Berlin"), *event("a"))
    two = calendar(*zone("Europe/Berlin", "+0200"), *event("b"))
    whole = joined([one, b"broken", two], [ContentLine("X-WR-CALNAME", "Team")])
    assert whole.count(b"BEGIN:VTIMEZONE") == 1
    assert whole.count(b"BEGIN:VCALENDAR") == 1
    assert b"X-WR-CALNAME:Team\r\n" in whole
    assert whole.endswith(b"END:VCALENDAR\r\n")
    assert [uid for uid, _ in split_calendar(whole)] == ["a", "b"]
    assert b"".join(joined_parts([one, two])) == joined([one, two])
    assert split_calendar(joined([])) == []


def test_joined_keeps_zones_of_one_name_apart() -> None:
    one = calendar(*zone("Customized Time Zone"), *event("a", "Customized Time Zone"))
    two = calendar(*zone("Customized Time Zone", "+0300"), *event("b", "Customized Time Zone"))
    whole = joined([one, two, two])
    found = split_calendar(whole)
    assert found[0][1].splitlines()[3:] == one.splitlines()[3:]
    assert b"TZID:Customized Time Zone (2)\r\n" in found[1][1]
    assert b'DTSTART;TZID="Customized Time Zone (2)":20260105T100000\r\n' in found[1][1]
    assert b"+0300" in found[1][1]
    assert whole.count(b"BEGIN:VTIMEZONE") == 2


def test_what_is_joined_splits_into_the_same() -> None:
    objects = [calendar(*zone("Own"), *event(f"e{n}", "Own")) for n in range(20)]
    assert [one for _, one in split_calendar(joined(objects))] == [
        one.replace(b"-//t//t//EN", b"-//pillarbox//calendar//EN") for one in objects
    ]


def test_zones_by_reference_are_told_in_full() -> None:
    objects = [calendar(*event(f"e{n}")) for n in range(2)]
    whole = joined(objects)
    assert whole.count(b"BEGIN:VTIMEZONE") == 1
    assert whole.index(b"TZID:Europe/Berlin\r\n") < whole.index(b"BEGIN:VEVENT")
    assert joined([calendar(*event("a", "Nowhere"))]).count(b"BEGIN:VTIMEZONE") == 0


def _seconds(objects: int) -> float:
    lines = [*zone("Europe/Berlin")]
    for n in range(objects):
        lines += event(f"event-{n}", "Europe/Berlin", "DESCRIPTION:" + "x" * 200)
    content = calendar(*lines)
    start = process_time()
    parts = split_calendar(content)
    assert len(parts) == objects
    joined(one for _, one in parts)
    return process_time() - start


def test_growth_is_linear() -> None:
    small = min(_seconds(1_000) for _ in range(3))
    assert _seconds(8_000) < small * 8 * 4


def test_long_folded_properties_cost_nothing() -> None:
    start = process_time()
    joined([b"BEGIN:VCALENDAR\r\nX-A:1\r\n" + b" 1\r\n" * 300_000 + b"END:VCALENDAR\r\n"])
    assert process_time() - start < 3


def test_a_time_zone_does_not_multiply_without_bound() -> None:
    large = [*zone("Large")[:-1], *["X-PADDING:" + "x" * 1000] * 60, "END:VTIMEZONE"]
    events = [line for n in range(3_000) for line in event(f"e{n}", "Large")]
    with pytest.raises(GrammarError, match="too large"):
        split_calendar(calendar(*large, *events))

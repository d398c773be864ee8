"""Meetings to test with."""

from datetime import UTC, datetime

NOW = datetime(2026, 2, 1, 8, 0, tzinfo=UTC)
ANN = "ATTENDEE;CN=Ann"
BEN = "ATTENDEE;CN=Ben"
CAT = "ATTENDEE;CN=Cat"
DAN = "mailto:dan@elsewhere.example"
_ADDRESSES = {
    "Ann": "mailto:ann@here.example",
    "Ben": "mailto:Ben@Here.example",
    "Cat": "MAILTO:cat@there.example",
}


def event(
    *people: str,
    start: str = "20260301T100000Z",
    sequence: int = 0,
    organizer: str | None = "mailto:ann@here.example",
    extra: str = "",
    alarm: bool = False,
    uid: str = "meeting-1",
) -> str:
    """A VEVENT of one hour; `people` are ATTENDEE lines, or their heads with a known CN."""
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        f"SEQUENCE:{sequence}",
        f"DTSTART:{start}",
        f"DTEND:{start[:9]}{int(start[9:11]) + 1:02}{start[11:]}",
        "SUMMARY:Meeting",
    ]
    if organizer is not None:
        lines.append(f"ORGANIZER:{organizer}")
    lines += map(attendee, people)
    lines += extra.splitlines()
    if alarm:
        lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM"]
    lines.append("END:VEVENT")
    return "\n".join(lines) + "\n"


def attendee(head: str) -> str:
    """The whole line of a head with a known CN; others are as they are."""
    if ":" in head:
        return head
    name = head.partition("CN=")[2].partition(";")[0]
    return f"{head}:{_ADDRESSES[name]}"


def calendar(*components: str, method: str = "") -> str:
    """A VCALENDAR of components."""
    top = f"METHOD:{method}\n" if method else ""
    body = "".join(components)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{top}{body}END:VCALENDAR\n"

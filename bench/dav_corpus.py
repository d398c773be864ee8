"""The calendar objects of the DAV load: an event every three hours, one of 20 recurring.

Imported by server scripts too, which put many of them into place before their server starts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)
EVERY = timedelta(hours=3)
LASTS = timedelta(hours=1)
RECURRING_EVERY = 20
RECURRENCES = 6
_WEEK = timedelta(days=7)
_NOTE = (
    "Bring the figures of the last month and the plan for the next one.\\nThe room is on the\r\n"
    "  second floor\\, the code of the door is in the mail.  Whoever can't come joins by\r\n"
    "  telephone; the number is where it always is."
)


def collection(size: int) -> str:
    """The name of the calendar of so many objects."""
    return f"bench-{size}"


def name(number: int) -> str:
    """The name of an object."""
    return f"event-{number}.ics"


def content(number: int, size: int, revision: int = 0) -> bytes:
    """An event of about 800 octets for the calendar of a size; all have UIDs of their own."""
    start = FIRST + number * EVERY
    rule = f"RRULE:FREQ=WEEKLY;COUNT={RECURRENCES}\r\n" if _recurs(number) else ""
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pillarbox//bench//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:6f1d2c3b-0000-4000-{size:06d}-{number:012d}\r\nDTSTAMP:20260101T000000Z\r\n"
        f"CREATED:20260101T000000Z\r\nSEQUENCE:{revision}\r\n"
        f"DTSTART:{_utc(start)}\r\nDTEND:{_utc(start + LASTS)}\r\n{rule}"
        f"SUMMARY:Meeting {number} about the plans\r\nLOCATION:Room {number % 40}\r\n"
        f"DESCRIPTION:{_NOTE}\r\nCATEGORIES:WORK,PLANS\r\nSTATUS:CONFIRMED\r\n"
        "TRANSP:OPAQUE\r\nCLASS:PUBLIC\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
        "TRIGGER:-PT15M\r\nDESCRIPTION:Meeting\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


def window(size: int) -> tuple[str, str, int]:
    """Start and end of a range of time in the middle, and how many of `size` objects are in it."""
    start = FIRST + (size // 2) * EVERY - EVERY / 2
    end = start + 50 * EVERY
    return _utc(start), _utc(end), sum(_within(number, start, end) for number in range(size))


def _within(number: int, start: datetime, end: datetime) -> bool:
    at = FIRST + number * EVERY
    times = RECURRENCES if _recurs(number) else 1
    return any(
        at + week * _WEEK < end and at + week * _WEEK + LASTS > start for week in range(times)
    )


def _recurs(number: int) -> bool:
    return number % RECURRING_EVERY == 0


def _utc(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")

"""Scheduling: any calendar is read, compared and applied, or refused by its one error."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.imip import Posting, build_mail, calendar_parts
from pillarbox.formats.itip.address import Identity, bare_address
from pillarbox.formats.itip.apply import apply
from pillarbox.formats.itip.changes import changes, parties
from pillarbox.formats.itip.message import read_message
from pillarbox.formats.itip.model import Method

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
ME, OTHER = "ann@here.example", "ben@there.example"
FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
LINES = st.sampled_from(
    [
        "DTSTART:20260301T100000Z",
        "DTSTART;TZID=Europe/Berlin:20260301T100000",
        "DTSTART;VALUE=DATE:20260301",
        "DTSTART:99999999T999999Z",
        "DTEND:20260301T110000Z",
        "DTEND:00010101T000000Z",
        "DURATION:PT1H",
        "DURATION:-P999999999D",
        "RRULE:FREQ=DAILY;COUNT=5",
        "RRULE:FREQ=SECONDLY",
        "RRULE:COUNT=" + "9" * 5000,
        "RDATE:20260305T100000Z,,x",
        "EXDATE:20260302T100000Z",
        "EXDATE:",
        "SEQUENCE:" + "9" * 5000,
        "SEQUENCE:\u0663",
        "SEQUENCE:2",
        "DTSTAMP:20260101T000000Z",
        "STATUS:CANCELLED",
        "SUMMARY:x\\n\\, y",
        "REQUEST-STATUS:2.0",
        f"ORGANIZER:mailto:{ME}",
        f"ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:{OTHER}",
        f"ORGANIZER;SENT-BY=mailto:{ME}:MAILTO:{OTHER}",
        f"ORGANIZER:mailto:{OTHER}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ME}",
        f"ATTENDEE:mailto:{OTHER}",
        f"ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST:mailto:{OTHER}",
        "ATTENDEE:mailto:c@d.example",
        "ATTENDEE:mailto:%00",
        "ATTENDEE:",
        "X-A;B=c:d",
    ]
)
INSTANCES = st.sampled_from(
    [
        "",
        "RECURRENCE-ID:20260302T100000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T100000Z",
        "RECURRENCE-ID:00010101T000000",
        "RECURRENCE-ID;VALUE=DATE:20260302",
        "RECURRENCE-ID:x",
    ]
)
EVENTS = st.tuples(
    st.sampled_from(["VEVENT", "VEVENT", "VEVENT", "VTODO", "VJOURNAL"]),
    INSTANCES,
    st.lists(LINES, max_size=10),
)


@st.composite
def calendars(draw: st.DrawFn) -> str:
    """A VCALENDAR of some components, mostly of one UID."""
    method = draw(st.sampled_from(["", *(one.value for one in Method), "X"]))
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    if method:
        lines.append(f"METHOD:{method}")
    for kind, instance, found in draw(st.lists(EVENTS, max_size=4)):
        lines += [f"BEGIN:{kind}", "UID:one", *([instance] if instance else []), *found]
        lines.append(f"END:{kind}")
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def parsed(text: str) -> Component:
    return parse_calendar(text.encode())


@FUZZ
@given(st.one_of(st.none(), calendars()), st.one_of(st.none(), calendars()))
def test_any_change_is_planned_or_refused(old: str | None, new: str | None) -> None:
    before = None if old is None else parsed(old)
    after = None if new is None else parsed(new)
    untouched = None if after is None else after.written()
    for address in (ME, OTHER):
        try:
            _, found = changes(before, after, Identity((address,)), NOW)
        except GrammarError:
            continue
        assert (found.stored is None) == (after is None)
        if found.as_sent and found.stored is not None:
            assert found.stored.written() == untouched
        for message in found.messages:
            assert message.recipients
            assert address not in message.recipients
            try:
                read_message(message.calendar.written())
            except GrammarError as error:
                raise AssertionError(f"{error}: {message.calendar.written()!r}") from error
    assert after is None or after.written() == untouched


@FUZZ
@given(
    st.one_of(st.none(), calendars()), calendars(), st.sampled_from([ME, OTHER, ""]), st.booleans()
)
def test_any_message_is_applied_or_refused(
    stored: str | None, message: str, sender: str, complete: bool
) -> None:
    known = None if stored is None else parsed(stored)
    before = None if known is None else known.written()
    try:
        incoming = read_message(message.encode())
    except GrammarError:
        return
    for address in (ME, OTHER):
        found = apply(known, incoming, Identity((address,)), sender, complete=complete)
        if found.stored is not None:
            assert parse_calendar(found.stored.written()).value("METHOD") is None
            again = apply(found.stored, incoming, Identity((address,)), sender, complete=complete)
            assert again.stored is None or len(again.stored.parts) <= len(found.stored.parts) + 1
    assert known is None or known.written() == before


@FUZZ
@given(calendars())
def test_any_message_becomes_mail_and_comes_back(text: str) -> None:
    calendar = parsed(text)
    about = Posting(ME, "A\r\nBcc: x@y", OTHER, "", "id@here.example", NOW)
    try:
        raw = build_mail(calendar, about)
    except GrammarError:
        return
    assert b"\r\nBcc:" not in raw.partition(b"\r\n\r\n")[0]
    assert calendar.written() in calendar_parts(raw)


@FUZZ
@given(st.binary(max_size=300))
@example(b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST")
@example(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/calendar\r\n")
def test_any_mail_is_looked_through(raw: bytes) -> None:
    for found in calendar_parts(raw + b"calendar"):
        assert isinstance(found, bytes)


@FUZZ
@given(st.text(max_size=100))
def test_any_address_is_one_or_none(value: str) -> None:
    found = bare_address(value)
    assert found == "" or found.count("@") >= 1
    assert bare_address(found) in (found, "")


def test_many_people_and_instances_take_linear_time() -> None:
    people = [f"ATTENDEE:mailto:p{number}@here.example" for number in range(200)]
    top = ["UID:one", "DTSTART:20260301T100000Z", f"ORGANIZER:mailto:{ME}", *people]
    parts = ["BEGIN:VEVENT", *top, "RRULE:FREQ=DAILY", "END:VEVENT"]
    for number in range(60):
        day = f"2026{number // 28 + 3:02}{number % 28 + 1:02}T100000Z"
        parts += ["BEGIN:VEVENT", *top, f"RECURRENCE-ID:{day}", "END:VEVENT"]
    whole = "\r\n".join(["BEGIN:VCALENDAR", *parts, "END:VCALENDAR", ""])
    calendar = parsed(whole)
    assert len(parties(calendar)) == 201
    _, found = changes(None, calendar, Identity((ME,)), NOW)
    assert len(found.messages) == 1

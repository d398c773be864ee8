"""Messages about meetings by mail."""

from email import message_from_bytes
from email.policy import default

import pytest

from kit.meetings import ANN, BEN, NOW, calendar, event
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.imip import Posting, build_mail, calendar_parts
from pillarbox.formats.itip.message import read_message

REQUEST = calendar(event(ANN, BEN, extra="LOCATION:Caf\u00e9\n"), method="REQUEST")
ABOUT = Posting("ann@here.example", "Ann \u00c4", "ben@there.example", "", "id@here.example", NOW)


def built(text: str = REQUEST, about: Posting = ABOUT) -> bytes:
    return build_mail(parse_calendar(text.encode()), about)


def test_a_mail_is_text_with_a_calendar_and_a_file() -> None:
    raw = built()
    assert raw.isascii()
    mail = message_from_bytes(raw, policy=default)
    assert mail["from"].addresses[0].addr_spec == "ann@here.example"
    assert mail["reply-to"].addresses[0].addr_spec == "ann@here.example"
    assert mail["subject"] == "Invitation: Meeting"
    assert mail["auto-submitted"] == "auto-generated"
    text, attached = mail.iter_parts()
    plain, part = text.iter_parts()
    assert "When: Sunday, 1 March 2026, 10:00 UTC" in plain.get_content()
    assert "Where: Caf\u00e9" in plain.get_content()
    assert part.get_content_type() == "text/calendar"
    assert part.get_param("method") == "REQUEST"
    assert part.get_param("component") == "VEVENT"
    assert attached.get_filename() == "invite.ics"
    assert attached.get_content() == parse_calendar(REQUEST.encode()).written()


def test_what_is_built_is_read() -> None:
    (found,) = calendar_parts(built())
    assert found == parse_calendar(REQUEST.encode()).written()
    assert read_message(found).sender == "ann@here.example"


@pytest.mark.parametrize(
    ("calendar_text", "update", "subject"),
    [
        (REQUEST, True, "Updated invitation: Meeting"),
        (calendar(event(BEN), method="CANCEL"), False, "Cancelled: Meeting"),
        (calendar(event(BEN + ";PARTSTAT=DECLINED"), method="REPLY"), False, "Declined: Meeting"),
    ],
)
def test_the_subject_says_what_it_is(calendar_text: str, update: bool, subject: str) -> None:
    about = Posting("a@b.example", "", "c@d.example", "", "i@b.example", NOW, update)
    mail = message_from_bytes(built(calendar_text, about), policy=default)
    assert mail["subject"] == subject


def test_nothing_of_the_calendar_gets_into_the_header() -> None:
    text = REQUEST.replace("SUMMARY:Meeting", "SUMMARY:One\\nBcc: x@y.example\\n\\nBody")
    mail = message_from_bytes(built(text), policy=default)
    assert mail["bcc"] is None
    assert mail["subject"] == "Invitation: One Bcc: x@y.example Body"


def mail_of(kind: str, body: str, extra: str = "") -> bytes:
    return f"From: a@b.example\r\nContent-Type: {kind}\r\n{extra}\r\n{body}".encode()


def test_a_calendar_that_is_the_whole_mail() -> None:
    assert calendar_parts(mail_of("text/calendar; method=REQUEST", REQUEST))
    assert calendar_parts(mail_of("text/calendar", REQUEST))


@pytest.mark.parametrize(
    "raw",
    [
        mail_of("text/calendar; method=CANCEL", REQUEST),
        mail_of("text/calendar", calendar(event(BEN))),
        mail_of("text/plain", REQUEST),
        mail_of("message/rfc822", "Content-Type: text/calendar; method=REQUEST\r\n\r\n" + REQUEST),
        mail_of("text/calendar; method=REQUEST", REQUEST + "X" * 3_000_000),
        b"",
    ],
)
def test_what_is_no_calendar_message(raw: bytes) -> None:
    assert calendar_parts(raw) == []


def test_no_more_than_a_few_are_read() -> None:
    parts = "".join(
        "--b\r\nContent-Type: text/calendar\r\n\r\n"
        + calendar(event(BEN, uid=f"u{number}"), method="REQUEST")
        + "\r\n"
        for number in range(20)
    )
    assert len(calendar_parts(mail_of('multipart/mixed; boundary="b"', parts + "--b--"))) == 3


def test_a_time_without_a_zone_is_told_as_it_is() -> None:
    text = REQUEST.replace("T100000Z", "T100000").replace("T110000Z", "T110000")
    assert b"10:00\r\n" in built(text)

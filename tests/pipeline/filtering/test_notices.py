"""Notifications by mail (RFC 5436 §2.7), read back by Python's own parser."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Notify
from pillarbox.pipeline.filtering.notices import mail_notice, why_untold
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
STAMP = Stamp("mx.home.test", "r1.abc@mx.home.test", NOW)
OWNER = Owner("ann@home.test", ("ann@home.test", "ann.lee@home.test"))
HEADER = b"From: Sue <sue@away.test>\r\nSubject: Lunch?\r\nMessage-ID: <2@away.test>\r\n"


def notice(
    method: str, header: bytes = HEADER, reverse_path: str = "sue@away.test", **given: object
) -> OutgoingMail:
    notify = Notify(method, **given)  # type: ignore[arg-type]
    return mail_notice(notify, Headers(header), reverse_path, OWNER, STAMP)


def parsed(mail: OutgoingMail) -> EmailMessage:
    found = email.message_from_bytes(mail.content, policy=email.policy.SMTP)
    assert not found.defects
    return found


def test_the_notification() -> None:
    mail = notice("mailto:phone@away.test", message="Sue wrote")
    assert (mail.reverse_path, mail.recipients) == ("ann@home.test", ("phone@away.test",))
    assert (mail.domain, mail.smtputf8) == ("home.test", False)
    assert parsed(mail).items() == [
        ("Date", "Wed, 04 Mar 2026 14:30:00 +0000"),
        ("From", "ann@home.test"),
        ("To", "phone@away.test"),
        ("Subject", "Sue wrote"),
        ("Message-ID", "<r1.abc@mx.home.test>"),
        ("References", "<2@away.test>"),
        ("Auto-Submitted", 'auto-notified; owner-email="ann@home.test"'),
        ("X-Auto-Response-Suppress", "All"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'text/plain; charset="us-ascii"'),
        ("Content-Transfer-Encoding", "7bit"),
    ]
    text = parsed(mail).get_content()
    assert "Sue wrote" in text
    assert "From: Sue <sue@away.test>" in text


def test_what_the_uri_says() -> None:
    mail = notice(
        "mailto:a@x.test?cc=b@x.test&subject=From%20the%20URI&body=One%0D%0ATw%C3%B6"
        "&x-why=because&from=eve@evil.test&auto-submitted=no&bcc=c@x.test&date=now"
        "&message-id=%3C1@x%3E&precedence=list&content-type=text/html&received=x"
    )
    found = parsed(mail)
    assert mail.recipients == ("a@x.test", "b@x.test")
    assert (found["To"], found["Cc"], found["Bcc"]) == ("a@x.test", "b@x.test", None)
    assert found["Subject"] == "From the URI"
    assert found.get_content() == "One\r\nTwö\r\n"
    assert found["X-Why"] == "because"
    assert found.get_all("From") == ["ann@home.test"]
    assert found["Auto-Submitted"].startswith("auto-notified")
    assert found.get_all("Date") == ["Wed, 04 Mar 2026 14:30:00 +0000"]
    assert found["Message-ID"] == "<r1.abc@mx.home.test>"
    assert (found["Precedence"], found["Received"]) == (None, None)
    assert found.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("given", "uri", "header", "shown"),
    [
        ("Sue", "?subject=uri", HEADER, "Sue"),
        ("", "?subject=uri", HEADER, "uri"),
        ("", "", HEADER, "Lunch?"),
        ("", "", b"", "New message"),
        ("Grüße\nBcc: x@y.test", "", HEADER, "Grüße Bcc: x@y.test"),
        ("x" * 5000, "", HEADER, "x" * 249 + "…"),
    ],
)
def test_the_subject(given: str, uri: str, header: bytes, shown: str) -> None:
    mail = notice(f"mailto:a@x.test{uri}", header, message=given)
    assert parsed(mail)["Subject"] == shown
    assert parsed(mail)["Bcc"] is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ann.lee@home.test", "ann.lee@home.test"),
        ("Alarm <ann@home.test>", "Alarm <ann@home.test>"),
        ("boss@home.test", "ann@home.test"),
        ("", "ann@home.test"),
    ],
)
def test_whom_it_is_from(given: str, shown: str) -> None:
    assert parsed(notice("mailto:a@x.test", sender=given))["From"] == shown


def test_of_a_message_without_return_address_comes_one_without() -> None:
    assert notice("mailto:a@x.test", reverse_path="").reverse_path == ""


@pytest.mark.parametrize(
    ("importance", "field"),
    [(1, ("high", "1 (Highest)")), (2, (None, None)), (3, ("low", "5 (Lowest)"))],
)
def test_importance(importance: int, field: tuple[str | None, str | None]) -> None:
    found = parsed(notice("mailto:a@x.test?importance=high&x-priority=1", importance=importance))
    assert (found["Importance"], found["X-Priority"]) == field


@pytest.mark.parametrize(
    "uri",
    [
        *("mailto:", "mailto:nobody", "xmpp:a@x.test", "mailto:a%0D%0Ab@x.test"),
        "mailto:" + ",".join(f"a{n}@x.test" for n in range(20)),
    ],
)
def test_a_uri_that_can_not_be_used(uri: str) -> None:
    with pytest.raises(GrammarError):
        notice(uri)


def test_what_programs_send_is_not_told() -> None:
    assert why_untold(Headers(b"Subject: x\r\n")) is None
    assert why_untold(Headers(b"Auto-Submitted: no\r\n")) is None
    for value in (b"auto-notified", b"auto-generated", b'auto-notified; owner-email="x@y.test"'):
        assert "Auto-Submitted" in (why_untold(Headers(b"Auto-Submitted: " + value)) or "")


def test_a_notification_makes_no_other() -> None:
    sent = notice("mailto:ann@home.test").content
    assert why_untold(Headers(sent.partition(b"\r\n\r\n")[0] + b"\r\n")) is not None


def test_an_owner_whose_name_has_to_be_quoted() -> None:
    owner = Owner("ann@home.test", ('"a\\"b"@home.test',))
    mail = mail_notice(Notify("mailto:a@x.test"), Headers(HEADER), "s@x.test", owner, STAMP)
    assert 'owner-email="\\"a\\\\\\"b\\"@home.test"' in parsed(mail)["Auto-Submitted"]
    owner = Owner("ann@home.test", ("zoë@home.test",))
    mail = mail_notice(Notify("mailto:a@x.test"), Headers(HEADER), "s@x.test", owner, STAMP)
    assert parsed(mail)["Auto-Submitted"] == "auto-notified"

"""The reply of vacation (RFC 5230 §5), read back by Python's own parser."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import cast

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Vacation
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.replies import vacation_reply

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
STAMP = Stamp("mx.home.test", "r1.abc@mx.home.test", NOW)
OWNER = Owner("ann+shop@home.test", ("ann@home.test", "ann.lee@home.test"), "Ann Lee")
HEADER = (
    b"From: Sue <sue@away.test>\r\nTo: ann+shop@home.test\r\nSubject: Lunch?\r\n"
    b"Message-ID: <2@away.test>\r\nReferences: <0@away.test> <1@away.test>\r\n"
)


def reply(
    reason: str = "Gone fishing",
    header: bytes = HEADER,
    sender: str = "sue@away.test",
    owner: Owner = OWNER,
    **given: object,
) -> OutgoingMail:
    vacation = Vacation(reason, "h", 604_800, **given)  # type: ignore[arg-type]
    return vacation_reply(vacation, Headers(header), sender, owner, STAMP)


def parsed(mail: OutgoingMail) -> EmailMessage:
    found = email.message_from_bytes(mail.content, policy=email.policy.SMTP)
    assert not found.defects
    return found


def test_the_reply() -> None:
    mail = reply()
    assert (mail.reverse_path, mail.recipients, mail.smtputf8) == ("", ("sue@away.test",), False)
    assert mail.domain == "home.test"
    found = parsed(mail)
    assert found.items() == [
        ("Date", "Wed, 04 Mar 2026 14:30:00 +0000"),
        ("From", "Ann Lee <ann+shop@home.test>"),
        ("To", "sue@away.test"),
        ("Subject", "Auto: Lunch?"),
        ("Message-ID", "<r1.abc@mx.home.test>"),
        ("In-Reply-To", "<2@away.test>"),
        ("References", "<0@away.test> <1@away.test> <2@away.test>"),
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("X-Auto-Response-Suppress", "All"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'text/plain; charset="us-ascii"'),
        ("Content-Transfer-Encoding", "7bit"),
    ]
    assert found.get_content() == "Gone fishing\r\n"


def test_it_goes_to_the_reverse_path_only() -> None:
    header = HEADER + b"Reply-To: eve@evil.test\r\nReturn-Path: <eve@evil.test>\r\n"
    assert reply(header=header).recipients == ("sue@away.test",)
    with pytest.raises(GrammarError):
        reply(sender="")


def test_the_subject_of_the_script() -> None:
    assert parsed(reply(subject="Back on Monday")).get("Subject") == "Back on Monday"
    assert parsed(reply(subject="Zurück\r\nBcc: x@y.test")).get("Subject") == "Zurück Bcc: x@y.test"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (b"Subject: =?utf-8?q?M=C3=BCnchen?=\r\n", "Auto: München"),
        (b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y.test?=\r\n", "Auto: a Bcc: x@y.test"),
        ("Subject: Grüße\r\n".encode(), "Auto: Grüße"),
        (b"", "Automatic reply"),
        (b"Subject:  \r\n", "Automatic reply"),
    ],
)
def test_the_subject_of_the_message(field: bytes, shown: str) -> None:
    mail = reply(header=field)
    assert parsed(mail)["Subject"] == shown
    assert parsed(mail)["Bcc"] is None
    assert mail.content.isascii()


def test_a_long_subject_is_cut_and_folded() -> None:
    mail = reply(header=b"Subject: " + b"long " * 1000 + b"\r\n")
    assert len(parsed(mail)["Subject"]) <= 250
    assert max(map(len, mail.content.split(b"\r\n"))) <= 80


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ann.lee@home.test", "ann.lee@home.test"),
        ("Ann on leave <ANN@home.test>", "Ann on leave <ANN@home.test>"),
        ("ann+away@home.test", "ann+away@home.test"),
        ('"Lee, Ann" <ann@home.test>', '"Lee, Ann" <ann@home.test>'),
        ("Zoë <ann@home.test>", "Zoë <ann@home.test>"),
        ("boss@home.test", "Ann Lee <ann+shop@home.test>"),
        ("ann@home.test\r\nBcc: x@y.test", "Ann Lee <ann+shop@home.test>"),
        ("ann@home.test, boss@home.test", "Ann Lee <ann+shop@home.test>"),
        ("nonsense", "Ann Lee <ann+shop@home.test>"),
    ],
)
def test_whom_it_is_from(given: str, shown: str) -> None:
    found = parsed(_from(given))
    assert found["From"] == shown
    assert found["Bcc"] is None


def _from(given: str) -> OutgoingMail:
    vacation = Vacation("Gone", "h", 1, sender=given)
    return vacation_reply(vacation, Headers(HEADER), "sue@away.test", OWNER, STAMP)


def test_a_bare_postmaster_has_the_address_of_the_user() -> None:
    owner = Owner("postmaster", ("ann@home.test",))
    assert parsed(reply(owner=owner))["From"] == "ann@home.test"


def test_references_are_few() -> None:
    many = b"References: " + b" ".join(b"<%d@x.test>" % n for n in range(500)) + b"\r\n"
    found = parsed(reply(header=b"Message-ID: <m@x.test>\r\n" + many))
    assert len(found["References"].split()) == 11
    assert found["References"].endswith("<m@x.test>")


def test_text_that_is_not_ascii() -> None:
    mail = reply("Ich bin weg.\nViele Grüße\n" + "x" * 2000 + "\r.\nFrom here\0")
    assert mail.content.isascii()
    assert parsed(mail)["Content-Transfer-Encoding"] == "quoted-printable"
    text = parsed(mail).get_content().replace("\r\n", "\n")
    assert text == "Ich bin weg.\nViele Grüße\n" + "x" * 2000 + "\n.\nFrom here\n"
    chinese = reply("我不在办公室" * 50)
    assert parsed(chinese)["Content-Transfer-Encoding"] == "base64"
    assert parsed(chinese).get_content() == "我不在办公室" * 50 + "\r\n"


def test_a_sender_that_is_not_ascii() -> None:
    mail = reply(sender="zoë@bücher.test")
    assert (mail.recipients, mail.smtputf8) == (("zoë@xn--bcher-kva.test",), True)
    assert "To: <zoë@xn--bcher-kva.test>\r\n".encode() in mail.content


MIME = (
    "Content-Type: multipart/alternative; boundary=foo\r\nSubject: mine\r\nBcc: x@y.test\r\n"
    "From: boss@home.test\r\nContent-Language: de\r\n\r\npreamble\r\n--foo\r\n\r\nIch bin weg\r\n"
    "--foo\r\nContent-Type: text/html; charset=utf-8\r\nX-Odd: 1\r\n\r\n<p>Grüße</p>\r\n--foo--\r\n"
)


def test_a_mime_entity_has_the_fields_of_mime_only() -> None:
    mail = reply(MIME, mime=True)
    found = parsed(mail)
    assert mail.content.isascii()
    assert found["Subject"] == "Auto: Lunch?"
    assert [found.get_all(name) for name in ("Bcc", "From")] == [
        None,
        ["Ann Lee <ann+shop@home.test>"],
    ]
    assert (found.get_content_type(), found["Content-Language"]) == ("multipart/alternative", "de")
    plain, html = cast("list[EmailMessage]", found.get_payload())
    assert plain.get_content().strip() == "Ich bin weg"
    assert (html.get_content().strip(), html["X-Odd"]) == ("<p>Grüße</p>", None)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_simple_mime_entity(end: str) -> None:
    raw = end.join(("Content-Type: text/html; charset=utf-8", "", "<b>Grüße</b>", ""))
    found = parsed(reply(raw, mime=True))
    assert (found.get_content_type(), found.get_content().strip()) == ("text/html", "<b>Grüße</b>")


@pytest.mark.parametrize(
    "raw",
    [
        "Content-Type: multipart/mixed\r\n\r\nGrüße",
        "Content-Type: message/rfc822\r\n\r\nSubject: Grüße\r\n\r\nx",
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nGrüße",
        "Content-Type: nonsense\r\n\r\nGrüße",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a" * 30 + "\r\n\r\nGrüße",
        "Content-Type: multipart/mixed; boundary=a\r\n" + "\r\n--a\r\n\r\nü" * 200,
    ],
)
def test_what_is_no_proper_entity_is_shown_as_text(raw: str) -> None:
    mail = reply(raw, mime=True)
    assert mail.content.isascii()
    assert parsed(mail).get_content_type() == "text/plain"
    assert "Content-Type" in parsed(mail).get_content()


def test_an_entity_without_header_is_text() -> None:
    found = parsed(reply("\r\nGrüße", mime=True))
    assert (found.get_content_type(), found.get_content()) == ("text/plain", "Grüße")
    found = parsed(reply("just words", mime=True))
    assert (found.get_content_type(), found.get_content()) == ("text/plain", "just words")

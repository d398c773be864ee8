"""Refusing for a script: the words of SMTP (RFC 5429 §2.1.2), and a report (RFC 8098 §3)."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import cast

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dsn.returned import headers_of
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.rejection import REPLY_OCTETS, rejection_report, reply_text
from pillarbox.pipeline.filtering.suppression import why_unanswered
from pillarbox.wire.smtp.replies import MAX_REPLY_OCTETS, Reply

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
STAMP = Stamp("mx.home.test", "r1.abc@mx.home.test", NOW)
OWNER = Owner("ann+shop@home.test", ("ann@home.test",))
CONTENT = (
    b"Received: from a by b; Wed, 04 Mar 2026 14:29:00 +0000\r\nFrom: sue@away.test\r\n"
    b"Bcc: secret@x.test\r\nSubject: Buy\r\nMessage-ID: <2@away.test>\r\n"
    b"Original-Recipient: rfc822;ann@old.test\r\n\r\nNow!\r\n"
)


def report(
    reason: str = "Not wanted here",
    content: bytes = CONTENT,
    reverse_path: str = "sue@away.test",
    owner: Owner = OWNER,
) -> OutgoingMail:
    return rejection_report(reason, content, reverse_path, owner, STAMP)


def parsed(mail: OutgoingMail) -> EmailMessage:
    found = email.message_from_bytes(mail.content, policy=email.policy.SMTP)
    assert not found.defects
    return found


def parts(mail: OutgoingMail) -> list[EmailMessage]:
    return cast("list[EmailMessage]", parsed(mail).get_payload())


def test_the_report() -> None:
    mail = report()
    assert (mail.reverse_path, mail.recipients, mail.smtputf8) == ("", ("sue@away.test",), False)
    assert mail.domain == "home.test"
    found = parsed(mail)
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "disposition-notification"
    assert found["From"] == "ann+shop@home.test"
    assert found["To"] == "sue@away.test"
    assert found["Subject"] == "Rejected: Buy"
    assert found["In-Reply-To"] == found["References"] == "<2@away.test>"
    assert found["Auto-Submitted"] == "auto-replied (rejected)"
    text, disposition, returned = parts(mail)
    assert "Not wanted here" in text.get_content()
    assert "ann+shop@home.test" in text.get_content()
    assert disposition.get_content_type() == "message/disposition-notification"
    (fields,) = cast("list[EmailMessage]", disposition.get_payload())
    assert fields.items() == [
        ("Reporting-UA", "mx.home.test; pillarbox"),
        ("Original-Recipient", "rfc822; ann@old.test"),
        ("Final-Recipient", "rfc822; ann+shop@home.test"),
        ("Original-Message-ID", "<2@away.test>"),
        ("Disposition", "automatic-action/MDN-sent-automatically; deleted"),
    ]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Subject: Buy" in returned.get_content()
    assert "Bcc" not in returned.get_content()
    assert b"Now!" not in mail.content


def test_a_reason_in_any_words() -> None:
    mail = report("Ich möchte das nicht.\r\n--report-1\r\n\r\nBcc: x@y.test\0")
    assert mail.content.isascii()
    text = parts(mail)[0].get_content()
    assert "Ich möchte das nicht.\r\n--report-1\r\n\r\nBcc: x@y.test" in text
    assert parsed(mail)["Bcc"] is None


def test_what_stands_in_the_message_adds_nothing() -> None:
    header = (
        b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y.test?=\r\nMessage-ID: <a@b>\rEvil: 1\r\n"
        b"Original-Recipient: =?utf-8?q?rfc822;a=0D=0AEvil:_1?=\r\n\r\n"
    )
    mail = report(content=header)
    assert (parsed(mail)["Bcc"], parsed(mail)["Evil"]) == (None, None)
    (fields,) = cast("list[EmailMessage]", parts(mail)[1].get_payload())
    assert fields["Evil"] is None


def test_addresses_that_are_not_ascii() -> None:
    owner = Owner("zoë@home.test", ("zoë@home.test", "zoe@home.test"))
    mail = report(owner=owner)
    assert (parsed(mail)["From"], mail.smtputf8) == ("zoe@home.test", False)
    mail = report(reverse_path="sué@away.test", owner=owner)
    assert mail.smtputf8
    assert "From: <zoë@home.test>".encode() in mail.content
    assert b"Content-Type: message/global-disposition-notification" in mail.content
    assert "Final-Recipient: utf-8; zoë@home.test".encode() in mail.content
    only = Owner("zoë@home.test", ("zoë@home.test",))
    mail = report(owner=only)
    assert mail.smtputf8
    assert b"Final-Recipient: utf-8; zo\\x{EB}@home.test" in mail.content


def test_nobody_is_told_without_a_return_address() -> None:
    with pytest.raises(GrammarError):
        report(reverse_path="")
    assert why_unanswered(headers_of(CONTENT), "") is not None


def test_the_report_is_never_answered() -> None:
    assert why_unanswered(headers_of(report().content), "ann@home.test") is not None


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("Not wanted", "Not wanted"),
        (" Not\r\n550 wanted\n ", "Not 550 wanted"),
        ("a\0b\x1b[2J", "a b [2J"),
        ("", "The recipient does not want this message"),
        ("\r\n", "The recipient does not want this message"),
        ("Grüße", None),
        ("x" * REPLY_OCTETS, "x" * REPLY_OCTETS),
        ("x" * (REPLY_OCTETS + 1), None),
    ],
)
def test_words_of_smtp(reason: str, text: str | None) -> None:
    assert reply_text(reason) == text
    if text is not None:
        wire = Reply(550, "5.7.1", (text,)).to_bytes()
        assert all(len(line) <= MAX_REPLY_OCTETS for line in wire.splitlines(True))


def test_words_for_clients_that_have_smtputf8() -> None:
    assert reply_text("Viele Grüße", utf8=True) == "Viele Grüße"
    assert reply_text("ü" * 1000, utf8=True) is None
    assert reply_text("links \u202e rechts", utf8=True) == "links rechts"

"""Reports of other servers, in the shapes they come in."""

import time

import pytest

from pillarbox.formats.dsn.model import Action
from pillarbox.formats.dsn.parse import RECIPIENTS, parse_report

POSTFIX = b"""\
From: MAILER-DAEMON@mx.test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: alice@example.test
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="9B.1/mx.test"

This is a MIME-encapsulated message.

--9B.1/mx.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you ...

--9B.1/mx.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test
Original-Envelope-Id: pb.0123
X-Postfix-Queue-ID: 9B
X-Postfix-Sender: rfc822; alice@example.test
Arrival-Date: Wed,  4 Mar 2026 14:30:00 +0000 (UTC)

Final-Recipient: rfc822; bob@elsewhere.test
Original-Recipient: rfc822;robert@elsewhere.test
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.elsewhere.test
Diagnostic-Code: smtp; 550 5.1.1 <bob@elsewhere.test>: Recipient address
    rejected: User unknown

--9B.1/mx.test
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <alice@example.test>
Message-ID: <m1@example.test>
Subject: hello

--9B.1/mx.test--
""".replace(b"\n", b"\r\n")
QMAIL = b"""\
From: MAILER-DAEMON@q.test
To: alice@example.test
Subject: failure notice

Hi. This is the qmail-send program at q.test.
I'm afraid I wasn't able to deliver your message to the following addresses.

<bob@elsewhere.test>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 unknown user
Giving up on 192.0.2.1.

<carol@elsewhere.test>:
Sorry, no mailbox here by that name. (#5.1.2)

--- Below this line is a copy of the message.

Return-Path: <alice@example.test>
Message-ID: <m1@example.test>

hello
"""


def test_a_usual_report() -> None:
    found = parse_report(POSTFIX)
    assert found is not None
    assert (found.reporter, found.envid, found.message_id) == (
        "mx.test",
        "pb.0123",
        "<m1@example.test>",
    )
    (one,) = found.recipients
    assert (one.action, one.status) == (Action.FAILED, "5.1.1")
    assert (one.final, one.original) == ("bob@elsewhere.test", "robert@elsewhere.test")
    assert one.remote == "mail.elsewhere.test"
    assert one.diagnostic == (
        "550 5.1.1 <bob@elsewhere.test>: Recipient address rejected: User unknown"
    )


def test_line_ends_do_not_matter() -> None:
    assert parse_report(POSTFIX.replace(b"\r\n", b"\n")) == parse_report(POSTFIX)


def test_returned_message_and_encoded_parts() -> None:
    whole = POSTFIX.replace(b"text/rfc822-headers", b"message/rfc822")
    assert parse_report(whole) == parse_report(POSTFIX)
    encoded = POSTFIX.replace(
        b"Content-Type: text/rfc822-headers\r\n",
        b"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    ).replace(b"<m1@example.test>", b"<m1=40example.test>")
    assert parse_report(encoded) == parse_report(POSTFIX)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Action: failed", b"Action: FAILED (permanently)"),
        (b"rfc822; bob@elsewhere.test", b"RFC822;<bob@elsewhere.test>"),
        (b"rfc822; bob@elsewhere.test", b"bob@elsewhere.test"),
        (b"rfc822; bob@elsewhere.test", b"utf-8; bob\\x{40}elsewhere.test"),
        (b"Status: 5.1.1", b"Status: 5.1.1 (unknown)"),
        (b"report-type=delivery-status;", b"x=y;"),
        (b"multipart/report", b"multipart/mixed"),
        (b"message/delivery-status", b"Message/Global-Delivery-Status"),
    ],
)
def test_other_spellings(old: bytes, new: bytes) -> None:
    assert old in POSTFIX
    assert parse_report(POSTFIX.replace(old, new)) == parse_report(POSTFIX)


def test_status_that_makes_no_sense() -> None:
    found = parse_report(POSTFIX.replace(b"Status: 5.1.1", b"Status: 999"))
    assert found is not None
    assert found.recipients[0].status == "5.0.0"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Subject: hi\r\n\r\nhello\r\n",
        POSTFIX.replace(b"Action: failed", b"Action: exploded"),
        POSTFIX.replace(b"message/delivery-status", b"message/disposition-notification"),
        POSTFIX.partition(b"Final-Recipient")[0],
        QMAIL.replace(b"Hi. This is the ", b"Hi, this is "),
        QMAIL.replace(b"--- Below", b"Below"),
    ],
)
def test_what_is_no_report(message: bytes) -> None:
    assert parse_report(message) is None


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_the_reports_of_qmail(line_end: bytes) -> None:
    found = parse_report(QMAIL.replace(b"\n", line_end))
    assert found is not None
    assert found.message_id == "<m1@example.test>"
    bob, carol = found.recipients
    assert (bob.final, bob.status) == ("bob@elsewhere.test", "5.1.1")
    assert (carol.final, carol.status) == ("carol@elsewhere.test", "5.1.2")
    assert "no mailbox here" in carol.diagnostic


def test_control_characters_are_cleaned_away() -> None:
    found = parse_report(POSTFIX.replace(b"User unknown", b"User\x1b[2J \xe2\x80\xae unknown"))
    assert found is not None
    assert "\x1b" not in found.recipients[0].diagnostic
    assert "\u202e" not in found.recipients[0].diagnostic


def test_limits() -> None:
    group = b"Final-Recipient: rfc822; a@b.test\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n"
    many = POSTFIX.replace(b"Final-Recipient", group * 3000 + b"Final-Recipient", 1)
    found = parse_report(many)
    assert found is not None
    assert len(found.recipients) == RECIPIENTS
    long = POSTFIX.replace(b"550 5.1.1", b"x" * 100_000)
    found = parse_report(long)
    assert found is not None
    assert len(found.recipients[0].diagnostic) <= 1000


@pytest.mark.parametrize(
    "piece",
    [
        b"\r\n",
        b"a\r\n",
        b"<",
        b"--9B.1/mx.test\r\n",
        b"Action: failed\r\n\r\n",
        b"\\x{",
        b" ",
        b"=",
    ],
)
def test_time_is_bounded(piece: bytes) -> None:
    began = time.process_time()
    parse_report(POSTFIX.replace(b"Final-Recipient", piece * (4_000_000 // len(piece)), 1))
    parse_report(QMAIL.replace(b"<bob", piece * (4_000_000 // len(piece)), 1))
    assert time.process_time() - began < 2

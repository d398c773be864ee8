"""What reports look like to people, to the standard library and to Mailman's reader.

The fields for programs are those of RFC 3464 §2, other types and addresses those of RFC 6533 §4.
"""

import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from flufl.bounce import all_failures, scan_message

from pillarbox.formats.dsn.build import Frame, Report, build
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.parse import parse_report

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
SENT = NOW - timedelta(days=5)
FRAME = Frame("mx.example.test", "alice@example.test", "r1.ab", NOW)
CONTENT = (
    b"Received: from laptop ([192.0.2.99]) by mx.example.test with ESMTPSA id 1;\r\n"
    b"\tMon, 2 Mar 2026 10:00:00 +0000\r\n"
    b"Received: from mx1.example.test by mx2.example.test with ESMTPS id 2\r\n"
    b"From: Alice <alice@example.test>\r\n"
    b"To: bob@elsewhere.test\r\n"
    b"Bcc: boss@example.test\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <m1@example.test>\r\n"
    b"References: <m0@example.test>\r\n"
    b"X-Originating-IP: [192.0.2.99]\r\n"
    b"\r\nhello\r\n"
)
FULL_MAILBOX = Finding(
    "bob@elsewhere.test",
    Action.FAILED,
    "5.2.2",
    "The mailbox is over its quota",
    552,
    "rcpt",
    "mx.elsewhere.test",
    "192.0.2.25",
    ("rfc822", "Bob@elsewhere.test"),
    NOW,
    cause="5.2.2",
)
DELAYED = Finding(
    "carol@slow.test",
    Action.DELAYED,
    "4.4.1",
    "Connection refused",
    stage="connect",
    attempted_at=NOW,
    retry_until=NOW + timedelta(days=3),
)


def subject(content: bytes = CONTENT, **rest: object) -> Subject:
    return Subject(content, SENT, "00000000q1", **rest)  # type: ignore[arg-type]


def parsed(report: Report) -> EmailMessage:
    found = email.message_from_bytes(report.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not [part.defects for part in found.walk() if part.defects]
    return found


def text_of(report: Report) -> str:
    part = parsed(report).get_payload(0)
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


def flat(report: Report) -> str:
    return " ".join(text_of(report).split())


def status_of(report: Report) -> list[email.message.Message]:
    groups = parsed(report).get_payload(1).get_payload()  # type: ignore[union-attr]
    assert isinstance(groups, list)
    return groups


def test_header_of_a_report_says_what_it_is() -> None:
    report = build(subject(), [FULL_MAILBOX], FRAME)
    message = parsed(report)
    assert message["Subject"] == "Not delivered: Grüße"
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mx.example.test>"
    assert message["To"] == "alice@example.test"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<m1@example.test>"
    assert message["References"] == "<m0@example.test> <m1@example.test>"
    assert message["Message-ID"] == "<r1.ab@mx.example.test>"
    assert message["Content-Language"] == "en"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert (report.smtputf8, report.eight_bit) == (False, False)
    assert report.content.isascii()


def test_text_says_what_happened_why_and_what_to_do() -> None:
    text = text_of(build(subject(), [FULL_MAILBOX], FRAME))
    assert "Grüße" in text
    assert "27 February 2026, 14:30 UTC" in text
    assert "It was NOT delivered to:\n\n    <bob@elsewhere.test>\n" in text
    assert "    <bob@elsewhere.test>\n\nWhy: The recipient's mailbox is full.\n" in text
    assert "What to do: Reach the recipient in another way" in text
    assert "What their server said (mx.elsewhere.test [192.0.2.25]):\n\n" in text
    assert "    > 552 5.2.2 The mailbox is over its quota\n" in text
    assert "id 00000000q1" in text
    assert max(map(len, text.splitlines())) <= 72


def test_machine_part_has_every_field() -> None:
    about, bob, carol = status_of(build(subject(envid="e+1=2"), [FULL_MAILBOX, DELAYED], FRAME))
    assert about.items() == [
        ("Reporting-MTA", "dns; mx.example.test"),
        ("Original-Envelope-Id", "e+1=2"),
        ("Arrival-Date", "Fri, 27 Feb 2026 14:30:00 +0000"),
        ("X-Queue-ID", "00000000q1"),
    ]
    assert bob.items() == [
        ("Original-Recipient", "rfc822; Bob@elsewhere.test"),
        ("Final-Recipient", "rfc822; bob@elsewhere.test"),
        ("Action", "failed"),
        ("Status", "5.2.2"),
        ("Remote-MTA", "dns; mx.elsewhere.test"),
        ("Diagnostic-Code", "smtp; 552 5.2.2 The mailbox is over its quota"),
        ("Last-Attempt-Date", "Wed, 4 Mar 2026 14:30:00 +0000"),
    ]
    assert carol["Action"] == "delayed"
    assert carol["Diagnostic-Code"] == "x-pillarbox; Connection refused"
    assert carol["Will-Retry-Until"] == "Sat, 7 Mar 2026 14:30:00 +0000"


def test_mailman_finds_who_failed_and_who_waits() -> None:
    report = build(subject(), [FULL_MAILBOX, DELAYED], FRAME)
    message = email.message_from_bytes(report.content)
    temporary, permanent = all_failures(message)
    assert permanent == {b"Bob@elsewhere.test"}
    assert temporary == {b"carol@slow.test"}
    assert scan_message(message) == {b"Bob@elsewhere.test"}


def test_our_own_reader_understands_it() -> None:
    report = build(subject(envid="e1"), [FULL_MAILBOX, DELAYED], FRAME)
    found = parse_report(report.content)
    assert found is not None
    assert (found.reporter, found.envid, found.message_id) == (
        "mx.example.test",
        "e1",
        "<m1@example.test>",
    )
    bob, carol = found.recipients
    assert (bob.action, bob.status, bob.final, bob.original, bob.remote) == (
        Action.FAILED,
        "5.2.2",
        "bob@elsewhere.test",
        "Bob@elsewhere.test",
        "mx.elsewhere.test",
    )
    assert bob.diagnostic == "552 5.2.2 The mailbox is over its quota"
    assert (carol.action, carol.status) == (Action.DELAYED, "4.4.1")


def test_delay_says_until_when_and_that_nothing_has_to_be_done() -> None:
    report = build(subject(), [DELAYED], FRAME)
    assert parsed(report)["Subject"] == "Not delivered yet: Grüße"
    assert (
        "You need not do anything: we keep trying until 7 March 2026, 14:30 UTC, and tell you if "
        "it fails for good." in flat(report)
    )
    assert "What to do:" not in text_of(report)
    assert "admin" not in text_of(report)


def test_giving_up_says_after_how_long() -> None:
    finding = Finding(
        "x@y.test", Action.FAILED, "4.4.7", "timed out", stage="connect", gave_up=True
    )
    assert "We tried for 5 days and have given up." in flat(build(subject(), [finding], FRAME))


@pytest.mark.parametrize(
    ("action", "title", "said"),
    [
        (Action.DELIVERED, "Delivered: Grüße", "The message is in the mailbox."),
        (Action.RELAYED, "Passed on: Grüße", "does not report deliveries"),
    ],
)
def test_success(action: Action, title: str, said: str) -> None:
    report = build(subject(), [Finding("bob@x.test", action, "2.0.0")], FRAME)
    assert parsed(report)["Subject"] == title
    assert said in flat(report)
    assert "Why:" not in text_of(report)
    (_, bob) = status_of(report)
    assert (bob["Action"], bob["Status"]) == (str(action), "2.0.0")


def test_recipients_of_whom_the_same_is_said_stand_together() -> None:
    findings = [
        Finding(f"u{n}@x.test", Action.FAILED, "5.1.1", "No such user", 550, "rcpt", cause="5.1.1")
        for n in range(3)
    ]
    text = text_of(build(subject(), findings, FRAME))
    assert "    <u0@x.test>\n    <u1@x.test>\n    <u2@x.test>\n" in text
    assert text.count("Why:") == 1


def test_of_very_many_recipients_people_see_the_first_and_programs_all() -> None:
    findings = [
        Finding(f"u{n}@x{n % 7}.test", Action.FAILED, "5.1.1", "x " * 900, 550, "rcpt")
        for n in range(1000)
    ]
    report = build(subject(), findings, FRAME)
    text = text_of(report)
    assert text.count("    <u") == 100
    assert "There are 900 more recipients" in text
    assert len(status_of(report)) == 1001
    assert len(report.content) < 600_000


def test_header_only_unless_asked_for_more_and_nothing_others_must_not_see() -> None:
    report = build(subject(), [FULL_MAILBOX], FRAME)
    part = parsed(report).get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "text/rfc822-headers"
    returned = part.get_content()
    assert "Message-ID: <m1@example.test>" in returned
    assert "mx2.example.test" in returned
    assert "hello" not in returned
    for secret in (b"boss@", b"192.0.2.99", b"laptop"):
        assert secret not in report.content


def test_whole_message_where_asked_for() -> None:
    report = build(subject(full=True), [FULL_MAILBOX], FRAME)
    part = parsed(report).get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "message/rfc822"
    assert part.get_payload(0).get_payload() == "hello\n" or b"\r\n\r\nhello\r\n" in report.content
    assert b"boss@" not in report.content
    assert "and your message." in text_of(report)


@pytest.mark.parametrize(
    "content",
    [
        CONTENT + b"x" * 70 + b"\r\n" * (1 << 20),
        CONTENT + b"x" * 1200 + b"\r\n",
        CONTENT + b"bare\nline\r\n",
        CONTENT + b"\0\r\n",
    ],
    ids=["large", "long line", "bare LF", "NUL"],
)
def test_whole_message_is_not_returned_where_it_can_not_stand(content: bytes) -> None:
    report = build(subject(content, full=True), [FULL_MAILBOX], FRAME)
    assert len(report.content) < 10_000
    assert "as the whole can't be returned" in flat(report)


def test_eight_bit_content_makes_an_eight_bit_report() -> None:
    report = build(subject(CONTENT + "ü\r\n".encode(), full=True), [FULL_MAILBOX], FRAME)
    assert report.eight_bit
    assert not report.smtputf8
    assert parsed(report)["Content-Transfer-Encoding"] == "8bit"


def test_long_header_is_cut_at_a_field_and_what_it_is_known_by_stays() -> None:
    noise = b"".join(b"X-Noise-%d: %s\r\n" % (n, b"y" * 500) for n in range(20))
    report = build(subject(noise + CONTENT), [FULL_MAILBOX], FRAME)
    part = parsed(report).get_payload(2)
    assert isinstance(part, EmailMessage)
    returned = part.get_payload(decode=True)
    assert isinstance(returned, bytes)
    assert len(returned) <= 4096
    for line in returned.rstrip(b"\r\n").split(b"\n"):
        assert line.startswith((b"X-Noise", b"\t")) or b": " in line
    for known in (b"From: ", b"To: ", b"Subject: ", b"Message-ID: ", b"References: "):
        assert known in returned
    assert returned.count(b"X-Noise") < 20


def test_what_a_peer_says_can_not_pretend_to_be_ours() -> None:
    evil = "no\r\n\r\nSubject: x\r\n--report\x1b[2J\u202eevil\u2066 \u2028 " + "z" * 5000
    finding = Finding("a@x.test", Action.FAILED, "5.0.0", evil, 550, "rcpt", "mx\r\nX: y")
    report = build(subject(), [finding], FRAME)
    text = text_of(report)
    for hidden in ("\x1b", "\u202e", "\u2066", "\u2028", "\r"):
        assert hidden not in text
    assert "> 550 no Subject: x --report [2Jevil" in text
    assert len(text) < 5000
    (_, one) = status_of(report)
    assert one["X"] is None
    assert one["Subject"] is None
    assert len(parsed(report).get_payload()) == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y?=\r\n",
        b"Subject: a\r\n\tb =?utf-8?b?4oCu?= c\r\n",
        b"Subject: " + b"long " * 300 + b"\r\n",
        b"Subject: =?x\r\n",
        b"Subject: \xff\xfe\r\n",
        b"",
    ],
)
def test_subject_is_decoded_and_written_safely(raw: bytes) -> None:
    report = build(subject(raw + b"From: a@b.test\r\n\r\n"), [FULL_MAILBOX], FRAME)
    message = parsed(report)
    assert message["Subject"].startswith("Not delivered: ")
    assert message["Bcc"] is None
    assert len(message.get_payload()) == 3
    top = report.content.split(b"\r\n\r\n", 1)[0]
    assert max(map(len, top.split(b"\r\n"))) <= 100


def test_no_subject() -> None:
    report = build(subject(b"From: a@b.test\r\n\r\n"), [FULL_MAILBOX], FRAME)
    assert parsed(report)["Subject"] == "Not delivered: (no subject)"
    assert "which has no subject" in flat(report)


UTF8 = CONTENT.replace(b"Alice <alice@", "Älice <älice@".encode())
UTF8_FINDING = Finding(
    "bøb@elsewhere.test",
    Action.FAILED,
    "5.1.1",
    "unbekannt: bøb",
    550,
    "rcpt",
    original=("utf-8", "bøb+x@elsewhere.test"),
    cause="5.1.1",
)


def test_addresses_beyond_ascii_to_a_sender_who_has_one() -> None:
    frame = Frame("mx.example.test", "älice@example.test", "r1", NOW)
    report = build(subject(UTF8, smtputf8=True), [UTF8_FINDING], frame)
    assert (report.smtputf8, report.eight_bit) == (True, True)
    assert b"Content-Type: message/global-delivery-status\r\n" in report.content
    assert b"Content-Type: message/global-headers\r\n" in report.content
    assert "Final-Recipient: utf-8; bøb@elsewhere.test\r\n".encode() in report.content
    assert "Original-Recipient: utf-8; bøb+x@elsewhere.test\r\n".encode() in report.content
    assert "To: <älice@example.test>\r\n".encode() in report.content
    found = parse_report(report.content)
    assert found is not None
    assert found.recipients[0].final == "bøb@elsewhere.test"
    assert found.message_id == "<m1@example.test>"


def test_addresses_beyond_ascii_to_a_sender_in_ascii() -> None:
    report = build(subject(UTF8, smtputf8=True), [UTF8_FINDING], FRAME)
    assert report.content.isascii()
    assert (report.smtputf8, report.eight_bit) == (False, False)
    (_, one) = status_of(report)
    assert one["Final-Recipient"] == "utf-8; b\\x{F8}b@elsewhere.test"
    assert one["Original-Recipient"] == "utf-8; b\\x{F8}b\\x{2B}x@elsewhere.test"
    found = parse_report(report.content)
    assert found is not None
    assert found.recipients[0].final == "bøb@elsewhere.test"
    assert found.recipients[0].original == "bøb+x@elsewhere.test"
    assert "<bøb@elsewhere.test>" in text_of(report)

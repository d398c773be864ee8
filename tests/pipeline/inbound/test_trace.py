"""Trace fields; the words after `with` are those of RFC 3848 §2."""

from datetime import UTC, datetime

import pytest

from pillarbox.base.errors import Invalid
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.trace import (
    checked,
    message_id_of,
    protocol_name,
    received_field,
    separator,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "lmtp", "extended", "tls", "authenticated", "smtputf8"),
    [
        ("SMTP", False, False, False, False, False),
        ("ESMTP", False, True, False, False, False),
        ("ESMTPS", False, True, True, False, False),
        ("ESMTPSA", False, True, True, True, False),
        ("ESMTPA", False, True, False, True, False),
        ("UTF8SMTPSA", False, True, True, True, True),
        ("LMTP", True, True, False, False, False),
        ("UTF8LMTPS", True, True, True, False, True),
    ],
)
def test_protocol_names(
    name: str, lmtp: bool, extended: bool, tls: bool, authenticated: bool, smtputf8: bool
) -> None:
    assert name == protocol_name(
        lmtp=lmtp, extended=extended, tls=tls, authenticated=authenticated, smtputf8=smtputf8
    )


def test_received_field_of_one_recipient() -> None:
    envelope = Envelope(
        Origin("2001:db8::1", "c.test", "ESMTPS", "TLSv1.3 X"), "", (Recipient("a@b.test"),)
    )
    assert received_field(envelope, "mx.test", "id1", NOW) == (
        b"Received: from c.test ([IPv6:2001:db8::1])\r\n"
        b"\tby mx.test with ESMTPS (TLSv1.3 X) id id1\r\n"
        b"\tfor <a@b.test>; Thu, 1 Jan 2026 12:00:00 +0000\r\n"
    )


def test_received_field_of_several_recipients_names_none() -> None:
    recipients = (Recipient("a@b.test"), Recipient("c@b.test"))
    envelope = Envelope(Origin("192.0.2.1", "c.test", "ESMTP"), "", recipients)
    assert received_field(envelope, "mx.test", "id1", NOW, hide_client=True) == (
        b"Received: by mx.test with ESMTP id id1;\r\n\tThu, 1 Jan 2026 12:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Subject: x\r\n", b""),
        (b"X-Odd :x\r\n", b""),
        (b"\r\nbody", b""),
        (b"", b"\r\n"),
        (b"hello there: you\r\n", b"\r\n"),
    ],
)
def test_separator(content: bytes, expected: bytes) -> None:
    assert separator(content) == expected


OURS = b"mx.example.test"


@pytest.mark.parametrize(
    ("field", "stays"),
    [
        (b"Authentication-Results: mx.example.test; spf=pass\r\n", False),
        (b"authentication-results:MX.EXAMPLE.TEST;\r\n\tspf=pass\r\n", False),
        (b"Authentication-Results: (a (b) c)\r\n mx.example.test. 1; none\r\n", False),
        (b"Authentication-Results: ((((((x)))))) mx.example.test; none\r\n", False),
        (b"Authentication-Results: ((((((x)))))) other.test; none\r\n", True),
        (b'Authentication-Results: (a)(b) "mx.example.test" 1; none\r\n', False),
        (b"Authentication-Results: mx.example.test\r\n", False),
        (b"Authentication-Results: mx.example.test.evil.test; spf=pass\r\n", True),
        (b"Authentication-Results: other.test; x=mx.example.test\r\n", True),
        (b"ARC-Authentication-Results: i=1; mx.example.test; spf=pass\r\n", True),
        (b"X-Authentication-Results: mx.example.test; spf=pass\r\n", True),
        (b"Authentication-Results:\r\n", True),
    ],
)
def test_results_in_our_name_are_taken_out(field: bytes, stays: bool) -> None:
    content = b"Subject: x\r\n" + field + b"To: y\r\n\r\n" + field
    expected = content if stays else b"Subject: x\r\nTo: y\r\n\r\n" + field
    assert checked(content, OURS.decode()) == expected
    assert checked(content) == content


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
def test_results_at_the_very_end(end: bytes) -> None:
    forged = b"Authentication-Results: mx.example.test;\r\n dmarc=pass"
    kept = checked(b"Subject: x\r\n" + forged + end, OURS.decode())
    assert b"dmarc" not in kept
    assert kept.startswith(b"Subject: x\r\n")
    assert checked(b"Subject: x\r\nReturn-Path: <a@b>" + end).startswith(b"Subject: x\r\n")
    assert b"a@b" not in checked(b"Subject: x\r\nReturn-Path: <a@b>" + end)


def test_a_header_that_does_not_end() -> None:
    long = b"X: " + b"x" * (1 << 20) + b"\r\n"
    with pytest.raises(Invalid, match="longer"):
        checked(long + b"Authentication-Results: mx.example.test; dmarc=pass\r\n\r\n", "mx")
    text = b"no header at all\r\n" * (1 << 17)
    assert checked(text, "mx") == text
    short = b"X: " + b"x" * (1 << 19) + b"\r\n"
    assert checked(short + b"\r\n" + text, "mx") == short + b"\r\n" + text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Message-ID: <1@x>\r\n", "<1@x>"),
        (b"To: y\r\nmessage-id:\r\n <1@x>\r\nMessage-ID: <2@x>\r\n", "<1@x>"),
        (b"X-Message-ID: <1@x>\r\n", None),
        (b"Message-ID: \r\n", None),
        (b"Message-ID: <\xff@x>\r\n", None),
        (b"Message-ID: <" + b"x" * 1000 + b">\r\n", None),
    ],
)
def test_message_id(header: bytes, expected: str | None) -> None:
    assert message_id_of(header + b"\r\nMessage-ID: <body@x>\r\n") == expected

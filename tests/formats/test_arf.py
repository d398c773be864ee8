"""Feedback reports (RFC 5965, RFC 6591, RFC 6692): all their fields, and what they return."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pillarbox.formats.arf import AuthFailure, Feedback, Original, is_feedback, parse_feedback

VECTORS = Path(__file__).parents[3] / "shared" / "conformance" / "reports"
NAMES = sorted(path.stem for path in VECTORS.glob("arf-*.eml"))
ALL_FIELDS = b"""\
Feedback-Type: Auth-Failure (a comment)
User-Agent: Some/1.0
Version: 1
Original-Envelope-Id: QQ7
Original-Mail-From: <news@here.test>
Original-Rcpt-To: <ann@there.test>
Original-Rcpt-To: bob@there.test
Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT
Reporting-MTA: dns; mx.there.test
Source-IP: [IPv6:2001:DB8::1]
Source-Port: 4711
Incidents: 3
Authentication-Results: mx.there.test;
  dkim=fail
Reported-Domain: here.test
Reported-URI: https://here.test/
Removal-Recipient: <ann@there.test>
Auth-Failure: dmarc
Delivery-Result: spam
DKIM-Domain: here.test
DKIM-Identity: @here.test
DKIM-Selector: mail
DKIM-Selector-DNS: "v=DKIM1"
DKIM-ADSP-DNS: "dkim=all"
DKIM-Canonicalized-Header: aA==
DKIM-Canonicalized-Body: Yg==
SPF-DNS: txt : here.test : "v=spf1 -all"
Identity-Alignment: none
"""


def mail(fields: bytes, returned: bytes = b"", kind: bytes = b"message/rfc822") -> bytes:
    content = (
        b"From: <fbl@there.test>\nContent-Type: multipart/report; report-type=feedback-report;\n"
        b" boundary=b\n\n--b\n\nwords\n--b\nContent-Type: message/feedback-report\n\n"
        b"%s\n--b\nContent-Type: %s\n\n%s\n--b--\n" % (fields, kind, returned)
    )
    return content.replace(b"\n", b"\r\n")


def test_every_field() -> None:
    original = b"Message-ID:\n <7@here.test>\nSubject: =?utf-8?q?h=C3=A9?=\nFrom: a\nTo: b\n\nhi\n"
    assert parse_feedback(mail(ALL_FIELDS, original)) == Feedback(
        "auth-failure",
        "Some/1.0",
        1,
        "QQ7",
        "news@here.test",
        ("ann@there.test", "bob@there.test"),
        datetime(2005, 3, 8, 18, tzinfo=UTC),
        "mx.there.test",
        "2001:db8::1",
        4711,
        3,
        ("mx.there.test; dkim=fail",),
        ("here.test",),
        ("https://here.test/",),
        ("ann@there.test",),
        AuthFailure(
            "dmarc",
            "spam",
            "here.test",
            "@here.test",
            "mail",
            '"v=DKIM1"',
            '"dkim=all"',
            "aA==",
            "Yg==",
            'txt : here.test : "v=spf1 -all"',
            "none",
        ),
        Original("7@here.test", "hé", "a", "b"),
    )


@pytest.mark.parametrize("kind", [b"text/rfc822-headers", b"message/global-headers"])
def test_headers_alone(kind: bytes) -> None:
    found = parse_feedback(mail(b"Feedback-Type: abuse\n", b"Message-ID: <1@x>\n", kind))
    assert found is not None
    assert found.original.message_id == "1@x"


def test_wrong_values() -> None:
    fields = (
        b"Feedback-Type: abuse\nSource-IP: nowhere\nIncidents: many\nVersion: x\nSource-Port: 99999"
        b"\nOriginal-Mail-From: <>\nArrival-Date: never\n"
    )
    assert parse_feedback(mail(fields)) == Feedback("abuse", source_port=65_535)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: hello\r\n\r\nhello\r\n",
        mail(b""),
        mail(b"User-Agent: x\n"),
        mail(b"Feedback-Type: abuse\n").replace(b"feedback-report", b"delivery-status"),
    ],
)
def test_other_mail(content: bytes) -> None:
    assert parse_feedback(content) is None


def test_the_header_tells() -> None:
    assert is_feedback(mail(b"Feedback-Type: abuse\n"))
    assert not is_feedback(b"Subject: x\r\n\r\nfeedback-report\r\n")


@pytest.mark.skipif(not NAMES, reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize("name", NAMES)
def test_reports_of_others(name: str) -> None:
    content = (VECTORS / f"{name}.eml").read_bytes()
    expected = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    for unix in (content, content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        found = parse_feedback(unix)
        assert found is not None
        assert found.kind.replace("-", "") == expected["feedback_type"].lower()
        date = expected["arrival_date"]
        assert found.arrival_date == (datetime.fromtimestamp(date, UTC) if date else None)
        results = [" ".join(one.split()) for one in expected["authentication_results"]]
        assert list(found.authentication_results) == results
        assert found.incidents == expected["incidents"]
        assert list(found.reported_domains) == expected["reported_domain"]
        assert list(found.reported_uris) == expected["reported_uri"]
        assert (found.version, found.source_port) == (expected["version"], expected["source_port"])
        assert list(found.original_rcpt_to) == _bare(expected["original_rcpt_to"])
        failure = found.auth_failure
        texts = {
            "original_envelope_id": found.original_envelope_id,
            "reporting_mta": found.reporting_mta,
            "source_ip": found.source_ip,
            "user_agent": found.user_agent,
            "dkim_adsp_dns": failure.dkim_adsp_dns,
            "dkim_canonicalized_body": failure.dkim_canonicalized_body,
            "dkim_canonicalized_header": failure.dkim_canonicalized_header,
            "dkim_domain": failure.dkim_domain,
            "dkim_identity": failure.dkim_identity,
            "dkim_selector": failure.dkim_selector,
            "dkim_selector_dns": failure.dkim_selector_dns,
            "spf_dns": failure.spf_dns,
        }
        assert texts == {key: expected[key] or "" for key in texts}
        assert [found.original_mail_from] == (_bare(expected["original_mail_from"]) or [""])
        words = {
            "auth_failure": failure.failure,
            "delivery_result": failure.delivery,
            "identity_alignment": failure.identity_alignment,
        }
        assert {key: word or "unspecified" for key, word in words.items()} == {
            key: expected[key].lower() for key in words
        }


def test_what_reports_of_others_return() -> None:
    path = VECTORS / "arf-001.eml"
    if not path.is_file():
        pytest.skip(f"no vectors in {VECTORS.name}")
    found = parse_feedback(path.read_bytes())
    assert found is not None
    assert found.original == Original(
        "8787KJKJ3K4J3K4J3K4J3.mail@example.net",
        "Earn money",
        "<somespammer@example.net>",
        "<Undisclosed Recipients>",
    )


def _bare(path: str | None) -> list[str]:
    return [path.strip("<>")] if path else []

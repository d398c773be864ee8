"""The mail around a report: ours as another reader reads it, others' as we do."""

import email
import email.policy
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.reporting.cover import Cover, file_name
from pillarbox.formats.reporting.packed import pack
from pillarbox.formats.tls_report.mail import compose, extract, is_report
from pillarbox.formats.tls_report.report import (
    MAX_JSON_BYTES,
    FailureDetail,
    PolicyResult,
    Report,
    encode,
)

REPORT = Report(
    "Example Inc.",
    "tls@here.example",
    "20260101.abc@here.example",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC),
    (
        PolicyResult(
            "no-policy-found",
            "there.example",
            successes=5,
            failures=2,
            details=(FailureDetail("starttls-not-supported", 2, "mx.there.example"),),
        ),
    ),
)
COVER = Cover(
    "tls@here.example",
    ("a@there.example", "b@elsewhere.example"),
    "there.example",
    "here.example",
    REPORT.id,
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "reports"
WRAPPED = (
    b"Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n--b\r\n%s\r\n--b--\r\n"
)


def test_what_is_sent() -> None:
    content = compose(COVER, REPORT, pack(encode(REPORT)))
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 78
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report"
    assert message["content-type"].params["report-type"] == "tlsrpt"
    assert message["subject"] == (
        "Report Domain: there.example Submitter: here.example"
        " Report-ID: <20260101.abc@here.example>"
    )
    assert message["tls-report-domain"] == "there.example"
    assert message["tls-report-submitter"] == "here.example"
    assert message["tls-required"] == "No"
    assert message["from"].addresses[0].addr_spec == "tls@here.example"
    assert [one.addr_spec for one in message["to"].addresses] == list(COVER.recipients)
    assert message["date"].datetime == COVER.now
    words, attached = message.iter_parts()
    assert "5 went well, 2 failed" in words.get_content()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    name = "here.example!there.example!1767225600!1767311999.json.gz"
    assert attached.get_filename() == name == file_name(COVER, REPORT.start, REPORT.end, "json.gz")
    assert json.loads(gzip.decompress(attached.get_content()))["report-id"] == REPORT.id


def test_it_is_read_again() -> None:
    content = compose(COVER, REPORT, pack(encode(REPORT)))
    assert is_report(content)
    assert extract(content) == REPORT


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize("name", ["tlsrpt-rpt01", "tlsrpt-rpt02"])
def test_reports_of_others(name: str) -> None:
    content = (VECTORS / f"{name}.eml").read_bytes()
    expected = json.loads((VECTORS / f"{name}.json").read_text())
    assert is_report(content)
    found = extract(content)
    assert json.loads(encode(found))["policies"] == expected["policies"]
    assert (found.organization, found.id, found.contact) == (
        expected["organization-name"],
        expected["report-id"],
        expected["contact-info"],
    )
    assert found.start == datetime.fromisoformat(expected["date-range"]["start-datetime"])
    assert found.end == datetime.fromisoformat(expected["date-range"]["end-datetime"])


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: application/tlsrpt+json\r\n\r\n" + encode(REPORT),
        b"Content-Type: application/json\r\n\r\n" + encode(REPORT),
        b"Content-Type: application/gzip\r\n\r\n" + pack(encode(REPORT)),
        b"Content-Type: application/json\r\n\r\n{}\r\n"
        b"--b\r\nContent-Type: application/tlsrpt+gzip\r\n\r\n" + pack(encode(REPORT)),
    ],
)
def test_other_forms(part: bytes) -> None:
    assert extract(WRAPPED % part) == REPORT


def test_a_report_without_anything_around_it() -> None:
    content = b"Content-Type: application/tlsrpt+json\r\n\r\n" + encode(REPORT)
    assert is_report(content)
    assert extract(content) == REPORT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: tlsrpt\r\n\r\nTLS-Report-Domain: x\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n",
        b"Content-Type: text/plain; name=tlsrpt\r\n\r\n",
    ],
)
def test_other_mail(content: bytes) -> None:
    assert not is_report(content)


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"Content-Type: text/plain\r\n\r\n{}",
        b"Content-Type: application/tlsrpt+gzip\r\n\r\n\x1f\x8bxx",
        b"Content-Type: application/tlsrpt+gzip\r\n\r\n" + pack(b" " * (MAX_JSON_BYTES + 1)),
        b"Content-Type: application/tlsrpt+gzip\r\n\r\n" + pack(pack(encode(REPORT))),
    ],
)
def test_what_can_not_be_read(part: bytes) -> None:
    with pytest.raises(GrammarError):
        extract(WRAPPED % part)

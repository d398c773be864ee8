"""The mail with a report: other programs find what we put into it, and we what they do."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from xml.etree import ElementTree

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dmarc_report.mail import MAX_MAIL_BYTES, compose, extract, is_report
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    Extension,
    PublishedPolicy,
    Reason,
    Record,
    Report,
    SpfResult,
)
from pillarbox.formats.dmarc_report.read import decode
from pillarbox.formats.dmarc_report.write import NAMESPACE, encode
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack

RECORD = Record(
    "192.0.2.1",
    2,
    "quarantine",
    False,
    True,
    (Reason("other", "<&>\"'"),),
    "a.test",
    "b.test",
    "c.test",
    (DkimResult("a.test", "s", "fail", "words"),),
    (SpfResult("b.test", "mfrom", "pass", "words"),),
    (Extension("x", 'a"b'),),
)
REPORT = Report(
    "Example Inc.",
    "a@here.test",
    "20260101.7@here.test",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC),
    PublishedPolicy(
        "there.test", "reject", "none", "none", "s", "r", "1", "50", True, "psl", "1.0"
    ),
    (RECORD, replace(RECORD, source_ip="2001:db8::1", dkim=True)),
    "more",
    ("one", "two"),
    "me",
    "1.0",
    (Extension("y", "z"),),
)
COVER = Cover(
    "postmaster@here.test",
    ("a@there.test", "b@there.test"),
    "there.test",
    "here.test",
    REPORT.id,
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def test_all_of_it_comes_back() -> None:
    assert decode(encode(REPORT)) == REPORT
    assert encode(REPORT) == encode(REPORT)
    assert extract(compose(COVER, REPORT, pack(encode(REPORT)))) == REPORT


def test_the_order_of_the_elements() -> None:
    root = ElementTree.fromstring(encode(replace(REPORT, extensions=())))

    def names(element: ElementTree.Element) -> list[str]:
        return [one.tag.removeprefix(f"{{{NAMESPACE}}}") for one in element]

    assert root.tag == f"{{{NAMESPACE}}}feedback"
    assert names(root) == ["version", "report_metadata", "policy_published", "record", "record"]
    assert names(root[3])[:3] == ["row", "identifiers", "auth_results"]
    assert names(root[3][0]) == ["source_ip", "count", "policy_evaluated"]
    assert names(root[3][0][2]) == ["disposition", "dkim", "spf", "reason"]


def test_as_others_read_it() -> None:
    message = message_from_bytes(
        compose(COVER, REPORT, pack(encode(REPORT))), policy=policy.default
    )
    assert message["subject"] == (
        "Report Domain: there.test Submitter: here.test Report-ID: <20260101.7@here.test>"
    )
    assert message["from"] == "postmaster@here.test"
    assert message["to"] == "a@there.test, b@there.test"
    assert message["message-id"] == "<20260101.7@here.test>"
    assert message["auto-submitted"] == "auto-generated"
    words, attached = message.iter_parts()
    assert "4 messages, of which 4 passed" in words.get_content()
    assert attached.get_content_type() == "application/gzip"
    assert attached.get_filename() == "here.test!there.test!1767225600!1767311999.xml.gz"
    assert gzip.decompress(attached.get_content()) == encode(REPORT)


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: Report Domain: a.test Submitter: b.test Report-ID: 1",
        b"Subject: [Preview] report\r\n domain: a.test",
        b"Subject: =?utf-8?q?Report_Domain=3A_a=2Etest?=",
        b"Subject: DMARC Aggregate Report",
        b'Subject: x\r\nContent-Type: application/zip; name="b!a!1!2.zip"',
        b'Content-Disposition: attachment;\r\n filename="b!a!1!2.xml.gz"',
    ],
)
def test_the_header_tells(header: bytes) -> None:
    assert is_report(header + b"\r\n\r\nx\r\n")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: Report\r\n\r\nReport Domain: a.test\r\n",
        b"Subject: a report of the domain\r\n\r\n",
        b"Authentication-Results: x; dmarc=pass\r\nSubject: the dmarc talk\r\n\r\n",
        b"Content-Type: application/zip; name=x.zip\r\n\r\n",
    ],
)
def test_other_headers(content: bytes) -> None:
    assert not is_report(content)


@pytest.mark.parametrize("content", [b"", b"Subject: x\r\n\r\ny", bytes(MAX_MAIL_BYTES + 1)])
def test_no_report(content: bytes) -> None:
    with pytest.raises(GrammarError):
        extract(content)

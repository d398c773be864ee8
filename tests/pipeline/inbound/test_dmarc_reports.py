"""Aggregate reports that come by mail are kept for the domains of ours that they are about."""

import base64
import gzip
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pillarbox.domain.accounts import domains
from pillarbox.domain.dmarc import received
from pillarbox.domain.dmarc.received import StoredReport
from pillarbox.formats.dmarc_report.mail import compose
from pillarbox.formats.dmarc_report.model import PublishedPolicy, Record, Report
from pillarbox.formats.dmarc_report.write import encode
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack
from pillarbox.pipeline.inbound.dmarc_reports import DmarcReportInbox
from pillarbox.storage.db import Database

REPORT = Report(
    "Else Inc.",
    "dmarc@else.test",
    "7@else.test",
    datetime(2025, 12, 31, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    PublishedPolicy("here.test", "none"),
    (Record("192.0.2.1", 10, "none", True, False), Record("192.0.2.2", 1, "none")),
)
TO = "dmarc@here.test"


def mail(report: Report = REPORT) -> bytes:
    cover = Cover("dmarc@else.test", (TO,), "here.test", "else.test", report.id, report.end)
    return compose(cover, report, pack(encode(report)))


def attached(kind: str, name: str, file: bytes) -> bytes:
    text = (
        "Subject: Report Domain: here.test\n Submitter: else.test\nContent-Type: multipart/mixed;"
        f" boundary=b\n\n--b\n\nwords\n--b\nContent-Type: {kind}; name={name}\n"
        "Content-Transfer-Encoding: base64\n\n"
    )
    return text.replace("\n", "\r\n").encode() + base64.encodebytes(file) + b"\r\n--b--\r\n"


def zipped(file: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("else.test!here.test!1!2.xml", file)
    return out.getvalue()


@pytest.fixture
async def inbox(database: Database) -> DmarcReportInbox:
    await database.write(domains.create, "here.test")
    return DmarcReportInbox(database)


async def _all(inbox: DmarcReportInbox) -> list[StoredReport]:
    return await inbox.database.read(received.list_of)


async def test_what_concerns_us_is_kept(inbox: DmarcReportInbox) -> None:
    assert await inbox.take(TO, mail())
    (found,) = await _all(inbox)
    assert (found.domain, found.organization, found.report_id) == (
        "here.test",
        "Else Inc.",
        "7@else.test",
    )
    assert (found.messages, found.aligned, found.dkim_pass, found.spf_pass) == (11, 10, 10, 0)
    kept = await inbox.database.read(received.content, found.id)
    assert kept is not None
    assert kept.records == REPORT.records


@pytest.mark.parametrize(
    ("kind", "name", "packing"),
    [
        ("application/gzip", "x.xml.gz", gzip.compress),
        ("application/zip", "x.zip", zipped),
        ("application/x-zip-compressed", "else.test!here.test!1!2.zip", zipped),
        ("application/octet-stream", "else.test!here.test!1!2.xml.gz", gzip.compress),
        ("application/octet-stream", "x.zip", zipped),
        ("application/gzip", "x.xml.gz", zipped),
        ("text/xml", "x.xml", bytes),
        ("application/xml", "x.xml", bytes),
        ("text/plain", "else.test!here.test!1!2.xml", bytes),
    ],
)
async def test_however_it_is_packed(
    inbox: DmarcReportInbox, kind: str, name: str, packing: type[bytes]
) -> None:
    assert await inbox.take(TO, attached(kind, name, packing(encode(REPORT))))
    assert len(await _all(inbox)) == 1


async def test_each_once(inbox: DmarcReportInbox) -> None:
    assert await inbox.take(TO, mail())
    assert not await inbox.take(TO, mail())
    assert await inbox.take(TO, mail(replace(REPORT, id="8@else.test")))
    assert len(await _all(inbox)) == 2


@pytest.mark.parametrize(
    ("vouched", "voucher"),
    [
        ((), ""),
        (("else.test",), "else.test"),
        (("relay.test", "mail.else.test"), "mail.else.test"),
        (("test.else", "relay.test"), "test.else"),
    ],
)
async def test_whose_word_it_is(
    inbox: DmarcReportInbox, vouched: tuple[str, ...], voucher: str
) -> None:
    assert await inbox.take(TO, mail(), vouched)
    (found,) = await _all(inbox)
    assert found.voucher == voucher


async def test_nobody_comes_before_the_true_one(inbox: DmarcReportInbox) -> None:
    """By a forged report with its name and id."""
    assert await inbox.take(TO, mail(replace(REPORT, records=())))
    assert await inbox.take(TO, mail(), ("else.test",))
    assert {one.voucher: one.messages for one in await _all(inbox)} == {"": 0, "else.test": 11}


async def test_a_domain_below_ours(inbox: DmarcReportInbox) -> None:
    policy = PublishedPolicy("mail.here.test")
    assert await inbox.take("x@collects.test", mail(replace(REPORT, policy=policy)))
    assert [one.domain for one in await _all(inbox)] == ["here.test"]


@pytest.mark.parametrize("name", ["else.test", "test", "there.test", "hére.test", "."])
async def test_what_concerns_others(inbox: DmarcReportInbox, name: str) -> None:
    assert not await inbox.take(TO, mail(replace(REPORT, policy=PublishedPolicy(name))))
    assert await _all(inbox) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: hello\r\n\r\nhello\r\n",
        b"Subject: Report Domain: here.test\r\n\r\nnothing\r\n",
        attached("application/zip", "x.zip", b"PK\x03\x04"),
        attached("application/gzip", "x.gz", b"\x1f\x8b"),
        attached("application/gzip", "x.gz", gzip.compress(bytes(20 << 20))),
        attached("application/zip", "x.zip", zipped(bytes(20 << 20))),
        attached("text/xml", "x.xml", b"<feedback/>"),
        attached("text/xml", "x.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><feedback>&a;</feedback>'),
    ],
)
async def test_other_mail(inbox: DmarcReportInbox, content: bytes) -> None:
    assert not await inbox.take(TO, content)
    assert await _all(inbox) == []

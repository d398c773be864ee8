"""Reports that come by mail are kept for the domains of ours that they are about."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pillarbox.domain.accounts import domains
from pillarbox.domain.transport import reports
from pillarbox.domain.transport.reports import StoredReport
from pillarbox.formats.reporting.cover import Cover
from pillarbox.formats.reporting.packed import pack
from pillarbox.formats.tls_report.mail import compose
from pillarbox.formats.tls_report.report import (
    FailureDetail,
    PolicyResult,
    Report,
    encode,
)
from pillarbox.pipeline.inbound import tls_reports
from pillarbox.pipeline.inbound.tls_reports import TlsReportInbox
from pillarbox.storage.db import Database

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "reports"
REPORT = Report(
    "Else Inc.",
    "tls@else.test",
    "7@else.test",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 2, tzinfo=UTC),
    (
        PolicyResult("sts", "here.test", ("mode: enforce",), ("mx.here.test",), 10, 1),
        PolicyResult("tlsa", "mx.here.test", successes=5),
        PolicyResult("sts", "nobody.test", successes=100),
    ),
)


def mail(report: Report = REPORT) -> bytes:
    cover = Cover("tls@else.test", ("tls@here.test",), "here.test", "else.test", "7@x", report.end)
    return compose(cover, report, pack(encode(report)))


@pytest.fixture
async def inbox(database: Database) -> TlsReportInbox:
    for name in ("here.test", "also.test"):
        await database.write(domains.create, name)
    return TlsReportInbox(database)


async def _all(inbox: TlsReportInbox) -> list[StoredReport]:
    return await inbox.database.read(reports.list_of)


async def test_what_concerns_us_is_kept(inbox: TlsReportInbox) -> None:
    assert await inbox.take("TLS@Here.test", mail())
    (found,) = await _all(inbox)
    assert (found.domain, found.organization, found.report_id) == (
        "here.test",
        "Else Inc.",
        "7@else.test",
    )
    assert (found.successes, found.failures) == (15, 1)
    content = await inbox.database.read(reports.content, found.id)
    assert content is not None
    kept = [one["policy"]["policy-domain"] for one in json.loads(content)["policies"]]
    assert kept == ["here.test", "mx.here.test"]


async def test_each_once(inbox: TlsReportInbox) -> None:
    assert await inbox.take("tls@here.test", mail())
    assert not await inbox.take("tls@here.test", mail())
    assert await inbox.take("tls@here.test", mail(replace(REPORT, id="8@else.test")))
    assert len(await _all(inbox)) == 2


async def test_one_address_may_collect_for_several_domains(inbox: TlsReportInbox) -> None:
    policies = (REPORT.policies[0], replace(REPORT.policies[0], domain="also.test"))
    assert await inbox.take("tls@here.test", mail(replace(REPORT, policies=policies)))
    assert sorted(one.domain for one in await _all(inbox)) == ["also.test", "here.test"]


async def test_what_concerns_others(inbox: TlsReportInbox) -> None:
    other = replace(REPORT, policies=REPORT.policies[2:])
    assert not await inbox.take("tls@here.test", mail(other))
    assert not await inbox.take(
        "tls@nobody.test", mail(replace(REPORT, policies=REPORT.policies[1:]))
    )
    assert not await inbox.take("nonsense", mail(other))
    assert await _all(inbox) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: hello\r\n\r\nhello\r\n",
        b"TLS-Report-Domain: here.test\r\n\r\nnothing\r\n",
        b"Content-Type: application/tlsrpt+gzip\r\n\r\n\x1f\x8b",
    ],
)
async def test_other_mail(inbox: TlsReportInbox, content: bytes) -> None:
    assert not await inbox.take("tls@here.test", content)
    assert await _all(inbox) == []


async def test_of_a_long_one_the_sums_are_kept(inbox: TlsReportInbox) -> None:
    details = tuple(FailureDetail("x", 1, f"h{number}" + "y" * 200) for number in range(3000))
    long = replace(REPORT, policies=(replace(REPORT.policies[0], details=details),))
    assert await inbox.take("tls@here.test", mail(long))
    (found,) = await _all(inbox)
    content = await inbox.database.read(reports.content, found.id)
    assert content is not None
    assert len(content) < tls_reports.STORED_MAX_BYTES
    assert (found.successes, found.failures) == (10, 1)


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize(
    ("name", "domain"),
    [("tlsrpt-rpt01", "company-y.example"), ("tlsrpt-rpt02", "example.com")],
)
async def test_reports_of_others(inbox: TlsReportInbox, name: str, domain: str) -> None:
    await inbox.database.write(domains.create, domain)
    assert await inbox.take(f"tls@{domain}", (VECTORS / f"{name}.eml").read_bytes())
    assert [one.domain for one in await _all(inbox)] == [domain]

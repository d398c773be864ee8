"""Reports of others are kept once, with their records, for a while, and not without bounds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kit.clock import FakeClock
from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts import domains
from pillarbox.domain.dmarc import received
from pillarbox.domain.dmarc.received import prepared
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    PublishedPolicy,
    Reason,
    Record,
    Report,
    SpfResult,
)
from pillarbox.storage.db import Database

RECORDS = (
    Record("192.0.2.1", 10, "pass", True, True, header_from="a.test"),
    Record(
        "2001:db8::1",
        3,
        "reject",
        reasons=(Reason("other", "x"),),
        header_from="b.a.test",
        envelope_from="c.test",
        envelope_to="d.test",
        dkim_results=(DkimResult("c.test", "s", "fail"),),
        spf_results=(SpfResult("c.test", "mfrom", "pass"),),
    ),
    Record("192.0.2.2", 2, "pass", True, False, header_from="a.test"),
)
REPORT = Report(
    "Example Inc.",
    "a@there.test",
    "1@there.test",
    datetime(2025, 12, 31, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
    PublishedPolicy("a.test", "reject"),
    RECORDS,
)


async def _domain(database: Database, name: str = "a.test") -> DomainId:
    return (await database.write(domains.create, name)).id


async def test_each_once(database: Database, clock: FakeClock) -> None:
    ours, other = await _domain(database), await _domain(database, "b.test")
    assert await database.write(received.file, ours, prepared(REPORT))
    assert not await database.write(received.file, ours, prepared(replace(REPORT, records=())))
    another = replace(REPORT, organization="Another", end=REPORT.start, records=())
    assert await database.write(received.file, ours, prepared(another))
    assert await database.write(received.file, other, prepared(REPORT))
    found = await database.read(received.list_of)
    assert [(one.domain, one.organization) for one in found] == [
        ("b.test", "Example Inc."),
        ("a.test", "Example Inc."),
        ("a.test", "Another"),
    ]
    (one,) = await database.read(lambda tx: received.list_of(tx, ours, organization="Example Inc."))
    assert (one.messages, one.aligned, one.dkim_pass, one.spf_pass) == (15, 12, 12, 10)
    assert await database.read(received.get, one.id) == one
    assert await database.read(received.content, one.id) == replace(REPORT, records=RECORDS)
    assert await database.read(received.content, 7) is None
    assert await database.read(received.get, 7) is None
    (second,) = await database.read(lambda tx: received.list_of(tx, most=1, skipped=1))
    assert second == one
    since = await database.read(received.records_since, ours, one.end_ms)
    assert since == [(record, one.end_ms) for record in RECORDS]


async def test_bounds(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received, "A_DAY_MAX", 6)
    ours = await _domain(database)
    for number in range(5):
        report = replace(REPORT, id=f"{number}" + "x" * 500, end=datetime(9000, 1, 1, tzinfo=UTC))
        assert await database.write(received.file, ours, prepared(report)) is (number < 3)
    for number in range(5):  # nobody can keep out what comes from a domain that vouches for it
        report = replace(REPORT, id=f"{number}" + "x" * 500)
        new = prepared(report)
        assert await database.write(received.file, ours, new, "else.test") is (number < 3)
    assert all(one.end_ms <= clock.now_ms() for one in await database.read(received.list_of))
    clock.advance(days=1)
    assert await database.write(received.file, ours, prepared(REPORT))
    clock.advance(days=89, seconds=1)
    while await database.write(received.sweep, 2):
        pass
    (kept,) = await database.read(received.list_of)
    assert kept.report_id == "1@there.test"
    assert len(await database.read(received.records_since, ours, 0)) == len(RECORDS)


async def test_of_a_long_one_the_rest_is_summed(database: Database) -> None:
    ours = await _domain(database)
    many = tuple(
        Record(f"10.0.{n // 250}.{n % 250}", 1 + (n < 10), dkim=n % 2 == 0) for n in range(2000)
    )
    assert await database.write(received.file, ours, prepared(replace(REPORT, records=many)))
    (head,) = await database.read(received.list_of)
    assert (head.messages, head.aligned) == (2010, 1005)
    found = await database.read(received.content, head.id)
    assert found is not None
    assert sum(one.count for one in found.records) == 2010
    assert len(found.records) == received.RECORDS_MAX + 2
    assert {one.count for one in found.records if not one.source_ip} == {750}

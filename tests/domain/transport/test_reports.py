"""Reports of others are kept once, for a while, and not without bounds."""

from dataclasses import replace

import pytest

from kit.clock import FakeClock
from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts import domains
from pillarbox.domain.transport import reports
from pillarbox.domain.transport.reports import NewReport
from pillarbox.storage.db import Database

REPORT = NewReport("Example Inc.", "1@there.test", "a@there.test", 0, 86_399_000, 10, 2, "{}")


async def _domain(database: Database, name: str = "a.test") -> DomainId:
    return (await database.write(domains.create, name)).id


async def test_each_once(database: Database, clock: FakeClock) -> None:
    ours, other = await _domain(database), await _domain(database, "b.test")
    assert await database.write(reports.file, ours, REPORT)
    assert not await database.write(reports.file, ours, replace(REPORT, failures=3))
    assert await database.write(reports.file, ours, replace(REPORT, organization="Another"))
    clock.advance(seconds=1)
    assert await database.write(reports.file, other, replace(REPORT, start_ms=9))
    found = await database.read(reports.list_of)
    assert [one.domain for one in found] == ["b.test", "a.test", "a.test"]
    (only,) = await database.read(reports.list_of, other)
    assert (only.report_id, only.successes, only.failures) == ("1@there.test", 10, 2)
    assert await database.read(reports.content, only.id) == "{}"
    assert await database.read(reports.content, 7) is None


async def test_bounds(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "A_DAY_MAX", 3)
    ours = await _domain(database)
    for number in range(5):
        kept = await database.write(
            reports.file, ours, replace(REPORT, report_id=f"{number}" + "x" * 500)
        )
        assert kept is (number < 3)
    clock.advance(days=1)
    assert await database.write(reports.file, ours, REPORT)
    clock.advance(days=89, seconds=1)
    while await database.write(reports.sweep, 2):
        pass
    assert [one.report_id for one in await database.read(reports.list_of)] == ["1@there.test"]

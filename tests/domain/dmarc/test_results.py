"""What DMARC came to is counted by domain and day, within bounds, and told once."""

import asyncio
from dataclasses import replace

import pytest

from kit.clock import FakeClock
from pillarbox.domain.dmarc import results
from pillarbox.domain.dmarc.model import (
    DkimCheck,
    Evaluation,
    Kind,
    Override,
    Published,
    SpfCheck,
)
from pillarbox.domain.dmarc.results import DaySummary
from pillarbox.domain.report_days import ReportState, day_of
from pillarbox.storage.db import Database

PUBLISHED = Published(
    "there.test",
    (("v", "DMARC1"), ("p", "reject")),
    ("mailto:dmarc@there.test!10m",),
    "there.test",
)
KIND = Kind(
    "192.0.2.1",
    "there.test",
    "bounce.there.test",
    "here.test",
    "none",
    True,
    False,
    (Override("local_policy", "known"),),
    (DkimCheck("there.test", "mail", "pass"),),
    (SpfCheck("bounce.there.test", "mfrom", "softfail"),),
)
ONE = Evaluation(PUBLISHED, KIND)


async def _collected(database: Database, day: int, domain: str = "there.test") -> dict[Kind, int]:
    found = await database.read(results.of_day, day, domain)
    return dict(found.counts) if found is not None else {}


async def test_alike_messages_are_one_row(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    other = replace(ONE, kind=replace(KIND, source_ip="192.0.2.2"))
    for evaluation in (ONE, other, ONE):
        await database.write(results.count, evaluation)
    found = await database.read(results.of_day, day, "there.test")
    assert found is not None
    assert found.published == PUBLISHED
    assert dict(found.counts) == {KIND: 2, other.kind: 1}
    clock.advance(days=1)
    await database.write(results.count, ONE)
    assert await _collected(database, day + 1) == {KIND: 1}
    assert await database.read(results.summaries, day, "there.test") == [
        DaySummary(day + 1, "there.test", 1, ReportState.WAITING, 0, ""),
        DaySummary(day, "there.test", 3, ReportState.WAITING, 0, ""),
    ]


async def test_many_at_once(database: Database, clock: FakeClock) -> None:
    await asyncio.gather(*(database.write(results.count, ONE) for _ in range(30)))
    assert await _collected(database, day_of(clock.now_ms())) == {KIND: 30}


@pytest.mark.parametrize(
    "record",
    [
        replace(PUBLISHED, rua=()),
        replace(PUBLISHED, rua=("https://there.test/",)),
        replace(PUBLISHED, domain=""),
        replace(PUBLISHED, domain="there.test\r\nBcc: x"),
        replace(PUBLISHED, domain="x" * 300),
    ],
)
async def test_nobody_to_tell(database: Database, clock: FakeClock, record: Published) -> None:
    await database.write(results.count, Evaluation(record, KIND))
    assert await database.read(results.summaries, 0) == []


async def test_the_record_seen_last_holds(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    later = replace(PUBLISHED, tags=(("v", "DMARC1"), ("p", "none")), rua=("mailto:x@there.test",))
    await database.write(results.count, ONE)
    await database.write(results.count, Evaluation(later, KIND))
    found = await database.read(results.of_day, day, "there.test")
    assert found is not None
    assert found.published == later
    assert [messages for _, messages in found.counts] == [1, 1]


async def test_bounds(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "DETAILED_MAX", 3)
    monkeypatch.setattr(results, "ROWS_MAX", 5)
    day = day_of(clock.now_ms())
    kinds = [replace(KIND, envelope_from=f"{n}.there.test") for n in range(6)]
    for kind in kinds:
        await database.write(results.count, Evaluation(PUBLISHED, kind))
    assert await _collected(database, day) == {
        **dict.fromkeys(kinds[:3], 1),
        KIND.general: 3,
    }
    for number in range(5):
        kind = replace(KIND, source_ip=f"192.0.2.{10 + number}")
        await database.write(results.count, Evaluation(PUBLISHED, kind))
    found = await database.read(results.of_day, day, "there.test")
    assert found is not None
    assert (len(found.counts), found.omitted) == (5, 4)
    (summary,) = await database.read(results.summaries, day)
    assert summary.messages == 11
    checks = tuple(DkimCheck(f"{n}.test", "s", "fail" if n < 99 else "pass") for n in range(100))
    assert len(results._bounded(replace(KIND, dkim_checks=checks)).dkim_checks) == 20
    assert results._bounded(replace(KIND, dkim_checks=checks)).dkim_checks[0].result == "pass"


async def test_not_too_many_domains(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        results,
        "_CROWDED",
        results.Statement(results._CROWDED.core.offset(2)),  # type: ignore[attr-defined]
    )
    for number in range(5):
        published = replace(PUBLISHED, domain=f"{number}.test")
        await database.write(results.count, Evaluation(published, KIND))
    assert len(await database.read(results.summaries, 0)) == 3


async def test_reports_alone_are_not_told_of(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    await database.write(results.count, replace(ONE, kind=replace(KIND, report=True)))
    assert await database.read(results.asked, day, "there.test") is None
    await database.write(results.count, ONE)
    assert await database.read(results.asked, day, "there.test") == PUBLISHED
    assert await database.read(results.asked, day, "else.test") is None


async def test_sweeping(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    for number in range(5):
        kind = replace(KIND, source_ip=f"192.0.2.{number}")
        await database.write(results.count, Evaluation(PUBLISHED, kind))
    await database.write(results.DAYS.claim, day, "there.test")
    clock.advance(days=1)
    await database.write(results.count, ONE)
    while await database.write(results.sweep, day + 1, 2):
        pass
    assert await database.read(results.of_day, day, "there.test") is None
    assert await _collected(database, day + 1) == {KIND: 1}

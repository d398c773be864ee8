"""Sessions are counted, and each day is reported by one process."""

import asyncio

import pytest

from kit.clock import FakeClock
from pillarbox.domain.report_days import ReportState, day_of
from pillarbox.domain.transport import results
from pillarbox.domain.transport.results import Result
from pillarbox.storage.db import Database

STS = Result("sts", "a.test", ("version: STSv1", "mode: enforce"), ("*.a.test", "b.test"))
PLAIN = Result("no-policy-found", "a.test")
FAILED = Result(
    "no-policy-found", "a.test", (), (), "starttls-not-supported", "mx.a.test", "192.0.2.1"
)


async def test_sums(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    await database.write(results.add, {(day, "a.test", STS): 3, (day, "a.test", FAILED): 1})
    await database.write(results.add, {(day, "a.test", STS): 4, (day, "b.test", STS): 1})
    assert dict(await database.read(results.of_day, day, "a.test")) == {STS: 7, FAILED: 1}
    assert dict(await database.read(results.of_day, day, "b.test")) == {STS: 1}
    assert await database.read(results.of_day, day - 1, "a.test") == []
    found = await database.read(results.summaries, day)
    assert [(one.domain, one.policy_type, one.result, one.sessions) for one in found] == [
        ("a.test", "no-policy-found", "starttls-not-supported", 1),
        ("a.test", "sts", "", 7),
        ("b.test", "sts", "", 1),
    ]
    assert len(await database.read(results.summaries, day, "b.test")) == 1
    assert await database.read(results.summaries, day + 1) == []


async def test_processes_add_to_the_same_rows(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    batch = {(day, f"d{number % 5}.test", STS): 1 for number in range(5)}
    await asyncio.gather(*(database.write(results.add, batch) for _ in range(20)))
    found = await database.read(results.summaries, day)
    assert [one.sessions for one in found] == [20] * 5


async def test_many_kinds(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROWS_MAX", 10)
    day = day_of(clock.now_ms())
    batch = {
        (day, "a.test", Result("sts", "a.test", (), (), "x", f"h{number}.test")): 1
        for number in range(30)
    }
    await database.write(results.add, batch)
    found = await database.read(results.of_day, day, "a.test")
    assert len(found) == 11
    assert sum(sessions for _, sessions in found) == 30
    assert (Result("sts", "a.test", (), (), "x"), 20) in found


class TestReporting:
    async def test_a_day_that_is_over_waits(self, database: Database, clock: FakeClock) -> None:
        day = day_of(clock.now_ms())
        batch = {(day - back, f"{name}.test", STS): 1 for back in range(3) for name in "ab"}
        await database.write(results.add, batch)
        expected = [(day - 2, "a.test"), (day - 2, "b.test"), (day - 1, "a.test")]
        assert await database.read(results.DAYS.waiting, (0, ""), 3) == expected
        assert await database.read(results.DAYS.waiting, expected[-1], 9) == [(day - 1, "b.test")]
        await database.write(results.DAYS.leave, [(day - 2, "a.test"), (day - 2, "b.test")])
        assert (await database.read(results.DAYS.waiting, (0, ""), 1))[0] == (day - 1, "a.test")

    async def test_one_claims_it(self, database: Database, clock: FakeClock) -> None:
        day = day_of(clock.now_ms()) - 1
        await database.write(results.add, {(day, "a.test", STS): 1})
        claims = [database.write(results.DAYS.claim, day, "a.test") for _ in range(5)]
        assert sorted(await asyncio.gather(*claims)) == [0, 0, 0, 0, 1]
        assert await database.read(results.DAYS.waiting, (0, ""), 9) == []
        clock.advance(hours=1)  # whoever had it is dead
        assert await database.read(results.DAYS.waiting, (0, ""), 9) == [(day, "a.test")]
        assert await database.write(results.DAYS.claim, day, "a.test") == 2
        await database.write(results.DAYS.settle, day, "a.test", ReportState.SENT, "x" * 300)
        clock.advance(days=1)
        assert await database.write(results.DAYS.claim, day, "a.test") == 0
        assert await database.read(results.DAYS.waiting, (0, ""), 9) == []
        (found,) = await database.read(results.summaries, day)
        assert (found.state, found.note) == (ReportState.SENT, "x" * 255)


async def test_old_days_go(database: Database, clock: FakeClock) -> None:
    day = day_of(clock.now_ms())
    batch = {(day - back, "a.test", STS): 1 for back in range(10)}
    await database.write(results.add, batch)
    await database.write(results.DAYS.leave, [(day - 9, "a.test"), (day - 1, "a.test")])
    while await database.write(results.sweep, day - 4, 2):
        pass
    found = await database.read(results.summaries, 0)
    assert [one.day for one in found] == [day - back for back in range(5)]
    assert await database.write(results.DAYS.claim, day - 1, "a.test") == 0  # it is not forgotten
    assert await database.write(results.DAYS.claim, day - 9, "a.test") == 1


def test_what_tells_results_apart() -> None:
    assert STS.general == STS
    assert len({STS.digest, PLAIN.digest, FAILED.digest, FAILED.general.digest}) == 4
    assert FAILED.general == Result("no-policy-found", "a.test", result="starttls-not-supported")

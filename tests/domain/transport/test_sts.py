"""Policies are kept until they expire, whatever comes in between."""

from kit.clock import FakeClock
from pillarbox.domain.transport import sts
from pillarbox.domain.transport.sts import Fetched, FetchFailure
from pillarbox.storage.db import Database

DAY_MS = 86_400_000


def fetched(clock: FakeClock, domain: str = "a.test", days: int = 7) -> Fetched:
    now_ms = clock.now_ms()
    return Fetched(domain, "1", "version: STSv1", now_ms + days * DAY_MS, now_ms + DAY_MS)


def failure(clock: FakeClock, text: str = "why") -> FetchFailure:
    return FetchFailure("a.test", "2", "sts-policy-invalid", text, clock.now_ms() + 3_600_000)


async def test_a_policy(database: Database, clock: FakeClock) -> None:
    assert await database.read(sts.get, "a.test") is None
    await database.write(sts.save, fetched(clock))
    first = await database.read(sts.get, "a.test")
    assert first is not None
    assert (first.policy, first.fetched_ms, first.failure) == ("version: STSv1", clock.now_ms(), "")
    clock.advance(hours=1)
    await database.write(sts.fail, failure(clock, "x" * 300))
    after = await database.read(sts.get, "a.test")
    assert after is not None
    assert (after.policy, after.record_id, after.expires_ms) == (
        first.policy,
        "1",
        first.expires_ms,
    )
    assert (after.failed_id, after.failed_ms, after.failure, after.failure_text) == (
        "2",
        clock.now_ms(),
        "sts-policy-invalid",
        "x" * 255,
    )
    await database.write(sts.save, fetched(clock))
    last = await database.read(sts.get, "a.test")
    assert last is not None
    assert (last.failed_id, last.failed_ms, last.failure, last.failure_text) == ("", 0, "", "")
    assert await database.write(sts.remove, "a.test")
    assert not await database.write(sts.remove, "a.test")


async def test_a_failure_without_a_policy(database: Database, clock: FakeClock) -> None:
    await database.write(sts.fail, failure(clock))
    found = await database.read(sts.get, "a.test")
    assert found is not None
    assert (found.policy, found.expires_ms, found.failed_id) == ("", 0, "2")
    clock.advance(days=2)
    assert await database.read(sts.due, 0, 9) == []
    assert await database.write(sts.sweep, clock.now_ms() - DAY_MS) == 1


async def test_what_is_due(database: Database, clock: FakeClock) -> None:
    start_ms = clock.now_ms()
    for number in range(3):
        await database.write(sts.save, fetched(clock, f"{number}.test"))
        clock.advance(hours=1)
    assert await database.read(sts.due, 0, 9) == []
    clock.advance(hours=23)
    assert [one.domain for one in await database.read(sts.due, 0, 2)] == ["0.test", "1.test"]
    assert [one.domain for one in await database.read(sts.due, start_ms, 9)] == ["1.test", "2.test"]
    await database.write(sts.used, "0.test")
    assert len(await database.read(sts.due, start_ms, 9)) == 3


async def test_only_what_has_expired_is_forgotten(database: Database, clock: FakeClock) -> None:
    await database.write(sts.save, fetched(clock, "week.test", 7))
    await database.write(sts.save, fetched(clock, "year.test", 365))
    clock.advance(days=100)
    assert await database.write(sts.sweep, clock.now_ms() - DAY_MS) == 1
    assert await database.read(sts.get, "year.test") is not None

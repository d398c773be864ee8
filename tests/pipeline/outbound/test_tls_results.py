"""Counting in memory: nothing is lost while the database is away, and it stays bounded."""

import pytest

from kit.clock import FakeClock
from pillarbox.base.errors import Unavailable
from pillarbox.domain.report_days import day_of
from pillarbox.domain.transport import results
from pillarbox.domain.transport.results import Result
from pillarbox.pipeline.outbound import tls_results
from pillarbox.pipeline.outbound.tls_results import TlsResults
from pillarbox.storage.db import Database


def _result(host: str) -> Result:
    return Result("sts", "a.test", (), (), "validation-failure", host)


async def test_a_batch(database: Database, clock: FakeClock) -> None:
    counting = TlsResults(database, clock)
    for number in range(1000):
        counting.count(f"d{number % 300}.test", _result("h"))
    await counting.flush()
    await counting.flush()
    found = await database.read(results.summaries, 0, "", 1000)
    assert (len(found), sum(one.sessions for one in found)) == (300, 1000)


async def test_bounds(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_results, "ENTRIES_MAX", 10)
    counting = TlsResults(database, clock)
    for number in range(50):
        counting.count("a.test", _result(f"h{number}"))
    await counting.flush()
    found = await database.read(results.of_day, day_of(clock.now_ms()), "a.test")
    assert len(found) == 11
    assert sum(sessions for _, sessions in found) == 50
    for number in range(50):
        counting.count(f"d{number}.test", _result("h"))
    await counting.flush()
    assert len(await database.read(results.summaries, 0)) == 1 + 20


async def test_the_database_is_away(database: Database, clock: FakeClock) -> None:
    counting = TlsResults(database, clock)
    counting.count("a.test", _result("h"))
    await database.close()
    with pytest.raises(Unavailable):
        await counting.flush()
    with pytest.raises(Unavailable):  # it is still there
        await counting.flush()

"""Hosts that offered TLS are remembered, for a while and not without bounds."""

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from pillarbox.domain.transport import hosts
from pillarbox.domain.transport.tables import tls_hosts
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _count(tx: Tx) -> int:
    return int(tx.select(select(func.count()).select_from(tls_hosts))[0][0])


async def test_a_month(database: Database, clock: FakeClock) -> None:
    assert await database.read(hosts.seen, "a.test") == 0
    first_ms = clock.now_ms()
    await database.write(hosts.remember, ("b.test", "a.test"))
    clock.advance(days=10)
    await database.write(hosts.remember, ("a.test",))
    clock.advance(days=20)
    assert await database.read(hosts.seen, "b.test") == 0
    assert await database.read(hosts.seen, "a.test") == first_ms + 10 * 86_400_000
    clock.advance(seconds=1)
    while await database.write(hosts.sweep):
        pass
    assert await database.read(_count) == 1


async def test_no_more_than_so_many(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "HOSTS_MAX", 20)
    monkeypatch.setattr(hosts, "SWEEP_STEP", 7)
    for number in range(50):
        await database.write(hosts.remember, (f"h{number}.test",))
        clock.advance(seconds=1)
    while await database.write(hosts.sweep):
        pass
    assert await database.read(_count) == 20
    assert await database.read(hosts.seen, "h29.test") == 0
    assert await database.read(hosts.seen, "h30.test") > 0

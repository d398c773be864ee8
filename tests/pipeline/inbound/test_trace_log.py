"""Traces of what never came: written behind the sessions, and before the server ends."""

import asyncio

import pytest

from kit.clock import FakeClock
from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient
from pillarbox.pipeline.inbound import trace_log
from pillarbox.pipeline.inbound.trace_log import TraceLog
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

KEYS = KeyRing({1: bytes(32)})


def trace(ids: IdSource, clock: FakeClock) -> Trace:
    recipients = (TracedRecipient("al@example.test", reply="no"),)
    return Trace(
        public_id("", ids.next()), clock.now_ms(), TracedClient("192.0.2.7"), "a@b.test", recipients
    )


async def kept(database: Database) -> int:
    return len(await database.read(store.latest, KEYS, 5000))


async def test_the_end_waits_for_what_is_being_written(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, log = IdSource(), TraceLog(database, KEYS, pause_s=0.0)
    write, begun = database.write, asyncio.Event()

    async def slowly(*args: object) -> object:
        begun.set()
        await asyncio.sleep(0.05)
        return await write(*args)

    monkeypatch.setattr(database, "write", slowly)
    for _ in range(3):
        log.put(trace(ids, clock))
    await begun.wait()
    log.put(trace(ids, clock))
    await log.close()
    assert await kept(database) == 4


async def test_the_end_does_not_wait_for_the_pause(database: Database, clock: FakeClock) -> None:
    log = TraceLog(database, KEYS, pause_s=60.0)
    log.put(trace(IdSource(), clock))
    async with asyncio.timeout(5):
        await log.close()
    assert await kept(database) == 1


async def test_what_is_too_much_is_not_kept(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_log, "WAITING_MAX", 2)
    ids, log = IdSource(), TraceLog(database, KEYS, pause_s=60.0)
    for _ in range(5):
        log.put(trace(ids, clock))
    await log.close()
    assert await kept(database) == 2

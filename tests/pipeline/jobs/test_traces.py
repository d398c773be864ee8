"""Old traces are forgotten, in steps."""

from kit.clock import FakeClock
from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace, TracedClient
from pillarbox.pipeline.jobs.traces import DAY_MS, TraceUpkeep
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(range(32))})


async def test_they_are_kept_for_so_many_days(database: Database, clock: FakeClock) -> None:
    ids, now_ms = IdSource(), clock.now_ms()
    ages = (0, 29, 31, 31, 32, 60)

    def keep(tx: Tx) -> None:
        for days in ages:
            at_ms = now_ms - days * DAY_MS
            trace = Trace(public_id("", ids.next()), at_ms, TracedClient(), "ann@b.test")
            store.keep(tx, KEYS, store.prepare(KEYS, trace))

    await database.write(keep)
    await TraceUpkeep(database, clock, 30).run()
    left = await database.read(store.find, KEYS, "ann@b.test")
    assert sorted((now_ms - one.at_ms) // DAY_MS for one in left) == [0, 29]

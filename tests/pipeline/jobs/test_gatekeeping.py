"""What the gate and greylisting forget."""

from sqlalchemy import func, select

from kit.clock import FakeClock
from pillarbox.domain.bans import bans
from pillarbox.domain.bans.tables import bans as ban_rows
from pillarbox.domain.greylist import greylist
from pillarbox.domain.greylist.greylist import DAY_MS, Terms, Triplet
from pillarbox.domain.greylist.tables import greylist as triplets
from pillarbox.domain.greylist.tables import greylist_networks as networks
from pillarbox.pipeline.jobs.gatekeeping import GateUpkeep
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

TERMS = Terms(0, DAY_MS, 3)


def fill(tx: Tx) -> None:
    bans.add(tx, "192.0.2.7", 3_600_000)
    bans.add(tx, "192.0.2.8")
    for key in range(2500):
        greylist.note(tx, Triplet(key, key), TERMS)


def counts(tx: Tx) -> list[int]:
    found = [
        tx.select(select(func.count()).select_from(one)) for one in (ban_rows, triplets, networks)
    ]
    return [rows[0][0] for rows in found]


async def test_what_is_over_goes(database: Database, clock: FakeClock) -> None:
    await database.write(fill)
    for _ in range(2):
        await database.write(greylist.note, Triplet(9999, 9999), TERMS)
    assert await database.read(counts) == [2, 2501, 1]
    clock.advance(hours=23)
    await GateUpkeep(database).run()
    assert await database.read(counts) == [1, 2501, 1]
    clock.advance(hours=1)
    await GateUpkeep(database).run()
    assert await database.read(counts) == [1, 2500, 0]
    clock.advance(hours=12)
    await GateUpkeep(database).run()
    assert await database.read(counts) == [1, 0, 0]

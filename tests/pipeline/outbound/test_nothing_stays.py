"""When everything is through and its time is over, neither rows nor files of it are left."""

import os
import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from kit.outbound import DAY_MS, LATER, NOBODY, Post, fails, open_post, says, says_to
from pillarbox.base.errors import Conflict
from pillarbox.domain.mail import sweep
from pillarbox.domain.queue import inspect, steer
from pillarbox.domain.queue.model import Stage, Status
from pillarbox.domain.queue.tables import (
    delivery_log,
    queue_destinations,
    queue_messages,
    queue_recipients,
)
from pillarbox.pipeline.jobs.queue_upkeep import QueueUpkeep
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

MESSAGES = 120
DOMAINS = 7
TABLES = (queue_messages, queue_recipients, queue_destinations, delivery_log, blobs)


@pytest.fixture
def post(database: Database, tmp_path: Path, clock: FakeClock) -> Post:
    return open_post(database, tmp_path, clock)


def rows(tx: Tx) -> dict[str, int]:
    """How many rows each of the tables has."""
    return {
        table.name: int(tx.select(select(func.count()).select_from(table))[0][0])
        for table in TABLES
    }


async def test_nothing_stays(
    post: Post, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    dice = random.Random(4)
    hosts = post.hosts
    hosts.always["mx.d0.test"] = fails()
    hosts.always["mx.d1.test"] = says(LATER, Stage.RCPT)
    hosts.always["mx.d2.test"] = says(NOBODY, Stage.RCPT)
    hosts.always["mx.d3.test"] = says_to({"u1@d3.test": NOBODY})
    queued = []
    for number in range(MESSAGES):
        size = dice.choice((10, 200_000, 3 << 20)) if number % 10 == 0 else 10
        given = {
            f"u{dice.randrange(9)}@d{dice.randrange(DOMAINS)}.test"
            for _ in range(dice.randrange(1, 6))
        }
        content = b"Subject: x\r\n\r\n" + os.urandom(size)
        queued.append(await post.enqueue(*sorted(given), content=content))
    held, *steered = dice.sample(queued, 30)
    await post.database.write(steer.hold, held)
    await post.work()
    for act in (steer.cancel, steer.expire, steer.retry):
        for message in steered[:10]:
            try:
                await post.database.write(act, message)
            except Conflict:
                pass  # it has come to its end
        del steered[:10]
    for _ in range(10):
        clock.advance(hours=24)
        await post.work()
    await post.database.write(steer.release_held, held)
    for _ in range(15):
        clock.advance(hours=24)
        await post.work()
    states = await database.read(inspect.counts)
    assert set(states) == {Status.DELIVERED, Status.FAILED, Status.EXPIRED, Status.CANCELLED}
    needed = {one.id for one in await database.read(inspect.list_of) if one.content_kept}
    assert (await database.read(rows))["blobs"] == len(needed)
    assert len(list((tmp_path / "blobs").glob("??/??/*"))) > 0
    upkeep = QueueUpkeep(database, post.store.blobs, clock)
    await upkeep.run()
    left = await database.read(inspect.counts)
    assert Status.DELIVERED not in left or left[Status.DELIVERED] < states[Status.DELIVERED]
    clock.advance(hours=31 * DAY_MS / 3_600_000)
    await upkeep.run()
    assert await database.read(rows) == {table.name: 0 for table in TABLES}
    assert not list((tmp_path / "blobs").glob("??/??/*"))


async def test_a_removed_message_leaves_nothing(
    post: Post, database: Database, tmp_path: Path
) -> None:
    post.hosts.always["mx.d.test"] = says(LATER, Stage.RCPT)
    message = await post.enqueue("a@d.test", content=os.urandom(3 << 20))
    await post.work()
    gone = await database.write(sweep.remove_queued, post.store.blobs, message)
    assert gone is not None
    post.store.blobs.remove_file(gone)
    found = await database.read(rows)
    assert found.pop("delivery_log") == 1
    assert found.pop("queue_destinations") == 1
    assert set(found.values()) == {0}
    post.clock.advance(hours=1)
    await post.work()
    assert (await database.read(rows))["queue_destinations"] == 0
    assert not list((tmp_path / "blobs").glob("??/??/*"))

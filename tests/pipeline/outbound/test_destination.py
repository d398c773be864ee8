"""One destination: how much goes at once, and what is left when it stops."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from kit.clock import FakeClock
from kit.outbound import Post, fails, open_post
from pillarbox.base.errors import Unavailable
from pillarbox.domain.queue.model import Settlement, Status
from pillarbox.storage.db import Database

MX = "mx.elsewhere.test"


@pytest.fixture
def post(database: Database, tmp_path: Path, clock: FakeClock) -> Post:
    return open_post(database, tmp_path, clock)


async def test_few_at_first_and_never_more_than_allowed(post: Post) -> None:
    post.per_destination = 4
    for number in range(40):
        await post.enqueue(f"u{number}@elsewhere.test")
    post.hosts.gate = asyncio.Event()
    runner = post.runner()
    await runner.look()
    async with asyncio.timeout(20):
        while post.hosts.waiting < 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    assert post.hosts.waiting == 2
    post.hosts.gate.set()
    await runner.idle()
    assert post.hosts.most_at_once <= 4
    assert len(post.hosts.sent) == 40


async def test_failures_narrow_it(post: Post) -> None:
    post.hosts.on(MX, *[fails()] * 2)
    messages = [await post.enqueue(f"u{number}@elsewhere.test") for number in range(10)]
    await post.work()
    states = [(await post.recipient(message)).status for message in messages]
    assert states.count(Status.DELIVERED) == 8


class FullDisk:
    """A database whose disk is full when the first attempt is to be settled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write(self, fn: Callable[..., object], *args: object) -> object:
        settles = any(isinstance(one, Settlement) for one in args)
        if settles and not self.failures:
            self.failures += 1
            raise Unavailable("The disk is full")
        return await self._database.write(fn, *args)


async def test_settles_again_until_it_is_on_disk(post: Post) -> None:
    message = await post.enqueue("ann@elsewhere.test")
    disk = FullDisk(post.database)
    post.database = cast("Database", disk)
    await post.work()
    assert disk.failures == 1
    assert (await post.recipient(message)).status is Status.DELIVERED
    assert len(post.hosts.sent) == 1


async def test_a_queue_grows_while_it_is_sent(post: Post) -> None:
    runner = post.runner()
    running = asyncio.create_task(runner.run())
    try:
        messages = [await post.enqueue(f"u{number}@elsewhere.test") for number in range(100)]
        async with asyncio.timeout(30):
            while len(post.hosts.sent) < 100:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        await runner.idle()
        states = {(await post.recipient(message)).status for message in messages}
        assert states == {Status.DELIVERED}
        assert len(post.hosts.sent) == 100
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

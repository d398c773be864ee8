"""Slots, windows and room for content."""

import asyncio

import pytest

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.model import LeasedMessage
from pillarbox.pipeline.outbound.pace import LARGE_BYTES, Concurrency, Contents, Room, Window


def message(number: int, size_bytes: int = 100) -> LeasedMessage:
    return LeasedMessage(QueueId(number), None, "", size_bytes, 0, ())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Crowd:
    """Tasks that hold a place until they are let go."""

    def __init__(self, pace: Concurrency) -> None:
        self.pace = pace
        self.inside: list[str] = []
        self.gate = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *hosts: str) -> None:
        self.tasks += [asyncio.create_task(self._one(host)) for host in hosts]
        await settle()

    async def _one(self, host: str) -> None:
        async with self.pace.admit("d.test", host):
            self.inside.append(host)
            await self.gate.wait()

    async def end(self) -> None:
        self.gate.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_so_many_to_a_host_and_in_all() -> None:
    crowd = Crowd(Concurrency(2, 5))
    await crowd.come(*["a"] * 4, *["b"] * 4, *["c"] * 4)
    assert sorted(crowd.inside) == ["a", "a", "b", "b", "c"]
    await crowd.end()
    assert len(crowd.inside) == 12
    assert crowd.pace.hosts == {}


async def test_who_gives_up_waiting_blocks_nobody() -> None:
    crowd = Crowd(Concurrency(1, 5))
    await crowd.come("a", "a", "a")
    crowd.tasks[1].cancel()
    await settle()
    await crowd.end()
    assert crowd.inside == ["a", "a"]
    await crowd.come("a")
    assert crowd.inside == ["a", "a", "a"]


async def test_cancelled_in_the_moment_of_its_turn() -> None:
    pace = Concurrency(1, 1)
    first = pace.admit("d.test", "a")
    await first.__aenter__()
    crowd = Crowd(pace)
    await crowd.come("a", "b")
    await first.__aexit__(None, None, None)
    crowd.tasks[0].cancel()
    await crowd.end()
    again = Crowd(pace)
    await again.come("a")
    assert again.inside == ["a"]
    await again.end()


def test_window_grows_with_success() -> None:
    window = Window(4)
    sizes = [window.size]
    for _ in range(4):
        window.grow()
        sizes.append(window.size)
    assert sizes == [2, 3, 4, 4, 4]
    window.shrink()
    window.shrink()
    window.shrink()
    assert window.size == 1


def test_window_stays_at_one_on_trial() -> None:
    window = Window(10, alone=True)
    window.grow()
    assert window.size == 1
    window.alone = False
    window.grow()
    assert window.size == 2


async def test_room_is_given_in_order_and_to_the_oversized_alone() -> None:
    room = Room(100)
    await room.take(60)
    order: list[int] = []

    async def want(size: int) -> None:
        await room.take(size)
        order.append(size)

    tasks = [asyncio.create_task(want(size)) for size in (1000, 10)]
    await settle()
    assert order == []  # the small one waits behind the large one, which so gets its turn
    room.give(60)
    await settle()
    assert order == [1000]
    room.give(1000)
    await asyncio.gather(*tasks)
    assert room.used_bytes == 10
    room.give(10)
    assert room.used_bytes == 0


async def test_room_of_the_cancelled_is_free() -> None:
    room = Room(100)
    await room.take(100)
    waiting = asyncio.create_task(room.take(50))
    await settle()
    room.give(100)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert room.used_bytes == 0


async def test_content_is_opened_once_for_all_who_hold_it() -> None:
    opened: list[int] = []

    async def load(one: LeasedMessage) -> bytes:
        opened.append(one.id)
        await asyncio.sleep(0)
        return b"content"

    contents = Contents(load, 1 << 20)

    async def use() -> bytes:
        async with contents.hold(message(1)) as content:
            return await content.get()

    assert await asyncio.gather(*(use() for _ in range(5))) == [b"content"] * 5
    assert opened == [1]
    await use()
    assert opened == [1, 1]  # it is kept for nobody


async def test_large_content_is_opened_one_at_a_time() -> None:
    now = most = 0

    async def load(one: LeasedMessage) -> bytes:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await settle()
        now -= 1
        return b""

    contents = Contents(load, 100 * LARGE_BYTES)

    async def use(number: int) -> None:
        async with contents.hold(message(number, LARGE_BYTES)) as content:
            await content.get()

    await asyncio.gather(*(use(number) for number in range(5)))
    assert most == 1


async def test_content_that_can_not_be_opened_may_be_tried_again() -> None:
    tries = 0

    async def load(one: LeasedMessage) -> bytes:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable("not now")
        return b"content"

    contents = Contents(load, 4000)
    async with contents.hold(message(1)) as content:
        with pytest.raises(Unavailable):
            await content.get()
        assert await content.get() == b"content"


async def test_the_slow_make_room_where_others_wait() -> None:
    crowd = Crowd(Concurrency(2, 2, slow_s=0.05))
    await crowd.come("a", "b", "c")
    assert crowd.inside == ["a", "b"]
    async with asyncio.timeout(5):
        while len(crowd.inside) < 3:  # noqa: ASYNC110 - time is what it is about
            await asyncio.sleep(0.01)
    await crowd.come(*"defghijklmnop")
    async with asyncio.timeout(5):
        while len(crowd.inside) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert len(crowd.inside) == 10  # two, and four times as many slow ones
    await crowd.end()
    assert len(crowd.inside) == 16
    assert crowd.pace.hosts == {}
    again = Crowd(crowd.pace)
    await again.come("a", "b", "c")
    assert again.inside == ["a", "b"]
    await again.end()


async def test_small_content_does_not_wait_for_large() -> None:
    async def load(one: LeasedMessage) -> bytes:
        return b"content"

    contents = Contents(load, 4 * LARGE_BYTES)
    async with contents.hold(message(1, 4 * LARGE_BYTES)):
        waiting = asyncio.create_task(contents.hold(message(2, LARGE_BYTES)).__aenter__())
        await settle()
        assert not waiting.done()
        async with asyncio.timeout(5), contents.hold(message(3)), contents.hold(message(4, 99_999)):
            pass
    await waiting

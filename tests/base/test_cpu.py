import asyncio
import threading

import pytest

from pillarbox.base.cpu import Cpu, Line
from pillarbox.base.errors import Busy


async def test_a_line_has_an_end() -> None:
    line = Line(1, 1)
    done = asyncio.Event()
    order: list[int] = []

    async def stand(number: int) -> None:
        async with line:
            order.append(number)
            await done.wait()

    first = asyncio.create_task(stand(1))
    await asyncio.sleep(0)
    second = asyncio.create_task(stand(2))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await stand(3)
    done.set()
    await asyncio.gather(first, second)
    assert order == [1, 2]
    async with line:
        pass


async def test_who_gives_up_leaves_room() -> None:
    line = Line(1, 1)
    async with line:
        waiting = asyncio.ensure_future(line.__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        again = asyncio.ensure_future(line.__aenter__())
        await asyncio.sleep(0)
    await again
    await line.__aexit__(None, None, None)


async def test_work_is_done_in_threads() -> None:
    cpu = Cpu(2, 2)
    try:
        assert await cpu.run(max, 1, 2) == 2
        assert await cpu.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await cpu.run(divmod, 1, 0)
    finally:
        cpu.close()

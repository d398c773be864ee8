"""Bounded places for work that takes long: so many at once, so many in the line, the rest refused.

`Line` is the waiting line alone, `Cpu` the threads for work that holds a processor: password
hashes, signatures, large MIME. Made in `app/compose`; never called inside a transaction.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar, TypeVarTuple

from pillarbox.base.errors import Busy

Ts = TypeVarTuple("Ts")
R = TypeVar("R")


class Line:
    """`async with line:` waits for one of `at_once` places; `Busy` if `waiting` others wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._waiting_max = waiting
        self._waiting = 0

    async def __aenter__(self) -> None:
        if self._places.locked() and self._waiting >= self._waiting_max:
            raise Busy("The server is busy; try again later", "the waiting line is full")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._places.release()


class Cpu:
    """Threads for work that holds a processor; the libraries called let go of Python's lock."""

    def __init__(self, threads: int, waiting: int) -> None:
        """At most `threads` calls run at once and `waiting` more may wait."""
        self._line = Line(threads, waiting)
        self._pool = ThreadPoolExecutor(threads, "cpu")

    async def run(self, function: Callable[[*Ts], R], *args: *Ts) -> R:
        """Run `function` in a thread; `Busy` if too many wait already.

        A caller that is cancelled gives up the result; the work itself is done to its end.
        """
        async with self._line:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    def close(self) -> None:
        """Let the threads end; work that has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

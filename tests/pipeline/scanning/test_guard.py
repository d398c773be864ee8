"""A daemon that fails delays nobody for long, and is left alone for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kit.clock import FakeClock
from kit.peers import until
from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions

OPTIONS = GuardOptions(timeout_s=5, at_once=2, waiting=1, failures=2, pause_ms=30_000)


class Daemon:
    """Fails while it is broken; `calls` counts what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls = 0

    async def answer(self) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return "fine"


def guard(clock: FakeClock, options: GuardOptions = OPTIONS) -> Guard:
    return Guard("a daemon", options, clock)


async def refused(call: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Unavailable) as raised:
        await call()
    assert raised.value.temporary
    return raised.value.cause or ""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError("nobody there"), "nobody there"),
        (GrammarError("what is this"), "what is this"),
        (Unavailable("", "status 500"), "status 500"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
async def test_failures_are_one_kind(clock: FakeClock, error: Exception, says: str) -> None:
    daemon = Daemon(error)
    assert await refused(lambda: guard(clock).call(daemon.answer)) == f"a daemon: {says}"


async def test_a_fault_of_ours_is_not_hidden(clock: FakeClock) -> None:
    with pytest.raises(KeyError):
        await guard(clock).call(Daemon(KeyError("x")).answer)


async def test_left_alone_after_failures_in_a_row(clock: FakeClock) -> None:
    one, daemon = guard(clock), Daemon(OSError("broken"))
    await refused(lambda: one.call(daemon.answer))
    daemon.error = None
    assert await one.call(daemon.answer) == "fine"  # not in a row
    daemon.error = OSError("broken")
    for _ in range(2):
        await refused(lambda: one.call(daemon.answer))
    assert daemon.calls == 4
    assert "left alone" in await refused(lambda: one.call(daemon.answer))
    clock.advance(seconds=29)
    await refused(lambda: one.call(daemon.answer))
    assert daemon.calls == 4


async def test_one_tries_and_frees_the_others(clock: FakeClock) -> None:
    one, daemon = guard(clock), Daemon(OSError("broken"))
    for _ in range(2):
        await refused(lambda: one.call(daemon.answer))
    clock.advance(seconds=31)
    go = asyncio.Event()

    async def slow() -> str:
        await go.wait()
        return await daemon.answer()

    trial = asyncio.create_task(one.call(slow))
    await asyncio.sleep(0)
    assert "left alone" in await refused(lambda: one.call(daemon.answer))
    daemon.error = None
    go.set()
    assert await trial == "fine"
    assert await one.call(daemon.answer) == "fine"


async def test_a_trial_that_fails_pauses_again(clock: FakeClock) -> None:
    one, daemon = guard(clock), Daemon(OSError("broken"))
    for _ in range(2):
        await refused(lambda: one.call(daemon.answer))
    clock.advance(seconds=31)
    assert "broken" in await refused(lambda: one.call(daemon.answer))
    assert "left alone" in await refused(lambda: one.call(daemon.answer))
    assert daemon.calls == 3


async def test_a_clock_set_back_closes_nothing_for_long(clock: FakeClock) -> None:
    one, daemon = guard(clock), Daemon(OSError("broken"))
    for _ in range(2):
        await refused(lambda: one.call(daemon.answer))
    daemon.error = None
    clock.advance(days=-1)
    assert await one.call(daemon.answer) == "fine"


async def test_time_in_the_line_counts_and_blames_nobody(clock: FakeClock) -> None:
    one = guard(clock, GuardOptions(timeout_s=0.05, at_once=1, waiting=5, failures=1))
    held, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        held.set()
        await release.wait()

    patient = Guard("a daemon", GuardOptions(timeout_s=60, at_once=1, failures=1), clock)
    one._line = patient._line  # the same places, with another patience
    task = asyncio.create_task(patient.call(hold))
    await held.wait()
    daemon = Daemon()
    assert "no answer within" in await refused(lambda: one.call(daemon.answer))
    assert daemon.calls == 0
    release.set()
    await task
    assert await one.call(daemon.answer) == "fine"


async def test_the_line_is_bounded(clock: FakeClock) -> None:
    one, release = guard(clock), asyncio.Event()
    running = 0

    async def hold() -> None:
        nonlocal running
        running += 1
        await release.wait()

    tasks = [asyncio.create_task(one.call(hold)) for _ in range(3)]
    await until(lambda: running == 2)
    assert "too many" in await refused(lambda: one.call(hold))
    release.set()
    await asyncio.gather(*tasks)
    assert running == 3

"""A clock that tests move."""

import asyncio
from datetime import UTC, datetime, timedelta

from pillarbox.base.clock import to_ms


class FakeClock:
    """Stands still until it is told to move on."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, 12, tzinfo=UTC)
        self._waiting: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def now_ms(self) -> int:
        return to_ms(self._now)

    def advance(self, **how_far: float) -> None:
        """Move on, by the arguments of a `timedelta`."""
        self._now += timedelta(**how_far)
        for until, passed in self._waiting:
            if until <= self._now:
                passed.set()

    async def passes(self, wait_s: float) -> None:
        """Wait until the test has moved the clock on so far."""
        passed = asyncio.Event()
        waiting = (self._now + timedelta(seconds=wait_s), passed)
        self._waiting.append(waiting)
        try:
            await passed.wait()
        finally:
            self._waiting.remove(waiting)

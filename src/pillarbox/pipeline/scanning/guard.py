"""What every call to a daemon is bounded by: places, time, and a circuit breaker.

One guard for each daemon and process. Called by the clients beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Line
from pillarbox.base.errors import Busy, GrammarError, Unavailable
from pillarbox.base.log import logger
from pillarbox.net.http_exchange import HttpFailure

R = TypeVar("R")

_log = logger("scanning")


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """`timeout_s` is for one call with its time in the line, of which `waiting` may stand in it.

    After so many `failures` in a row nothing is tried for `pause_ms`, then one call at a time until
    one succeeds.
    """

    timeout_s: float = 30.0
    at_once: int = 10
    waiting: int = 200
    failures: int = 3
    pause_ms: int = 30_000


class Guard:
    """Bounds the calls to one daemon; `name` is what the log and people call it."""

    def __init__(self, name: str, options: GuardOptions, clock: Clock) -> None:
        self.name = name
        self.options = options
        self._clock = clock
        self._line = Line(options.at_once, options.waiting)
        self._failures = 0
        self._left_alone_ms = 0
        """Until then nothing is tried; 0 while all is well."""

    async def call(self, work: Callable[[], Awaitable[R]]) -> R:
        """What `work` gives; `Unavailable` where it fails, takes too long, or is not tried."""
        self._admit()
        begun = False
        try:
            async with asyncio.timeout(self.options.timeout_s), self._line:
                begun = True
                result = await work()
        except Busy as error:
            raise self._unavailable("too many messages wait for it") from error
        except TimeoutError as error:
            why = f"no answer within {self.options.timeout_s:g} s"
            if begun:
                self._failed(why)
            raise self._unavailable(why) from error
        except (OSError, GrammarError, HttpFailure, Unavailable) as error:
            cause = error.cause if isinstance(error, Unavailable) else None
            why = cause or str(error) or type(error).__name__
            self._failed(why)
            raise self._unavailable(why) from error
        self._succeeded()
        return result

    def _admit(self) -> None:
        if not self._left_alone_ms:
            return
        now_ms, pause_ms = self._clock.now_ms(), self.options.pause_ms
        if 0 < self._left_alone_ms - now_ms <= pause_ms:
            raise self._unavailable("it failed before and is left alone for a while")
        self._left_alone_ms = now_ms + pause_ms  # one is tried; the others wait for what it shows

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures < self.options.failures:
            return
        if not self._left_alone_ms:
            _log.warning("left alone for a while", daemon=self.name, reason=why)
        self._left_alone_ms = self._clock.now_ms() + self.options.pause_ms

    def _succeeded(self) -> None:
        if self._left_alone_ms:
            _log.info("works again", daemon=self.name)
        self._failures = self._left_alone_ms = 0

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable("Mail can't be scanned now; try again later", f"{self.name}: {why}")

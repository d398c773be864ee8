"""A unit of work: one function to run in a transaction, and who waits for its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pillarbox.base.errors import Conflict, Failure
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.tx import Tx

MAX_TRIES = 6


@dataclass(slots=True, eq=False)
class Unit:
    """A call that waits for its turn in a transaction, and then its outcome."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    hints: list[str] = field(default_factory=list)
    tries: int = 0

    def run(self, tx: Tx) -> None:
        """Run the function; its hints are kept for after the commit."""
        tx.hints = []
        self.result = self.function(tx, *self.args)
        self.hints = tx.hints

    def fail(self, error: BaseException, dialect: Dialect) -> None:
        """Record why the unit did not happen, in words for its caller."""
        self.hints = []
        self.error = error
        if isinstance(error, Exception) and self.tries >= MAX_TRIES and dialect.retryable(error):
            self.error = Conflict("Others changed the same thing; try again", str(error))
            self.error.__cause__ = error
            self.error.temporary = True  # unlike for who has read what is gone: nothing was done
            return
        if isinstance(error, Exception) and not isinstance(error, Failure):
            failure = dialect.failure(error)
            if failure is not None:
                failure.__cause__ = error
                self.error = failure


class Settler:
    """Hands outcomes back to the event loop, a batch at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, publish: Callable[[str], None]) -> None:
        self._loop = loop
        self._publish = publish

    def settle(self, units: Sequence[Unit]) -> None:
        """Called from a database thread once the units are on disk, or have failed."""
        try:
            self._loop.call_soon_threadsafe(self._resolve, units)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _resolve(self, units: Sequence[Unit]) -> None:
        for unit in units:
            if unit.future.done():
                continue
            if unit.error is not None:
                unit.future.set_exception(unit.error)
            else:
                unit.future.set_result(unit.result)
        for hint in dict.fromkeys(hint for unit in units for hint in unit.hints):
            self._publish(hint)

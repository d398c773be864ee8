"""How far a long command is: told to the client while it runs (RFC 9585).

`conversation` puts it around the commands of those who are logged in; searches say how far they
are. It also ends searches whose client has left.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol

from pillarbox.wire.imap.respond.replies import in_progress_code, status_response

_LOOK_EVERY_S = 1.0


class Waiting(Protocol):
    """The client that waits, as its session knows it."""

    tag: str

    @property
    def lost(self) -> bool:
        """Whether the client has left."""
        ...

    def interject(self, line: bytes) -> bool:
        """Send a response at once; `False` where that is not possible now."""
        ...


class Progress:
    """The command that runs: `with session.progress:` around it."""

    __slots__ = ("_done", "_every_s", "_left_s", "_lost", "_session", "_timer")

    def __init__(self, session: Waiting, every_s: float) -> None:
        self._session = session
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None
        self._done: tuple[int, int] | None = None
        self._left_s = 0.0
        self._lost = False

    def tell(self, done: int, total: int) -> None:
        """So many of so many messages have been looked at; called from any thread."""
        self._done = (min(done, total), total)

    def is_wanted(self) -> bool:
        """Whether somebody waits for the answer; called from any thread."""
        return not self._lost

    def tell_or_end(self, done: int, total: int) -> None:
        """The same, and `ConnectionResetError` where nobody waits for the answer any more."""
        self.tell(done, total)
        if self._lost:
            raise ConnectionResetError("the client left")

    def __enter__(self) -> Progress:
        self._done = None
        self._left_s = self._every_s
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        wait_s = min(_LOOK_EVERY_S, self._left_s)
        self._left_s -= wait_s
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _look(self) -> None:
        session = self._session
        self._lost = session.lost
        if self._lost:
            return
        if self._left_s <= 0:
            done, total = self._done or (None, None)
            code = in_progress_code(session.tag, done, total)
            if session.interject(status_response("OK", "Still at it", code=code)):
                self._left_s = self._every_s
            else:
                self._left_s = _LOOK_EVERY_S
        self._wait()

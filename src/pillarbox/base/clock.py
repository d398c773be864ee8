"""Time: the one clock interface, and how instants are kept in the database."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """Where the time comes from; tests bring their own."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...

    def now_ms(self) -> int:
        """The current instant in milliseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch of an aware instant."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC instant of milliseconds since the epoch."""
    return _EPOCH + milliseconds * _MILLISECOND

"""When a recipient is tried again, when its sender hears that it takes long, and when it is over.

Called by `attempt`. Instants are milliseconds since the epoch.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LADDER_MS = (
    *(minutes * MINUTE_MS for minutes in (5, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 4, 8, 16, 24)),
)
JITTER = 0.1
_SOON_MS = MINUTE_MS


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """`retry_ms`: how long after each failed attempt, the last one again and again.

    `delay_notice_ms` is after how long senders are told of a delay; 0: never. `max_age_ms` is for
    how long delivery is tried.
    """

    retry_ms: tuple[int, ...] = LADDER_MS
    delay_notice_ms: int = 4 * HOUR_MS
    max_age_ms: int = 168 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Deferral:
    """What follows a temporary failure; without `next_attempt_ms` the time is up."""

    next_attempt_ms: int | None
    delay_told: bool = False


class Schedule:
    """Plans attempts; those that failed together are not tried together again."""

    def __init__(
        self,
        options: ScheduleOptions,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`spread` draws a number between two."""
        self._options = options
        self._spread = spread

    def deferral(
        self, message: LeasedMessage, recipient: LeasedRecipient, now_ms: int, *, tell: bool
    ) -> Deferral:
        """What to do with a recipient that could not be served now.

        `tell` says whether the sender wants to know of delays.
        """
        if now_ms >= recipient.expires_ms:
            return Deferral(None)
        ladder = self._options.retry_ms
        pause_ms = ladder[min(recipient.attempts, len(ladder) - 1)]
        next_ms = now_ms + round(pause_ms * self._spread(1 - JITTER, 1 + JITTER))
        notice_ms = self._notice_ms(message, recipient) if tell else None
        told = notice_ms is not None and now_ms >= notice_ms
        if notice_ms is not None and not told:
            # An attempt in time, so that nobody hears of a delay that is over.
            next_ms = min(next_ms, max(notice_ms, now_ms + _SOON_MS))
        return Deferral(min(next_ms, recipient.expires_ms), told)

    def _notice_ms(self, message: LeasedMessage, recipient: LeasedRecipient) -> int | None:
        """When the sender is to be told; `None` if that was done, or is not wanted."""
        if recipient.delay_told_ms is not None:
            return None
        if recipient.notify_delay_ms is not None:
            return recipient.notify_delay_ms
        after_ms = self._options.delay_notice_ms
        if not after_ms:
            return None
        # What was held came into the queue long before anything was tried.
        return max(message.created_ms, recipient.expires_ms - self._options.max_age_ms) + after_ms

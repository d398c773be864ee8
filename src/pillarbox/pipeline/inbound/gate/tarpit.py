"""How long clients are kept waiting who do what junk mailers do.

Delays are numbers here; `protocols/smtp` does the waiting. What all clients together can hold up is
bounded: each delay, the delays of a session, and the sessions that wait at once.
"""

import heapq
from dataclasses import dataclass

FREE_LEVEL = 3
"""So many errors anyone may make."""
FIRST_S = 0.5
_STEPS_MAX = 16


@dataclass(frozen=True, slots=True)
class TarpitOptions:
    """The longest delay of a reply and of a session, and how many wait at once; 0: nobody does."""

    longest_s: float = 10.0
    session_s: float = 60.0
    at_once: int = 100


class Tarpit:
    """Which delays there are now in a process."""

    def __init__(self, options: TarpitOptions) -> None:
        self.options = options
        self._ends_ms: list[int] = []

    def delay_s(self, level: int, spent_s: float, now_ms: int) -> float:
        """The delay of one reply, 0 for none; `level` counts errors, `spent_s` earlier delays."""
        options = self.options
        if level < FREE_LEVEL:
            return 0.0
        wanted_s = FIRST_S * 2.0 ** min(level - FREE_LEVEL, _STEPS_MAX)
        delay_s = min(wanted_s, options.longest_s, options.session_s - spent_s)
        if delay_s <= 0 or self.waiting(now_ms) >= options.at_once:
            return 0.0
        heapq.heappush(self._ends_ms, now_ms + int(delay_s * 1000))
        return delay_s

    def waiting(self, now_ms: int) -> int:
        """How many wait now."""
        while self._ends_ms and self._ends_ms[0] <= now_ms:
            heapq.heappop(self._ends_ms)
        return len(self._ends_ms)

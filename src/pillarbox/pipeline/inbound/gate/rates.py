"""Counting in memory how often something came within a time, for very many at once."""

from collections import OrderedDict
from collections.abc import Hashable

KEYS_MAX = 50_000


class Windows:
    """Counters that begin with their first hit and end by themselves.

    For one process each. Of more than `keys_max` those that were hit longest ago are forgotten.
    """

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._counts: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def hit(self, key: Hashable, window_ms: int, now_ms: int) -> int:
        """Count one more; gives how many there are within the window."""
        hits, ends_ms = self._counts.get(key, (0, 0))
        # A clock that was set back must not make a window longer.
        if not now_ms < ends_ms <= now_ms + window_ms:
            hits, ends_ms = 0, now_ms + window_ms
        self._counts[key] = (hits + 1, ends_ms)
        self._counts.move_to_end(key)
        if len(self._counts) > self._keys_max:
            self._counts.popitem(last=False)
        return hits + 1

    def count(self, key: Hashable, now_ms: int) -> int:
        """How many there are within the window that runs."""
        hits, ends_ms = self._counts.get(key, (0, 0))
        return hits if now_ms < ends_ms else 0

"""A cache bounded by the bytes it holds; what was not used for longest goes first.

Safe to use from any thread. For values that never change: there is no way to replace one.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any


class ByteCache:
    """Keeps values of at most `limit_bytes` altogether."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        """What the values were said to take."""
        return self._held_bytes

    def get(self, key: Hashable) -> Any:
        """The value of a key, or `None`."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keep a value that takes so many bytes; one over a quarter of the limit is not kept."""
        if size_bytes > self._limit_bytes // 4:
            return
        with self._lock:
            if key in self._values:
                return
            self._values[key] = (value, size_bytes)
            self._held_bytes += size_bytes
            while self._held_bytes > self._limit_bytes:
                _, (_, freed) = self._values.popitem(last=False)
                self._held_bytes -= freed

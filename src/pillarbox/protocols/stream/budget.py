"""How much memory incoming content may take in a process.

One object per process, made in `app/compose` and shared by the sessions of every protocol. Counts
bytes that are here, not bytes that are announced.
"""

IN_FLIGHT_BYTES = 256 * 1024 * 1024


class InFlight:
    """How many bytes of messages a process holds in memory while they arrive.

    Shared by all sessions of a process, so that many large messages at once are put off instead
    of filling the memory.
    """

    __slots__ = ("_limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int = IN_FLIGHT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self.used_bytes = 0

    @property
    def room_bytes(self) -> int:
        """What could be reserved now."""
        return self._limit_bytes - self.used_bytes

    def reserve(self, size_bytes: int) -> bool:
        """Take room for so many bytes more; false, and nothing taken, if there is none."""
        if self.used_bytes + size_bytes > self._limit_bytes:
            return False
        self.used_bytes += size_bytes
        return True

    def release(self, size_bytes: int) -> None:
        """Give room back."""
        self.used_bytes -= size_bytes

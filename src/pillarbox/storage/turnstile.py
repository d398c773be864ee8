"""Turns at writing one SQLite file, for the writers of several processes.

SQLite's own busy handler sleeps and polls: with several busy writers some starve for seconds. Two
lock files give a fair queue: a writer passes the door only while it waits for the room, so whoever
just left the room has to queue again behind those who stand at the door. Locks of a killed process
are gone at once.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType


class Turnstile:
    """A lock between processes, fair under load; used by one thread of each process."""

    def __init__(self, path: Path) -> None:
        """`path` is the lock files' common name; they are made next to the database."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._door = os.open(path.with_name(path.name + "-door"), flags, 0o600)
        self._room = os.open(path.with_name(path.name + "-room"), flags, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock files."""
        os.close(self._door)
        os.close(self._room)

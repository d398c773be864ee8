"""In which country an address is, by a MaxMind database that the admin supplies.

The file is read into memory, and again once it has changed; what is wrong with it is logged, and
then nobody is said to be anywhere. Used by `pipeline/inbound/gate`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.base.log import logger

if TYPE_CHECKING:
    from maxminddb.reader import Reader

LOOK_EVERY_S = 30.0
FILE_MAX_BYTES = 512 << 20
UNKNOWN = ""

_log = logger("geo")


class GeoDatabase:
    """Countries of addresses; `refresh` before `country`."""

    def __init__(self, path: Path, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now_s = now_s
        self._reader: Reader | None = None
        self._version: tuple[int, int] | None = None
        self._look_at_s = 0.0
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the file if it is new; looks at it twice a minute at most."""
        if self._now_s() < self._look_at_s:
            return
        async with self._lock:
            if self._now_s() >= self._look_at_s:
                await asyncio.to_thread(self._look)
                self._look_at_s = self._now_s() + LOOK_EVERY_S

    def country(self, ip: str) -> str:
        """The country's code of two capital letters; empty where it is not known."""
        if self._reader is None:
            return UNKNOWN
        try:
            record = self._reader.get(ip)
        except Exception as error:  # whatever a damaged file leads to
            _log.warning("the geo database is damaged", path=str(self._path), why=repr(error))
            self._reader = None
            return UNKNOWN
        if not isinstance(record, Mapping):
            return UNKNOWN
        for name in ("country", "registered_country"):
            found = record.get(name)
            if isinstance(found, Mapping) and isinstance(code := found.get("iso_code"), str):
                return code.upper()
        return UNKNOWN

    def _look(self) -> None:
        """Read the file, in a thread; one that is no good leaves what was read before."""
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_size)
            if version == self._version:
                return
            self._version = version
            if found.st_size > FILE_MAX_BYTES:
                raise ValueError(f"it is larger than {FILE_MAX_BYTES >> 20} MiB")
            self._reader = _opened(self._path)
        except Exception as error:  # the file is not ours: anything may be wrong with it
            _log.warning("the geo database can't be read", path=str(self._path), why=repr(error))
        else:
            _log.info("geo database read", path=str(self._path))


def _opened(path: Path) -> "Reader":
    import maxminddb
    from maxminddb.reader import Reader

    # The file's own code in C maps it, and a mapped file that somebody overwrites ends the process.
    return Reader(path, maxminddb.MODE_MEMORY)

"""The directory of a compound file (MS-CFB), the container of old office documents and of MSI.

Own code, since it takes two tables of numbers and needs limits: chains may run in circles. Reads
names, sizes and class ids, and the beginning of a stream.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from pillarbox.base.errors import GrammarError

ENTRIES_MAX = 4096
TABLES_MAX = 4096
"""Sectors of the allocation table that are looked at: 256 MiB of file with small sectors."""
_FREE = 0xFFFFFFFA
_HEADER_BYTES = 512
_ENTRY_BYTES = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """A storage or stream; `kind` is 1 for a storage, 2 for a stream, 5 for the root."""

    name: str
    kind: int
    class_id: bytes
    start: int
    size_bytes: int


class Compound:
    """Reads a compound file; raises `GrammarError` if it is none."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER_BYTES or data[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            raise GrammarError("not a compound file")
        shift = unpack_from("<H", data, 30)[0]
        if shift not in (9, 12):
            raise GrammarError("odd sectors", 30)
        self._data = data
        self._sector_bytes = 1 << shift
        self._directory: int = unpack_from("<I", data, 48)[0]
        self._smallest: int = unpack_from("<I", data, 56)[0]
        self._tables = self._read_tables()

    def entries(self) -> list[Entry]:
        """Everything in the directory, in the order of the file, at most `ENTRIES_MAX`."""
        found: list[Entry] = []
        most = ENTRIES_MAX * _ENTRY_BYTES // self._sector_bytes
        for sector in self._chain(self._directory, most):
            for at in range(0, len(sector) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                raw = sector[at : at + _ENTRY_BYTES]
                if raw[66] in (1, 2, 5):
                    length = max(0, min(64, unpack_from("<H", raw, 64)[0]) - 2)
                    name = raw[:length].decode("utf-16-le", "replace")
                    start, size = unpack_from("<II", raw, 116)
                    found.append(Entry(name, raw[66], raw[80:96], start, size))
        return found

    def head(self, entry: Entry, most_bytes: int) -> bytes:
        """The beginning of a stream; nothing of small ones, which lie inside of another."""
        if entry.kind != 2 or entry.size_bytes < self._smallest:
            return b""
        most = most_bytes // self._sector_bytes + 1
        return b"".join(self._chain(entry.start, most))[: min(most_bytes, entry.size_bytes)]

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._sector_bytes
        return self._data[at : at + self._sector_bytes]

    def _chain(self, number: int, most: int) -> Iterator[bytes]:
        for _ in range(most):
            if number >= _FREE or not (sector := self._sector(number)):
                return
            yield sector
            number = self._next(number)

    def _next(self, number: int) -> int:
        each = self._sector_bytes // 4
        table, at = divmod(number, each)
        if table >= len(self._tables):
            return _FREE
        place = (self._tables[table] + 1) * self._sector_bytes + at * 4
        if place + 4 > len(self._data):
            return _FREE
        return int(unpack_from("<I", self._data, place)[0])

    def _read_tables(self) -> list[int]:
        """The sectors of the allocation table: 109 in the header, others in a chain."""
        found = list(unpack_from("<109I", self._data, 76))
        number = unpack_from("<I", self._data, 68)[0]
        each = self._sector_bytes // 4
        while number < _FREE and len(found) < TABLES_MAX:
            sector = self._sector(number)
            if len(sector) < self._sector_bytes:
                break
            numbers = unpack_from(f"<{each}I", sector)
            found.extend(numbers[:-1])
            number = numbers[-1]
        return found

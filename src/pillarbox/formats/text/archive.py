"""Files in a zip archive that somebody else made, read with limits.

Bounds the number of files, what they expand to and how much they expand; only stored and deflated
files are read. Called by `office`; calls the standard library's zipfile.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO

from pillarbox.base.errors import TooLarge

ENTRIES_MAX = 20_000
EXPANDED_MAX = 96 << 20
"""Bytes read of one archive, all files together."""
RATIO_MAX = 300
RATIO_FREE_BYTES = 8 << 20
"""Files that expand to no more than this may be packed as tightly as they like."""
_PIECE_BYTES = 256 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


class Archive:
    """Reads files one after the other; raises `TooLarge` when they are more than is allowed.

    Other damage raises `zipfile.BadZipFile`, `zlib.error`, `EOFError` or `ValueError`.
    """

    def __init__(self, data: bytes) -> None:
        # Each entry takes 46 bytes in the directory: count before the library makes objects.
        if data.count(b"PK\x01\x02") > ENTRIES_MAX:
            raise TooLarge("An archive with too many files")
        self._zip = zipfile.ZipFile(BytesIO(data))
        self._left = EXPANDED_MAX
        self._entries = {entry.filename: entry for entry in self._zip.infolist()}

    @property
    def names(self) -> list[str]:
        """The names of the files, in the order of the archive."""
        return list(self._entries)

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """The directory of the archive, where one name may stand several times."""
        return self._zip.infolist()

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a file in pieces; nothing if it is encrypted or packed in a rare way."""
        entry = self._entries[name]
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            return
        read_bytes = 0
        most = max(RATIO_FREE_BYTES, entry.compress_size * RATIO_MAX)
        with self._zip.open(entry) as file:
            while piece := file.read(_PIECE_BYTES):
                read_bytes += len(piece)
                self._left -= len(piece)
                if self._left < 0 or read_bytes > most:
                    raise TooLarge("An archive that expands too much")
                yield piece

"""Packed files that carry reports, with limits on what they expand to."""

import zipfile
import zlib

from pillarbox.base.errors import GrammarError, TooLarge
from pillarbox.formats.text.archive import Archive

MAX_PACKED_BYTES = 2 << 20
MAX_PLAIN_BYTES = 8 << 20
"""What a report may be, packed and not."""

GZIP_MARK = b"\x1f\x8b"
ZIP_MARK = b"PK\x03\x04"
_NAMES_MAX = 20
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    TooLarge,
)


def unpack(content: bytes, most: int = MAX_PLAIN_BYTES) -> bytes:
    """What is in a gzip file; `GrammarError` where it is none, or holds more than `most` bytes."""
    if len(content) > MAX_PACKED_BYTES:
        raise GrammarError("a report that is too large")
    machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = machine.decompress(content, most + 1)
    except zlib.error as error:
        raise GrammarError(f"no gzip file: {error}") from error
    if len(found) > most:
        raise GrammarError("a report that is too large")
    if not machine.eof:
        raise GrammarError("a gzip file that is cut off")
    return found


def unzip(content: bytes, most: int, ending: str) -> bytes:
    """The first file of that ending in a zip archive, else its first; `GrammarError` as above."""
    if len(content) > MAX_PACKED_BYTES:
        raise GrammarError("a report that is too large")
    try:
        archive = Archive(content)
        names = [name for name in archive.names[:_NAMES_MAX] if not name.endswith("/")]
        if not names:
            raise GrammarError("an archive without a file")
        name = next((one for one in names if one.lower().endswith(ending)), names[0])
        found = bytearray()
        for piece in archive.read(name):
            found += piece
            if len(found) > most:
                raise GrammarError("a report that is too large")
    except _DAMAGE as error:
        raise GrammarError(f"no zip file that can be read: {error}") from error
    return bytes(found)


def pack(content: bytes) -> bytes:
    """A gzip file that is the same whenever it is made of the same."""
    machine = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return machine.compress(content) + machine.flush()

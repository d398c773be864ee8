"""The files inside an archive, with limits on their number, size and how much they expand.

Zip by `formats/text/archive`, tar by its headers, gzip, bzip2 and xz by the standard library; of
other archives only what stands in clear (`rar`). Nothing is expanded further than is looked at.
"""

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pillarbox.base.errors import TooLarge
from pillarbox.formats.attachment.found import Budget, Trait
from pillarbox.formats.text.archive import Archive

NAMES_MAX = 2000
"""Files of one archive whose names are looked at."""
MEMBER_BYTES = 8 << 20
HEAD_BYTES = 256 * 1024
RATIO = 300
BOMB_BYTES = 32 << 20
"""What expands to more than this at that ratio is made to exhaust."""
DECLARED_BYTES = 1 << 30
DECLARED_RATIO = 100
_LZMA_MEMORY = 64 << 20
_BLOCK = 512

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError),
    *(NotImplementedError, RuntimeError, OverflowError, struct.error, LookupError),
)
"""What reading a damaged archive raises."""

Note = Callable[[Trait], None]


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive; `read` gives at most so many bytes of it, and whether that is all.

    Raises one of `DAMAGE`, or `TooLarge` where it expands too much.
    """

    name: str
    read: Callable[[int], tuple[bytes, bool]]


def of_zip(archive: Archive, note: Note) -> Iterator[Member]:
    """The files of a zip archive; tells of encrypted ones and of archives made to exhaust."""
    entries = archive.entries
    if any(entry.flag_bits & 0x1 for entry in entries):
        note(Trait.ENCRYPTED)
    expanded = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if _overlap(entries) or (
        expanded > DECLARED_BYTES and expanded > max(packed, 1) * DECLARED_RATIO
    ):
        note(Trait.BOMB)
        return
    for entry in entries[:NAMES_MAX]:
        if not entry.filename.endswith("/"):
            yield Member(entry.filename, _Reading(archive, entry.filename).read)


@dataclass(frozen=True, slots=True)
class _Reading:
    archive: Archive
    name: str

    def read(self, most: int) -> tuple[bytes, bool]:
        """The beginning of a file of a zip archive."""
        return head_of(self.archive, self.name, most)


def head_of(archive: Archive, name: str, most: int) -> tuple[bytes, bool]:
    """At most so many bytes of a file in a zip archive, and whether they are all."""
    pieces: list[bytes] = []
    length = 0
    for piece in archive.read(name):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            return b"".join(pieces)[:most], False
    return b"".join(pieces), True


def _overlap(entries: list[zipfile.ZipInfo]) -> bool:
    """Whether two files share the same packed bytes, so that a small archive holds very much."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            return True
        end = entry.header_offset + 30 + entry.compress_size
    return False


def of_stream(kind: str, name: str, data: bytes, budget: Budget, note: Note) -> Iterator[Member]:
    """The one file that is packed by gzip, bzip2 or xz; what it takes to see a bomb is counted."""
    most = max(0, min(BOMB_BYTES, budget.bytes_left))
    expanded = len(_expanded(kind, data[: BOMB_BYTES // RATIO], most)) if most else 0
    budget.bytes_left -= expanded
    if expanded >= BOMB_BYTES:
        note(Trait.BOMB)
        return
    inner = name.rpartition(".")[0] if "." in name else name
    if name.lower().endswith((".tgz", ".tbz2", ".txz")):
        inner += ".tar"

    def read(limit: int) -> tuple[bytes, bool]:
        found = _expanded(kind, data, limit + 1)
        return found[:limit], len(found) <= limit

    yield Member(inner, read)


def _expanded(kind: str, data: bytes, most: int) -> bytes:
    if kind == "gzip":
        return zlib.decompressobj(31).decompress(data, most)
    if kind == "bzip2":
        return bz2.BZ2Decompressor().decompress(data, most)
    return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(data, most)


def of_tar(data: bytes) -> Iterator[Member]:
    """The files of a tar archive (POSIX.1-1988 ustar, GNU and pax long names)."""
    at, long_name = 0, ""
    for _ in range(NAMES_MAX):
        header = data[at : at + _BLOCK]
        if len(header) < _BLOCK or not header[0]:
            return
        size = _octal(header[124:136])
        start, end = at + _BLOCK, at + _BLOCK + size
        at = start + (size + _BLOCK - 1) // _BLOCK * _BLOCK
        flag = header[156:157]
        if flag == b"L":
            long_name = (
                data[start : min(end, start + 1024)].rstrip(b"\0").decode("utf-8", "replace")
            )
            continue
        if flag == b"x":
            long_name = _pax_path(data[start : min(end, start + 8192)])
            continue
        if flag in (b"0", b"\0", b"7"):
            yield Member(long_name or _tar_name(header), _slice(data, start, end))
        long_name = ""


def _slice(data: bytes, start: int, end: int) -> Callable[[int], tuple[bytes, bool]]:
    def read(most: int) -> tuple[bytes, bool]:
        return data[start : min(end, start + most)], end - start <= most

    return read


def _octal(raw: bytes) -> int:
    if raw[:1] == b"\x80":
        return int.from_bytes(raw[1:], "big")
    digits = raw.strip(b" \0")
    return int(digits, 8) if digits.isdigit() else 0


def _tar_name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    if header[257:262] == b"ustar" and header[345]:
        name = header[345:500].partition(b"\0")[0] + b"/" + name
    return name.decode("utf-8", "replace")


def _pax_path(raw: bytes) -> str:
    for line in raw.split(b"\n")[:50]:
        name, sign, value = line.partition(b" ")[2].partition(b"=")
        if sign and name == b"path":
            return value.decode("utf-8", "replace")
    return ""


def head(member: Member, most: int, budget: Budget, note: Note) -> tuple[bytes, bool]:
    """The beginning of a member, counted; tells of damage and of what expands too much."""
    if budget.spent:
        note(Trait.NOT_ALL)
        return b"", False
    budget.files_left -= 1
    try:
        found, whole = member.read(min(most, max(budget.bytes_left, 1)))
    except TooLarge:
        note(Trait.BOMB)
        return b"", False
    except DAMAGE:
        note(Trait.DAMAGED)
        return b"", False
    budget.bytes_left -= len(found)
    return found, whole

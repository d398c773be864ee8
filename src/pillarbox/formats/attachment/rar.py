"""The names of the files in a RAR archive, versions 4 and 5, and whether they are encrypted.

Walks the headers, which stand in clear unless they are encrypted; nothing is unpacked. Facts from
the published description of the format.
"""

from dataclasses import dataclass, field
from struct import unpack_from

HEADERS_MAX = 2000
_FIRST_4, _FIRST_5 = 7, 8
_MAIN_4, _FILE_4, _END_4 = 0x73, 0x74, 0x7B
_FILE_5, _LOCKED_5, _END_5 = 2, 4, 5
_NAME_BYTES = 4096


@dataclass(slots=True)
class Listing:
    """What the headers tell."""

    names: list[str] = field(default_factory=list)
    encrypted: bool = False
    damaged: bool = False


def listing(data: bytes) -> Listing:
    """The files of a RAR archive; what can't be read is passed over."""
    found = Listing()
    try:
        if data.startswith(b"Rar!\x1a\x07\x01\0"):
            _walk_5(data, found)
        else:
            _walk_4(data, found)
    except (IndexError, ValueError):
        found.damaged = True
    return found


def _walk_4(data: bytes, found: Listing) -> None:
    at = _FIRST_4
    for _ in range(HEADERS_MAX):
        if at + 7 > len(data):
            return
        kind, flags, size = unpack_from("<BHH", data, at + 2)
        if size < 7:
            found.damaged = True
            return
        if kind == _MAIN_4 and flags & 0x80:
            found.encrypted = True
            return
        added = 0
        if (flags & 0x8000 or kind == _FILE_4) and at + 11 <= len(data):
            added = unpack_from("<I", data, at + 7)[0]
        if kind == _FILE_4 and at + 32 <= len(data):
            found.encrypted = found.encrypted or bool(flags & 0x04)
            length = unpack_from("<H", data, at + 26)[0]
            start = at + (40 if flags & 0x100 else 32)
            raw = data[start : start + min(length, _NAME_BYTES)]
            found.names.append(raw.partition(b"\0")[0].decode("utf-8", "replace"))
        if kind == _END_4:
            return
        at += size + added


def _walk_5(data: bytes, found: Listing) -> None:
    at = _FIRST_5
    for _ in range(HEADERS_MAX):
        if at + 7 > len(data):
            return
        size, start = _number(data, at + 4)
        kind, place = _number(data, start)
        flags, place = _number(data, place)
        extra = packed = 0
        if flags & 0x1:
            extra, place = _number(data, place)
        if flags & 0x2:
            packed, place = _number(data, place)
        if kind == _LOCKED_5:
            found.encrypted = True
            return
        if kind == _FILE_5:
            _file_5(data, place, start + size - extra, start + size, found)
        if kind == _END_5:
            return
        at = start + size + packed


def _file_5(data: bytes, at: int, extra: int, end: int, found: Listing) -> None:
    flags, at = _number(data, at)
    _, at = _number(data, at)
    _, at = _number(data, at)
    at += (4 if flags & 0x2 else 0) + (4 if flags & 0x4 else 0)
    _, at = _number(data, at)
    _, at = _number(data, at)
    length, at = _number(data, at)
    raw = data[at : at + min(length, _NAME_BYTES)]
    found.names.append(raw.decode("utf-8", "replace"))
    for _ in range(10):
        if not 0 < extra < end:
            return
        size, start = _number(data, extra)
        kind, _ = _number(data, start)
        found.encrypted = found.encrypted or kind == 1
        extra = start + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits in each byte, and where it ends; raises IndexError behind the end."""
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise ValueError("a number without end")

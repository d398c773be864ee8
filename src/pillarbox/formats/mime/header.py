"""A header block: finding its fields, unfolding and decoding their values.

Tolerant: lines that are no fields are passed over. Not for what stands in a value (`content`,
`date`, `address`). Called by `envelope`, `section`, `summary` and the mail checks; calls `words`.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from pillarbox.formats.mime.words import decode_words

HEADER_BYTES = 256 * 1024
"""What lies behind this in a header block is not looked at, except by `field_slices`."""

_NUL, _LF, _CR = b"\0\n\r"
_NO_FIELDS = (b"", b"\r\n", b"\n")
_FIELD = re.compile(
    rb"^([!-9;-~\x80-\xff]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)", re.MULTILINE
)


class Field(NamedTuple):
    """One field; `raw` is its value with folding, `[start:end]` the whole field with line end."""

    name: bytes
    raw: bytes
    start: int
    end: int


class Headers:
    """Looks up the fields of one header block by lower-case name."""

    __slots__ = ("_block", "_values")

    def __init__(self, block: bytes) -> None:
        self._block = block if len(block) <= HEADER_BYTES else block[:HEADER_BYTES]
        self._values: dict[bytes, list[bytes]] = {}
        values = self._values
        for name, raw in _FIELD.findall(self._block):
            name = name.lower()
            if name in values:
                values[name].append(raw)
            else:
                values[name] = [raw]

    def __iter__(self) -> Iterator[Field]:
        """The fields in the order of the block; `start` and `end` count from its beginning."""
        return fields(self._block)

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    @property
    def names(self) -> Collection[bytes]:
        """The names of the fields in lower case, each once."""
        return self._values.keys()

    def first(self, name: bytes) -> bytes | None:
        """The value of the first field of that (lower-case) name, unfolded."""
        found = self._values.get(name)
        return unfold(found[0]) if found else None

    def all(self, name: bytes) -> list[bytes]:
        """The values of all fields of that (lower-case) name, unfolded, first one first."""
        return [unfold(raw) for raw in self._values.get(name, ())]

    def joined(self, name: bytes) -> bytes | None:
        """Like `first`, but a list that was split over several fields is put together by commas."""
        found = self._values.get(name)
        if not found:
            return None
        return unfold(found[0] if len(found) == 1 else b", ".join(found))

    def text(self, name: bytes) -> str | None:
        """The first value of that name with encoded words decoded (RFC 2047)."""
        found = self._values.get(name)
        return decode_words(unfold(found[0])) if found else None


def header_of(content: bytes) -> bytes:
    """The header of a message, as far as it is looked at; a message may have none."""
    if content.startswith(b"\r\n"):
        return b""
    end = content.find(b"\r\n\r\n", 0, HEADER_BYTES)
    return content[: HEADER_BYTES if end < 0 else end + 2]


def fields(block: bytes) -> Iterator[Field]:
    """The fields of a header block, names in lower case, values as they stand."""
    for match in _FIELD.finditer(block):
        yield Field(match[1].lower(), match[2], match.start(), match.end())


def unfold(raw: bytes) -> bytes:
    """A value on one line, without white space around it and without NUL (RFC 5322 §2.2.3)."""
    if _LF in raw or _CR in raw:
        raw = raw.replace(b"\r", b"").replace(b"\n", b"")
    if _NUL in raw:
        raw = raw.replace(b"\0", b"")
    return raw.strip()


def field_slices(block: bytes, names: Collection[bytes], inverse: bool = False) -> bytes:
    """The fields of these names (any case), or all others, as they stand, and a blank line.

    This is what BODY[HEADER.FIELDS (…)] and BODY[HEADER.FIELDS.NOT (…)] answer. A block without a
    blank line, behind which nothing comes, gets none (RFC 9051 §6.4.5.1).
    """
    wanted = {name.lower() for name in names}
    out: list[bytes] = []
    for match in _FIELD.finditer(block):
        if (match[1].lower() in wanted) is not inverse:
            whole = match[0]
            out.append(whole if whole.endswith(b"\n") else whole + b"\r\n")
    if block in _NO_FIELDS or block.endswith((b"\n\r\n", b"\n\n")):
        out.append(b"\r\n")
    return b"".join(out)

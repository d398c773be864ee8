"""Strings, flags and literals as a server writes them (RFC 9051 §9)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_UNQUOTABLE = re.compile(rb"[\x00\r\n\x80-\xff]")
_SPECIAL = re.compile(rb'(["\\])')
_PLAIN_ATOM = re.compile(rb"(?!(?i:NIL)\Z)[A-Za-z0-9.,@_:/+=-]+")
_MAX_QUOTED = 1_000
_PIECE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class LongLiteral:
    """A literal too long to be copied into a line: what goes before the data, and the data.

    `nul_as` is put in the place of NUL, where the data has any.
    """

    head: bytes
    data: memoryview = field(repr=False)
    nul_as: bytes = b""

    def __len__(self) -> int:
        return len(self.head) + len(self.data)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The data as it is sent."""
        if not self.nul_as:
            yield self.data
            return
        for start in range(0, len(self.data), _PIECE_BYTES):
            piece = bytes(self.data[start : start + _PIECE_BYTES])
            yield piece.replace(b"\0", self.nul_as)


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value


def quote(value: bytes | str) -> bytes:
    """A quoted string. The value must hold neither CR, LF nor NUL; see `string` for any text."""
    text = _bytes(value)
    if b'"' in text or b"\\" in text:
        text = _SPECIAL.sub(rb"\\\1", text)
    return b'"' + text + b'"'


def literal(data: bytes) -> bytes:
    """A literal; data with NUL needs `literal8`."""
    return b"{%d}\r\n%b" % (len(data), data)


def literal8(data: bytes) -> bytes:
    """A literal that may hold any byte; only in answer to BINARY (RFC 9051 §4.3.1)."""
    return b"~{%d}\r\n%b" % (len(data), data)


def string(value: bytes | str) -> bytes:
    """A quoted string where the value fits one that every client reads, else a literal."""
    text = _bytes(value)
    if len(text) <= _MAX_QUOTED and _UNQUOTABLE.search(text) is None:
        return quote(text)
    # NUL may stand in no string at all (RFC 9051 §4.3).
    return literal(text.replace(b"\0", b"") if b"\0" in text else text)


def astring(value: bytes | str) -> bytes:
    """An atom where the value fits a plain one, else a string."""
    text = _bytes(value)
    fits = len(text) <= _MAX_QUOTED and _PLAIN_ATOM.fullmatch(text) is not None
    return text if fits else string(text)


def nstring(value: bytes | str | None) -> bytes:
    """A string, or NIL for None."""
    return b"NIL" if value is None else string(value)


def flag_list(flags: Iterable[str]) -> bytes:
    """Flags in parentheses; render each distinct set once and paste it."""
    return b"(" + " ".join(flags).encode("ascii") + b")"

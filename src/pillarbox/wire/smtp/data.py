"""Receivers of message content: after DATA, and in the chunks of BDAT.

Both keep no more than their limit, whatever is sent, and judge nothing but the form of the
lines. A fault does not end the receiving, since content must never be read as commands; the
session answers it after the end mark. Called by `server`.
"""

from enum import StrEnum
from io import IncrementalNewlineDecoder
from typing import Final

from pillarbox.base.errors import GrammarError

MAX_LINE_BYTES = 65536
MAX_CHUNKS = 100_000

_SMALL_BYTES: Final = 8192
_END: Final = b"\r\n.\r\n"
_DOT: Final = b"\r\n."


class DataFault(StrEnum):
    """Why content has to be refused although it was received."""

    BARE_NEWLINE = "bare CR or LF"
    NUL = "NUL"
    LINE_TOO_LONG = "line too long"


class _LineEnds:
    """Watches for a CR or LF alone in the pieces it is shown.

    The decoder of the standard library notes which kinds of line end it met, in one pass in C:
    four times as fast as counting CR, LF and CRLF.
    """

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        self._decoder = IncrementalNewlineDecoder(None, translate=False)

    def show(self, piece: bytes) -> None:
        """A CR at the end of `piece` is not judged before the next one is shown."""
        self._decoder.decode(piece.decode("latin-1"))

    @property
    def are_strict(self) -> bool:
        """Whether each CR and LF so far was part of a CRLF."""
        return self._decoder.newlines in (None, "\r\n")


class _Kept:
    """Bytes collected in pieces: joined once, which is far cheaper than a growing bytearray.

    Small pieces are gathered first, so a client that sends single bytes costs no more memory.
    """

    __slots__ = ("_pieces", "_small")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._small = bytearray()

    def add(self, piece: bytes) -> None:
        if len(piece) < _SMALL_BYTES:
            self._small += piece
            if len(self._small) < _SMALL_BYTES:
                return
            piece = b""
        if self._small:
            self._pieces.append(bytes(self._small))
            self._small.clear()
        if piece:
            self._pieces.append(piece)

    def joined(self) -> bytes:
        if self._small:
            self._pieces.append(bytes(self._small))
            self._small.clear()
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]


def has_bare_newline(content: bytes) -> bool:
    """Whether a CR or LF stands alone anywhere in `content`."""
    line_ends = _LineEnds()
    line_ends.show(content)
    return content.endswith(b"\r") or not line_ends.are_strict


class DataReader:
    """Receives the content after DATA (RFC 5321 §4.1.1.4).

    Only CRLF . CRLF ends it. A CR or LF alone anywhere is a fault: other servers may take it
    for a line end and see another message there (RFC 5321 §2.3.8). So is a NUL, which no content
    but binary may have (RFC 2045 §2.8): servers that leave it out would see an end mark in
    CRLF NUL . CRLF. `limit_bytes` counts the content without its stuffed dots (RFC 1870 §3).
    """

    __slots__ = (
        "_carry",
        "_kept",
        "_limit",
        "_line_ends",
        "_max_line",
        "_open_line",
        "_started",
        "fault",
        "finished",
        "rest",
        "size_bytes",
        "too_large",
    )

    def __init__(self, limit_bytes: int, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._limit = limit_bytes
        self._max_line = max_line_bytes
        # The CRLF of the DATA line also begins the end mark of an empty message.
        self._carry = b"\r\n"
        self._started = False
        self._kept = _Kept()
        self._open_line = 0
        self._line_ends = _LineEnds()
        self.fault: DataFault | None = None
        self.finished = False
        self.rest = b""
        self.size_bytes = 0
        self.too_large = False

    @property
    def was_ambiguous(self) -> bool:
        """Whether the client may have meant another end than the one that was found."""
        return self.fault in (DataFault.BARE_NEWLINE, DataFault.NUL)

    @property
    def content(self) -> bytes:
        """The content without stuffing, up to its last CRLF; empty if it was too large."""
        return self._kept.joined()

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; true once the end mark was seen, what follows it is `rest`."""
        if self.finished:
            self.rest += data
            return True
        data = self._carry + data
        # Most pieces have no line that begins with a dot: one search tells, and the quickest.
        has_dots = data.rfind(_DOT) >= 0
        if has_dots:
            end = data.find(_END)
            if end >= 0:
                self.rest = data[end + 5 :]
                self._carry = b""
                self.finished = True
                data = data[: end + 2]
                self._take(data, data.rfind(_DOT) >= 0)
                return True
        held = _held_back(data)
        if held:
            self._carry = data[-held:]
            data = data[:-held]
        else:
            self._carry = b""
        if data:
            self._take(data, has_dots)
        return False

    def discard(self) -> None:
        """Keep nothing, now and from here on, as if the content were too large."""
        self._limit = -1
        self.too_large = True
        self._kept = _Kept()

    def _take(self, piece: bytes, has_dots: bool) -> None:
        """Check and keep a piece that cuts no CRLF and no dot at the beginning of a line."""
        if self.fault is not DataFault.BARE_NEWLINE:
            self._check(piece)
        if has_dots:
            piece = piece.replace(_DOT, b"\r\n")
        if not self._started:
            self._started = True
            piece = piece[2:]
        self.size_bytes += len(piece)
        if self.size_bytes > self._limit:
            if not self.too_large:
                self.too_large = True
                self._kept = _Kept()
        else:
            self._kept.add(piece)

    def _check(self, piece: bytes) -> None:
        self._line_ends.show(piece)
        if not self._line_ends.are_strict:
            self.fault = DataFault.BARE_NEWLINE
        elif b"\0" in piece:
            self.fault = DataFault.NUL
        elif self.fault is None:
            self._check_lengths(piece)

    def _check_lengths(self, piece: bytes) -> None:
        first = piece.find(b"\n")
        if first < 0:
            self._open_line += len(piece)
        else:
            last = piece.rfind(b"\n")
            if self._open_line + first > self._max_line or self._has_long_line(piece, first, last):
                self.fault = DataFault.LINE_TOO_LONG
            self._open_line = len(piece) - last - 1
        if self._open_line > self._max_line:
            self.fault = DataFault.LINE_TOO_LONG

    def _has_long_line(self, piece: bytes, start: int, last: int) -> bool:
        """Leap from line end to line end, each the farthest one that is allowed."""
        reach = self._max_line + 1
        while last - start > reach:
            start = piece.rfind(b"\n", start + 1, start + reach + 1)
            if start < 0:
                return True
        return False


def _held_back(data: bytes) -> int:
    """How many bytes at the end of `data` may be the beginning of an end mark."""
    if data.endswith(b"\r\n.\r"):
        return 4
    if data.endswith(b"\r\n."):
        return 3
    if data.endswith(b"\r\n"):
        return 2
    return 1 if data.endswith(b"\r") else 0


class BdatReader:
    """Receives the chunks of one message sent by BDAT (RFC 3030 §2).

    Call `begin` for every chunk, then `feed` until it is true. `binary` is for BODY=BINARYMIME,
    where a bare CR or LF, or a NUL, is content and no fault.
    """

    __slots__ = (
        "_binary",
        "_chunks",
        "_has_nul",
        "_kept",
        "_limit",
        "_line_ends",
        "_missing",
        "rest",
        "size_bytes",
        "too_large",
    )

    def __init__(self, limit_bytes: int, *, binary: bool = False) -> None:
        self._limit = limit_bytes
        self._binary = binary
        self._line_ends = _LineEnds()
        self._has_nul = False
        self._kept = _Kept()
        self._missing = 0
        self._chunks = 0
        self.rest = b""
        self.size_bytes = 0
        self.too_large = False

    @property
    def content(self) -> bytes:
        """All chunks so far; empty if they were too large."""
        return self._kept.joined()

    @property
    def fault(self) -> DataFault | None:
        """What is wrong with the content as a whole: ask after the last chunk."""
        if self._binary or self.too_large:
            return None
        if self._kept.joined().endswith(b"\r") or not self._line_ends.are_strict:
            return DataFault.BARE_NEWLINE
        return DataFault.NUL if self._has_nul else None

    def discard(self) -> None:
        """Keep nothing, now and from here on, as if the content were too large."""
        self._limit = -1
        self.too_large = True
        self._kept = _Kept()

    def begin(self, size_bytes: int) -> None:
        """Expect a chunk; one that cannot fit is not kept even in part."""
        if self._missing:
            raise GrammarError("chunk begun inside a chunk")
        self._missing = size_bytes
        self._chunks += 1
        self.size_bytes += size_bytes
        self.rest = b""
        if self.size_bytes > self._limit or self._chunks > MAX_CHUNKS:
            self.too_large = True
            self._kept = _Kept()

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; true once the chunk is whole, what follows it is `rest`."""
        mine = data[: self._missing]
        self.rest = data[self._missing :]
        self._missing -= len(mine)
        if not self.too_large:
            self._kept.add(mine)
            if not self._binary:
                self._line_ends.show(mine)
                self._has_nul = self._has_nul or b"\0" in mine
        return self._missing == 0

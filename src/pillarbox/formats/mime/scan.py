"""One pass over a message that finds its MIME parts (RFC 2045, RFC 2046).

Any bytes give a tree; nothing is decoded or copied but the few fields each part is described by.
Time is linear in the size, whatever the boundaries: the cursor only moves forward, and each line
that begins with two dashes is looked up once in the table of open boundaries. Called at arrival by
`summary`; calls `content`.
"""

import re
from dataclasses import dataclass

from pillarbox.formats.mime.content import (
    Params,
    parse_content_type,
    parse_disposition,
    parse_language,
)
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.words import decode_raw


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """What is over these limits stays in the message but not in the tree."""

    depth: int = 100
    parts: int = 1000
    header_bytes: int = 256 * 1024
    fields: int = 100
    """Content-* fields read of one header block."""
    params: int = 100
    boundary_bytes: int = 256
    """RFC 2046 §5.1.1 allows 70."""


_LIMITS = ScanLimits()
_IDENTITY = frozenset((b"7bit", b"8bit", b"binary"))
_ASCII: Params = (("charset", "us-ascii"),)
_TEXT = ("text", "plain", _ASCII)
_MESSAGE = ("message", "rfc822", ())
_LINE_MAX = 1024
_FIELD_START = re.compile(rb"[!-9;-~\x80-\xff]++[ \t]*+:|From ")
_NO_FIELDS: dict[bytes, bytes] = {}


def scan(message: bytes, limits: ScanLimits = _LIMITS) -> Part:
    """The tree of parts of one whole message; never raises."""
    return _Scanner(message, limits).part(0, 0, _TEXT)


def content_fields(block: bytes, fields_max: int) -> dict[bytes, bytes]:
    """The first of each Content-* field in a header block: lower-case rest of the name → value."""
    lower = block.lower()
    find = lower.find
    at = 0 if lower.startswith(b"content-") else find(b"\ncontent-") + 1
    if at == 0 and not lower.startswith(b"content-"):
        return _NO_FIELDS
    found: dict[bytes, bytes] = {}
    size = len(block)
    while True:
        start = at + 8
        eol = find(b"\n", start)
        if eol < 0:
            eol = size
        colon = find(b":", start, eol)
        while lower[eol + 1 : eol + 2] in (b" ", b"\t"):
            eol = find(b"\n", eol + 1)
            if eol < 0:
                eol = size
        if colon > 0:
            found.setdefault(lower[start:colon].rstrip(), block[colon + 1 : eol].strip())
        at = find(b"\ncontent-", eol) + 1
        if at == 0 or len(found) >= fields_max:
            return found


class _Scanner:
    """The cursor: the open boundaries and the delimiter line seen last."""

    __slots__ = (
        "_blank_crlf",
        "_blank_lf",
        "_count",
        "_data",
        "_end",
        "_hit_at",
        "_hit_closes",
        "_hit_depth",
        "_hit_next",
        "_limits",
        "_open",
    )

    def __init__(self, data: bytes, limits: ScanLimits) -> None:
        self._data = data
        self._end = len(data)
        self._limits = limits
        self._count = 0
        self._open: dict[bytes, int] = {}
        self._blank_crlf = -1
        self._blank_lf = -1
        # The delimiter line seen last: offset of the line end before it, offset after it, depth of
        # the multipart it belongs to (-1: none, the message ends here).
        self._hit_at = 0
        self._hit_next = 0
        self._hit_depth = -1
        self._hit_closes = False

    def part(self, start: int, depth: int, default: tuple[str, str, Params]) -> Part:
        """The part whose header begins at `start`; leaves the cursor at the delimiter ending it."""
        self._count += 1
        body, cut = self._header_end(start)
        limits = self._limits
        block = self._data[start : min(body, start + limits.header_bytes)]
        fields = content_fields(block, limits.fields)
        part = self._describe(Part(start, body, body), fields, default)
        if cut:
            pass
        elif part.type == "multipart" and depth < limits.depth:
            self._multipart(part, depth)
            return part
        elif (
            part.type == "message"
            and part.subtype in ("rfc822", "global")
            and part.encoding in ("7bit", "8bit", "binary")
            and depth < limits.depth
            and self._count < limits.parts
        ):
            child = self.part(body, depth + 1, _TEXT)
            part.children = [child]
        else:
            self._seek(body - 1)
        part.body_end = self._body_end(body)
        if part.type == "text" or part.type == "message":
            part.lines = self._data.count(b"\n", body, part.body_end)
        return part

    def _multipart(self, part: Part, depth: int) -> None:
        start = part.body_start
        boundary = self._boundary(part)
        opened = self._open
        shadowed = opened.get(boundary)
        if boundary:
            opened[boundary] = depth
        self._seek(start - 1)
        default = _MESSAGE if part.subtype == "digest" else _TEXT
        children = part.children = []
        # A delimiter line that ends the message begins no part.
        while self._hit_depth == depth and not self._hit_closes and self._hit_next < self._end:
            if self._count >= self._limits.parts:
                self._stop()
                break
            children.append(self.part(self._hit_next, depth + 1, default))
        closed = self._hit_depth == depth
        if shadowed is not None:
            opened[boundary] = shadowed
        elif boundary:
            del opened[boundary]
        if closed:
            self._seek(self._hit_next - 1)
        end = part.body_end = self._body_end(start)
        if not children:
            # No delimiter at all: what stands there is shown as text, so that nothing is lost.
            lines = self._data.count(b"\n", start, end)
            children.append(Part(start, start, end, params=_ASCII, lines=lines))

    def _boundary(self, part: Part) -> bytes:
        text = part.param("boundary")
        if not text:
            return b""
        boundary = text.encode("utf-8", "replace").rstrip()
        return boundary if len(boundary) <= self._limits.boundary_bytes else b""

    def _seek(self, at: int) -> None:
        """Move to the next delimiter line of any open multipart, looking from `at`."""
        opened = self._open
        if not opened or not self._seek_before(max(at, 0), self._end):
            self._stop()

    def _seek_before(self, at: int, limit: int) -> bool:
        """Whether such a line begins before `limit`; if so, move there."""
        opened = self._open
        data = self._data
        find = data.find
        at = find(b"\n--", at, limit)
        while at >= 0:
            eol = find(b"\n", at + 3)
            if eol < 0:
                eol = self._end
            if eol - at <= _LINE_MAX:
                line = data[at + 3 : eol].rstrip(b" \t\r")
                depth = opened.get(line)
                closes = depth is None
                if closes and line.endswith(b"--"):
                    depth = opened.get(line[:-2].rstrip(b" \t"))
                if depth is not None:
                    self._hit_at = at
                    self._hit_next = min(eol + 1, self._end)
                    self._hit_depth = depth
                    self._hit_closes = closes
                    return True
            at = find(b"\n--", eol, limit)
        return False

    def _stop(self) -> None:
        self._hit_at = self._hit_next = self._end
        self._hit_depth = -1

    def _body_end(self, start: int) -> int:
        """Where the body ends that the delimiter at the cursor ends: before that line's CRLF."""
        at = self._hit_at
        if self._hit_depth >= 0 and at > start and self._data[at - 1] == 13:
            at -= 1
        return max(at, start)

    def _header_end(self, start: int) -> tuple[int, bool]:
        """Offset after the blank line, and whether a delimiter line comes before any blank line."""
        data = self._data
        if data.startswith(b"\r\n", start):
            return start + 2, False
        if data.startswith(b"\n", start):
            return start + 1, False
        # Both kinds of blank line are remembered, so that no stretch is searched twice.
        if self._blank_crlf < start:
            at = data.find(b"\n\r\n", start)
            self._blank_crlf = at if at >= 0 else self._end
        if self._blank_lf < start:
            # Nothing behind the other blank line is needed; it counts as searched up to there.
            at = data.find(b"\n\n", start, self._blank_crlf + 1)
            self._blank_lf = at if at >= 0 else self._blank_crlf
        crlf, lf = self._blank_crlf, self._blank_lf
        end = min(lf + 2, self._end) if lf < crlf else min(crlf + 3, self._end)
        cut = bool(self._open) and self._seek_before(max(start - 1, 0), end - 1)
        if not cut and lf < self._end:
            return end, False
        # Text that stands where a header should, without one field before it, is the body.
        if not _FIELD_START.match(data, start):
            return start, cut
        return (self._hit_at + 1 if cut else end), cut

    def _describe(
        self, part: Part, fields: dict[bytes, bytes], default: tuple[str, str, Params]
    ) -> Part:
        if not fields:
            part.type, part.subtype, part.params = default
            return part
        params_max = self._limits.params
        raw = fields.get(b"type")
        found = parse_content_type(raw, params_max) if raw is not None else default
        part.type, part.subtype, part.params = found or _TEXT
        raw = fields.get(b"transfer-encoding")
        if raw:
            part.encoding = decode_raw(raw.partition(b"(")[0].strip().lower()[:64]) or "7bit"
        raw = fields.get(b"disposition")
        if raw:
            disposition = parse_disposition(raw, params_max)
            if disposition is not None:
                part.disposition, part.disposition_params = disposition
        if len(fields) > 1:
            part.content_id = _text(fields.get(b"id"))
            part.description = _text(fields.get(b"description"))
            part.md5 = _text(fields.get(b"md5"))
            part.location = _text(fields.get(b"location"))
            raw = fields.get(b"language")
            part.language = parse_language(raw) if raw else ()
        return part


def _text(raw: bytes | None) -> str | None:
    """A value on one line, its encoded words left as they are."""
    if not raw:
        return None
    if b"\n" in raw:
        raw = raw.replace(b"\r", b"").replace(b"\n", b"")
    return decode_raw(raw[:16384])

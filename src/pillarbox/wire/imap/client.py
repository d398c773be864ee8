"""The client's half of IMAP, without I/O: write commands, read responses as nested values.

Made for tests, benches and fetching from other servers; it keeps no picture of the mailbox.
"""

import re
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.receiver import Literal, Piece

Value = int | str | bytes | None | tuple["Value", ...]
"""Number, atom, string, NIL or list. Items such as `BODY[HEADER.FIELDS (A)]` are one atom."""

_MARKER = re.compile(rb"~?\{([0-9]{1,12})\}\Z")
_QUOTED = re.compile(rb'"([^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+)"')
_ESCAPED = re.compile(rb"\\(.)")
_SECTION = re.compile(rb"[A-Za-z0-9.]+\[[^\]]*+\](?:<[0-9]+>)?")
_ATOM = re.compile(rb'[^\x00-\x20()"{]+')
_CODE_END = re.compile(rb'((?:[^\]"]|"(?:[^"\\]|\\.)*+")*+)\] ?')
_CONDITION = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)(?: |\Z)", re.IGNORECASE)
_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A command to send: after every chunk but the last, wait for a `Continuation`."""

    tag: str
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+ …`."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Condition:
    """OK, NO, BAD, BYE or PREAUTH; `tag` is None where it is untagged."""

    tag: str | None
    status: str
    text: str
    code: str | None = None
    code_values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Untagged:
    """Data: its name in upper case, the number before it where there is one, and its values."""

    name: str
    number: int | None
    values: tuple[Value, ...]

    @property
    def items(self) -> dict[str, Value]:
        """Names and values of a FETCH or STATUS response."""
        last = self.values[-1] if self.values else ()
        if not isinstance(last, tuple):
            return {}
        pairs = zip(last[::2], last[1::2], strict=False)
        return {str(name).upper(): value for name, value in pairs}


Response = Continuation | Condition | Untagged


class Client:
    """Tags, literals and the response grammar of one connection."""

    __slots__ = ("_buffer", "_left", "_pieces", "_prefix", "_tags")

    def __init__(self, prefix: str = "c") -> None:
        self._prefix = prefix
        self._tags = 0
        self._buffer = bytearray()
        self._pieces: list[Piece] = []
        self._left = -1

    def command(self, *pieces: str | Literal, nonsync: bool = False) -> Sent:
        """A command from text and literals; `nonsync` sends all at once (RFC 7888 §3)."""
        self._tags += 1
        tag = f"{self._prefix}{self._tags}"
        chunks: list[bytes] = []
        now = f"{tag} ".encode("ascii")
        for piece in pieces:
            if isinstance(piece, str):
                now += piece.encode("utf-8")
                continue
            mark = b"~" if piece.binary else b""
            plus = b"+" if nonsync else b""
            now += b"%b{%d%b}\r\n" % (mark, len(piece.data), plus)
            if not nonsync:
                chunks.append(now)
                now = b""
            now += piece.data
        return Sent(tag, (*chunks, now + b"\r\n"))

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def next(self) -> Response | None:
        """The next response, or None when more input is needed; GrammarError for nonsense."""
        while True:
            if self._left >= 0:
                if len(self._buffer) < self._left:
                    return None
                self._pieces.append(Literal(bytes(self._buffer[: self._left])))
                del self._buffer[: self._left]
                self._left = -1
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            found = _MARKER.search(line)
            if found is None:
                pieces = [*self._pieces, line]
                self._pieces = []
                return parse_response(pieces)
            self._pieces.append(line[: found.start()])
            self._left = int(found.group(1))


def parse_response(pieces: list[Piece]) -> Response:
    """One response from its text and literals."""
    reader = _Reader(pieces)
    first, _, rest = reader.text.partition(b" ")
    if first == b"+":
        return Continuation(rest)
    try:
        tag = None if first == b"*" else first.decode("ascii")
    except UnicodeDecodeError:
        raise GrammarError("not a response") from None
    reader.pos = len(first) + 1
    found = _CONDITION.match(reader.text, reader.pos)
    if found is not None:
        reader.pos = found.end()
        return _condition(tag, found.group(1).decode("ascii").upper(), reader)
    if tag is not None:
        raise GrammarError("tagged response without a status")
    values = reader.values(0)
    number: int | None = None
    if values and isinstance(values[0], int):
        number, values = values[0], values[1:]
    if not values or not isinstance(values[0], str):
        raise GrammarError("response without a name")
    return Untagged(values[0].upper(), number, values[1:])


def _condition(tag: str | None, status: str, reader: "_Reader") -> Condition:
    text = reader.text[reader.pos :]
    if not text.startswith(b"["):
        return Condition(tag, status, text.decode("utf-8", "replace"))
    found = _CODE_END.match(text, 1)
    if found is None:
        raise GrammarError("response code is not closed")
    values = _Reader([found.group(1)]).values(0)
    if not values or not isinstance(values[0], str):
        raise GrammarError("response code without a name")
    rest = text[found.end() :].decode("utf-8", "replace")
    return Condition(tag, status, rest, values[0].upper(), values[1:])


class _Reader:
    """A cursor over the pieces of a response."""

    __slots__ = ("_index", "_pieces", "pos", "text")

    def __init__(self, pieces: list[Piece]) -> None:
        first = pieces[0]
        self._pieces = pieces
        self._index = 0
        self.text = first if isinstance(first, bytes) else b""
        self.pos = 0

    def values(self, depth: int) -> tuple[Value, ...]:
        """Values up to the closing parenthesis, or to the end at depth 0."""
        if depth > _MAX_DEPTH:
            raise GrammarError("lists nested too deep", self.pos)
        values: list[Value] = []
        while True:
            mark = self.text[self.pos : self.pos + 1]
            if mark == b" ":
                self.pos += 1
            elif mark == b"(":
                self.pos += 1
                values.append(self.values(depth + 1))
            elif mark == b")" and depth:
                self.pos += 1
                return tuple(values)
            elif mark:
                values.append(self._word())
            elif self._index + 2 < len(self._pieces):
                values.append(self._literal())
            elif depth:
                raise GrammarError("list is not closed", self.pos)
            else:
                return tuple(values)

    def _literal(self) -> bytes:
        literal, after = self._pieces[self._index + 1 : self._index + 3]
        if not isinstance(literal, Literal) or not isinstance(after, bytes):
            raise GrammarError("expected a literal", self.pos)
        self._index += 2
        self.text = after
        self.pos = 0
        return literal.data

    def _word(self) -> Value:
        for pattern in (_QUOTED, _SECTION, _ATOM):
            found = pattern.match(self.text, self.pos)
            if found is not None:
                break
        else:
            raise GrammarError("expected a value", self.pos)
        self.pos = found.end()
        if found.re is _QUOTED:
            return _ESCAPED.sub(rb"\1", found.group(1))
        try:
            word = found.group().decode("utf-8")
        except UnicodeDecodeError:
            raise GrammarError("text is not UTF-8", self.pos) from None
        if word.isascii() and word.isdigit() and len(word) <= 20:
            return int(word)
        return None if word.upper() == "NIL" else word

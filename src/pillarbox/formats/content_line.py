"""Content lines: what iCalendar and vCard objects are written in (RFC 5545 §3.1, RFC 6350 §3.2).

Lossless but for folding and needless quotes: values are not unescaped, and what is written again
is what was read. Lenient in what people send: any line end, folds inside of a character, names in
small letters, parameters without a value or with a quote too few.
"""

import re
from functools import lru_cache

from msgspec import Struct

from pillarbox.base.errors import GrammarError

FOLD_OCTETS = 75
"""The longest line that is written, without its line end (RFC 5545 §3.1)."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
# A head of parameters with quotes, up to the colon; each character is looked at once.
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_PARTS = re.compile(r'(?:[^";]++|"[^"]*+"|")++')
_VALUES = re.compile(r'((?:[^",]++|"[^"]*+"|")*+)(?:,|$)')
_CARET = re.compile(r"\^[n^']")
_CARETS = {"^n": "\n", "^^": "^", "^'": '"'}
_TO_CARET = str.maketrans({"\n": "^n", "^": "^^", '"': "^'", "\r": None})
_MUST_QUOTE = re.compile("[:;,]")
_ESCAPE = re.compile(r"""\\([nN,;:"\\])""")
_TO_ESCAPE = str.maketrans({"\n": "\\n", "\\": "\\\\", ",": "\\,", ";": "\\;", "\r": None})
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


class ContentLine(Struct):
    """One line: `GROUP.NAME;PARAM=a,"b":VALUE`; `name` is in capitals, `value` as it was written.

    `params` are pairs of name (in capitals) and values without quotes, carets of RFC 6868 decoded;
    in the order in which they came, and what came twice is there twice. A parameter without `=`
    has no values.
    """

    name: str
    value: str
    params: list[tuple[str, list[str]]] = []
    group: str = ""

    def param(self, name: str) -> str | None:
        """The first value of a parameter, by its name in capitals."""
        for key, values in self.params:
            if key == name:
                return values[0] if values else ""
        return None

    def set_param(self, name: str, value: str | None) -> None:
        """Give a parameter (name in capitals) one value in the place it has; `None` removes it."""
        kept = [pair for pair in self.params if pair[0] != name]
        if value is not None:
            places = [at for at, pair in enumerate(self.params) if pair[0] == name]
            kept.insert(places[0] if places else len(kept), (name, [value]))
        self.params = kept

    def copy(self) -> "ContentLine":
        """A line that can be changed without changing this one."""
        params = [(name, list(values)) for name, values in self.params] if self.params else []
        return ContentLine(self.name, self.value, params, self.group)

    def written(self) -> str:
        """The line folded at 75 octets, never inside of a character; ends with CRLF."""
        head = f"{self.group}.{self.name}" if self.group else self.name
        for name, values in self.params:
            head += f";{name}={','.join(map(_param_written, values))}" if values else f";{name}"
        value = self.value
        if "\n" in value or "\r" in value:
            value = _LINE_ENDS.sub(r"\\n", value)
        line = f"{head}:{value}"
        if len(line) <= FOLD_OCTETS and line.isascii():
            return line + "\r\n"
        return _folded(line)


def parse_lines(text: str, most: int) -> list[ContentLine]:
    """The lines of a text, unfolded; empty ones are left out.

    Lines end with CRLF, LF or CR. Raises `GrammarError` for more than `most` lines and for what is
    no content line; its position is in characters. Bytes go through `unfold` first, since a fold
    may be inside of a character.
    """
    try:
        return unfolded_lines(_joined(text), most)
    except _LineError as error:
        raise _located(error, text) from None


def parse_content(content: bytes, most: int) -> list[ContentLine]:
    """As `parse_lines`, from bytes in UTF-8; the position of a `GrammarError` is in bytes."""
    try:
        return unfolded_lines(unfold(content), most)
    except _LineError as error:
        raise _located(error, content.decode("latin-1")) from None


def unfold(content: bytes) -> str:
    """The text of an object in UTF-8 without folds, its lines ended by LF.

    Raises `GrammarError` for what is not UTF-8 even without its folds, and for NUL.
    """
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        if b"\r" in content:
            # CR CR LF is what some gateways make of CRLF.
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    content = content.replace(b"\n ", b"").replace(b"\n\t", b"")
    if b"\0" in content:
        raise GrammarError("the text has a NUL character", content.index(b"\0"))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise GrammarError("the text is not UTF-8", error.start) from None


def text_of(content: bytes) -> str:
    """An object as it was sent, as text: folds stay, but those that cut a character in two go.

    Raises `GrammarError` for what is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(line.written() for line in parse_content(content, len(content)))


def decode_text(value: str) -> str:
    r"""The text of a TEXT value: `\n`, `\,`, `\;` and `\\` decoded (RFC 5545 §3.3.11)."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def encode_text(text: str) -> str:
    """A TEXT value of a text; carriage returns are dropped."""
    return text.translate(_TO_ESCAPE)


def split_values(value: str, separator: str = ",") -> list[str]:
    """The parts of a list or structured value, still escaped; a separator after a `\\` is none."""
    if "\\" not in value:
        return value.split(separator)
    parts: list[str] = []
    begin = at = 0
    end = len(value)
    while at < end:
        character = value[at]
        if character == separator:
            parts.append(value[begin:at])
            begin = at + 1
        at += 2 if character == "\\" else 1
    parts.append(value[begin:])
    return parts


class _LineError(GrammarError):
    """What is wrong with a logical line; `position` is its number from 0, empty ones counted."""


def unfolded_lines(text: str, most: int) -> list[ContentLine]:
    """The lines of a text without folds and with LF alone; positions of errors count lines."""
    lines: list[ContentLine] = []
    add = lines.append
    logical = text.split("\n")
    # Empty lines are left out, but there can't be any number of them.
    if len(logical) > 2 * most + 1:
        raise _LineError(f"more than {most} lines", most)
    for number, line in enumerate(logical):
        head, colon, value = line.partition(":")
        if colon and len(head) <= _SHORT_HEAD and '"' not in head:
            found = _short_head(head)
            if found is not None:
                group, name, params = found
                copied = [(key, [*of]) for key, of in params] if params else []
                add(ContentLine(name, value, copied, group))
                continue
        elif not line or line.isspace():
            continue
        add(_parsed(line, head if colon else None, value, number))
    if len(lines) > most:
        raise _LineError(f"more than {most} lines", most)
    return lines


_Head = tuple[str, str, list[tuple[str, list[str]]]]
_SHORT_HEAD = 64
MAX_PARAMETERS = 1000
MAX_PARAMETER_VALUES = 10_000
"""Of one line; there are groups with thousands of members, and each value takes memory."""


@lru_cache(maxsize=512)
def _short_head(head: str) -> _Head | None:
    # The same few heads come again and again; what is kept is bounded in number and length.
    return None if "(" in head else _head(head)


def _head(head: str) -> _Head | None:
    parts = _PARTS.findall(head) if '"' in head else head.split(";")
    name = parts[0].strip() if parts else ""
    group = ""
    if "." in name:
        group, _, name = name.rpartition(".")
    if _NAME.fullmatch(name) is None:
        return None
    return group, name.upper(), [_param(part) for part in parts[1:] if part]


def _parsed(line: str, head: str | None, value: str, number: int) -> ContentLine:
    if head is None:
        raise _LineError(f"{line[:40]!r} has no ':'", number)
    if '"' in head:
        found = _HEAD.match(line)
        if found is not None:
            head, value = line[: found.end() - 1], line[found.end() :]
    elif "(" in head and ":" in value:
        head, value = _clock_in_zone(head, value)
    if head.count(";") > MAX_PARAMETERS or head.count(",") > MAX_PARAMETER_VALUES:
        raise _LineError(f"{line[:40]!r} has too many parameters", number)
    parsed = _head(head)
    if parsed is None:
        raise _LineError(f"{line[:40]!r} does not begin with a name", number)
    group, name, params = parsed
    return ContentLine(name, value, params, group)


def _clock_in_zone(head: str, value: str) -> tuple[str, str]:
    # TZID=(UTC+01:00) Berlin without quotes, as some exporters write: the last colon ends it.
    if not re.search(r";TZID=\([A-Z]{3}[+-]\d\d$", head, re.IGNORECASE):
        return head, value
    zone, _, rest = value.rpartition(":")
    before, _, begin = head.rpartition("=")
    return f'{before}="{begin}:{zone}"', rest


def _param(part: str) -> tuple[str, list[str]]:
    name, equals, text = part.partition("=")
    name = name.strip().upper()
    if not equals:
        return name, []
    if '"' in text:
        found = _VALUES.findall(text)
        # The pattern finds one more, empty, at the end of what does not end with a comma.
        values = [_unquoted(value) for value in (found if text.endswith(",") else found[:-1])]
    else:
        values = text.split(",")
    if "^" in text:
        values = [_CARET.sub(lambda caret: _CARETS[caret[0]], value) for value in values]
    return name, values


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _param_written(value: str) -> str:
    if not value.isalnum():
        value = value.translate(_TO_CARET)
        if _MUST_QUOTE.search(value) is not None:
            return f'"{value}"'
    return value


def _folded(line: str) -> str:
    octets = line.encode("utf-8", "replace")
    pieces: list[bytes] = []
    begin, room = 0, FOLD_OCTETS
    while len(octets) - begin > room:
        end = begin + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[begin:end])
        begin, room = end, FOLD_OCTETS - 1
    pieces.append(octets[begin:])
    return b"\r\n ".join(pieces).decode() + "\r\n"


def _joined(text: str) -> str:
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n ", "").replace("\n\t", "")


def _located(error: _LineError, text: str) -> GrammarError:
    # Only where something is wrong: where the logical line is in what was sent.
    logical = -1
    physical = 0
    at = 0
    for piece in re.split(r"(\r{0,2}\n|\r)", text):
        if piece[:1] not in ("\r", "\n"):
            physical += 1
            if at == 0 or not piece.startswith((" ", "\t")):
                logical += 1
            if logical == error.position:
                break
        at += len(piece)
    return GrammarError(f"line {physical}: {error.text}", at)

"""Authentication-Results: what was found out about a message's senders (RFC 8601).

The same text, behind the name of who checked, is what a seal vouches for (RFC 8617 §4.1.1). Written
strictly; read tolerantly and in linear time, since anybody may have written it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain

FIELD_BYTES = 16 * 1024
METHODS_MAX = 64
PROPERTIES_MAX = 32
TEXT_CHARS = 6 * 1024
"""What is written is no longer; results that would not fit are left out."""
VALUE_CHARS = 255
REASON_CHARS = 100

_LINE = 78
_TOKEN = re.compile(r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+\Z")
_ATOMS = r"[!#-'*+/-9=?A-Z^-~-]+"
_ADDRESS = re.compile(rf"(?:{_ATOMS})?@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\Z")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_QUOTES = ('"', "\\")
_COMMENT = re.compile(r"[()\\]")
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
# Each escape is taken as a whole, so that no quote is looked at twice.
_OUTSIDE = re.compile(rf'{_QUOTED}|\\.|[^"(\\]++|.', re.DOTALL)
_INSIDE = re.compile(r"\\.|[^()\\]++|.", re.DOTALL)
_PIECE = re.compile(rf"(?:{_QUOTED}|\\\S|\S)++", re.DOTALL)
_WORD = r"[A-Za-z0-9][A-Za-z0-9_-]*+"
_VALUE = rf'((?:{_QUOTED}|\\\S|[^\s";])*+)'
_METHOD = re.compile(rf"\s*+({_WORD})\s*+(?:/\s*+([0-9]{{1,4}})\s*+)?=\s*+([A-Za-z0-9_-]++)")
_PROPERTY = re.compile(
    rf"{_QUOTED}|\\.|(?<![\w.-])({_WORD})(?:\s*+\.\s*+({_WORD}))?\s*+=\s*+{_VALUE}", re.DOTALL
)
_NAME = re.compile(rf'\s*+({_QUOTED}|[^\s";]++)(?:\s++([0-9]{{1,4}})(?![^\s;]))?', re.DOTALL)
_QUOTED_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INSTANCE = re.compile(r"\s*+i\s*+=\s*+([0-9]{1,4})\s*+;")


class Property(NamedTuple):
    """What a result is about: `header.d=example.org` has type header and name d."""

    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method came to; all but `reason`, `comment` and values is in lower case."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""
    comment: str = ""
    version: int = 1

    def value(self, kind: str, name: str) -> str:
        """The value of the first property of that type and name, empty without one."""
        return next((one.value for one in self.properties if one[:2] == (kind, name)), "")


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """A whole field; `authserv_id` in lower case, `instance` that of a field of a chain, else 0."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int = 1
    instance: int = 0

    def of(self, method: str) -> tuple[MethodResult, ...]:
        """The results of one method."""
        return tuple(one for one in self.results if one.method == method)


def text_of_results(results: Iterable[MethodResult]) -> str:
    """What stands behind the name of who checked, on one line; empty without results."""
    parts: list[str] = []
    size = 0
    for one in results:
        part = _part(one)
        size += len(part) + 2
        if size <= TEXT_CHARS:
            parts.append(part)
    return "; ".join(parts)


def field(authserv_id: str, text: str) -> bytes:
    """A whole Authentication-Results field, folded; `text` as `text_of_results` gives it."""
    lines = ["Authentication-Results: " + _quoted(authserv_id)]
    for part in parts_of(text) or ["none"]:
        lines[-1] += ";"
        line = "\t"
        for piece in _pieces(part):
            if len(line) + len(piece) >= _LINE and line != "\t":
                lines.append(line)
                line = "\t "
            line += piece if line[-1:].isspace() else " " + piece
        lines.append(line)
    return "\r\n".join([*lines, ""]).encode("ascii", "replace")


def parts_of(text: str) -> list[str]:
    """A text cut at the semicolons that divide results, at most 64 of them."""
    parts: list[list[str]] = [[]]
    for lexeme, is_comment in _lexemes(text[:FIELD_BYTES]):
        first, *others = [lexeme] if is_comment or lexeme[0] in _QUOTES else lexeme.split(";")
        parts[-1].append(first)
        parts.extend([one] for one in others)
    return [part for part in ("".join(one).strip() for one in parts) if part][:METHODS_MAX]


def parse_results(raw: bytes) -> AuthenticationResults:
    """Read the value of an Authentication-Results field.

    GrammarError where it names nobody or is over 16 KiB. Results that can't be read are left out,
    comments too.
    """
    return _parsed(_plain(raw), 0)


def parse_arc_results(raw: bytes) -> AuthenticationResults:
    """Read the value of an ARC-Authentication-Results field, `i=1; name; …`."""
    text = _plain(raw)
    instance = _INSTANCE.match(text)
    if instance is None:
        raise GrammarError("there is no instance")
    return _parsed(text[instance.end() :], int(instance[1]))


def claims_name(raw: bytes, authserv_id: str) -> bool:
    """Whether the value of a field says, or may be read as saying, that this host checked.

    So it does if its name is the same in any case, quoted or not, in A-labels or not, with a dot at
    the end or not. What is too long or too odd to be read does if it holds the name at all.
    """
    wanted = _comparable(authserv_id)
    try:
        if len(raw) <= FIELD_BYTES:
            text = _plain(raw)
            if "(" not in text and ")" not in text:
                return _comparable(_parsed(text, 0).authserv_id) == wanted
    except GrammarError:
        pass
    return wanted in raw.replace(b"\0", b"").decode("utf-8", "replace").lower()


def _part(one: MethodResult) -> str:
    pieces = [f"{one.method}={one.result}"]
    if one.comment:
        pieces.append(f"({_COMMENT.sub(' ', _printable(one.comment, REASON_CHARS))})")
    if one.reason:
        pieces.append(f"reason={_quoted(_printable(one.reason, REASON_CHARS), always=True)}")
    pieces.extend(
        f"{kind}.{name}={_quoted(_printable(value, VALUE_CHARS))}"
        for kind, name, value in one.properties
        if value
    )
    return " ".join(pieces)


def _quoted(text: str, *, always: bool = False) -> str:
    if not always and (_TOKEN.match(text) or _ADDRESS.match(text)):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _printable(text: str, chars_max: int) -> str:
    return _UNPRINTABLE.sub("?", text)[:chars_max]


def _pieces(part: str) -> Iterator[str]:
    """What a line may be broken between: not within quotes."""
    return (match[0] for match in _PIECE.finditer(part))


def _plain(raw: bytes) -> str:
    """A value without comments, spaces in their place."""
    if len(raw) > FIELD_BYTES:
        raise GrammarError("the field is too long", FIELD_BYTES)
    text = raw.replace(b"\0", b"").decode("utf-8", "replace")  # readers leave it out, too
    return "".join(" " if is_comment else lexeme for lexeme, is_comment in _lexemes(text))


def _lexemes(text: str) -> Iterator[tuple[str, bool]]:
    """Quoted strings, escaped characters, plain text; and comments, piece by piece.

    A comment that does not end is none, for it might hide what others read, nor is one in it.
    """
    at, commented = 0, True
    while at < len(text):
        end = _comment_end(text, at) if commented and text[at] == "(" else at
        is_comment = end > at
        if not is_comment:
            commented = commented and text[at] != "("
            match = _OUTSIDE.match(text, at)
            end = match.end() if match else len(text)
        yield text[at:end], is_comment
        at = end


def _comment_end(text: str, start: int) -> int:
    deep = 0
    for match in _INSIDE.finditer(text, start):
        deep += (match[0] == "(") - (match[0] == ")")
        if not deep:
            return match.end()
    return start


def _parsed(text: str, instance: int) -> AuthenticationResults:
    name = _NAME.match(text)
    if name is None:
        raise GrammarError("nobody says who checked")
    authserv_id, version = name.groups()
    results = (_result(part) for part in parts_of(text[name.end() :]))
    return AuthenticationResults(
        authserv_id=_unquoted(authserv_id).lower().rstrip("."),
        results=tuple(one for one in results if one is not None),
        version=int(version or 1),
        instance=instance,
    )


def _result(part: str) -> MethodResult | None:
    method = _METHOD.match(part)
    if method is None:
        return None
    name, version, result = method.groups()
    properties: list[Property] = []
    reason = ""
    for found in _PROPERTY.finditer(part, method.end()):
        kind, prop, value = found.groups()
        if kind is None:  # a quoted string that belongs to nothing
            continue
        if prop is not None:
            properties.append(Property(kind.lower(), prop.lower(), _unquoted(value)))
        elif kind.lower() == "reason":
            reason = _unquoted(value)
        if len(properties) >= PROPERTIES_MAX:
            break
    return MethodResult(
        name.lower(), result.lower(), tuple(properties), reason, version=int(version or 1)
    )


def _unquoted(value: str) -> str:
    return _QUOTED_STRING.sub(lambda found: _ESCAPE.sub(r"\1", found[1]), value)


def _comparable(name: str) -> str:
    try:
        return ascii_domain(name.rstrip("."))
    except GrammarError:
        return name.lower().rstrip(".")

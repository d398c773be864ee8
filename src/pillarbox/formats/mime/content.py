"""The values of Content-Type, Content-Disposition and Content-Language, with their parameters.

Tolerant and linear: any bytes give some value. Not for finding the fields (`scan`, `header`).
Called by `scan` and `part`; calls `words`.
"""

import re
from urllib.parse import unquote_to_bytes

from pillarbox.formats.mime.words import decode_charset, decode_raw, decode_words

Params = tuple[tuple[str, str], ...]

VALUE_BYTES = 16 * 1024
"""Longer values are cut before they are read."""

_LF, _CR = b"\n\r"
_ATOM = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z\x80-\xff]+"
_TYPE = re.compile(rf"[ \t]*({_ATOM})/({_ATOM})[ \t]*(?=;|$)")
_WORD = re.compile(rf"[ \t]*({_ATOM})[ \t]*(?=;|$)")
_PARAM = re.compile(rf';[ \t]*({_ATOM})=(?:"([^"\\]*)"|([^\s;"\\()]+))[ \t]*')
_LEX = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[();=]|[^"();=]++', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TOKEN = re.compile(rf"{_ATOM}\Z")
_TAG = re.compile(r"[A-Za-z0-9-]+")
_INDEXED = re.compile(r"(.+?)\*(?:(\d{1,4})(\*?))?\Z")
_FILE_NAMES = ("name", "filename")


def parse_content_type(raw: bytes, params_max: int = 100) -> tuple[str, str, Params] | None:
    """Type, subtype (lower-case) and parameters of a Content-Type value (RFC 2045 §5.1).

    Parameter names are lower-case, values unquoted but not otherwise decoded. None if there is no
    type and subtype to be read.
    """
    text = _flat(raw)
    head = _TYPE.match(text)
    if head is None:
        return _parse_odd_type(text, params_max)
    params = _params(text, head.end(), params_max)
    return _tidy(head[1]).lower(), _tidy(head[2]).lower(), params


def parse_disposition(raw: bytes, params_max: int = 100) -> tuple[str, Params] | None:
    """Disposition (lower-case) and parameters of a Content-Disposition value (RFC 2183 §2)."""
    text = _flat(raw)
    head = _WORD.match(text)
    if head is not None:
        return _tidy(head[1]).lower(), _params(text, head.end(), params_max)
    segments = _segments(text, 0, params_max)
    word = "".join(segments[0]).strip()
    if not word:
        params = _params_of(segments[1:])
        return ("attachment", params) if params else None
    if not _TOKEN.match(word):
        return None
    return _tidy(word).lower(), _params_of(segments[1:])


def parse_language(raw: bytes) -> tuple[str, ...]:
    """The tags of a Content-Language value, at most 20 (RFC 3282 §2)."""
    return tuple(_TAG.findall(_flat(raw))[:20])


def parameter(params: Params, name: str) -> str | None:
    """The decoded value of one parameter: RFC 2231 continuations and charsets, else encoded words.

    Encoded words are not allowed in parameters but common in `name` and `filename`.
    """
    plain: str | None = None
    extended = False
    for key, value in params:
        if key == name:
            plain = value if plain is None else plain
        elif "*" in key and key.startswith(name):
            extended = True
    if extended:
        found = _extended(params, name)
        if found is not None:
            return found
    if plain is not None and "=?" in plain and name in _FILE_NAMES:
        return decode_words(plain.encode())
    return plain


def _extended(params: Params, name: str) -> str | None:
    """A value in the forms `name*`, `name*0`, `name*0*` (RFC 2231 §3, §4)."""
    pieces: dict[int, tuple[str, bool]] = {}
    for key, value in params:
        match = _INDEXED.match(key)
        if match is None or match[1] != name:
            continue
        index = int(match[2]) if match[2] else 0
        pieces.setdefault(index, (value, match[2] is None or bool(match[3])))
    if not pieces:
        return None
    raw: list[bytes] = []
    charset = ""
    for number, (_, (value, encoded)) in enumerate(sorted(pieces.items())):
        if encoded and number == 0 and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        raw.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace"))
    joined = b"".join(raw)
    return decode_charset(joined, charset) if charset else decode_raw(joined)


def _flat(raw: bytes) -> str:
    """The value on one line, byte for byte as ISO-8859-1."""
    if len(raw) > VALUE_BYTES:
        raw = raw[:VALUE_BYTES]
    if _LF in raw or _CR in raw:
        raw = raw.replace(b"\r", b"").replace(b"\n", b"")
    return raw.decode("latin-1").strip()


def _tidy(text: str) -> str:
    """A piece of a `_flat` value as text: UTF-8 where it is that."""
    return text if text.isascii() else decode_raw(text.encode("latin-1"))


def _params(text: str, at: int, params_max: int) -> Params:
    found: list[tuple[str, str]] = []
    start = at
    size = len(text)
    match = _PARAM.match
    while at < size and len(found) < params_max:
        hit = match(text, at)
        if hit is None:
            break
        name, quoted, bare = hit.groups()
        found.append((_tidy(name).lower(), _tidy(bare if quoted is None else quoted)))
        at = hit.end()
    if at < size and text[at:] != ";" and len(found) < params_max:
        return _params_of(_segments(text, start, params_max)[1:])
    return tuple(found)


def _parse_odd_type(text: str, params_max: int) -> tuple[str, str, Params] | None:
    segments = _segments(text, 0, params_max)
    words = "".join(segments[0]).split("/", 1)
    if len(words) != 2 or not words[0].split() or not words[1].split():
        return None
    main, sub = words[0].split()[0], words[1].split()[0]
    if not _TOKEN.match(main):
        return None
    return _tidy(main).lower(), _tidy(sub).lower(), _params_of(segments[1:])


def _segments(text: str, at: int, params_max: int) -> list[list[str]]:
    """The pieces between semicolons, each a list of lexemes, without comments.

    A name and `=` after white space begin a new piece too, since senders forget semicolons.
    """
    segments: list[list[str]] = [[]]
    depth = 0
    named = at == 0
    for match in _LEX.finditer(text, at):
        lexeme = match[0]
        segment = segments[-1]
        if lexeme == "(" and not _in_file_name(segment):
            depth += 1
        elif lexeme == ")" and depth:
            depth -= 1
        elif depth:
            continue
        elif lexeme == ";":
            if len(segments) > params_max:
                break
            segments.append([])
            named = False
        elif lexeme == "=":
            if named and segment and len(segments) <= params_max:
                segments.extend(_forgotten(segment))
            segments[-1].append(lexeme)
            named = True
        else:
            segment.append(lexeme)
    return segments


def _forgotten(segment: list[str]) -> list[list[str]]:
    """Takes the name of another parameter off the end of a piece, if one stands there."""
    last = segment[-1]
    before, _, name = last.rstrip().replace("\t", " ").rpartition(" ")
    if last[0] == '"' or not _TOKEN.match(name) or not (before or last[0].isspace()):
        return []
    segment[-1] = before
    return [[name]]


def _in_file_name(segment: list[str]) -> bool:
    """Whether a parenthesis here belongs to an unquoted file name, as in `name=scan (1).pdf`."""
    return len(segment) > 2 and segment[1] == "=" and segment[0].strip().lower() in _FILE_NAMES


def _params_of(segments: list[list[str]]) -> Params:
    found: list[tuple[str, str]] = []
    for segment in segments:
        if "=" not in segment:
            continue
        equals = segment.index("=")
        name = "".join("".join(segment[:equals]).split())
        value = _value(segment[equals + 1 :])
        if name and value is not None:
            found.append((_tidy(name).lower(), _tidy(value)))
    return tuple(found)


def _value(lexemes: list[str]) -> str | None:
    text = "".join(lexemes).strip()
    if not text:
        return None
    if text[0] != '"':
        return text
    # The first quoted string is the value; what follows it is noise.
    quoted = next(lexeme for lexeme in lexemes if lexeme[0] == '"')
    inner = quoted[1:-1] if len(quoted) > 1 and quoted[-1] == '"' else quoted[1:]
    return _ESCAPED.sub(r"\1", inner)

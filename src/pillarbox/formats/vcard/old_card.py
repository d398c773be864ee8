"""vCards of version 2.1 read as lines of 3.0: bare parameters, quoted-printable, character sets.

Phones and older desktops still export them. Called by `card`.
"""

import binascii
import re
from types import MappingProxyType

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import ContentLine, encode_text, split_values
from pillarbox.formats.mime.words import decode_charset, decode_raw

_LINE_ENDS = re.compile(rb"\r{0,2}\n|\r")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=\s]*")
_ENCODINGS = MappingProxyType(
    {"BASE64": "b", "B": "b", "QUOTED-PRINTABLE": "q", "Q": "q", "7BIT": "", "8BIT": ""}
)
_VALUES = MappingProxyType(
    {"URL": "uri", "INLINE": "", "CONTENT-ID": "uri", "CID": "uri", "BINARY": ""}
)
_STRUCTURED = frozenset(("N", "ADR", "ORG"))
_TEXT = frozenset(
    ("FN", "NOTE", "TITLE", "ROLE", "LABEL", "NICKNAME", "MAILER", "SORT-STRING", "CLASS")
)
_LISTS = frozenset(("CATEGORIES", "NICKNAME"))
_ESCAPE = re.compile(r"\\([nN,;\\:])")
_MAX_PARAMS = 1000


def parse_old(content: bytes, most: int) -> list[ContentLine]:
    """The properties of a card of version 2.1, as 3.0 has them, without BEGIN and END.

    A card in it (AGENT) is left out. Raises `GrammarError` for what is no card or has more than
    `most` lines.
    """
    lines: list[ContentLine] = []
    depth = 0
    for raw in _logical(content):
        line = _parsed(raw)
        mark = line.value.strip().upper() == "VCARD"
        if line.name == "BEGIN" and mark:
            depth += 1
        elif line.name == "END" and mark:
            depth -= 1
            if depth < 0:
                break
        elif depth == 1 and not (line.name == "AGENT" and not line.value.strip()):
            if line.name == "VERSION":
                line.value = "3.0"
            lines.append(line)
        if len(lines) > most:
            raise GrammarError(f"more than {most} lines")
    if depth != 0:
        raise GrammarError("a card begins with BEGIN:VCARD and ends with END:VCARD")
    return lines


def _logical(content: bytes) -> list[bytes]:
    """Lines with their folds, soft breaks and blocks of base64 joined; empty ones left out."""
    found: list[list[bytes]] = []
    soft = block = False
    for line in _LINE_ENDS.split(content):
        if soft:
            found[-1].append(line.rstrip(b" \t"))
        elif block and line.strip() and _BASE64_LINE.fullmatch(line):
            found[-1].append(line.strip())
            continue
        elif line[:1] in (b" ", b"\t") and found and line.strip():
            found[-1].append(line)
            continue
        elif line.strip():
            found.append([line.rstrip(b" \t")])
            head = line.partition(b":")[0].upper()
            block = b"BASE64" in head or b"ENCODING=B" in head
        else:
            block = False
            continue
        soft = _is_quoted_printable(found[-1][0]) and line.rstrip(b" \t").endswith(b"=")
    return [_joined(pieces) for pieces in found]


def _is_quoted_printable(line: bytes) -> bool:
    return b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()


def _joined(pieces: list[bytes]) -> bytes:
    if len(pieces) > 1 and _is_quoted_printable(pieces[0]):
        return b"\r\n".join(pieces)
    return b"".join(pieces)


def _parsed(raw: bytes) -> ContentLine:
    head, colon, body = raw.partition(b":")
    if not colon:
        raise GrammarError(f"{raw[:40]!r} has no ':'")
    first, *rest = decode_raw(head).split(";")
    group, _, name = first.strip().rpartition(".")
    if _NAME.fullmatch(name) is None or len(rest) > _MAX_PARAMS:
        raise GrammarError(f"{raw[:40]!r} does not begin with a name")
    name = name.upper()
    params, encoding, charset = _params(rest)
    if encoding == "q":
        body = binascii.a2b_qp(body)
    elif encoding == "b":
        body = b"".join(body.split())
        params.append(("ENCODING", ["b"]))
    text = decode_charset(body, charset) if charset else decode_raw(body)
    if encoding != "b":
        text = _value(name, text)
    return ContentLine(name, text.replace("\0", ""), params, group)


def _params(parts: list[str]) -> tuple[list[tuple[str, list[str]]], str, str]:
    """Parameters that 3.0 has, the encoding (`b`, `q` or none) and the character set."""
    params: list[tuple[str, list[str]]] = []
    types: list[str] = []
    encoding = charset = ""
    for part in parts:
        key, equals, value = part.partition("=")
        key, value = key.strip().upper(), value.strip().strip('"')
        bare = key if not equals else ""
        if key == "ENCODING" or bare in _ENCODINGS:
            encoding = _ENCODINGS.get((bare or value).upper(), "")
        elif key == "CHARSET":
            charset = value
        elif key == "VALUE" or bare in _VALUES:
            kind = (bare or value).upper()
            if _VALUES.get(kind, value):
                params.append(("VALUE", [_VALUES.get(kind, value)]))
        elif bare:
            types.append(bare)
        elif key == "TYPE":
            types += [one for one in value.split(",") if one]
        elif _NAME.fullmatch(key):
            params.append((key, [value]))
    if types:
        params.insert(0, ("TYPE", types))
    return params, encoding, charset


def _value(name: str, text: str) -> str:
    """A value escaped as 3.0 wants it: 2.1 escapes semicolons in structured values alone."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    if name in _STRUCTURED:
        return ";".join(encode_text(_decoded(part)) for part in split_values(text, ";"))
    if name in _LISTS:
        return ",".join(encode_text(_decoded(part)) for part in re.split(r"(?<!\\)[,;]", text))
    if name in _TEXT or "\n" in text:
        return encode_text(_decoded(text))
    return text


def _decoded(text: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)

"""A MIME entity that somebody wrote by hand, made so that any server takes it.

Called by whoever puts such an entity into a message; calls `compose`, `content`, `header`.
"""

import re

from pillarbox.formats.mime.compose import Written, is_plain, joined, seven_bit, text_part
from pillarbox.formats.mime.content import parameter, parse_content_type
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.words import decode_raw

PARTS_MAX = 100
DEPTH_MAX = 10
VALUE_OCTETS = 900

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_NAME = re.compile(r"content-[a-z-]{1,40}\Z")
_VALUE = re.compile(r"[ -~\t]+\Z")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]\Z")
_PLAIN_ENCODINGS = (b"", b"7bit", b"8bit", b"binary")


class _Unfit(Exception):
    """It can't be made so."""


def seven_bit_entity(raw: bytes) -> Written:
    """The entity in ASCII, its lines ended by CRLF; of each part's header only the fields of MIME.

    What has nested messages that would have to be encoded (RFC 2046 §5.2.1 forbids it), or is
    beyond the limits, becomes text that shows it as it was written.
    """
    raw = b"\r\n".join(_LINE_END.split(raw.replace(b"\0", b"")))
    try:
        return _entity(raw, DEPTH_MAX, [PARTS_MAX])
    except _Unfit:
        return text_part(decode_raw(raw))


def _entity(raw: bytes, depth: int, left: list[int]) -> Written:
    left[0] -= 1
    if not depth or left[0] < 0:
        raise _Unfit
    headers, body = _split(raw)
    fields = _fields(headers)
    kind = parse_content_type(headers.first(b"content-type") or b"text/plain")
    if is_plain(body) and kind is not None:
        return Written(fields or ("Content-Type: text/plain; charset=us-ascii",), body)
    encoding = (headers.first(b"content-transfer-encoding") or b"").lower()
    if kind is None or kind[0] == "message" or encoding not in _PLAIN_ENCODINGS:
        raise _Unfit
    fields = tuple(one for one in fields if not one.startswith("Content-Transfer-Encoding:"))
    if kind[0] == "multipart":
        boundary = parameter(kind[2], "boundary") or ""
        if not _BOUNDARY.match(boundary):
            raise _Unfit
        parts = [_entity(part, depth - 1, left) for part in _parts(body, boundary.encode())]
        if not parts:
            raise _Unfit
        return Written(fields, joined(parts, boundary))
    encoded, name = seven_bit(body)
    if b"content-type" not in headers:
        fields = ("Content-Type: text/plain; charset=utf-8", *fields)
    return Written((*fields, f"Content-Transfer-Encoding: {name}"), encoded)


def _split(raw: bytes) -> tuple[Headers, bytes]:
    if raw.startswith(b"\r\n"):
        return Headers(b""), raw[2:]
    if not _FIELD.match(raw):
        return Headers(b""), raw
    header, _, body = raw.partition(b"\r\n\r\n")
    return Headers(header + b"\r\n"), body


def _fields(headers: Headers) -> tuple[str, ...]:
    """The fields of MIME, each once, on one line; what is not ASCII in them becomes `?`."""
    found: dict[str, str] = {}
    for field in headers:
        name = field.name.decode("ascii", "replace")
        value = (headers.first(field.name) or b"").decode("utf-8", "replace")
        value = value.encode("ascii", "replace").decode()
        if _NAME.match(name) and _VALUE.match(value) and len(value) <= VALUE_OCTETS:
            shown = "-".join(word.capitalize() for word in name.split("-"))
            found.setdefault(name, f"{shown}: {value}")
    return tuple(found.values())


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """What lies between the boundaries (RFC 2046 §5.1.1), without what is before and behind."""
    delimiter = re.compile(
        rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)",
    )
    found: list[bytes] = []
    start = -1
    for match in delimiter.finditer(body):
        if start >= 0:
            found.append(body[start : match.start()])
        start = match.end() + 2
        if match[1]:
            break
        if len(found) > PARTS_MAX:
            raise _Unfit
    return found

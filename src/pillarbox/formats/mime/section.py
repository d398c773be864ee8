"""Sections of a message by their IMAP path (RFC 9051 §6.4.5), and the content behind encodings.

Cuts slices out of the message with the stored part index; parses nothing again. Not for finding
which parts exist (`scan`). Called by IMAP FETCH, JMAP and search; calls `header` and `words`.
"""

import binascii
import re
from collections.abc import Collection
from io import BytesIO

from pillarbox.formats.mime.header import field_slices
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.words import decode_base64, decode_charset, decode_raw, line_runs

KNOWN_ENCODINGS = frozenset(("7bit", "8bit", "binary", "base64", "quoted-printable"))
"""Transfer encodings that `decode_transfer` understands; others are passed through."""

TEXT_BYTES = 1024 * 1024

_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")


def find_part(root: Part, path: tuple[int, ...]) -> Part | None:
    """The part with this section path, None if there is none; the empty path is the root."""
    node = root
    at_root = True
    for number in path:
        if not at_root and node.is_message:
            node = node.children[0]
            at_root = True
        if node.type == "multipart" and node.children:
            if not 1 <= number <= len(node.children):
                return None
            node = node.children[number - 1]
        elif not at_root or number != 1:
            return None
        at_root = False
    return node


def section_range(root: Part, path: tuple[int, ...], what: str) -> tuple[int, int] | None:
    """Where a section begins and ends in the message; None if the message has no such section."""
    part = find_part(root, path)
    if part is None:
        return None
    if what == "MIME":
        return (part.header_start, part.body_start) if path else None
    if not path:
        whole = part
    elif not what:
        return part.body_start, part.body_end
    elif part.is_message:
        whole = part.children[0]
    else:
        return None
    if what == "HEADER":
        return whole.header_start, whole.body_start
    if what == "TEXT":
        return whole.body_start, whole.body_end
    return (whole.header_start, whole.body_end) if not what else None


def section(message: bytes, root: Part, path: tuple[int, ...], what: str) -> bytes | None:
    """A section's bytes; `what` is empty, HEADER, TEXT or MIME. None if there is no such section.

    HEADER and TEXT with a path need a nested message there; MIME needs a path.
    """
    found = section_range(root, path, what)
    return None if found is None else message[found[0] : found[1]]


def section_fields(
    message: bytes,
    root: Part,
    path: tuple[int, ...],
    names: Collection[bytes],
    inverse: bool = False,
) -> bytes | None:
    """The fields HEADER.FIELDS (or, inverse, HEADER.FIELDS.NOT) asks for, and a blank line."""
    block = section(message, root, path, "HEADER")
    return None if block is None else field_slices(block, names, inverse)


def decode_transfer(raw: bytes, encoding: str, start: int = 0, end: int | None = None) -> bytes:
    """What `raw[start:end]` holds behind a transfer encoding.

    Damage is passed over, text in an unknown encoding kept.
    """
    if encoding == "base64":
        return decode_base64(raw, start, end)
    if encoding == "quoted-printable":
        held = BytesIO()
        for run in line_runs(raw, start, end):
            # White space at the end of a line came on the way (RFC 2045 §6.7).
            held.write(binascii.a2b_qp(_TRAILING.sub(b"", run)))
        return held.getvalue()
    return raw[start:end]


def content(message: bytes, part: Part) -> bytes:
    """The decoded content of a part without children."""
    return decode_transfer(message[part.body_start : part.body_end], part.encoding)


def text_of(part: Part, message: bytes, limit_bytes: int = TEXT_BYTES) -> str:
    """The text of a text part, its charset decoded as far as possible.

    At most `limit_bytes` of content are decoded; any other part gives an empty string.
    """
    if part.type != "text":
        return ""
    # Encoded text is up to three times as long as what it holds, and the cut must not matter.
    reach = limit_bytes if part.encoding not in ("base64", "quoted-printable") else limit_bytes * 3
    end = min(part.body_end, part.body_start + reach)
    raw = decode_transfer(message[part.body_start : end], part.encoding)
    if len(raw) > limit_bytes:
        raw = raw[:limit_bytes]
    if end < part.body_end or len(raw) == limit_bytes:
        raw = _whole_characters(raw)
    charset = part.charset
    return decode_charset(raw, charset) if charset else decode_raw(raw)


def _whole_characters(raw: bytes) -> bytes:
    """Without a UTF-8 character that a cut has torn."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            return raw[:-back]
    return raw

"""Header fields and MIME parts that scripts put into a message: text to bytes.

Values are cleaned, so that no field brings another one along. Called by `message` and by commands;
calls nothing of ours.
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

_LINE = 76
_LINE_MAX = 998
_WORD_BYTES = 42  # of text; 75 characters as an encoded word at most (RFC 2047 §2)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_BARE = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[!-9;-~]+\Z")


def is_field_name(name: str) -> bool:
    """Whether it may be the name of a header field (RFC 5322 §2.2)."""
    return _NAME.match(name) is not None


def field(name: str, value: str) -> bytes:
    """A whole header field with its line end, folded, beyond ASCII in encoded words."""
    value = _CONTROL.sub(" ", value).strip()
    if value.isascii() and "=?" not in value:
        lines = _folded(value, len(name) + 2)
    else:
        lines = _encoded(value)
    return f"{name}: {_join(lines)}\r\n".encode("ascii", "replace")


def _join(lines: Sequence[str]) -> str:
    return "\r\n ".join(lines)


def _folded(value: str, used: int) -> list[str]:
    """ASCII text in lines; broken at single spaces only, so that unfolding gives it back."""
    lines: list[str] = []
    words = value.split(" ")
    line = words[0]
    for before, word in pairwise(words):
        if used + len(line) + 1 + len(word) > _LINE and word and before:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}"
    lines.append(line)
    if any(len(line) > _LINE_MAX - used for line in lines):
        return _encoded(value)
    return lines


def _encoded(value: str) -> list[str]:
    made = []
    for piece in _pieces(value):
        held = binascii.b2a_base64(piece.encode("utf-8", "replace"), newline=False)
        made.append(f"=?utf-8?B?{held.decode('ascii')}?=")
    return made


def _pieces(value: str) -> Iterator[str]:
    """The text in pieces that fit into a word, no character torn."""
    start = size = 0
    for at, character in enumerate(value):
        width = len(character.encode("utf-8", "replace"))
        if size + width > _WORD_BYTES:
            yield value[start:at]
            start, size = at, 0
        size += width
    yield value[start:]


def text_entity(text: str) -> bytes:
    """A text/plain part with its header, in UTF-8 (RFC 5703 §4).

    No line of it can be taken for a boundary.
    """
    raw = _BARE.sub("\r\n", text).encode("utf-8", "replace")
    plain = raw.isascii() and b"\0" not in raw and b"\r\n--" not in b"\r\n" + raw
    encoding = "7bit"
    if not plain or any(len(line) > _LINE_MAX for line in raw.split(b"\r\n")):
        raw = binascii.b2a_qp(raw.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
        raw = (b"\r\n" + raw).replace(b"\r\n--", b"\r\n=2D-")[2:]
        encoding = "quoted-printable"
    head = (
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode("ascii") + raw


def crlf(text: str) -> bytes:
    """The octets of a text, every line end as CRLF."""
    return _BARE.sub("\r\n", text).encode("utf-8", "replace")


def enclosure(fields: bytes, text: str, content: bytes) -> bytes:
    """A new message with these header fields: a text, and a whole message as an attachment."""
    boundary = _boundary(content)
    width = "7bit" if content.isascii() else "8bit"
    head = (
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n'
        f"Content-Transfer-Encoding: {width}\r\n\r\n"
        f"--{boundary}\r\n"
    ).encode("ascii")
    between = (
        f"\r\n--{boundary}\r\n"
        "Content-Type: message/rfc822\r\n"
        "Content-Disposition: attachment\r\n"
        f"Content-Transfer-Encoding: {width}\r\n\r\n"
    ).encode("ascii")
    end = f"\r\n--{boundary}--\r\n".encode("ascii")
    return b"".join((fields, head, text_entity(text), between, content, end))


def _boundary(content: bytes) -> str:
    """One that doesn't occur in the content, and comes out alike for the same content."""
    digest = sha256(content).hexdigest()
    boundary = f"=_{digest[:32]}"
    while boundary.encode("ascii") in content:
        digest = sha256(digest.encode("ascii")).hexdigest()
        boundary = f"=_{digest[:32]}"
    return boundary

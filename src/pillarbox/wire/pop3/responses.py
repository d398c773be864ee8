"""What a POP3 server says: single lines with response codes, and multi-line responses.

Response codes are of RFC 2449 §8 and RFC 3206 §4.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

MAX_RESPONSE_OCTETS = 512
"""Of a single line, RFC 2449 §4; challenges of SASL may be longer (RFC 5034 §4)."""
END: Final = b".\r\n"
_BLOCK_BYTES = 4096

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Code(Enum):
    """Why a command is refused, for programs."""

    IN_USE = "IN-USE"
    AUTH = "AUTH"
    SYS_TEMP = "SYS/TEMP"
    SYS_PERM = "SYS/PERM"


def ok(text: str = "") -> bytes:
    """A positive answer, or the first line of a longer one."""
    return _line("+OK", text)


def err(text: str, code: Code | None = None) -> bytes:
    """A refusal."""
    return _line("-ERR", text if code is None else f"[{code.value}] {text}")


def challenge(data: bytes) -> bytes:
    """A challenge of SASL (RFC 5034 §4)."""
    return b"+ " + b2a_base64(data, newline=False) + b"\r\n"


def lines(words: Sequence[str]) -> bytes:
    """A whole multi-line response to follow `ok`, of short lines of printable ASCII."""
    return b"".join(word.encode("ascii") + b"\r\n" for word in words) + END


def stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as they travel, with the end mark: dots at their beginning doubled (RFC 1939 §3).

    `pieces` are of lines that each end with CRLF; where they are cut makes no difference.
    """
    at_start = True
    for piece in pieces:
        if not piece:
            continue
        dot = b"." if at_start and piece.startswith(b".") else b""
        at_start = piece.endswith(b"\n")
        yield dot + piece.replace(b"\n.", b"\n..")
    yield END


def top_bytes(content: bytes, line_count: int) -> int:
    """Where TOP ends in a message: after its header, the empty line and so many lines more."""
    position = _body_start(content)
    while position < len(content):
        lines = content.count(b"\n", position, position + _BLOCK_BYTES)
        if lines >= line_count:
            break
        line_count -= lines
        position += _BLOCK_BYTES
    else:
        return len(content)
    for _ in range(line_count):
        position = content.index(b"\n", position) + 1
    return position


def _body_start(content: bytes) -> int:
    if content.startswith((b"\r\n", b"\n")):
        return content.index(b"\n") + 1
    ends = [
        found + len(mark) for mark in (b"\n\r\n", b"\n\n") if (found := content.find(mark)) >= 0
    ]
    return min(ends, default=len(content))


def _line(status: str, text: str) -> bytes:
    said = f"{status} {_CONTROL.sub(' ', text)}" if text else status
    octets = said.encode("utf-8", "replace")[: MAX_RESPONSE_OCTETS - 2]
    return octets.decode("utf-8", "ignore").encode() + b"\r\n"

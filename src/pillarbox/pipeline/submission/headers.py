"""Putting the header of a submitted message in order (RFC 6409 §8).

Adds what is missing (From, Date, Message-ID) on top, takes out what others must not see
(Bcc). The rest stays byte for byte. Called by `submit`.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers

_PRIVATE = re.compile(
    rb"^(?:bcc|resent-bcc)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.M
)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_NO_FIELD = re.compile(rb"^(?![!-9;-~]++[ \t]*+:|[ \t]|\Z)", re.MULTILINE)
_BLANK = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class SubmittedContent:
    """A message cut in two: `header` ends with the line end of its last field.

    `body` begins with the blank line.
    """

    header: bytes
    body: bytes


def cut(content: bytes) -> SubmittedContent:
    """Find the header; content that begins with no field has none."""
    if content.startswith(b"\r\n"):
        return SubmittedContent(b"", content)
    if not _FIELD.match(content):
        return SubmittedContent(b"", b"\r\n" + content)
    end = content.find(_BLANK)
    if end < 0:
        return SubmittedContent(content if content.endswith(b"\r\n") else content + b"\r\n", b"")
    return SubmittedContent(content[: end + 2], content[end + 2 :])


def is_clear(header: bytes) -> bool:
    """Whether every reader finds the same fields: no NUL, and no line that is no field's.

    Of such a line some make a field, and some the end of the header.
    """
    return b"\0" not in header and _NO_FIELD.search(header) is None


def missing_fields(
    headers: Headers, sender: str, message_id: str, domain: str, now: datetime
) -> bytes:
    """The fields a message must have and has not (RFC 5322 §3.6)."""
    lines = []
    if b"from" not in headers:
        lines.append(f"From: <{sender}>\r\n")
    if b"date" not in headers:
        lines.append(f"Date: {format_date(now)}\r\n")
    if b"message-id" not in headers:
        lines.append(f"Message-ID: <{message_id}@{domain}>\r\n")
    return "".join(lines).encode()


def without_private(header: bytes) -> bytes:
    """The header without Bcc (RFC 5322 §3.6.3)."""
    return _PRIVATE.sub(b"", header)

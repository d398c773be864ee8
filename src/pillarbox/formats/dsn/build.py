"""Writing delivery status reports (RFC 3464, RFC 6533): the whole message, ready to be sent.

Called by `pipeline/outbound/reports`; calls `text`, `fields` and `returned`.
"""

import quopri
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header

from pillarbox.formats.dsn.catalogue import Words
from pillarbox.formats.dsn.english import ENGLISH
from pillarbox.formats.dsn.fields import write_status
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.returned import Returned, headers_of, returned
from pillarbox.formats.dsn.text import SUBJECT_CHARS, clean, write_text
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers

REFERENCES = 10
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_SEVERITY = (Action.FAILED, Action.DELAYED, Action.RELAYED, Action.DELIVERED, Action.EXPANDED)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the report itself is called: whose it is, to whom, and when.

    `to` is the address it goes to; `name` makes its Message-ID.
    """

    hostname: str
    to: str
    name: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A report and what sending it takes."""

    content: bytes
    smtputf8: bool
    eight_bit: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A part: its header fields without a blank line, and its body."""

    fields: tuple[str, ...]
    body: bytes


def build(
    subject: Subject, findings: Sequence[Finding], frame: Frame, words: Words = ENGLISH
) -> Report:
    """The report of what became of some recipients of one message.

    Addresses that are not ASCII stand as they are only where the report goes to such an address
    too; others might not be able to read it (RFC 6533 §3). Linear in the size of what it returns.
    """
    unicode = not frame.to.isascii()
    headers = headers_of(subject.content)
    back = returned(subject.content, subject.full, subject.binary)
    title = headers.text(b"subject") or ""
    note = words.returned_header
    if back.whole:
        note = words.returned_whole
    elif back.cut:
        note = words.returned_cut
    text = write_text(subject, clean(title), findings, frame.hostname, note, frame.now, words)
    status = write_status(subject, findings, frame.hostname, unicode=unicode)
    parts = (
        _text_part(text, words),
        _status_part(status, words, unicode=unicode),
        _returned_part(back, subject, words),
    )
    boundary = _boundary(parts)
    top = _header(headers, title, findings, frame, boundary, words)
    body = b"".join(
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, "\r\n".join(part.fields).encode(), part.body)
        for part in parts
    )
    eight_bit = not body.isascii()
    if eight_bit:
        top += "Content-Transfer-Encoding: 8bit\r\n"
    content = b"%b\r\n%b--%b--\r\n" % (top.encode(), body, boundary)
    return Report(content, not top.isascii(), eight_bit)


def _header(
    headers: Headers,
    title: str,
    findings: Sequence[Finding],
    frame: Frame,
    boundary: bytes,
    words: Words,
) -> str:
    actions = {finding.action for finding in findings}
    action = next(a for a in _SEVERITY if a in actions)
    shown = clean(title, SUBJECT_CHARS) or words.no_subject
    lines = [
        f"Date: {format_date(frame.now)}",
        f"From: {words.sender} <MAILER-DAEMON@{frame.hostname}>",
        f"To: <{frame.to}>",
        f"Subject: {_unstructured(words.subjects[action].format(subject=shown))}",
        f"Message-ID: <{frame.name}@{frame.hostname}>",
        *_relations(headers),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f"Content-Language: {words.language}",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary.decode()}"',
    ]
    return "\r\n".join(lines) + "\r\n"


def _relations(headers: Headers) -> list[str]:
    """In-Reply-To and References: the report is shown beside its message (RFC 3834 §3.1.5)."""
    found = _MESSAGE_ID.findall(headers.first(b"message-id") or b"")
    if not found:
        return []
    message_id = found[0].decode()
    before = _MESSAGE_ID.findall((headers.first(b"references") or b"")[:16_384])
    chain = [name.decode() for name in before[-REFERENCES:]]
    chain = [*(name for name in chain if name != message_id), message_id]
    return [f"In-Reply-To: {message_id}", "References: " + "\r\n ".join(chain)]


def _unstructured(text: str) -> str:
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    return Header(text, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


def _text_part(text: str, words: Words) -> _Part:
    raw = text.replace("\n", "\r\n").encode("utf-8", "replace")
    body, encoding = _seven_bit(raw)
    return _Part(
        (
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Language: {words.language}",
            f"Content-Transfer-Encoding: {encoding}",
        ),
        body,
    )


def _status_part(status: bytes, words: Words, *, unicode: bool) -> _Part:
    kind = "global-delivery-status" if unicode else "delivery-status"
    return _Part(
        (
            f"Content-Type: message/{kind}",
            f"Content-Description: {words.parts[0]}",
            f"Content-Transfer-Encoding: {_width(status)}",
        ),
        status,
    )


def _returned_part(back: Returned, subject: Subject, words: Words) -> _Part:
    """The returned message; a header is never 8-bit, so that a report of it can always be sent.

    The types for UTF-8 headers are used where the message was sent as one that has them.
    """
    unicode = subject.smtputf8 and not back.content.isascii()
    if back.whole:
        kind = "message/global" if unicode else "message/rfc822"
        body, encoding = back.content, _width(back.content)
    else:
        kind = "message/global-headers" if unicode else "text/rfc822-headers"
        if not unicode and not back.content.isascii():
            kind += "; charset=utf-8"
        body, encoding = _seven_bit(back.content)
    return _Part(
        (
            f"Content-Type: {kind}",
            f"Content-Description: {words.parts[1]}",
            f"Content-Transfer-Encoding: {encoding}",
        ),
        body,
    )


def _seven_bit(raw: bytes) -> tuple[bytes, str]:
    """A body as it is where it is plain, else as quoted-printable."""
    if raw.isascii() and b"\0" not in raw and all(len(n) <= 998 for n in raw.split(b"\r\n")):
        return raw, "7bit"
    lines = raw.replace(b"\r\n", b"\n")
    return quopri.encodestring(lines).replace(b"\n", b"\r\n"), "quoted-printable"


def _width(raw: bytes) -> str:
    return "7bit" if raw.isascii() else "8bit"


def _boundary(parts: Sequence[_Part]) -> bytes:
    """A line that stands in none of the parts."""
    while True:
        boundary = b"report-%b" % secrets.token_hex(12).encode()
        if not any(boundary in part.body for part in parts):
            return boundary

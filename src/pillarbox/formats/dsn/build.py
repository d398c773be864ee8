"""Writing delivery status reports (RFC 3464, RFC 6533): the whole message, ready to be sent.

Called by `pipeline/outbound/reports`; calls `text`, `fields` and `returned`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pillarbox.formats.dsn.catalogue import Words
from pillarbox.formats.dsn.english import ENGLISH
from pillarbox.formats.dsn.fields import write_status
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.returned import Returned, headers_of, returned
from pillarbox.formats.dsn.text import SUBJECT_CHARS, write_text
from pillarbox.formats.mime.compose import (
    Written,
    boundary,
    clean,
    joined,
    relations,
    seven_bit,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers

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
    between = boundary(parts, "report")
    top = _header(headers, title, findings, frame, between, words)
    body = joined(parts, between)
    eight_bit = not body.isascii()
    if eight_bit:
        top += "Content-Transfer-Encoding: 8bit\r\n"
    content = b"%b\r\n%b" % (top.encode(), body)
    return Report(content, not top.isascii(), eight_bit)


def _header(
    headers: Headers,
    title: str,
    findings: Sequence[Finding],
    frame: Frame,
    between: str,
    words: Words,
) -> str:
    actions = {finding.action for finding in findings}
    action = next(a for a in _SEVERITY if a in actions)
    shown = clean(title, SUBJECT_CHARS) or words.no_subject
    lines = [
        f"Date: {format_date(frame.now)}",
        f"From: {words.sender} <MAILER-DAEMON@{frame.hostname}>",
        f"To: <{frame.to}>",
        unstructured("Subject", words.subjects[action].format(subject=shown)),
        f"Message-ID: <{frame.name}@{frame.hostname}>",
        *relations(headers),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f"Content-Language: {words.language}",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{between}"',
    ]
    return "\r\n".join(lines) + "\r\n"


def _text_part(text: str, words: Words) -> Written:
    raw = text.replace("\n", "\r\n").encode("utf-8", "replace")
    body, encoding = seven_bit(raw)
    return Written(
        (
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Language: {words.language}",
            f"Content-Transfer-Encoding: {encoding}",
        ),
        body,
    )


def _status_part(status: bytes, words: Words, *, unicode: bool) -> Written:
    kind = "global-delivery-status" if unicode else "delivery-status"
    return Written(
        (
            f"Content-Type: message/{kind}",
            f"Content-Description: {words.parts[0]}",
            f"Content-Transfer-Encoding: {_width(status)}",
        ),
        status,
    )


def _returned_part(back: Returned, subject: Subject, words: Words) -> Written:
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
        body, encoding = seven_bit(back.content)
    return Written(
        (
            f"Content-Type: {kind}",
            f"Content-Description: {words.parts[1]}",
            f"Content-Transfer-Encoding: {encoding}",
        ),
        body,
    )


def _width(raw: bytes) -> str:
    return "7bit" if raw.isascii() else "8bit"

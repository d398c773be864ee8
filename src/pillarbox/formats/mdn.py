"""Writing message disposition notifications (RFC 8098): what became of a message that had arrived.

Only those of a program that refused it. Called by `pipeline/filtering/rejection`; calls
`mime/compose` and, for addresses and for what is returned, `dsn`.
"""

from dataclasses import dataclass
from datetime import datetime

from pillarbox.formats.dsn.fields import write_address
from pillarbox.formats.dsn.returned import headers_of, returned
from pillarbox.formats.mime.compose import (
    Written,
    address_field,
    boundary,
    clean,
    joined,
    mailbox,
    message,
    message_ids,
    relations,
    seven_bit,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers

SUBJECT_CHARS = 250
PRODUCT = "pillarbox"


@dataclass(frozen=True, slots=True)
class Disposition:
    """A message that was deleted unread, and by whom.

    `recipient` had it, `to` is told; `text` is for people. `message_id` is of the notification,
    without brackets.
    """

    recipient: str
    to: str
    text: str
    hostname: str
    message_id: str
    now: datetime
    name: str = ""
    subject: str = "Rejected"


def build_deleted(content: bytes, about: Disposition) -> bytes:
    """The notification that a program deleted this message (RFC 8098 §3.2.6).

    In ASCII, but for addresses where `about.to` has none either. Raises `GrammarError` where an
    address is none.
    """
    headers = headers_of(content)
    unicode = not about.to.isascii()
    parts = (
        text_part(about.text, language="en"),
        _disposition(headers, about, unicode=unicode),
        _returned(content),
    )
    between = boundary(parts, "report")
    title = clean(headers.text(b"subject") or "", SUBJECT_CHARS)
    lines = [
        f"Date: {format_date(about.now)}",
        address_field("From", (mailbox(about.recipient, about.name),)),
        address_field("To", (mailbox(about.to),)),
        unstructured("Subject", f"{about.subject}: {title}" if title else about.subject),
        f"Message-ID: <{about.message_id}>",
        *relations(headers),
        "Auto-Submitted: auto-replied (rejected)",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]
    body = joined(parts, between)
    report = [
        "Content-Type: multipart/report; report-type=disposition-notification;",
        f'\tboundary="{between}"',
    ]
    if not body.isascii():
        report.append("Content-Transfer-Encoding: 8bit")
    return message(lines, Written(tuple(report), body))


def _disposition(headers: Headers, about: Disposition, *, unicode: bool) -> Written:
    """The part for programs (RFC 8098 §3.1; for addresses beyond ASCII RFC 6533 §5)."""
    lines = [f"Reporting-UA: {about.hostname}; {PRODUCT}"]
    original = clean(headers.text(b"original-recipient") or "", 500)
    kind, sign, address = original.partition(";")
    if sign and address.strip():
        shown = write_address(kind.strip(), address.strip(), unicode=unicode)
        lines.append(f"Original-Recipient: {shown}")
    lines.append(
        f"Final-Recipient: {write_address('rfc822', about.recipient, unicode=unicode)}",
    )
    ids = message_ids(headers.first(b"message-id"))
    if ids:
        lines.append(f"Original-Message-ID: {ids[0]}")
    lines.append("Disposition: automatic-action/MDN-sent-automatically; deleted")
    body = "\r\n".join((*lines, "")).encode()
    kind = "global-disposition-notification" if unicode else "disposition-notification"
    encoding = "7bit" if body.isascii() else "8bit"
    return Written(
        (f"Content-Type: message/{kind}", f"Content-Transfer-Encoding: {encoding}"), body
    )


def _returned(content: bytes) -> Written:
    """The header of the message, without what others must not see."""
    body, encoding = seven_bit(returned(content, None).content)
    kind = "text/rfc822-headers" if body.isascii() and encoding == "7bit" else ""
    fields = (
        f"Content-Type: {kind or 'text/rfc822-headers; charset=utf-8'}",
        f"Content-Transfer-Encoding: {encoding}",
    )
    return Written(fields, body)

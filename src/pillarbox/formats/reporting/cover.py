"""The mail around a report. Not for signing it, which whoever sends it does."""

import base64
from dataclasses import dataclass
from datetime import datetime

from pillarbox.formats.mime.date import format_date

_LINE = 76


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands around a report: `domain` is whom it is about, `submitter` whom it is from."""

    sender: str
    recipients: tuple[str, ...]
    domain: str
    submitter: str
    report_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What is in the mail: words for people, and the file.

    `container` is the type of the whole, `fields` are header fields of this kind of report.
    """

    words: tuple[str, ...]
    media_type: str
    file_name: str
    content: bytes
    container: str = "multipart/mixed"
    fields: tuple[str, ...] = ()


def compose(cover: Cover, enclosure: Enclosure) -> bytes:
    """The message, 7-bit, with CRLF; the subject is that of RFC 7489 §7.2.1.1 and RFC 8460 §5.3."""
    boundary = "=_" + cover.report_id.partition("@")[0].replace(".", "-")[:60]
    lines = [
        f"From: <{cover.sender}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in cover.recipients),
        f"Date: {format_date(cover.now)}",
        f"Message-ID: <{cover.report_id}>",
        f"Subject: Report Domain: {cover.domain}",
        f" Submitter: {cover.submitter}",
        f" Report-ID: <{cover.report_id}>",
        *enclosure.fields,
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f"Content-Type: {enclosure.container};",
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *enclosure.words,
        "",
        f"--{boundary}",
        f"Content-Type: {enclosure.media_type}",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f' filename="{enclosure.file_name}"',
        "",
        *_base64_lines(enclosure.content),
        "",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def file_name(cover: Cover, start: datetime, end: datetime, ending: str) -> str:
    """How the file with the report is called (RFC 7489 §7.2.1.1, RFC 8460 §5.1)."""
    begins, ends = int(start.timestamp()), int(end.timestamp())
    return f"{cover.submitter}!{cover.domain}!{begins}!{ends}.{ending}"


def _base64_lines(packed: bytes) -> list[str]:
    text = base64.b64encode(packed).decode("ascii")
    return [text[at : at + _LINE] for at in range(0, len(text), _LINE)]

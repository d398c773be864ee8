"""The mail that carries a report (RFC 8460 §5.3): made, and looked through when it comes.

Calls `report` and `formats/mime`. Not for signing it, which whoever sends it does.
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import content as decode_part
from pillarbox.formats.tls_report.report import Report, decode, unpack

MAX_MAIL_BYTES = 8 << 20
_LOOKED_AT_BYTES = 64 * 1024
_LINE = 76
_GZIP_MARK = b"\x1f\x8b"
_GZIP, _JSON = "tlsrpt+gzip", "tlsrpt+json"
# RFC 8460's own example and some reporters leave the suffix out.
_KINDS = (_GZIP, _JSON, "tlsrpt", "gzip", "x-gzip", "json")
_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable")


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands around a report: `domain` is whom it is about, `submitter` whom it is from."""

    sender: str
    recipients: tuple[str, ...]
    domain: str
    submitter: str
    report_id: str
    now: datetime


def file_name(cover: Cover, report: Report) -> str:
    """How the file with the report is called (RFC 8460 §5.1)."""
    start, end = int(report.start.timestamp()), int(report.end.timestamp())
    return f"{cover.submitter}!{cover.domain}!{start}!{end}.json.gz"


def compose(cover: Cover, report: Report, packed: bytes) -> bytes:
    """The message, 7-bit, with CRLF; `packed` is the report as a gzip file.

    Says that it must not fail for want of TLS: that is what it may be about (RFC 8460 §3).
    """
    boundary = "=_" + cover.report_id.partition("@")[0].replace(".", "-")[:60]
    name = file_name(cover, report)
    successes = sum(policy.successes for policy in report.policies)
    failures = sum(policy.failures for policy in report.policies)
    lines = [
        f"From: <{cover.sender}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in cover.recipients),
        f"Date: {format_date(cover.now)}",
        f"Message-ID: <{cover.report_id}>",
        f"Subject: Report Domain: {cover.domain}",
        f" Submitter: {cover.submitter}",
        f" Report-ID: <{cover.report_id}>",
        f"TLS-Report-Domain: {cover.domain}",
        f"TLS-Report-Submitter: {cover.submitter}",
        "TLS-Required: No",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="tlsrpt";',
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is a report of TLS connections from {cover.submitter}",
        f"to the mail servers of {cover.domain}, from {report.start:%Y-%m-%d %H:%M}",
        f"to {report.end:%Y-%m-%d %H:%M} UTC: {successes} went well, {failures} failed.",
        "The attached file has the details (RFC 8460).",
        "",
        f"--{boundary}",
        f"Content-Type: application/{_GZIP}",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f' filename="{name}"',
        "",
        *_base64_lines(packed),
        "",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def is_report(content: bytes) -> bool:
    """Whether a message says of itself that it carries a report; quick, by its header alone."""
    end = content.find(b"\n\r\n", 0, _LOOKED_AT_BYTES)
    headers = Headers(content[: _LOOKED_AT_BYTES if end < 0 else end + 1])
    if b"tls-report-domain" in headers:
        return True
    kind = (headers.first(b"content-type") or b"").lower()
    return b"tlsrpt" in kind and (b"multipart/report" in kind or b"application/tlsrpt" in kind)


def extract(content: bytes) -> Report:
    """The report in a message; `GrammarError` where there is none that can be read."""
    if len(content) > MAX_MAIL_BYTES:
        raise GrammarError("a message that is too large")
    root = scan(content)
    parts = [part for _, part in root.walk() if part.type == "application"]
    # What is called a report goes before files that may be one.
    parts.sort(key=lambda part: not part.subtype.startswith("tlsrpt"))
    for part in parts[:5]:
        if part.subtype in _KINDS and part.encoding in _ENCODINGS:
            found = decode_part(content, part)
            return decode(unpack(found) if found.startswith(_GZIP_MARK) else found)
    raise GrammarError("a message without a report")


def _base64_lines(packed: bytes) -> list[str]:
    text = base64.b64encode(packed).decode("ascii")
    return [text[at : at + _LINE] for at in range(0, len(text), _LINE)]

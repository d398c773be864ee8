"""The mail that carries a report (RFC 8460 §5.3): made, and looked through when it comes.

Calls `report`, `formats/reporting` and `formats/mime`.
"""

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import content as decode_part
from pillarbox.formats.reporting.cover import Cover, Enclosure, file_name
from pillarbox.formats.reporting.cover import compose as frame
from pillarbox.formats.reporting.packed import GZIP_MARK, unpack
from pillarbox.formats.tls_report.report import MAX_JSON_BYTES, Report, decode

MAX_MAIL_BYTES = 8 << 20
_LOOKED_AT_BYTES = 64 * 1024
_GZIP, _JSON = "tlsrpt+gzip", "tlsrpt+json"
# RFC 8460's own example and some reporters leave the suffix out.
_KINDS = (_GZIP, _JSON, "tlsrpt", "gzip", "x-gzip", "json")
_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable")


def compose(cover: Cover, report: Report, packed: bytes) -> bytes:
    """The message; `packed` is the report as a gzip file.

    Says that it must not fail for want of TLS: that is what it may be about (RFC 8460 §3).
    """
    successes = sum(policy.successes for policy in report.policies)
    failures = sum(policy.failures for policy in report.policies)
    words = (
        f"This is a report of TLS connections from {cover.submitter}",
        f"to the mail servers of {cover.domain}, from {report.start:%Y-%m-%d %H:%M}",
        f"to {report.end:%Y-%m-%d %H:%M} UTC: {successes} went well, {failures} failed.",
        "The attached file has the details (RFC 8460).",
    )
    fields = (
        f"TLS-Report-Domain: {cover.domain}",
        f"TLS-Report-Submitter: {cover.submitter}",
        "TLS-Required: No",
    )
    name = file_name(cover, report.start, report.end, "json.gz")
    container = 'multipart/report; report-type="tlsrpt"'
    media_type = f"application/{_GZIP}"
    return frame(cover, Enclosure(words, media_type, name, packed, container, fields))


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
            packed = found.startswith(GZIP_MARK)
            return decode(unpack(found, MAX_JSON_BYTES) if packed else found)
    raise GrammarError("a message without a report")

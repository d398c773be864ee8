"""The mail that carries an aggregate report (RFC 7489 §7.2.1.1): made, and looked through.

Calls `read`, `formats/reporting` and `formats/mime`.
"""

import re

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dmarc_report.model import Report
from pillarbox.formats.dmarc_report.read import MAX_XML_BYTES, decode
from pillarbox.formats.mime.header import Headers, header_of
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import ScanLimits, scan
from pillarbox.formats.mime.section import content as decode_part
from pillarbox.formats.reporting.cover import Cover, Enclosure, file_name
from pillarbox.formats.reporting.cover import compose as frame
from pillarbox.formats.reporting.packed import GZIP_MARK, ZIP_MARK, unpack, unzip

MAX_MAIL_BYTES = 8 << 20
_LIMITS = ScanLimits(depth=6, parts=40)
_TRIED = 3
_KINDS = frozenset(("gzip", "x-gzip", "gzip-compressed", "zip", "x-zip", "x-zip-compressed", "xml"))
_NAMED = re.compile(r"\.(?:xml|xml\.gz|gz|gzip|zip)\s*\Z", re.IGNORECASE)
_SUBJECT = re.compile(
    rb"report\s*+domain\s*+:|dmarc\s++(?:aggregate|report)|report-id\s*+:", re.IGNORECASE
)
_FILE = re.compile(rb"name[*0-9]*=[^\n!]*+![^\n!]*+![^\n!]*+!", re.IGNORECASE)
_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable")


def compose(cover: Cover, report: Report, packed: bytes) -> bytes:
    """The message; `packed` is the report as a gzip file."""
    messages = sum(record.count for record in report.records)
    passed = sum(record.count for record in report.records if record.aligned)
    words = (
        f"This is an aggregate report of DMARC from {cover.submitter}",
        f"about mail with {cover.domain} in From, from {report.start:%Y-%m-%d %H:%M}",
        f"to {report.end:%Y-%m-%d %H:%M} UTC: {messages} messages, of which {passed} passed.",
        "The attached file has the details (RFC 9990).",
    )
    name = file_name(cover, report.start, report.end, "xml.gz")
    return frame(cover, Enclosure(words, "application/gzip", name, packed))


def is_report(content: bytes) -> bool:
    """Whether a message may carry an aggregate report; quick, by its header alone."""
    header = header_of(content)
    lower = header.lower()
    if b"report" not in lower and b"filename" not in lower and b"name=" not in lower:
        return False
    headers = Headers(header)
    if _SUBJECT.search((headers.text(b"subject") or "").encode("utf-8", "replace")[:1000]):
        return True
    fields = (headers.first(b"content-type"), headers.first(b"content-disposition"))
    return any(one is not None and _FILE.search(one[:1000]) for one in fields)


def extract(content: bytes) -> Report:
    """The report in a message; `GrammarError` where there is none that can be read."""
    if len(content) > MAX_MAIL_BYTES:
        raise GrammarError("a message that is too large")
    parts = [part for _, part in scan(content, _LIMITS).walk() if _may_be(part)]
    # What has the name of a report goes before files that may be one.
    parts.sort(key=lambda part: "!" not in (part.filename or ""))
    wrong = GrammarError("a message without a report")
    for part in parts[:_TRIED]:
        try:
            return decode(_plain(decode_part(content, part)))
        except GrammarError as error:
            wrong = error
    raise wrong


def _may_be(part: Part) -> bool:
    if part.type not in ("application", "text") or part.encoding not in _ENCODINGS:
        return False
    return part.subtype in _KINDS or _NAMED.search(part.filename or "") is not None


def _plain(file: bytes) -> bytes:
    """The XML in a file, by what it begins with: names and types are often wrong."""
    if file.startswith(GZIP_MARK):
        return unpack(file, MAX_XML_BYTES)
    if file.startswith(ZIP_MARK):
        return unzip(file, MAX_XML_BYTES, ".xml")
    return file

"""Reading feedback reports of others: the Abuse Reporting Format and its auth-failure reports.

RFC 5965, RFC 6591, RFC 6692. Any bytes give a report or `None`; nothing raises, time is linear and
everything is bounded. What a report says is a claim of whoever wrote it. Called by
`pipeline/inbound/complaints`; calls `formats/mime` and `formats/dsn`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from pillarbox.formats.dsn.parse import READ_BYTES, returned_block
from pillarbox.formats.mime.compose import clean
from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.mime.header import Headers, header_of
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import ScanLimits, scan
from pillarbox.formats.mime.section import content as decoded
from pillarbox.formats.mime.words import decode_raw, decode_words

REPORT_BYTES = 64 * 1024
VALUES_MAX = 50
"""Of fields that may stand there again and again."""
TEXT_CHARS = 1000
INCIDENTS_MAX = 1_000_000

_LIMITS = ScanLimits(depth=4, parts=20, fields=10, params=10)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_BRACKETED = re.compile(r"<([^<>\s]{1,500})>")
_FEEDBACK = b"feedback-report"


@dataclass(frozen=True, slots=True)
class AuthFailure:
    """What a report of kind auth-failure says besides (RFC 6591 §3); absent texts are empty.

    `failure` is `adsp`, `bodyhash`, `revoked`, `signature`, `spf` or `dmarc`; `delivery` is
    `delivered`, `spam`, `policy`, `reject` or `other`.
    """

    failure: str = ""
    delivery: str = ""
    dkim_domain: str = ""
    dkim_identity: str = ""
    dkim_selector: str = ""
    dkim_selector_dns: str = ""
    dkim_adsp_dns: str = ""
    dkim_canonicalized_header: str = ""
    dkim_canonicalized_body: str = ""
    spf_dns: str = ""
    identity_alignment: str = ""


@dataclass(frozen=True, slots=True)
class Original:
    """What the header of the message complained of says; absent texts are empty.

    `message_id` is without brackets.
    """

    message_id: str = ""
    subject: str = ""
    sender: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A report; addresses are without brackets, absent texts empty.

    `kind` is a feedback type of RFC 5965 §7.3: abuse, fraud, virus, not-spam, other, auth-failure,
    opt-out or what else there may be, in lower case.
    """

    kind: str
    user_agent: str = ""
    version: int = 0
    original_envelope_id: str = ""
    original_mail_from: str = ""
    original_rcpt_to: tuple[str, ...] = ()
    arrival_date: datetime | None = None
    reporting_mta: str = ""
    source_ip: str = ""
    source_port: int = 0
    incidents: int = 1
    authentication_results: tuple[str, ...] = ()
    reported_domains: tuple[str, ...] = ()
    reported_uris: tuple[str, ...] = ()
    removal_recipients: tuple[str, ...] = ()
    auth_failure: AuthFailure = AuthFailure()
    original: Original = Original()


def is_feedback(content: bytes) -> bool:
    """Whether a message may be a feedback report; quick, by its header alone."""
    return _FEEDBACK in header_of(content).lower()


def parse_feedback(message: bytes) -> Feedback | None:
    """What a message reports, or `None` for one that is no feedback report."""
    message = message[:READ_BYTES]
    root = scan(message, _LIMITS)
    if root.type != "multipart":
        return None
    report: Part | None = None
    block: bytes | None = None
    for part in root.children:
        if report is None and (part.type, part.subtype) == ("message", "feedback-report"):
            report = part
        elif report is not None and block is None:
            block = returned_block(message, part)
    if report is None:
        return None
    fields = Headers(decoded(message, report)[:REPORT_BYTES].lstrip(b"\r\n"))
    kind = _word(fields, b"feedback-type")
    return _feedback(kind, fields, _original(block or b"")) if kind else None


def _feedback(kind: str, fields: Headers, original: Original) -> Feedback:
    date = fields.first(b"arrival-date") or fields.first(b"received-date")
    return Feedback(
        kind,
        _text(fields, b"user-agent"),
        _number(fields, b"version", 0),
        _text(fields, b"original-envelope-id"),
        _bare(_text(fields, b"original-mail-from")),
        tuple(map(_bare, _texts(fields, b"original-rcpt-to"))),
        parse_date(date) if date else None,
        _text(fields, b"reporting-mta").rpartition(";")[2].strip(),
        _address(_text(fields, b"source-ip")),
        min(_number(fields, b"source-port", 0), 65_535),
        min(max(_number(fields, b"incidents", 1), 1), INCIDENTS_MAX),
        _texts(fields, b"authentication-results"),
        _texts(fields, b"reported-domain"),
        _texts(fields, b"reported-uri"),
        tuple(map(_bare, _texts(fields, b"removal-recipient"))),
        AuthFailure(
            _word(fields, b"auth-failure"),
            _word(fields, b"delivery-result"),
            _text(fields, b"dkim-domain"),
            _text(fields, b"dkim-identity"),
            _text(fields, b"dkim-selector"),
            _text(fields, b"dkim-selector-dns"),
            _text(fields, b"dkim-adsp-dns"),
            _text(fields, b"dkim-canonicalized-header"),
            _text(fields, b"dkim-canonicalized-body"),
            _text(fields, b"spf-dns"),
            _word(fields, b"identity-alignment"),
        ),
        original,
    )


def _original(block: bytes) -> Original:
    end = _HEADER_END.search(block)
    header = Headers(block[: end.end()] if end else block)
    found = clean(decode_raw((header.first(b"message-id") or b"")[:TEXT_CHARS]), TEXT_CHARS)
    match = _BRACKETED.search(found)

    def value(name: bytes) -> str:
        return clean(decode_words((header.first(name) or b"")[: 4 * TEXT_CHARS]), TEXT_CHARS)

    return Original(
        match[1] if match else found.strip("<> "), value(b"subject"), value(b"from"), value(b"to")
    )


def _texts(fields: Headers, name: bytes) -> tuple[str, ...]:
    values = (_clean(raw) for raw in fields.all(name)[:VALUES_MAX])
    return tuple(value for value in values if value)


def _text(fields: Headers, name: bytes) -> str:
    return _clean(fields.first(name) or b"")


def _clean(raw: bytes) -> str:
    return clean(decode_raw(raw[: 4 * TEXT_CHARS]), TEXT_CHARS)


def _word(fields: Headers, name: bytes) -> str:
    """A keyword, behind which a comment may stand."""
    return _text(fields, name).partition("(")[0].strip().lower()[:40]


def _number(fields: Headers, name: bytes, default: int) -> int:
    text = _text(fields, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default


def _bare(path: str) -> str:
    """An address without brackets; a list of one is common too."""
    match = _BRACKETED.search(path)
    if match is not None:
        return match[1]
    return "" if path == "<>" else path


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip("[]").removeprefix("IPv6:")))
    except ValueError:
        return ""

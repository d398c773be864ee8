"""Reading delivery status reports of others: those of RFC 3464 and RFC 6533, and qmail's.

Any bytes give a report or `None`; nothing raises, time is linear and everything is bounded. What a
report says is a claim of whoever wrote it. Called by `pipeline/inbound/bounces`; calls
`formats/mime`.
"""

import re
from collections.abc import Iterator

from pillarbox.formats.dsn.model import Action, ReportedRecipient, StatusReport
from pillarbox.formats.mime.compose import clean
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import ScanLimits, scan
from pillarbox.formats.mime.section import content as decoded
from pillarbox.formats.mime.words import decode_raw

READ_BYTES = 512 * 1024
"""What lies behind this in a message is not read; the returned message may be cut by it."""
STATUS_BYTES = 256 * 1024
HEADER_BYTES = 64 * 1024
RECIPIENTS = 1000
ADDRESS_CHARS = 500
DIAGNOSTIC_CHARS = 1000
ENVID_CHARS = 100

_LIMITS = ScanLimits(depth=4, parts=20, fields=10, params=10)
_STATUS_TYPES = frozenset({"delivery-status", "global-delivery-status"})
_HEADER_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})
_GROUP = re.compile(rb"(?:[^\r\n][^\n]*+(?:\n|\Z))++")
_STATUS = re.compile(rb"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_ENHANCED = re.compile(rb"(?<![0-9.])([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_MESSAGE_ID = re.compile(rb"<[!-;=?-~\x80-\xff]{1,500}>")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_CLASSES = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}

_QMAIL = b"Hi. This is the "
_QMAIL_RECIPIENT = re.compile(rb"<([^<>\s]{3,320})>:\r?\n")
_QMAIL_BREAK = re.compile(rb"^---[^\n]*copy of the message[^\n]*\n", re.MULTILINE)


def parse_report(message: bytes) -> StatusReport | None:
    """What a message reports, or `None` for one that is no report of deliveries.

    Recipients without a known Action are left out, and a report without others is none.
    """
    message = message[:READ_BYTES]
    root = scan(message, _LIMITS)
    if root.type == "multipart":
        return _standard(message, root)
    if root.type == "text":
        return _qmail(message, root)
    return None


def _standard(message: bytes, root: Part) -> StatusReport | None:
    status: Part | None = None
    message_id: str | None = None
    for part in root.children:
        if status is None:
            if part.type == "message" and part.subtype in _STATUS_TYPES:
                status = part
        elif message_id is None:
            message_id = _returned_id(message, part)
    if status is None:
        return None
    groups = _groups(decoded(message, status)[:STATUS_BYTES])
    about = next(groups, None)
    if about is None:
        return None
    recipients = tuple(found for group in groups if (found := _recipient(group)) is not None)
    if not recipients:
        return None
    envid = about.first(b"original-envelope-id")
    return StatusReport(
        _typed(about.first(b"reporting-mta")),
        clean(decode_raw(envid[: ENVID_CHARS + 1]), ENVID_CHARS) or None if envid else None,
        message_id,
        recipients,
    )


def _groups(block: bytes) -> Iterator[Headers]:
    """The groups of fields between blank lines, the first of which is about the message."""
    for number, match in enumerate(_GROUP.finditer(block)):
        if number > RECIPIENTS:
            return
        yield Headers(match[0])


def _recipient(group: Headers) -> ReportedRecipient | None:
    word = (group.first(b"action") or b"").partition(b"(")[0].strip().lower()
    try:
        action = Action(word.decode("ascii", "replace"))
    except ValueError:
        return None
    status = _STATUS.match(group.first(b"status") or b"")
    return ReportedRecipient(
        action,
        status[1].decode() if status is not None else _CLASSES.get(action, "2.0.0"),
        _typed(group.first(b"final-recipient")),
        _typed(group.first(b"original-recipient")),
        _typed(group.first(b"diagnostic-code"), DIAGNOSTIC_CHARS) or "",
        _typed(group.first(b"remote-mta")),
    )


def _typed(value: bytes | None, most: int = ADDRESS_CHARS) -> str | None:
    """What follows the type and its semicolon; escapes of RFC 6533 §3 decoded."""
    if value is None:
        return None
    kind, semicolon, rest = value.partition(b";")
    text = decode_raw((rest if semicolon else value)[: 4 * most]).strip()
    if kind.strip().lower() == b"utf-8":
        text = _ESCAPED.sub(_unescape, text)
    if text[:1] == "<" and text[-1:] == ">":
        text = text[1:-1]
    return clean(text, most) or None


def _unescape(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 else " "


def returned_block(message: bytes, part: Part) -> bytes | None:
    """The beginning of the message, or the header, that a part of a report returns, if it does."""
    kind = f"{part.type}/{part.subtype}"
    if kind not in _MESSAGE_TYPES and kind not in _HEADER_TYPES:
        return None
    if part.encoding in ("base64", "quoted-printable"):
        block = decoded(message, part)
    else:
        block = message[part.body_start : min(part.body_end, part.body_start + HEADER_BYTES)]
    return block[:HEADER_BYTES]


def _returned_id(message: bytes, part: Part) -> str | None:
    block = returned_block(message, part)
    return None if block is None else _message_id(block)


def _message_id(block: bytes) -> str | None:
    end = re.search(rb"\r?\n\r?\n", block)
    found = Headers(block[: end.end()] if end else block).first(b"message-id")
    match = _MESSAGE_ID.search(found) if found else None
    return decode_raw(match[0]) if match else None


def _qmail(message: bytes, root: Part) -> StatusReport | None:
    """The format of qmail's reports: a greeting, a paragraph per recipient, the message."""
    body = message[root.body_start : root.body_end].lstrip(b"\r\n")
    if not body.startswith(_QMAIL):
        return None
    cut = _QMAIL_BREAK.search(body)
    if cut is None:
        return None
    recipients = []
    for paragraph in _GROUP.finditer(body, 0, min(cut.start(), STATUS_BYTES)):
        found = _QMAIL_RECIPIENT.match(paragraph[0])
        if found is None:
            continue
        reason = paragraph[0][found.end() :][: 4 * DIAGNOSTIC_CHARS]
        status = _ENHANCED.search(reason)
        recipients.append(
            ReportedRecipient(
                Action.FAILED,
                status[1].decode() if status else "5.0.0",
                clean(decode_raw(found[1]), ADDRESS_CHARS),
                None,
                clean(decode_raw(reason), DIAGNOSTIC_CHARS),
            )
        )
        if len(recipients) >= RECIPIENTS:
            break
    if not recipients:
        return None
    returned = body[cut.end() : cut.end() + HEADER_BYTES].lstrip(b"\r\n")
    return StatusReport(None, None, _message_id(returned), tuple(recipients))

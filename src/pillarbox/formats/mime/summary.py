"""What is kept of a message for lists: IMAP's answers ready to send, and decoded fields for others.

Made once at arrival, sealed and stored beside the message, so that ENVELOPE, BODY and BODYSTRUCTURE
of ten thousand messages cost a slice each. Called by delivery and import; calls the other modules
of this folder.
"""

import re
import struct
from datetime import UTC, datetime, timedelta

import msgspec

from pillarbox.formats.address import Group, Mailbox, mailboxes
from pillarbox.formats.mime.bodystructure import print_body
from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.mime.envelope import address_lists, print_headers
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.preview import preview
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.words import decode_raw, decode_words

CORRESPONDENTS_MAX = 1000
REFERENCES_MAX = 100
SUBJECT_CHARACTERS = 4000
_ID_MAX = 1000
_PREVIEW_MAX = 200
_HEAD = struct.Struct(">III")
_LENGTHS = _HEAD.unpack_from
_HEAD_BYTES = _HEAD.size
_ENVELOPE_DATE = re.compile(rb'\("([^"\\]*+)"')
_ID = re.compile(rb"<([^<>]++)>")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = timedelta(minutes=1)
_SIGNATURES = frozenset(("pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted"))


class Correspondent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decoded mailbox: display name (maybe empty) and address as written."""

    name: str
    address: str


class Fields(msgspec.Struct, frozen=True, array_like=True):
    """The decoded part of a summary.

    Groups are dissolved into their members. Message ids stand without angle brackets.
    """

    subject: str
    from_: tuple[Correspondent, ...]
    sender: tuple[Correspondent, ...]
    reply_to: tuple[Correspondent, ...]
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    bcc: tuple[Correspondent, ...]
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sent_at_ms: int | None
    preview: str
    has_attachment: bool
    sent_offset_min: int = 0
    """How far the zone of the Date field is ahead of UTC; 0 in summaries stored before it was."""
    leading_groups: tuple[str, str, str] = ("", "", "")
    """The names of the groups that From, To and Cc begin with; empty where that is a mailbox."""


_DECODER = msgspec.msgpack.Decoder(Fields)


class Summary(msgspec.Struct, frozen=True):
    """IMAP's three answers as wire text, and the decoded fields."""

    envelope: bytes
    body: bytes
    bodystructure: bytes
    fields: Fields

    def to_bytes(self) -> bytes:
        """For storing: three lengths, envelope, BODYSTRUCTURE, BODY, then the fields as msgpack."""
        return b"".join(
            (
                _HEAD.pack(len(self.envelope), len(self.bodystructure), len(self.body)),
                self.envelope,
                self.bodystructure,
                self.body,
                msgspec.msgpack.encode(self.fields),
            )
        )

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Summary":
        """What `to_bytes` stored; raises `struct.error` or `msgspec.DecodeError` on other bytes."""
        return cls(
            envelope_of(stored), body_of(stored), bodystructure_of(stored), fields_of(stored)
        )


def envelope_of(stored: bytes) -> bytes:
    """The ENVELOPE in a stored summary."""
    return stored[_HEAD_BYTES : _HEAD_BYTES + _LENGTHS(stored)[0]]


def bodystructure_of(stored: bytes) -> bytes:
    """The BODYSTRUCTURE in a stored summary."""
    envelope, structure, _ = _LENGTHS(stored)
    start: int = _HEAD_BYTES + envelope
    return stored[start : start + structure]


def body_of(stored: bytes) -> bytes:
    """The BODY in a stored summary."""
    envelope, structure, body = _LENGTHS(stored)
    start: int = _HEAD_BYTES + envelope + structure
    return stored[start : start + body]


def fields_of(stored: bytes) -> Fields:
    """The decoded fields in a stored summary."""
    return _DECODER.decode(memoryview(stored)[_HEAD_BYTES + sum(_LENGTHS(stored)) :])


def written_offset_min(stored: bytes) -> int:
    """The zone of the Date field in a stored summary that was made before `Fields` told it.

    The date stands first in the ENVELOPE.
    """
    found = _ENVELOPE_DATE.match(envelope_of(stored))
    return _offset_min(parse_date(found.group(1))) if found else 0


def summarize(message: bytes) -> tuple[Summary, Part]:
    """The summary and the part index of a whole message; never raises."""
    root = scan(message)
    headers = Headers(message[root.header_start : root.body_start])
    lists = address_lists(headers)
    date = headers.first(b"date")
    sent_at = parse_date(date) if date else None
    ids = message_ids(headers.first(b"message-id"))
    fields = Fields(
        subject=(headers.text(b"subject") or "")[:SUBJECT_CHARACTERS],
        from_=_correspondents(lists.get(b"from")),
        sender=_correspondents(lists.get(b"sender")),
        reply_to=_correspondents(lists.get(b"reply-to")),
        to=_correspondents(lists.get(b"to")),
        cc=_correspondents(lists.get(b"cc")),
        bcc=_correspondents(lists.get(b"bcc")),
        message_id=ids[0] if ids else None,
        in_reply_to=message_ids(headers.first(b"in-reply-to")),
        references=message_ids(headers.first(b"references")),
        sent_at_ms=None if sent_at is None else (sent_at - _EPOCH) // _MILLISECOND,
        preview=preview(message, root, _PREVIEW_MAX),
        has_attachment=has_attachment(root),
        sent_offset_min=_offset_min(sent_at),
        leading_groups=(
            _leading_group(lists.get(b"from")),
            _leading_group(lists.get(b"to")),
            _leading_group(lists.get(b"cc")),
        ),
    )
    envelope = print_headers(headers, lists)
    body, structure = print_body(root, message, False), print_body(root, message, True)
    return Summary(envelope, body, structure, fields), root


def message_ids(raw: bytes | None) -> tuple[str, ...]:
    """The ids of a Message-ID, In-Reply-To or References value, without angle brackets.

    Of more than a hundred the first and the last ninety-nine are kept: the ends of a thread
    tell most. A value without brackets is taken word by word.
    """
    if not raw:
        return ()
    found = _ID.findall(raw) if b"<" in raw else raw.split()
    if len(found) > REFERENCES_MAX:
        found = [found[0], *found[1 - REFERENCES_MAX :]]
    return tuple(
        [decode_raw(b"".join(one.split())) for one in found if len(one) <= _ID_MAX and one.strip()]
    )


def has_attachment(root: Part) -> bool:
    """Whether any part is meant to be kept as a file rather than shown with the text."""
    pending = [root]
    while pending:
        part = pending.pop()
        if part.type == "multipart" and part.children:
            pending.extend(part.children)
        elif _is_attachment(part, part is root):
            return True
    return False


def _is_attachment(part: Part, is_root: bool) -> bool:
    if part.disposition == "attachment":
        return part.subtype not in _SIGNATURES
    if part.type == "text":
        return part.disposition is None and not is_root and part.filename is not None
    if part.subtype in _SIGNATURES or part.type in ("multipart", "message"):
        return part.type == "message" and part.is_message
    # A picture the text refers to belongs to it.
    return part.content_id is None and (part.disposition != "inline" or part.type != "image")


def _correspondents(entries: list[Mailbox | Group] | None) -> tuple[Correspondent, ...]:
    if not entries:
        return ()
    return tuple(
        [
            Correspondent(
                decode_words(mailbox.name_raw) if mailbox.name_raw else "",
                decode_raw(mailbox.address),
            )
            for mailbox in mailboxes(entries)[:CORRESPONDENTS_MAX]
        ]
    )


def _leading_group(entries: list[Mailbox | Group] | None) -> str:
    first = entries[0] if entries else None
    return decode_words(first.name_raw) if isinstance(first, Group) else ""


def _offset_min(at: datetime | None) -> int:
    offset = None if at is None else at.utcoffset()
    return offset // _MINUTE if offset else 0

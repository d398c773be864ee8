"""Finding the messages of a mailbox that a query asks for.

Each message is judged by the cheapest facts that decide: its row first, then its stored summary,
and its content only where both leave the answer open.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.placement import MAX_UID, UidRanges
from pillarbox.domain.mail.read import contents, each_summary
from pillarbox.domain.mail.tables import emails, messages
from pillarbox.formats.mime.header import HEADER_BYTES, Headers, fields, unfold
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import text_of
from pillarbox.formats.mime.summary import (
    SUBJECT_CHARACTERS,
    Correspondent,
    Fields,
    fields_of,
)
from pillarbox.formats.mime.words import decode_words
from pillarbox.formats.text.fold import folded
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

SUMMARY_BATCH = 512
CONTENT_BATCH = 32
CONTENT_BATCH_BYTES = 4 << 20

_ROWS = Statement(
    select(
        messages.c.uid,
        messages.c.flags,
        messages.c.keywords,
        messages.c.modseq,
        messages.c.internal_ms,
        messages.c.size_bytes,
        messages.c.saved_ms,
        messages.c.email_id,
        emails.c.sent_ms,
    )
    .join_from(messages, emails, emails.c.id == messages.c.email_id)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
)
_IN_MAIL = (q.Header, q.Address, q.Subject, q.Body, q.Text)
_UID, _FLAGS, _KEYWORDS, _MODSEQ, _INTERNAL, _SIZE, _SAVED, _EMAIL, _SENT = range(9)


def search(
    tx: Tx, store: ContentStore, account: AccountId, mailbox: MailboxId, query: q.Query
) -> list[int]:
    """The UIDs of the messages that `query` holds for, ascending. Opens content where it must."""
    found, unsure = _by_rows(tx, mailbox, query)
    unread: list[Candidate] = []
    for batch in _batches(unsure, SUMMARY_BATCH):
        for candidate, (_, stored) in zip(
            batch, each_summary(tx, store, account, mailbox, _ranges(batch)), strict=True
        ):
            candidate.fields = fields_of(stored)
            _sort(query, candidate, found, unread)
    for batch in _batches(unread, CONTENT_BATCH, CONTENT_BATCH_BYTES):
        for candidate, (_, content, root) in zip(
            batch, contents(tx, store, account, mailbox, _ranges(batch), True), strict=True
        ):
            candidate.content, candidate.root = content, root
            _sort(query, candidate, found, [])
            candidate.content = candidate.root = None
    return sorted(found)


def opens_mail(query: q.Query) -> bool:
    """Whether rows alone can't answer: summaries or content may have to be opened."""
    if isinstance(query, (q.And, q.Or)):
        return any(map(opens_mail, query.parts))
    if isinstance(query, (q.Not, q.Fuzzy)):
        return opens_mail(query.part)
    return isinstance(query, _IN_MAIL)


class Candidate:
    """A message under judgement, and as much of it as has been read so far."""

    __slots__ = ("content", "fields", "position", "root", "row")

    def __init__(self, row: Row, position: int) -> None:
        self.row = row
        self.position = position
        self.fields: Fields | None = None
        self.content: bytes | None = None
        self.root: Part | None = None


def _by_rows(tx: Tx, mailbox: MailboxId, query: q.Query) -> tuple[list[int], list[Candidate]]:
    """The UIDs that rows alone decide for, and the candidates they leave open."""
    found: list[int] = []
    unsure: list[Candidate] = []
    position = 0
    for first, last in _bounds(query):
        position += 1  # what lies between two ranges was not read: they are not adjacent
        for row in tx.all(_ROWS, mailbox=mailbox, first=first, last=last):
            position += 1
            _sort(query, Candidate(row, position), found, unsure)
    return found, unsure


def _sort(query: q.Query, candidate: Candidate, found: list[int], unsure: list[Candidate]) -> None:
    holds = _holds(query, candidate)
    if holds is None:
        unsure.append(candidate)
    elif holds:
        found.append(candidate.row[_UID])


def _ranges(candidates: list[Candidate]) -> UidRanges:
    """UID ranges that hold these candidates and no other message."""
    ranges: list[tuple[int, int]] = []
    before = -1
    for candidate in candidates:
        uid = candidate.row[_UID]
        if candidate.position == before + 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
        before = candidate.position
    return ranges


def _batches(
    candidates: list[Candidate], most: int, most_bytes: int | None = None
) -> Iterator[list[Candidate]]:
    """At most so many at once, and no more bytes of content than that unless it is just one."""
    batch: list[Candidate] = []
    size_bytes = 0
    for candidate in candidates:
        size_bytes += candidate.row[_SIZE]
        full = len(batch) == most or (most_bytes is not None and size_bytes > most_bytes)
        if batch and full:
            yield batch
            batch, size_bytes = [], candidate.row[_SIZE]
        batch.append(candidate)
    if batch:
        yield batch


def _bounds(query: q.Query) -> UidRanges:
    """Ranges outside of which the query can't hold."""
    if isinstance(query, q.InUids):
        return query.ranges
    if isinstance(query, q.And):
        for part in query.parts:
            if isinstance(part, q.InUids):
                return part.ranges
    return ((1, MAX_UID),)


def _holds(query: q.Query, candidate: Candidate) -> bool | None:
    """Whether the query holds; `None` if that takes more than has been read of the message."""
    return _JUDGES[type(query)](query, candidate)


def _and(query: q.And, candidate: Candidate) -> bool | None:
    result: bool | None = True
    for part in query.parts:
        holds = _holds(part, candidate)
        if holds is False:
            return False
        if holds is None:
            result = None
    return result


def _or(query: q.Or, candidate: Candidate) -> bool | None:
    result: bool | None = False
    for part in query.parts:
        holds = _holds(part, candidate)
        if holds:
            return True
        if holds is None:
            result = None
    return result


def _not(query: q.Not, candidate: Candidate) -> bool | None:
    holds = _holds(query.part, candidate)
    return None if holds is None else not holds


def _has_keyword(query: q.HasKeyword, candidate: Candidate) -> bool:
    keywords = candidate.row[_KEYWORDS]
    return bool(keywords) and query.name.lower() in keywords.lower().split(" ")


def _in_uids(query: q.InUids, candidate: Candidate) -> bool:
    uid = candidate.row[_UID]
    low, high = 0, len(query.ranges)
    while low < high:
        middle = (low + high) // 2
        first, last = query.ranges[middle]
        if uid < first:
            high = middle
        elif uid > last:
            low = middle + 1
        else:
            return True
    return False


def _between(value: int | None, from_ms: int | None, to_ms: int | None) -> bool:
    if value is None:
        return False
    return (from_ms is None or value >= from_ms) and (to_ms is None or value < to_ms)


def _subject(query: q.Subject, candidate: Candidate) -> bool | None:
    return _in_header("subject", query.text, candidate)


def _address(query: q.Address, candidate: Candidate) -> bool | None:
    return _in_header(query.field, query.text, candidate)


def _header(query: q.Header, candidate: Candidate) -> bool | None:
    return _in_header(query.name, query.text, candidate)


def _in_header(name: str, text: str, candidate: Candidate) -> bool | None:
    """Whether a field holds the text; summaries answer for the common fields when they say yes."""
    fields = candidate.fields
    needle = folded(text)
    if fields is not None and text:
        if _summary_holds(name.lower(), needle, fields):
            return True
        if name.lower() == "subject" and len(fields.subject) < SUBJECT_CHARACTERS:
            return False
    if candidate.content is None or candidate.root is None:
        return None
    block = candidate.content[candidate.root.header_start : candidate.root.body_start]
    values = Headers(block).all(name.lower().encode("utf-8", "replace"))
    return any(needle in folded(decode_words(value)) or not text for value in values)


def _summary_holds(name: str, needle: str, fields: Fields) -> bool:
    if name == "subject":
        return needle in folded(fields.subject)
    listed: tuple[Correspondent, ...] | None = {
        "from": fields.from_,
        "sender": fields.sender,
        "reply-to": fields.reply_to,
        "to": fields.to,
        "cc": fields.cc,
        "bcc": fields.bcc,
    }.get(name)
    if listed is None:
        return False
    return any(needle in folded(one.address) or needle in folded(one.name) for one in listed)


def _body(query: q.Body, candidate: Candidate) -> bool | None:
    if candidate.content is None or candidate.root is None:
        return None
    needle = folded(query.text)
    return not needle or _text_holds(needle, candidate.content, candidate.root)


def _text(query: q.Text, candidate: Candidate) -> bool | None:
    if candidate.content is None or candidate.root is None:
        return None
    needle, root = folded(query.text), candidate.root
    block = candidate.content[root.header_start : root.body_start]
    return _block_holds(needle, block) or _text_holds(needle, candidate.content, root)


def _block_holds(needle: str, block: bytes) -> bool:
    return any(
        needle in folded(f"{name.decode('latin-1')}: {decode_words(unfold(raw))}")
        for name, raw, _, _ in fields(block[:HEADER_BYTES])
    )


def _text_holds(needle: str, content: bytes, part: Part) -> bool:
    if part.type == "text" and not part.children:
        return needle in folded(text_of(part, content))
    for child in part.children:
        if part.is_message:
            block = content[child.header_start : child.body_start]
            if _block_holds(needle, block):
                return True
        if _text_holds(needle, content, child):
            return True
    return False


_JUDGES: dict[type, Callable[..., bool | None]] = {
    q.Everything: lambda query, candidate: True,
    q.And: _and,
    q.Or: _or,
    q.Not: _not,
    q.HasFlag: lambda query, candidate: bool(candidate.row[_FLAGS] & query.flag),
    q.HasKeyword: _has_keyword,
    q.InUids: _in_uids,
    q.SizeOver: lambda query, candidate: candidate.row[_SIZE] > query.size_bytes,
    q.SizeUnder: lambda query, candidate: candidate.row[_SIZE] < query.size_bytes,
    q.InternalBetween: lambda query, candidate: _between(
        candidate.row[_INTERNAL], query.from_ms, query.to_ms
    ),
    q.SentBetween: lambda query, candidate: _between(
        candidate.row[_SENT], query.from_ms, query.to_ms
    ),
    q.SavedBetween: lambda query, candidate: _between(
        candidate.row[_SAVED], query.from_ms, query.to_ms
    ),
    q.ModseqFrom: lambda query, candidate: candidate.row[_MODSEQ] >= query.modseq,
    q.Header: _header,
    q.Address: _address,
    q.Subject: _subject,
    q.Body: _body,
    q.Text: _text,
    q.Fuzzy: lambda query, candidate: _holds(query.part, candidate),
    q.EmailIs: lambda query, candidate: candidate.row[_EMAIL] == query.email_id,
}

"""The index in the database: sealed segments, marks of how far mailboxes are indexed.

Segments are only ever added and removed, and a mark moves with the segment that covers what lies
below it, so each reader sees an index that fits what it sees of the mail.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, exists, func, insert, select, update

from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import Conflict
from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail.index.build import Sections
from pillarbox.domain.mail.index.fields import Field
from pillarbox.domain.mail.index.section import Postings, Section
from pillarbox.domain.mail.index.tables import (
    attachment_texts,
    index_marks,
    index_sections,
    index_segments,
)
from pillarbox.domain.mail.tables import emails, mailboxes
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.keys import KeyRing, Sealer
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3
_OF_ACCOUNT = index_segments.c.account_id == bindparam("account")
_THIS_SECTION = and_(
    index_sections.c.segment_id == bindparam("segment"), index_sections.c.field == bindparam("part")
)
_SEGMENTS = Statement(
    select(
        index_segments.c.id,
        index_segments.c.emails,
        index_segments.c.fields,
        index_segments.c.size_bytes,
    )
    .where(_OF_ACCOUNT)
    .order_by(index_segments.c.id)
)
_MEMBERS = Statement(
    select(index_segments.c.members).where(index_segments.c.id == bindparam("segment"))
)
_VOCABULARY = Statement(select(index_sections.c.vocabulary).where(_THIS_SECTION))
_VOCABULARIES = Statement(
    select(index_sections.c.field, index_sections.c.vocabulary).where(
        index_sections.c.segment_id == bindparam("segment")
    )
)
_POSTINGS = Statement(select(index_sections.c.postings).where(_THIS_SECTION))
_ADD_SEGMENT = insert_row(index_segments)
_ADD_SECTION = insert_row(index_sections)
_REMOVE_SEGMENT = Statement(
    delete(index_segments).where(index_segments.c.id == bindparam("segment"), _OF_ACCOUNT)
)
_REMOVE_SECTIONS = Statement(
    delete(index_sections).where(index_sections.c.segment_id == bindparam("segment"))
)
_MARK = Statement(select(index_marks.c.uid).where(index_marks.c.mailbox_id == bindparam("mailbox")))
_MOVE_MARK = Statement(
    update(index_marks)
    .where(index_marks.c.mailbox_id == bindparam("mailbox"), index_marks.c.uid == bindparam("old"))
    .values(uid=bindparam("new"))
)
_ADD_MARK = insert_row(index_marks)
_MAILBOX_IS = Statement(
    select(mailboxes.c.id).where(
        mailboxes.c.id == bindparam("mailbox"), mailboxes.c.account_id == bindparam("account")
    )
)
_FORGET_MARKS = Statement(
    delete(index_marks).where(
        index_marks.c.mailbox_id.in_(
            select(mailboxes.c.id).where(mailboxes.c.account_id == bindparam("account"))
        )
    )
)
_BEHIND = func.coalesce(mailboxes.c.uidnext - 1 - index_marks.c.uid, mailboxes.c.uidnext - 1)
_LAGGING = Statement(
    select(mailboxes.c.account_id, func.sum(_BEHIND))
    .select_from(mailboxes.outerjoin(index_marks, index_marks.c.mailbox_id == mailboxes.c.id))
    .where(_BEHIND > 0)
    .group_by(mailboxes.c.account_id)
)
_LAG = Statement(
    select(mailboxes.c.id, func.coalesce(index_marks.c.uid, 0), mailboxes.c.uidnext - 1)
    .select_from(mailboxes.outerjoin(index_marks, index_marks.c.mailbox_id == mailboxes.c.id))
    .where(mailboxes.c.account_id == bindparam("account"), _BEHIND > 0)
    .order_by(mailboxes.c.id)
)
_BEHIND_IN = Statement(
    select(_BEHIND)
    .select_from(mailboxes.outerjoin(index_marks, index_marks.c.mailbox_id == mailboxes.c.id))
    .where(mailboxes.c.id == bindparam("mailbox"))
)
_GONE_SEGMENTS = Statement(
    select(index_segments.c.id, index_segments.c.account_id)
    .where(~exists().where(accounts.c.id == index_segments.c.account_id))
    .limit(bindparam("most"))
)
_GONE_MARKS = Statement(
    delete(index_marks).where(~exists().where(mailboxes.c.id == index_marks.c.mailbox_id))
)
_ATTACHED = Statement(
    select(attachment_texts.c.text).where(attachment_texts.c.email_id == bindparam("email"))
)
_ADD_ATTACHED = Statement(
    insert(attachment_texts).from_select(
        ["email_id", "text"],
        select(
            bindparam("email", type_=attachment_texts.c.email_id.type),
            bindparam("sealed", type_=attachment_texts.c.text.type),
        ).where(
            exists().where(emails.c.id == bindparam("email")),
            ~exists().where(attachment_texts.c.email_id == bindparam("email")),
        ),
    )
)
_REMOVE_ATTACHED = Statement(
    delete(attachment_texts).where(attachment_texts.c.email_id == bindparam("email"))
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: how many emails it covers, in which fields it has words."""

    id: int
    emails: int
    fields: int
    size_bytes: int

    def has(self, field: Field) -> bool:
        """Whether it has a section for a field."""
        return bool(self.fields >> field & 1)


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """A segment ready to be stored."""

    id: int
    emails: int
    members: bytes
    sections: tuple[tuple[Field, bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """How far a mailbox was indexed, and how far it will be."""

    mailbox: MailboxId
    old: int
    new: int


def seal(
    sealer: Sealer, segment_id: int, members: Sequence[int], sections: Sections
) -> SealedSegment:
    """Compress and seal a new segment; its ordinals count `members`, which are ids of emails."""
    sealed = [
        (
            field,
            sealer.seal(_pack(packed.vocabulary), _row(b"v", segment_id, field)),
            sealer.seal(_pack(packed.postings), _row(b"o", segment_id, field)),
        )
        for field, packed in sections.items()
    ]
    ids = sealer.seal(_pack(array("q", members).tobytes()), _row(b"m", segment_id))
    return SealedSegment(segment_id, len(members), ids, tuple(sealed))


class IndexReader:
    """Opens the index of one account within a transaction; what it opened stays in the cache."""

    def __init__(self, tx: Tx, sealer: Sealer, cache: ByteCache, account: AccountId) -> None:
        self._tx = tx
        self._sealer = sealer
        self._cache = cache
        self.segments = segments(tx, account)

    def members(self, segment: Segment) -> "array[int]":
        """The ids of a segment's emails, by ordinal."""
        key = ("members", segment.id)
        found: array[int] | None = self._cache.get(key)
        if found is None:
            sealed = self._tx.scalar(_MEMBERS, segment=segment.id)
            found = array("q", _unpack(self._sealer.open(sealed, _row(b"m", segment.id))))
            self._cache.put(key, found, 8 * len(found) + 200)
        return found

    def sections(self, segment: Segment, fields: Iterable[Field]) -> dict[Field, Section]:
        """The vocabularies of a segment's fields, of those it has."""
        found: dict[Field, Section] = {}
        missing: list[Field] = []
        for field in fields:
            if segment.has(field):
                kept = self._cache.get(("words", segment.id, field))
                if kept is None:
                    missing.append(field)
                else:
                    found[field] = kept
        if len(missing) == 1:
            sealed = self._tx.scalar(_VOCABULARY, segment=segment.id, part=int(missing[0]))
            found[missing[0]] = self._open(segment, missing[0], sealed)
        elif missing:
            for number, sealed in self._tx.all(_VOCABULARIES, segment=segment.id):
                if number in missing:
                    found[Field(number)] = self._open(segment, Field(number), sealed)
        return found

    def postings(self, segment: Segment, field: Field, section: Section) -> Postings:
        """The postings of a section."""
        key = ("postings", segment.id, field)
        found: Postings | None = self._cache.get(key)
        if found is None:
            sealed = self._tx.scalar(_POSTINGS, segment=segment.id, part=int(field))
            packed = _unpack(self._sealer.open(sealed, _row(b"o", segment.id, field)))
            found = Postings(section, packed)
            self._cache.put(key, found, found.size_bytes)
        return found

    def covered(self, emails: Iterable[int]) -> set[int]:
        """Those of some emails that are in a segment."""
        wanted = set(emails)
        found: set[int] = set()
        for segment in self.segments:
            found.update(wanted.intersection(self.members(segment)))
        return found

    def _open(self, segment: Segment, field: Field, sealed: bytes) -> Section:
        packed = _unpack(self._sealer.open(sealed, _row(b"v", segment.id, field)))
        section = Section(packed)
        self._cache.put(("words", segment.id, field), section, section.size_bytes)
        return section


def sealer_of(tx: Tx, keys: KeyRing, account: AccountId) -> Sealer:
    """What seals the rows of an account; `NotFound` if it is gone."""
    return keys.account(salt_of(tx, account))


def segments(tx: Tx, account: AccountId) -> list[Segment]:
    """The segments of an account, oldest first."""
    return [Segment(*row) for row in tx.all(_SEGMENTS, account=account)]


def mark_of(tx: Tx, mailbox: MailboxId) -> int:
    """The UID up to which a mailbox is indexed, 0 for none of it."""
    return int(tx.scalar(_MARK, mailbox=mailbox) or 0)


def lag(tx: Tx, account: AccountId) -> list[tuple[MailboxId, int, int]]:
    """The mailboxes of an account that are not wholly indexed: mailbox, mark, last UID."""
    return [(MailboxId(row[0]), row[1], row[2]) for row in tx.all(_LAG, account=account)]


def behind(tx: Tx, mailbox: MailboxId) -> int:
    """How many UIDs of a mailbox lie above its mark."""
    return int(tx.scalar(_BEHIND_IN, mailbox=mailbox) or 0)


def lagging(tx: Tx) -> dict[AccountId, int]:
    """Accounts with mail that is not indexed, and how many UIDs lie above their marks."""
    return {AccountId(row[0]): int(row[1]) for row in tx.all(_LAGGING)}


def add(tx: Tx, account: AccountId, segment: SealedSegment | None, moves: Iterable[Move]) -> bool:
    """Store a segment and move the marks of the mailboxes that it covers.

    `False`, and nothing done, where somebody else has moved a mark since. Without a segment only
    marks move: then other segments cover the emails already.
    """
    wanted = [
        move
        for move in moves
        if tx.one(_MAILBOX_IS, mailbox=move.mailbox, account=account) is not None
    ]
    if any(mark_of(tx, move.mailbox) != move.old for move in wanted):
        return False
    for move in wanted:
        if not tx.run(_MOVE_MARK, mailbox=move.mailbox, old=move.old, new=move.new):
            if move.old:
                raise Conflict("Others index the same mailbox")
            tx.run(_ADD_MARK, mailbox_id=move.mailbox, uid=move.new)
    if segment is not None:
        _store(tx, account, segment)
    return True


def replace(tx: Tx, account: AccountId, old: Iterable[int], segment: SealedSegment | None) -> bool:
    """Put one segment in the place of several; `False` where one of those is gone."""
    ids = list(old)
    held = {one.id for one in segments(tx, account)}
    if not held.issuperset(ids):
        return False
    for segment_id in ids:
        if not _remove(tx, account, segment_id):
            raise Conflict("Others merge the same segments")
    if segment is not None:
        _store(tx, account, segment)
    return True


def drop(tx: Tx, account: AccountId) -> None:
    """Remove the whole index of an account; its mailboxes are to be indexed anew."""
    for segment in segments(tx, account):
        _remove(tx, account, segment.id)
    tx.run(_FORGET_MARKS, account=account)


def sweep(tx: Tx, most: int) -> int:
    """Remove what belongs to no account or mailbox any more; gives how many segments went."""
    gone = tx.all(_GONE_SEGMENTS, most=most)
    for segment_id, account_id in gone:
        _remove(tx, AccountId(account_id), segment_id)
    tx.run(_GONE_MARKS)
    return len(gone)


def attached(tx: Tx, sealer: Sealer, email: EmailId) -> str | None:
    """The text inside an email's attachments, `None` where nobody has looked yet."""
    sealed = tx.scalar(_ATTACHED, email=email)
    if sealed is None:
        return None
    return _unpack(sealer.open(sealed, _row(b"a", email))).decode()


def seal_attached(sealer: Sealer, email: EmailId, text: str) -> bytes:
    """The text inside attachments as it is stored."""
    return sealer.seal(_pack(text.encode("utf-8", "replace")), _row(b"a", email))


def save_attached(tx: Tx, email: EmailId, sealed: bytes) -> bool:
    """Keep the text inside an email's attachments; `False` where it has some, or is gone."""
    return tx.run(_ADD_ATTACHED, email=email, sealed=sealed) == 1


def forget_attached(tx: Tx, email: EmailId) -> None:
    """Remove the text of an email that goes."""
    tx.run(_REMOVE_ATTACHED, email=email)


def _store(tx: Tx, account: AccountId, segment: SealedSegment) -> None:
    tx.run(
        _ADD_SEGMENT,
        id=segment.id,
        account_id=account,
        emails=segment.emails,
        fields=sum(1 << field for field, _, _ in segment.sections),
        size_bytes=sum(len(words) + len(rows) for _, words, rows in segment.sections),
        members=segment.members,
    )
    tx.run_many(
        _ADD_SECTION,
        [
            {"segment_id": segment.id, "field": int(field), "vocabulary": words, "postings": rows}
            for field, words, rows in segment.sections
        ],
    )


def _remove(tx: Tx, account: AccountId, segment_id: int) -> bool:
    removed = tx.run(_REMOVE_SEGMENT, segment=segment_id, account=account)
    tx.run(_REMOVE_SECTIONS, segment=segment_id)
    return removed == 1


def _pack(plain: bytes) -> bytes:
    packed: bytes = zstd.compress(plain, level=_LEVEL)
    return packed


def _unpack(packed: bytes) -> bytes:
    plain: bytes = zstd.decompress(packed)
    return plain


def _row(kind: bytes, row_id: int, field: int = 0) -> bytes:
    """What a sealed value belongs to, as associated data."""
    return b"index " + kind + row_id.to_bytes(8, "big") + bytes((field,))

"""What is to be indexed next, and which segments are to become one.

Called by `pipeline/jobs/indexing`, which does the work between two transactions.
"""

import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.mail.index.build import merge
from pillarbox.domain.mail.index.document import Document
from pillarbox.domain.mail.index.documents import Attached, Documents, alive
from pillarbox.domain.mail.index.fields import Field
from pillarbox.domain.mail.index.section import EMAILS_MAX, Postings, Section
from pillarbox.domain.mail.index.store import IndexReader, Move, SealedSegment, Segment, seal
from pillarbox.domain.mail.index.tables import index_segments
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.keys import Sealer
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

ROWS_AT_ONCE = 2000
FANOUT = 8
_TIER_BITS = 3
_WHOLE_FROM = EMAILS_MAX // 2
# Three of the largest that are merged at all fill a segment.
_LARGE_TIER, _LARGE_FANOUT = 4, 3
_DEAD_PART = 5

_ROWS = Statement(
    select(messages.c.uid, messages.c.email_id, messages.c.size_bytes)
    .where(messages.c.mailbox_id == bindparam("mailbox"), messages.c.uid > bindparam("mark"))
    .order_by(messages.c.uid)
    .limit(bindparam("most"))
)
_INDEXED = func.sum(index_segments.c.emails)
_BLOATED = Statement(
    select(index_segments.c.account_id)
    .join_from(index_segments, accounts, accounts.c.id == index_segments.c.account_id)
    .group_by(index_segments.c.account_id, accounts.c.used_messages)
    .having(accounts.c.used_messages * 5 + 100 < _INDEXED * 4)
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken at once."""

    emails: int = 512
    content_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Emails to index, and how far the marks move with them; `documents` is `None` for one that
    can't be read. There may be marks to move and no emails."""

    account: AccountId
    sealer: Sealer
    emails: list[EmailId]
    documents: list[Document | None]
    attached: list[Attached]
    moves: list[Move]


@dataclass(frozen=True, slots=True)
class Merge:
    """Opened segments, and the new ordinals of their emails; `emails` are those that are left."""

    account: AccountId
    sealer: Sealer
    segments: list[int]
    inputs: list[tuple[Mapping[Field, tuple[Section, Postings]], Sequence[int | None]]]
    emails: list[int]

    def run(self, segment_id: int) -> SealedSegment | None:
        """The one segment, sealed; `None` if there is nothing left. Takes long: in a thread."""
        if not self.emails:
            return None
        return seal(self.sealer, segment_id, self.emails, merge(self.inputs, len(self.emails)))


def next_batch(
    tx: Tx, store: ContentStore, cache: ByteCache, account: AccountId, limits: Limits
) -> Batch | None:
    """The next emails of an account that no segment covers; `None` when there are none.

    Raises `NotFound` if the account is gone.
    """
    behind = index.lag(tx, account)
    if not behind:
        return None
    documents = Documents(tx, store, cache, account)
    gathering = _Gathering(tx, IndexReader(tx, documents.sealer, cache, account), limits)
    for mailbox, mark, last in behind:
        if not gathering.take(mailbox, mark, last):
            break
    batch = Batch(account, documents.sealer, list(gathering.emails), [], [], gathering.moves)
    for email in batch.emails:
        time.sleep(0)  # the event loop gets a turn sooner than Python would give it one
        try:
            document, attached = documents.read(email)
        except Unavailable:
            document, attached = None, None
        batch.documents.append(document)
        if attached is not None:
            batch.attached.append(attached)
    return batch


def next_merge(
    tx: Tx, store: ContentStore, account: AccountId, chosen: Sequence[Segment] | None = None
) -> Merge | None:
    """Segments that had better be one; `None` when there are none. `chosen`: just these."""
    sealer = store.keys.account(salt_of(tx, account))
    reader = IndexReader(tx, sealer, ByteCache(0), account)
    ones = chosen if chosen is not None else due(reader.segments)
    if not ones:
        return None
    left: list[int] = []
    inputs: list[tuple[Mapping[Field, tuple[Section, Postings]], Sequence[int | None]]] = []
    seen: set[int] = set()
    for segment in ones:
        members = reader.members(segment)
        living = alive(tx, members) - seen
        seen |= living
        ordinals: list[int | None] = []
        for email in members:
            ordinals.append(len(left) if email in living else None)
            if email in living:
                left.append(email)
        sections = reader.sections(segment, tuple(Field))
        opened = {
            field: (section, reader.postings(segment, field, section))
            for field, section in sections.items()
        }
        inputs.append((opened, ordinals))
    return Merge(account, sealer, [one.id for one in ones], inputs, left)


def due(segments: Sequence[Segment]) -> list[Segment]:
    """The segments to merge next: several of about one size, the smallest first."""
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.emails < _WHOLE_FROM:
            tier = (segment.emails.bit_length() - 1) // _TIER_BITS
            tiers.setdefault(tier, []).append(segment)
    for tier in sorted(tiers):
        chosen: list[Segment] = []
        emails = 0
        for segment in tiers[tier]:
            if emails + segment.emails > EMAILS_MAX:
                break
            chosen.append(segment)
            emails += segment.emails
        if len(chosen) >= (FANOUT if tier < _LARGE_TIER else _LARGE_FANOUT):
            return chosen
    return []


def bloated(tx: Tx) -> list[AccountId]:
    """Accounts whose index covers many more emails than they have messages."""
    return [AccountId(row[0]) for row in tx.all(_BLOATED)]


def mostly_gone(tx: Tx, store: ContentStore, account: AccountId) -> list[Segment]:
    """Segments of which a fifth or more has been deleted."""
    sealer = store.keys.account(salt_of(tx, account))
    reader = IndexReader(tx, sealer, ByteCache(0), account)
    found: list[Segment] = []
    for segment in reader.segments:
        members: array[int] = reader.members(segment)
        gone = len(members) - len(alive(tx, members))
        if gone * _DEAD_PART >= len(members):
            found.append(segment)
    return found


class _Gathering:
    """Collects the emails of a batch, mailbox by mailbox."""

    def __init__(self, tx: Tx, reader: IndexReader, limits: Limits) -> None:
        self._tx = tx
        self._reader = reader
        self._limits = limits
        self._content_bytes = 0
        self._rows = 0
        self.emails: dict[EmailId, None] = {}
        self.moves: list[Move] = []

    def take(self, mailbox: MailboxId, mark: int, last: int) -> bool:
        """Take what is above a mailbox's mark; `False` when the batch is full."""
        rows = self._tx.all(_ROWS, mailbox=mailbox, mark=mark, most=ROWS_AT_ONCE)
        covered = self._reader.covered(row[1] for row in rows)
        reached = mark
        for uid, email, size_bytes in rows:
            if email not in covered and email not in self.emails:
                if self.emails and self._is_full(size_bytes):
                    break
                self.emails[EmailId(email)] = None
                self._content_bytes += size_bytes
            reached = uid
        else:
            if len(rows) < ROWS_AT_ONCE:
                reached = last
        if reached > mark:
            self.moves.append(Move(mailbox, mark, reached))
        self._rows += len(rows)
        return reached == last and self._rows < ROWS_AT_ONCE * 4

    def _is_full(self, size_bytes: int) -> bool:
        return (
            len(self.emails) >= self._limits.emails
            or self._content_bytes + size_bytes > self._limits.content_bytes
        )

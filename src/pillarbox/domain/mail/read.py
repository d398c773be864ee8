"""Reading a mailbox: rows, stored summaries and content, and what changed since a modseq.

Summaries and content are opened here, in the database thread that read them, so that the event
loop only pastes bytes. Callers bound what they ask for at once.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import bindparam, case, func, select

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail import keywords
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Flag
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.mail.tables import emails, expunged, mailboxes, messages
from pillarbox.domain.owners.quota import salt_of
from pillarbox.formats.mime.part import Part
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

SUMMARY_BYTES = 4 << 20
"""Where a read of summaries stops that had to fetch large ones."""
_SMALL_SUMMARY_BYTES = 4096

_OF_MAILBOX = messages.c.mailbox_id == bindparam("mailbox")
_IN_RANGE = messages.c.uid.between(bindparam("first"), bindparam("last"))
_COUNT = Statement(select(func.count()).select_from(messages).where(_OF_MAILBOX, _IN_RANGE))
_SELECT_ROWS = Statement(
    select(messages.c.uid, messages.c.flags, messages.c.keywords, messages.c.modseq)
    .where(_OF_MAILBOX)
    .order_by(messages.c.uid)
)
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
    )
    .where(_OF_MAILBOX, _IN_RANGE)
    .order_by(messages.c.uid)
)
_SIZES = Statement(
    select(messages.c.uid, messages.c.size_bytes)
    .where(_OF_MAILBOX, _IN_RANGE)
    .order_by(messages.c.uid)
)
_SUMMARIES = Statement(
    select(
        messages.c.uid,
        emails.c.id,
        # Large ones are fetched one by one, so that they are never all in memory.
        case((func.length(emails.c.summary) <= _SMALL_SUMMARY_BYTES, emails.c.summary)),
    )
    .join_from(messages, emails, emails.c.id == messages.c.email_id)
    .where(_OF_MAILBOX, _IN_RANGE)
    .order_by(messages.c.uid)
)
_LARGE_SUMMARY = Statement(select(emails.c.summary).where(emails.c.id == bindparam("email")))
_OF_CONTENT = (
    messages.c.uid,
    emails.c.id,
    emails.c.blob_id,
    emails.c.wrapped_key,
    blobs.c.data,
)
_WITH_BLOB = messages.join(emails, emails.c.id == messages.c.email_id).outerjoin(
    blobs, blobs.c.id == emails.c.blob_id
)
_CONTENTS = Statement(
    select(*_OF_CONTENT)
    .select_from(_WITH_BLOB)
    .where(_OF_MAILBOX, _IN_RANGE)
    .order_by(messages.c.uid)
)
_CONTENTS_AND_PARTS = Statement(
    select(*_OF_CONTENT, emails.c.parts)
    .select_from(_WITH_BLOB)
    .where(_OF_MAILBOX, _IN_RANGE)
    .order_by(messages.c.uid)
)
_EMAIL_CONTENT = Statement(
    select(emails.c.id, emails.c.blob_id, emails.c.wrapped_key, blobs.c.data)
    .select_from(emails.outerjoin(blobs, blobs.c.id == emails.c.blob_id))
    .where(emails.c.id == bindparam("email"), emails.c.account_id == bindparam("account"))
)
_DELETED_BYTES = Statement(
    select(func.sum(messages.c.size_bytes)).where(
        _OF_MAILBOX, messages.c.flags.bitwise_and(int(Flag.DELETED)) != 0
    )
)
_POSITION = Statement(
    select(mailboxes.c.modseq, mailboxes.c.uidnext).where(mailboxes.c.id == bindparam("mailbox"))
)
_CHANGED = Statement(
    select(
        messages.c.uid,
        messages.c.flags,
        messages.c.keywords,
        messages.c.modseq,
        messages.c.created_modseq,
    )
    .where(_OF_MAILBOX, messages.c.modseq > bindparam("since"))
    .order_by(messages.c.uid)
)
_UNSEEN_WINDOW = 1_000
_FIRST_FLAGS = Statement(
    select(messages.c.flags).where(_OF_MAILBOX).order_by(messages.c.uid).limit(bindparam("most"))
)
_LAST_FLAGS = Statement(
    select(messages.c.flags)
    .where(_OF_MAILBOX)
    .order_by(messages.c.uid.desc())
    .limit(bindparam("most"))
)
_FORGOTTEN = Statement(
    select(mailboxes.c.forgotten_modseq).where(mailboxes.c.id == bindparam("mailbox"))
)
_GONE = Statement(
    select(expunged.c.uid)
    .where(expunged.c.mailbox_id == bindparam("mailbox"), expunged.c.modseq > bindparam("since"))
    .order_by(expunged.c.uid)
)


@dataclass(frozen=True, slots=True)
class Changed:
    """What happened in a mailbox after a modseq.

    `rows` are the living messages that changed or came: (UID, bits, keywords, modseq, modseq at
    which the message came). `gone` are UIDs of expunged ones, some perhaps never seen by the asker.
    With `whole` that is no longer known: `rows` are all living messages, and the others are gone.
    `keywords` are all of the mailbox, even those no message has now.
    """

    modseq: int
    uidnext: int
    rows: list[tuple[int, int, str | None, int, int]]
    gone: list[int]
    whole: bool = False
    keywords: list[str] = field(default_factory=list)


def position(tx: Tx, mailbox: MailboxId) -> tuple[int, int]:
    """The mailbox's highest modseq and UIDNEXT: one indexed row; `NotFound` if it is gone."""
    row = tx.one(_POSITION, mailbox=mailbox)
    if row is None:
        raise NotFound("The mailbox is gone")
    return row[0], row[1]


def count(tx: Tx, mailbox: MailboxId, first: int, last: int) -> int:
    """How many messages have UIDs in this range."""
    return int(tx.scalar(_COUNT, mailbox=mailbox, first=first, last=last))


def deleted_bytes(tx: Tx, mailbox: MailboxId) -> int:
    """The sizes of all messages with \\Deleted together."""
    return int(tx.scalar(_DELETED_BYTES, mailbox=mailbox) or 0)


def select_rows(tx: Tx, mailbox: MailboxId) -> list[tuple[int, int, str | None, int]]:
    """Every message: (UID, bits, keywords, modseq), by UID."""
    return tx.all(_SELECT_ROWS, mailbox=mailbox)


def rows(
    tx: Tx, mailbox: MailboxId, ranges: UidRanges
) -> list[tuple[int, int, str | None, int, int, int, int, int]]:
    """(UID, bits, keywords, modseq, internal date, size in bytes, saved date, email id), by UID.

    Dates are milliseconds since the epoch.
    """
    return _over(tx, _ROWS, mailbox, ranges)


def sizes(tx: Tx, mailbox: MailboxId, ranges: UidRanges) -> dict[int, int]:
    """The size of each message in bytes, by UID."""
    return dict(_over(tx, _SIZES, mailbox, ranges))


def summaries(
    tx: Tx, store: ContentStore, account: AccountId, mailbox: MailboxId, ranges: UidRanges
) -> tuple[list[tuple[int, bytes]], UidRanges]:
    """The stored summary of each message (see `formats.mime.summary`), by UID.

    Stops after `SUMMARY_BYTES` of large ones: then the ranges still to be read come with it.
    """
    unseal = store.keys.account(salt_of(tx, account)).open
    found: list[tuple[int, bytes]] = []
    large_bytes = 0
    for uid, email_id, sealed in _over(tx, _SUMMARIES, mailbox, ranges):
        if sealed is None:
            if large_bytes >= SUMMARY_BYTES:
                return found, [(max(first, uid), last) for first, last in ranges if last >= uid]
            sealed = tx.scalar(_LARGE_SUMMARY, email=email_id)
            large_bytes += len(sealed)
        found.append((uid, unseal(sealed, b"s" + email_id.to_bytes(8, "big"))))
    return found, ()


def each_summary(
    tx: Tx, store: ContentStore, account: AccountId, mailbox: MailboxId, ranges: UidRanges
) -> Iterator[tuple[int, bytes]]:
    """The same to its end, for who needs no more than one at a time."""
    while ranges:
        found, ranges = summaries(tx, store, account, mailbox, ranges)
        yield from found


def contents(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    with_parts: bool,
) -> list[tuple[int, bytes, Part | None]]:
    """The bytes of each message and, if asked for, its part index; by UID.

    All of it is in memory at once: ask for slices. Raises `Unavailable` for damaged content.
    """
    salt = salt_of(tx, account)
    opened = store.opener(salt)
    if not with_parts:
        return [(row[0], opened(*row[1:]), None) for row in _over(tx, _CONTENTS, mailbox, ranges)]
    return [
        (uid, opened(email_id, *ref), store.open_parts(salt, email_id, parts))
        for uid, email_id, *ref, parts in _over(tx, _CONTENTS_AND_PARTS, mailbox, ranges)
    ]


def email_content(
    tx: Tx, store: ContentStore, account: AccountId, email: EmailId, most_bytes: int
) -> bytes | None:
    """The first bytes of an email of an account, wherever it lies; `None` if it is gone.

    Raises `Unavailable` for damaged content.
    """
    row = tx.one(_EMAIL_CONTENT, email=email, account=account)
    if row is None:
        return None
    return store.opener(salt_of(tx, account))(*row)[:most_bytes]


def changed(tx: Tx, mailbox: MailboxId, since_modseq: int) -> Changed:
    """What happened after `since_modseq`; `NotFound` if the mailbox is gone."""
    modseq, uidnext = position(tx, mailbox)
    if modseq <= since_modseq:
        return Changed(modseq, uidnext, [], [])
    gone = vanished_since(tx, mailbox, since_modseq)
    since = 0 if gone is None else since_modseq
    rows = tx.all(_CHANGED, mailbox=mailbox, since=since)
    names = keywords.names(tx, mailbox)
    return Changed(modseq, uidnext, rows, gone or [], gone is None, names)


def vanished_since(tx: Tx, mailbox: MailboxId, modseq: int) -> list[int] | None:
    """UIDs expunged after `modseq`, ascending; `None` where that is no longer known."""
    gone = expunged_since(tx, mailbox, modseq, None)
    # Asked for last, so that tombstones dropped meanwhile are missed by nobody.
    forgotten = tx.scalar(_FORGOTTEN, mailbox=mailbox)
    return None if forgotten is not None and modseq < forgotten else gone


def first_unseen(tx: Tx, mailbox: MailboxId, total: int, unseen: int) -> int:
    """The number of the first message without \\Seen, or 0 where it isn't found quickly.

    `total` and `unseen` are the mailbox's counters. Looks at its end and its beginning only: where
    the end has as many unseen messages as the mailbox, the first of them is the first of all.
    """
    if not unseen:
        return 0
    seen = Flag.SEEN.value
    most = min(2 * unseen + 50, _UNSEEN_WINDOW)
    last = tx.all(_LAST_FLAGS, mailbox=mailbox, most=most)
    places = [at for at, (flags,) in enumerate(last) if not flags & seen]
    if len(places) == unseen:
        return total - places[-1]
    first = tx.all(_FIRST_FLAGS, mailbox=mailbox, most=_UNSEEN_WINDOW)
    return next((place for place, (flags,) in enumerate(first, 1) if not flags & seen), 0)


def expunged_since(tx: Tx, mailbox: MailboxId, modseq: int, ranges: UidRanges | None) -> list[int]:
    """UIDs expunged after `modseq`, of all or of the given ranges (RFC 7162 §3.2.10)."""
    uids: list[int] = [row[0] for row in tx.all(_GONE, mailbox=mailbox, since=modseq)]
    if ranges is None:
        return uids
    starts = [first for first, _ in ranges]
    found = []
    for uid in uids:
        place = bisect_right(starts, uid)
        if place and uid <= ranges[place - 1][1]:
            found.append(uid)
    return found


def _over(tx: Tx, statement: Statement, mailbox: MailboxId, ranges: UidRanges) -> list[Row]:
    if len(ranges) == 1:
        ((first, last),) = ranges
        return tx.all(statement, mailbox=mailbox, first=first, last=last)
    return [
        row
        for first, last in ranges
        for row in tx.all(statement, mailbox=mailbox, first=first, last=last)
    ]

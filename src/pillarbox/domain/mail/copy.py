"""Copying and moving messages between mailboxes (RFC 9051 §6.4.7, §6.4.8).

Within an account a copy is one more placement of the same email; a move takes the old placement
away. In another account it needs an email of that account's own, sealed with its keys; the content
stays where it is and is shared. What is to be sealed anew is opened by `open_emails`, before the
transaction that changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Conflict, TooLarge
from pillarbox.base.ids import AccountId, BlobId, EmailId, MailboxId
from pillarbox.domain.mail import imap_events, keywords, sorting
from pillarbox.domain.mail.append import INSERT_MESSAGE, insert_email
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.flags import EVERY_FLAG, Changeable
from pillarbox.domain.mail.model import Copied, FlagSet
from pillarbox.domain.mail.placement import (
    Tally,
    UidRanges,
    bury,
    count,
    note_unplaced,
    uidvalidity_of,
)
from pillarbox.domain.mail.tables import emails, messages, uneven
from pillarbox.domain.mail.threads import message_ids_of
from pillarbox.domain.owners.quota import charge, lock, salt_of
from pillarbox.formats.mime.summary import fields_of
from pillarbox.storage.blobs.sealed import SealedBlob, row_name
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

MAX_ACROSS = 10_000
"""Messages that go to another account at once."""

_IN_RANGE = (
    messages.c.mailbox_id == bindparam("mailbox"),
    messages.c.uid.between(bindparam("first"), bindparam("last")),
)
_ROWS = Statement(
    select(
        messages.c.uid,
        messages.c.email_id,
        messages.c.flags,
        messages.c.keywords,
        messages.c.internal_ms,
        messages.c.size_bytes,
    )
    .where(*_IN_RANGE)
    .order_by(messages.c.uid)
)
_EMAILS = Statement(
    select(
        emails.c.id,
        emails.c.blob_id,
        emails.c.wrapped_key,
        emails.c.summary,
        emails.c.parts,
        emails.c.size_bytes,
        emails.c.sent_ms,
        emails.c.has_attachment,
        emails.c.sent_offset_min,
        uneven.c.line_end_bytes,
    )
    .select_from(
        messages.join(emails, emails.c.id == messages.c.email_id).outerjoin(
            uneven, uneven.c.email_id == emails.c.id
        )
    )
    .where(*_IN_RANGE)
    .order_by(messages.c.uid)
    .limit(bindparam("most"))
)

Emails = Mapping[EmailId, PreparedEmail]
"""Emails of one account, opened so that they can be sealed for another."""


class Expunged(Conflict):
    """Some of the messages are no more, and nothing was done."""


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox and the account that owns it."""

    account: AccountId
    mailbox: MailboxId


def copy(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    target: MailboxId,
    may: Changeable = EVERY_FLAG,
    expected: int | None = None,
    by: AccountId | None = None,
) -> Copied:
    """Place the messages in `target` too, with their dates and the flags that may be set there.

    `by` is who does it, if not the owner. Raises `OverQuota` where there is no room, `NotFound` for
    a mailbox that is not the account's, `Expunged` where the ranges don't hold as many messages as
    `expected`.
    """
    lock(tx, account)
    rows = _kept(_rows(tx, account, mailbox, ranges, expected), may)
    if not rows:
        return _nothing(tx, account, target)
    size_bytes = sum(row[5] for row in rows)
    modseq = charge(tx, account, size_bytes, len(rows)).modseq
    copied = _place(tx, account, modseq, rows, target, by)
    sorting.moved(tx, account, mailbox, target, [row[1] for row in rows], moving=False)
    return copied


def move(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    target: MailboxId,
    may: Changeable = EVERY_FLAG,
    expected: int | None = None,
    by: AccountId | None = None,
) -> Copied:
    """Place the messages in `target` and take them out of `mailbox`, both or neither.

    `by` is who does it, if not the owner. Raises `NotFound` for a mailbox that is not the
    account's, `Expunged` as `copy` does. A move within a mailbox gives new UIDs.
    """
    lock(tx, account)
    rows = _rows(tx, account, mailbox, ranges, expected)
    if not rows:
        return _nothing(tx, account, target)
    modseq = charge(tx, account, 0, 0).modseq
    # Before the new placements are made: in a move within a mailbox they may lie in `ranges`.
    _take_away(tx, Box(account, mailbox), modseq, rows, ranges)
    moved = _place(tx, account, modseq, _kept(rows, may), target, by)
    sorting.moved(tx, account, mailbox, target, [row[1] for row in rows], moving=True)
    return moved


def open_emails(
    tx: Tx, store: ContentStore, account: AccountId, mailbox: MailboxId, ranges: UidRanges
) -> Emails:
    """What `copy_across` is to seal anew; for a read, since it takes its time.

    Raises `TooLarge` for more than `MAX_ACROSS` messages, `Unavailable` for damaged ones.
    """
    unseal = store.keys.account(salt_of(tx, account)).open
    found: dict[EmailId, PreparedEmail] = {}
    room = MAX_ACROSS
    for first, last in ranges:
        rows = tx.all(_EMAILS, mailbox=mailbox, first=first, last=last, most=room + 1)
        room -= len(rows)
        if room < 0:
            raise TooLarge(f"At most {MAX_ACROSS} messages can go to another account at once")
        for row in rows:
            if row[0] not in found:
                name = row_name(row[0])
                key, summary, parts = (
                    unseal(sealed, mark + name)
                    for sealed, mark in zip(row[2:5], (b"k", b"s", b"p"), strict=True)
                )
                found[EmailId(row[0])] = _opened(row, key, summary, parts)
    return found


def copy_across(
    tx: Tx,
    store: ContentStore,
    source: Box,
    ranges: UidRanges,
    target: Box,
    opened: Emails,
    may: Changeable,
    expected: int | None,
    moving: bool,
    by: AccountId | None = None,
) -> Copied:
    """`copy`, or `move` if `moving`, to a mailbox of another account, whose quota it takes.

    `opened` is what `open_emails` gave for the same ranges, `by` as for those. Raises what they
    raise.
    """
    for account in sorted((source.account, target.account)):
        lock(tx, account)
    rows = _rows(tx, source.account, source.mailbox, ranges, expected)
    if not rows:
        return _nothing(tx, target.account, target.mailbox)
    size_bytes = sum(row[5] for row in rows)
    charged = charge(tx, target.account, size_bytes, len(rows))
    own: dict[int, int] = {}
    for row in rows:
        if row[1] not in own:
            email = opened.get(row[1])
            if email is None:
                raise Conflict("The mailbox changed too much; try again")
            own[row[1]] = insert_email(tx, store, charged.salt, target.account, email)
    if moving:
        modseq = charge(tx, source.account, -size_bytes, -len(rows)).modseq
        _take_away(tx, source, modseq, rows, ranges)
        note_unplaced(tx, source.mailbox, modseq)
    placed = [(row[0], own[row[1]], *row[2:]) for row in _kept(rows, may)]
    copied = _place(tx, target.account, charged.modseq, placed, target.mailbox, by)
    sorting.put(tx, target.account, target.mailbox, FlagSet(), [row[1] for row in placed])
    return copied


def _opened(row: Row, content_key: bytes, summary: bytes, parts: bytes) -> PreparedEmail:
    fields = fields_of(summary)
    return PreparedEmail(
        # Its bytes are stored already.
        blob=SealedBlob(BlobId(row[1]), content_key, row[5], b""),
        summary=summary,
        parts=parts,
        sent_ms=row[6],
        has_attachment=bool(row[7]),
        sent_offset_min=row[8],
        message_ids=message_ids_of(fields),
        line_end_bytes=row[9] or 0,
    )


def _nothing(tx: Tx, account: AccountId, target: MailboxId) -> Copied:
    return Copied(target, uidvalidity_of(tx, account, target), (), ())


def _rows(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, expected: int | None
) -> list[Row]:
    uidvalidity_of(tx, account, mailbox)
    rows = [
        row
        for first, last in ranges
        for row in tx.all(_ROWS, mailbox=mailbox, first=first, last=last)
    ]
    if expected is not None and len(rows) != expected:
        raise Expunged("Some of the messages have been expunged")
    return rows


def _kept(rows: list[Row], may: Changeable) -> list[Row]:
    """The rows with those of their flags that may be set in the target (RFC 4314 §4)."""
    if may is EVERY_FLAG:
        return rows
    return [
        (*row[:2], row[2] & may.bits, row[3] if may.keywords else None, *row[4:]) for row in rows
    ]


def _take_away(tx: Tx, box: Box, modseq: int, rows: list[Row], ranges: UidRanges) -> None:
    bury(tx, box.mailbox, modseq, ranges)
    gone = Tally()
    for row in rows:
        gone.add(row[2], row[5])
    count(tx, box.account, box.mailbox, modseq, gone.negative())


def _place(
    tx: Tx,
    account: AccountId,
    modseq: int,
    rows: list[Row],
    target: MailboxId,
    by: AccountId | None,
) -> Copied:
    tally = Tally(uids=len(rows))
    for row in rows:
        tally.add(row[2], row[5])
    counted = count(tx, account, target, modseq, tally)
    for stored in {row[3] for row in rows if row[3]}:
        keywords.admit(tx, target, stored.split(" "))
    uids = range(counted.uidnext - len(rows), counted.uidnext)
    tx.run_many(
        INSERT_MESSAGE,
        [
            {
                "mailbox_id": target,
                "uid": uid,
                "email_id": row[1],
                "flags": row[2],
                "keywords": row[3],
                "modseq": modseq,
                "created_modseq": modseq,
                "internal_ms": row[4],
                "saved_ms": tx.now_ms,
                "size_bytes": row[5],
            }
            for uid, row in zip(uids, rows, strict=True)
        ],
    )
    if counted.has_script:
        imap_events.added(tx, account, target, uids, imap_events.Cause.COPY, by)
    return Copied(target, counted.uidvalidity, tuple(row[0] for row in rows), tuple(uids))

"""Copying and moving messages between the mailboxes of an account (RFC 9051 §6.4.7, §6.4.8).

A copy is one more placement of the same email; a move takes the old placement away.
"""

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import keywords
from pillarbox.domain.mail.append import INSERT_MESSAGE
from pillarbox.domain.mail.model import Copied
from pillarbox.domain.mail.placement import Tally, UidRanges, bury, count, uidvalidity_of
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.owners.quota import charge, lock
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

_ROWS = Statement(
    select(
        messages.c.uid,
        messages.c.email_id,
        messages.c.flags,
        messages.c.keywords,
        messages.c.internal_ms,
        messages.c.size_bytes,
    )
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
)


def copy(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, target: MailboxId
) -> Copied:
    """Place the messages in `target` too, with the flags and dates they have.

    Raises `OverQuota` where there is no room, `NotFound` for a mailbox that is not the account's.
    """
    lock(tx, account)
    rows = _rows(tx, account, mailbox, ranges)
    if not rows:
        return _nothing(tx, account, target)
    size_bytes = sum(row[5] for row in rows)
    modseq = charge(tx, account, size_bytes, len(rows)).modseq
    return _place(tx, account, modseq, rows, target)


def move(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, target: MailboxId
) -> Copied:
    """Place the messages in `target` and take them out of `mailbox`, both or neither.

    Raises `NotFound` for a mailbox that is not the account's. A move within a mailbox gives new
    UIDs.
    """
    lock(tx, account)
    rows = _rows(tx, account, mailbox, ranges)
    if not rows:
        return _nothing(tx, account, target)
    modseq = charge(tx, account, 0, 0).modseq
    # Before the new placements are made: in a move within a mailbox they may lie in `ranges`.
    bury(tx, mailbox, modseq, ranges)
    gone = Tally()
    for row in rows:
        gone.add(row[2], row[5])
    count(tx, account, mailbox, modseq, gone.negative())
    return _place(tx, account, modseq, rows, target)


def _nothing(tx: Tx, account: AccountId, target: MailboxId) -> Copied:
    return Copied(target, uidvalidity_of(tx, account, target), (), ())


def _rows(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges) -> list[Row]:
    uidvalidity_of(tx, account, mailbox)
    return [
        row
        for first, last in ranges
        for row in tx.all(_ROWS, mailbox=mailbox, first=first, last=last)
    ]


def _place(tx: Tx, account: AccountId, modseq: int, rows: list[Row], target: MailboxId) -> Copied:
    tally = Tally(uids=len(rows))
    for row in rows:
        tally.add(row[2], row[5])
    uidnext, uidvalidity = count(tx, account, target, modseq, tally)
    for stored in {row[3] for row in rows if row[3]}:
        keywords.admit(tx, target, stored.split(" "))
    uids = range(uidnext - len(rows), uidnext)
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
    return Copied(target, uidvalidity, tuple(row[0] for row in rows), tuple(uids))

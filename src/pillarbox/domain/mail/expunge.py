"""Removing messages for good (RFC 9051 §6.4.3): rows become tombstones, content is swept later."""

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.model import Flag
from pillarbox.domain.mail.placement import (
    MAX_UID,
    Tally,
    UidRanges,
    bury,
    count,
    note_unplaced,
    runs,
)
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.owners.quota import charge, lock
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_ROWS = Statement(
    select(messages.c.uid, messages.c.flags, messages.c.size_bytes)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
)


def expunge(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges | None
) -> tuple[int, ...]:
    """Remove the messages that have \\Deleted, of all or of the given UIDs; gives their UIDs."""
    everything: UidRanges = ((1, MAX_UID),)
    return _remove(tx, account, mailbox, everything if ranges is None else ranges, Flag.DELETED)


def remove(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges) -> tuple[int, ...]:
    """Remove messages whatever their flags (POP3, JMAP, retention); gives their UIDs."""
    return _remove(tx, account, mailbox, ranges, 0)


def _remove(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, wanted: int
) -> tuple[int, ...]:
    lock(tx, account)
    uids: list[int] = []
    found: list[tuple[int, int]] = []
    tally = Tally()
    for first, last in ranges:
        rows = tx.all(_ROWS, mailbox=mailbox, first=first, last=last)
        chosen = [row for row in rows if row[1] & wanted == wanted]
        for _, flags, size_bytes in chosen:
            tally.add(flags, size_bytes)
        uids += [row[0] for row in chosen]
        found += runs((row[0], row[1] & wanted == wanted) for row in rows)
    if not uids:
        return ()
    charged = charge(tx, account, -tally.size_bytes, -tally.messages)
    count(tx, account, mailbox, charged.modseq, tally.negative())
    bury(tx, mailbox, charged.modseq, found)
    note_unplaced(tx, mailbox, charged.modseq)
    return tuple(uids)

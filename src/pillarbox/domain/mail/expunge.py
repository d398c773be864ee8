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
        messages.c.flags.bitwise_and(bindparam("with_flags")) == bindparam("with_flags"),
    )
    .order_by(messages.c.uid)
)


def expunge(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges | None
) -> tuple[int, ...]:
    """Remove the messages that have \\Deleted, of all or of the given UIDs; gives their UIDs."""
    everything: UidRanges = ((1, MAX_UID),)
    deleted = Flag.DELETED.value
    return _remove(tx, account, mailbox, everything if ranges is None else ranges, deleted)


def remove(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges) -> tuple[int, ...]:
    """Remove messages whatever their flags (POP3, JMAP, retention); gives their UIDs."""
    return _remove(tx, account, mailbox, ranges, 0)


def _remove(
    tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, wanted: int
) -> tuple[int, ...]:
    lock(tx, account)
    uids: list[int] = []
    tally = Tally()
    for first, last in ranges:
        rows = tx.all(_ROWS, mailbox=mailbox, first=first, last=last, with_flags=wanted)
        for _, flags, size_bytes in rows:
            tally.add(flags, size_bytes)
        uids += [row[0] for row in rows]
    if not uids:
        return ()
    charged = charge(tx, account, -tally.size_bytes, -tally.messages)
    count(tx, account, mailbox, charged.modseq, tally.negative())
    bury(tx, mailbox, charged.modseq, ranges, wanted)
    note_unplaced(tx, mailbox, charged.modseq)
    return tuple(uids)

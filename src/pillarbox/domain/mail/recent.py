"""Whose \\Recent messages are: the session's that is first told of them (RFC 3501 §2.3.2)."""

from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import MailboxId
from pillarbox.domain.mail.tables import mailboxes
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_RANGE = Statement(
    select(mailboxes.c.recent_uid, mailboxes.c.uidnext).where(
        mailboxes.c.id == bindparam("mailbox")
    )
)
_CLAIM = Statement(
    update(mailboxes)
    .where(mailboxes.c.id == bindparam("mailbox"), mailboxes.c.recent_uid == bindparam("first"))
    .values(recent_uid=mailboxes.c.uidnext)
    .returning(mailboxes.c.uidnext)
)


def is_unclaimed(tx: Tx, mailbox: MailboxId) -> bool:
    """Whether `claim` would give any; one indexed row."""
    row = tx.one(_RANGE, mailbox=mailbox)
    return row is not None and row[0] < row[1]


def claim(tx: Tx, mailbox: MailboxId) -> tuple[int, int]:
    """Make the messages that are nobody's \\Recent yet the caller's; gives their half-open range.

    Of two who claim at once one gets nothing. Raises `NotFound`.
    """
    row = tx.one(_RANGE, mailbox=mailbox)
    if row is None:
        raise NotFound("There is no such mailbox")
    first, end = row
    if first < end:
        claimed = tx.scalar(_CLAIM, mailbox=mailbox, first=first)
        if claimed is not None:
            return first, int(claimed)
    return end, end

"""Dropping tombstones of expunged messages when they are old, or when there are very many.

Each mailbox keeps the modseq up to which they may be lacking: whoever asks about the time before
gets an answer from what is there instead (RFC 7162 §5.3). Run by a leased job in small steps.
"""

from sqlalchemy import bindparam, delete, select, update

from pillarbox.base.ids import MailboxId
from pillarbox.domain.mail.tables import expunged, mailboxes
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

MAX_PER_MAILBOX = 100_000

_OF_MAILBOX = expunged.c.mailbox_id == bindparam("mailbox")
_NEXT = Statement(
    select(expunged.c.mailbox_id)
    .where(expunged.c.mailbox_id > bindparam("after"))
    .order_by(expunged.c.mailbox_id)
    .limit(1)
)
_OLDEST = Statement(
    select(expunged.c.modseq, expunged.c.gone_ms)
    .where(_OF_MAILBOX)
    .order_by(expunged.c.modseq, expunged.c.uid)
    .limit(bindparam("most"))
)
_SURPLUS = Statement(
    select(expunged.c.modseq)
    .where(_OF_MAILBOX)
    .order_by(expunged.c.modseq.desc(), expunged.c.uid.desc())
    .limit(1)
    .offset(bindparam("keep"))
)
_DROP = Statement(delete(expunged).where(_OF_MAILBOX, expunged.c.modseq <= bindparam("until")))
_SET_FORGOTTEN = Statement(
    update(mailboxes)
    .where(
        mailboxes.c.id == bindparam("mailbox"), mailboxes.c.forgotten_modseq < bindparam("until")
    )
    .values(forgotten_modseq=bindparam("until"))
)


def prune(
    tx: Tx, after: MailboxId, before_ms: int, most: int, keep: int = MAX_PER_MAILBOX
) -> tuple[MailboxId, bool] | None:
    """Drop the oldest tombstones of the first mailbox behind `after`, at most about so many.

    Those from before `before_ms` go, and all but the newest `keep`. What one change expunged goes
    together. Gives the mailbox and whether it may have more to drop; `None` if there is no such
    mailbox.
    """
    found = tx.scalar(_NEXT, after=after)
    if found is None:
        return None
    mailbox = MailboxId(found)
    surplus = int(tx.scalar(_SURPLUS, mailbox=mailbox, keep=keep) or 0)
    rows = tx.all(_OLDEST, mailbox=mailbox, most=most)
    old = [modseq for modseq, gone_ms in rows if gone_ms < before_ms or modseq <= surplus]
    if old:
        # First the mark: nobody must take a gap for the truth.
        tx.run(_SET_FORGOTTEN, mailbox=mailbox, until=old[-1])
        tx.run(_DROP, mailbox=mailbox, until=old[-1])
    return mailbox, len(old) == most

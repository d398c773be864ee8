"""What every change of a mailbox does: move its counters, bury what is gone.

Called by the other modules of `domain/mail` and by nothing outside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, delete, exists, insert, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.mail.annotations import HAS_SCRIPT
from pillarbox.domain.mail.model import Flag
from pillarbox.domain.mail.tables import expunged, mailboxes, messages, unplaced
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

UidRanges = Sequence[tuple[int, int]]
MAX_UID = 0xFFFF_FFFF
# As numbers: those of `Flag` make a new object at each step, for thousands of messages.
_SEEN, _DELETED = Flag.SEEN.value, Flag.DELETED.value

_COUNT = Statement(
    update(mailboxes)
    .where(mailboxes.c.id == bindparam("mailbox"), mailboxes.c.account_id == bindparam("account"))
    .values(
        modseq=bindparam("new_modseq"),
        uidnext=mailboxes.c.uidnext + bindparam("uids"),
        total=mailboxes.c.total + bindparam("added"),
        unseen=mailboxes.c.unseen + bindparam("added_unseen"),
        deleted=mailboxes.c.deleted + bindparam("added_deleted"),
        size_bytes=mailboxes.c.size_bytes + bindparam("added_bytes"),
    )
    .returning(mailboxes.c.uidnext, mailboxes.c.uidvalidity, HAS_SCRIPT)
)
_UIDVALIDITY = Statement(
    select(mailboxes.c.uidvalidity).where(
        mailboxes.c.id == bindparam("mailbox"), mailboxes.c.account_id == bindparam("account")
    )
)
_IN_RANGE = (
    messages.c.mailbox_id == bindparam("mailbox"),
    messages.c.uid.between(bindparam("first"), bindparam("last")),
    messages.c.flags.bitwise_and(bindparam("with_flags")) == bindparam("with_flags"),
)
_BURY = Statement(
    insert(expunged).from_select(
        ["mailbox_id", "uid", "modseq", "email_id", "gone_ms"],
        select(
            messages.c.mailbox_id,
            messages.c.uid,
            bindparam("new_modseq", type_=Big),
            messages.c.email_id,
            bindparam("now", type_=Big),
        ).where(*_IN_RANGE),
    )
)
_REMOVE = Statement(delete(messages).where(*_IN_RANGE))
_UNPLACE = Statement(
    insert(unplaced).from_select(
        ["email_id", "since_ms"],
        select(expunged.c.email_id, bindparam("now", type_=Big))
        .where(
            expunged.c.mailbox_id == bindparam("mailbox"),
            expunged.c.modseq == bindparam("new_modseq"),
            ~exists().where(messages.c.email_id == expunged.c.email_id),
        )
        .distinct(),
    )
)


@dataclass(slots=True)
class Tally:
    """How a mailbox's counters move in one change."""

    uids: int = 0
    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size_bytes: int = 0

    def add(self, flags: int, size_bytes: int) -> None:
        """Count one more message."""
        self.messages += 1
        self.unseen += not flags & _SEEN
        self.deleted += bool(flags & _DELETED)
        self.size_bytes += size_bytes

    def change(self, old_flags: int, new_flags: int) -> None:
        """Count a message whose flags become others."""
        self.unseen += bool(old_flags & _SEEN) - bool(new_flags & _SEEN)
        self.deleted += bool(new_flags & _DELETED) - bool(old_flags & _DELETED)

    def negative(self) -> "Tally":
        """The same messages, taken away."""
        return Tally(0, -self.messages, -self.unseen, -self.deleted, -self.size_bytes)


class Counted(NamedTuple):
    """A mailbox after a change; `has_script`: one runs for what happens in it (`imap_events`)."""

    uidnext: int
    uidvalidity: int
    has_script: bool


def count(tx: Tx, account: AccountId, mailbox: MailboxId, modseq: int, tally: Tally) -> Counted:
    """Move a mailbox's counters and modseq.

    Raises `NotFound` where the account has no such mailbox.
    """
    row = tx.one(
        _COUNT,
        mailbox=mailbox,
        account=account,
        new_modseq=modseq,
        uids=tally.uids,
        added=tally.messages,
        added_unseen=tally.unseen,
        added_deleted=tally.deleted,
        added_bytes=tally.size_bytes,
    )
    if row is None:
        raise NotFound("There is no such mailbox")
    changes.hint(tx, account)
    return Counted(row[0], row[1], bool(row[2]))


def uidvalidity_of(tx: Tx, account: AccountId, mailbox: MailboxId) -> int:
    """The UIDVALIDITY of a mailbox; `NotFound` where the account has no such mailbox."""
    found = tx.scalar(_UIDVALIDITY, mailbox=mailbox, account=account)
    if found is None:
        raise NotFound("There is no such mailbox")
    return int(found)


def bury(tx: Tx, mailbox: MailboxId, modseq: int, ranges: UidRanges, with_flags: int = 0) -> None:
    """Replace every message of the ranges that has these flags by a tombstone."""
    for first, last in ranges:
        where = {"mailbox": mailbox, "first": first, "last": last, "with_flags": with_flags}
        tx.run(_BURY, new_modseq=modseq, now=tx.now_ms, **where)
        tx.run(_REMOVE, **where)


def note_unplaced(tx: Tx, mailbox: MailboxId, modseq: int) -> None:
    """Note the emails that lost their last placement when `modseq` buried them."""
    tx.run(_UNPLACE, mailbox=mailbox, new_modseq=modseq, now=tx.now_ms)


def runs(rows: Iterable[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Ranges that cover the chosen of some adjacent messages and none of the others.

    `rows` gives (UID, chosen) of all messages of a stretch of the mailbox, in order.
    """
    found: list[tuple[int, int]] = []
    first = last = 0
    for uid, chosen in rows:
        if chosen:
            if not first:
                first = uid
            last = uid
        elif first:
            found.append((first, last))
            first = 0
    if first:
        found.append((first, last))
    return found

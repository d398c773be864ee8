"""The maildrop of POP3 (RFC 1939 §4): INBOX, as it was when one session took it for its own.

The lock is a lease that the session renews; the one of a process that died runs out. It keeps
other POP3 sessions away, on whatever process and machine, and nobody else.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Conflict, NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.expunge import remove
from pillarbox.domain.mail.placement import UidRanges, runs
from pillarbox.domain.mail.tables import messages, uneven
from pillarbox.storage import leases
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

LOCK_MS = 60_000
IN_USE = "Another session has this maildrop open"
LOST = "The lock on this maildrop was lost"

_SIZES = Statement(
    select(messages.c.uid, messages.c.size_bytes, uneven.c.line_end_bytes)
    .join_from(messages, uneven, uneven.c.email_id == messages.c.email_id, isouter=True)
    .where(messages.c.mailbox_id == bindparam("mailbox"))
    .order_by(messages.c.uid)
)


@dataclass(frozen=True, slots=True)
class Maildrop:
    """INBOX at one moment: UIDs in ascending order, and what RETR will send of each in octets.

    Sizes are those with a CRLF at the end of each line, before dots are doubled.
    """

    account_id: AccountId
    mailbox_id: MailboxId
    uidvalidity: int
    uids: Sequence[int]
    sizes: Sequence[int]


def take(tx: Tx, account: AccountId, owner: str) -> None:
    """Lock the account's maildrop for `LOCK_MS`; `Conflict` where another session has it.

    `owner` is a name that no other session has, of 64 characters at most.
    """
    if not leases.take(tx, _lease(account), owner, LOCK_MS):
        raise Conflict(IN_USE)


def hold(tx: Tx, account: AccountId, owner: str) -> bool:
    """Keep the lock for `LOCK_MS` more; `False` when it ran out and another took it."""
    return leases.renew(tx, _lease(account), owner, LOCK_MS)


def release(tx: Tx, account: AccountId, owner: str) -> None:
    """Give the lock back; nothing happens to another's."""
    leases.remove(tx, _lease(account), owner)


def snapshot(tx: Tx, account: AccountId) -> Maildrop:
    """INBOX as it is now; `NotFound` where there is none."""
    inbox = mailboxes.by_name(tx, account, "INBOX")
    if inbox is None:
        raise NotFound("There is no INBOX")
    uids, sizes = array("Q"), array("Q")
    for uid, size_bytes, lacking in tx.all(_SIZES, mailbox=inbox.id):
        uids.append(uid)
        sizes.append(size_bytes + (lacking or 0))
    return Maildrop(account, inbox.id, inbox.uidvalidity, uids, sizes)


def content(tx: Tx, store: ContentStore, drop: Maildrop, number: int) -> bytes:
    """The bytes of a message as they are stored, by its number from 0 on.

    `NotFound` where it was removed since; `Unavailable` for damaged content.
    """
    uid = drop.uids[number]
    found = read.contents(tx, store, drop.account_id, drop.mailbox_id, ((uid, uid),), False)
    if not found:
        raise NotFound("That message has been removed meanwhile")
    return found[0][1]


def ranges_of(drop: Maildrop, deleted: Iterable[int]) -> UidRanges:
    """The UIDs of messages marked as deleted; `deleted` is true or false for each."""
    return runs((uid, bool(mark)) for uid, mark in zip(drop.uids, deleted, strict=True))


def update(tx: Tx, drop: Maildrop, owner: str, ranges: UidRanges) -> tuple[int, ...]:
    """Enter the UPDATE state (RFC 1939 §6): remove messages and give the lock back, or neither.

    Gives the UIDs removed; those that others removed before are not among them. `Conflict` where
    the lock was lost, for then the client's numbers may mean nothing any more.
    """
    if not leases.remove(tx, _lease(drop.account_id), owner):
        raise Conflict(LOST)
    return remove(tx, drop.account_id, drop.mailbox_id, ranges) if ranges else ()


def _lease(account: AccountId) -> str:
    return f"maildrop {account}"

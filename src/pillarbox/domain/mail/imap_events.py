"""What happens to messages in mailboxes that have a script of their own (RFC 6785).

Noted where messages are appended, copied, moved and get flags, in the transaction that does it;
never by delivery, and never for what a script causes itself. Whether a mailbox has a script is told
by the statement that moves its counters (`placement.count`). `pipeline/filtering/imap_events` runs
the scripts and removes the events. A mailbox has such a script where its annotation
`/shared/imapsieve/script` names one, or else the account's own one of the server does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import Column, Table, bindparam, delete, func, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.annotations import SCRIPT, SERVER, Annotated
from pillarbox.domain.mail.annotations import get as annotations_of
from pillarbox.domain.mail.model import FLAG_NAMES
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.schema import Big, Small, Unlimited, metadata
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

TOPIC = "imap events"
EVENTS_MOST = 100_000
"""Waiting of one account; for what is beyond no script runs."""

imap_events = Table(
    "imap_events",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),  # the mailbox's owner
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("mailbox_id", Big, nullable=False),
    Column("uid", Big, nullable=False),
    Column("cause", Small, nullable=False),  # Cause
    Column("actor_id", Big, nullable=False),  # whose doing it was
    Column("changed", Unlimited, nullable=False),  # names of flags, divided by spaces
    sqlite_with_rowid=False,
)

_e = imap_events.c
_INSERT = insert_row(imap_events)
_MINE = _e.account_id == bindparam("account")
_WAITING_OF = Statement(
    select(func.count()).select_from(
        select(_e.id).where(_MINE).limit(EVENTS_MOST).subquery("waiting")
    )
)
_WAITING = Statement(select(func.count()).select_from(imap_events))
_NEXT_ACCOUNT = Statement(
    select(_e.account_id).where(_e.account_id > bindparam("after")).order_by(_e.account_id).limit(1)
)
_EVENTS = Statement(
    select(_e.id, _e.mailbox_id, _e.uid, _e.cause, _e.actor_id, _e.changed)
    .where(_MINE)
    .order_by(_e.id)
    .limit(bindparam("most"))
)
_DONE = Statement(delete(imap_events).where(_MINE, _e.id == bindparam("event")))
_FORGET = Statement(delete(imap_events).where(_MINE))
_FORGET_ALL = Statement(delete(imap_events))

_State = tuple[int, str | None]


class Cause(IntEnum):
    """Why a script runs; the names are those of `imap.cause` (RFC 6785 §4.3)."""

    APPEND = 1
    COPY = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One message for which a script is to run; `changed` are the flags that are others now.

    `actor_id` is the user who did it: somebody else than the owner where a mailbox is shared.
    """

    id: int
    account_id: AccountId
    mailbox_id: MailboxId
    uid: int
    cause: Cause
    actor_id: AccountId
    changed: tuple[str, ...] = ()


def added(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    cause: Cause,
    by: AccountId | None = None,
) -> None:
    """Note that new messages lie in a mailbox that has a script; `by` somebody, or the owner."""
    if uids:
        _note(tx, account, mailbox, cause, by, [(uid, "") for uid in uids])


def flagged(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    changed: Iterable[tuple[int, _State, _State]],
    by: AccountId | None = None,
) -> None:
    """Note new flags in a mailbox that has a script: (UID, state before, state after)."""
    known: dict[tuple[_State, _State], str] = {}
    rows = []
    for uid, before, after in changed:
        names = known.get((before, after))
        if names is None:
            names = known[before, after] = _difference(before, after)
        rows.append((uid, names))
    _note(tx, account, mailbox, Cause.FLAG, by, rows)


def script_name(tx: Tx, keys: KeyRing, account: AccountId, mailbox: MailboxId) -> str:
    """The script of a mailbox of an account; empty where none is to run.

    A mailbox's annotation counts even where it is empty or can't be read (RFC 6785 §2.3.1).
    """
    for place in (mailbox, SERVER):
        found = annotations_of(tx, keys, Annotated(place, account, account), (SCRIPT,), 0)
        if found:
            return found[0][1].decode("utf-8", "replace")
    return ""


def waiting(tx: Tx, most: int, after: int = -1) -> list[Event]:
    """The oldest events of one account: of the next behind `after`, in turn, that has any."""
    account = tx.scalar(_NEXT_ACCOUNT, after=after)
    if account is None and after >= 0:
        account = tx.scalar(_NEXT_ACCOUNT, after=-1)
    if account is None:
        return []
    return [
        Event(
            row[0],
            AccountId(account),
            MailboxId(row[1]),
            row[2],
            Cause(row[3]),
            AccountId(row[4]),
            tuple(row[5].split()),
        )
        for row in tx.all(_EVENTS, account=account, most=most)
    ]


def count_waiting(tx: Tx) -> int:
    """How many events there are, of all accounts."""
    return int(tx.scalar(_WAITING))


def done(tx: Tx, event: Event) -> bool:
    """Remove an event; `False` where somebody else has done so, and so did what it was for."""
    return tx.run(_DONE, account=event.account_id, event=event.id) == 1


def forget(tx: Tx, account: AccountId) -> None:
    """Drop the events of an account."""
    tx.run(_FORGET, account=account)


def forget_all(tx: Tx) -> None:
    """Drop all events: no scripts are to run."""
    tx.run(_FORGET_ALL)


def _difference(before: _State, after: _State) -> str:
    bits = before[0] ^ after[0]
    names = [name for flag, name in FLAG_NAMES if flag & bits]
    had, has = (
        {name.lower(): name for name in (keywords or "").split()} for _, keywords in (before, after)
    )
    names += sorted((had | has)[key] for key in had.keys() ^ has.keys())
    return " ".join(names)


def _note(
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    cause: Cause,
    by: AccountId | None,
    rows: Sequence[tuple[int, str]],
) -> None:
    room = EVENTS_MOST - tx.scalar(_WAITING_OF, account=account)
    tx.run_many(
        _INSERT,
        [
            {
                "account_id": account,
                "id": tx.next_id(),
                "mailbox_id": mailbox,
                "uid": uid,
                "cause": int(cause),
                "actor_id": account if by is None else by,
                "changed": changed,
            }
            for uid, changed in rows[: max(0, room)]
        ],
    )
    tx.emit(TOPIC)

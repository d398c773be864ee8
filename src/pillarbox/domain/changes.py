"""The change log: one modification sequence (modseq) per account for all kinds of things.

Whoever changes an account's things takes the next modseq in the same transaction. Messages carry
theirs in their own rows, in their mailbox's and in tombstones, and so do objects of calendars and
address books; what has no such rows is noted in `changes`. CONDSTORE, QRESYNC, JMAP states and DAV
sync tokens are views of these (RFC 7162 §3.1).
"""

from collections.abc import Sequence
from enum import IntEnum

from sqlalchemy import Column, Table, bindparam, delete, insert, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.schema import Big, Small, metadata
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

changes = Table(
    "changes",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("modseq", Big, primary_key=True, autoincrement=False),
    Column("kind", Small, primary_key=True, autoincrement=False),
    Column("container_id", Big, primary_key=True, autoincrement=False),
    Column("noted_ms", Big, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)


class Kind(IntEnum):
    """What kind of thing changed."""

    MAILBOX = 1
    """A mailbox: its name, or that it exists."""
    ANNOTATION = 2
    """What is attached to a mailbox."""
    SCRIPT = 3
    """A Sieve script of a user: its text, its name, whether it is active, or that it exists."""
    CALENDAR = 4
    """A calendar or the inbox of scheduling: its properties, shares, or that it exists."""
    ADDRESS_BOOK = 5
    """An address book: its properties, shares, or that it exists."""


_NEXT = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(modseq=accounts.c.modseq + 1)
    .returning(accounts.c.modseq)
)
_CURRENT = Statement(select(accounts.c.modseq).where(accounts.c.id == bindparam("account")))
_NOTE = Statement(
    insert(changes).values(
        account_id=bindparam("account_id"),
        modseq=bindparam("modseq"),
        kind=bindparam("kind"),
        container_id=bindparam("container_id"),
        noted_ms=bindparam("now"),
    )
)
_SINCE = Statement(
    select(changes.c.modseq, changes.c.kind, changes.c.container_id)
    .where(changes.c.account_id == bindparam("account"), changes.c.modseq > bindparam("since"))
    .order_by(changes.c.modseq)
)
_FORGOTTEN = Statement(
    select(accounts.c.forgotten_modseq).where(accounts.c.id == bindparam("account"))
)
_NEXT_NOTED = Statement(
    select(changes.c.account_id)
    .where(changes.c.account_id > bindparam("after"))
    .order_by(changes.c.account_id)
    .limit(1)
)
_OLDEST = Statement(
    select(changes.c.modseq, changes.c.noted_ms)
    .where(changes.c.account_id == bindparam("account"))
    .order_by(changes.c.modseq)
    .limit(bindparam("most"))
)
_DROP = Statement(
    delete(changes).where(
        changes.c.account_id == bindparam("account"), changes.c.modseq <= bindparam("until")
    )
)
_SET_FORGOTTEN = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(forgotten_modseq=bindparam("until"))
)
_FORGET = Statement(delete(changes).where(changes.c.account_id == bindparam("account")))


def topic(account: AccountId) -> str:
    """The bus topic of an account's changes."""
    return f"account:{account}"


def next_modseq(tx: Tx, account: AccountId) -> int:
    """Take the account's next modseq.

    The account's row stays locked until the commit, so on every database a reader never sees 12
    before 11.
    """
    modseq = tx.scalar(_NEXT, account=account)
    if modseq is None:
        raise NotFound("There is no such account")
    return int(modseq)


def current_modseq(tx: Tx, account: AccountId) -> int:
    """The account's highest modseq."""
    return int(tx.scalar(_CURRENT, account=account) or 0)


def note(tx: Tx, account: AccountId, modseq: int, kind: Kind, container_id: int) -> None:
    """Log that the thing `container_id` of `kind` changed at `modseq`, and hint at it."""
    tx.run(
        _NOTE,
        account_id=account,
        modseq=modseq,
        kind=int(kind),
        container_id=container_id,
        now=tx.now_ms,
    )
    hint(tx, account)


def note_all(
    tx: Tx, account: AccountId, modseq: int, kind: Kind, containers: Sequence[int]
) -> None:
    """`note` for many things that changed together, with one hint."""
    rows = [
        {
            "account_id": account,
            "modseq": modseq,
            "kind": int(kind),
            "container_id": container_id,
            "now": tx.now_ms,
        }
        for container_id in containers
    ]
    tx.run_many(_NOTE, rows)
    hint(tx, account)


def hint(tx: Tx, account: AccountId) -> None:
    """Tell those who wait that the account has changed, once the transaction is on disk."""
    tx.emit(topic(account))


def since(tx: Tx, account: AccountId, modseq: int) -> list[tuple[int, Kind, int]] | None:
    """What was noted after `modseq`: (modseq, kind, container), oldest first.

    `None` where that is no longer known, and the asker has to look at everything.
    """
    if modseq < int(tx.scalar(_FORGOTTEN, account=account) or 0):
        return None
    rows = tx.all(_SINCE, account=account, since=modseq)
    return [(row[0], Kind(row[1]), row[2]) for row in rows]


def prune(tx: Tx, after: AccountId, before_ms: int, most: int) -> tuple[AccountId, bool] | None:
    """Drop the oldest notes of the first account behind `after`, at most about so many.

    Only those from before `before_ms`. Gives the account and whether it may have more of them;
    `None` if there is no such account.
    """
    found = tx.scalar(_NEXT_NOTED, after=after)
    if found is None:
        return None
    account = AccountId(found)
    rows = tx.all(_OLDEST, account=account, most=most)
    old = [modseq for modseq, noted_ms in rows if noted_ms < before_ms]
    if old:
        tx.run(_DROP, account=account, until=old[-1])
        tx.run(_SET_FORGOTTEN, account=account, until=old[-1])
    return account, len(old) == most


def forget(tx: Tx, account: AccountId) -> None:
    """Drop what was noted of an account that is about to go."""
    tx.run(_FORGET, account=account)

"""Accounts as what owns mail: opened for a user or a group, closed with all they hold."""

import os

from sqlalchemy import bindparam, delete, insert

from pillarbox.base.errors import Invalid
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.collection_rows.forget import forget_account as forget_collections
from pillarbox.domain.mail import imap_events, mailboxes
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.owners.tables import accounts
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import NO_WISHES
from pillarbox.domain.quarantine import rows as quarantine
from pillarbox.domain.reputation import history
from pillarbox.domain.scheduling_rows.forget import forget_account as forget_scheduling
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import Owner, Scope
from pillarbox.domain.sending import counts as sending
from pillarbox.domain.sieve import memory, scripts
from pillarbox.domain.spam import store as spam
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

SALT_BYTES = 16

_INSERT = Statement(
    insert(accounts).values(
        id=bindparam("id"),
        salt=bindparam("salt"),
        modseq=0,
        quota_bytes=bindparam("quota_bytes"),
        used_bytes=0,
        used_messages=0,
        created_ms=bindparam("created_ms"),
    )
)
_DELETE = Statement(delete(accounts).where(accounts.c.id == bindparam("account")))


def open_account(tx: Tx, quota_bytes: int) -> AccountId:
    """A new account without mailboxes; a quota of 0 is no limit, `Invalid` a negative one."""
    if quota_bytes < 0:
        raise Invalid("A quota can't be negative")
    account = AccountId(tx.next_id())
    salt = os.urandom(SALT_BYTES)
    tx.run(_INSERT, id=account, salt=salt, quota_bytes=quota_bytes, created_ms=tx.now_ms)
    return account


def close_account(tx: Tx, account: AccountId) -> None:
    """Remove an account with all mail, calendars and contacts, once nothing refers to it.

    The salt goes with it, so that what backups of the blobs hold stays unreadable.
    """
    index.drop(tx, account)
    mailboxes.delete_all(tx, account)
    forget_collections(tx, account)
    forget_scheduling(tx, account)
    imap_events.forget(tx, account)
    changes.forget(tx, account)
    sending.forget(tx, account)
    spam.forget(tx, account)
    history.forget(tx, account)
    policies.set_wishes(tx, account, NO_WISHES)
    lists.forget(tx, Owner(Scope.USER, account))
    quarantine.forget_account(tx, account)
    scripts.forget(tx, account)
    memory.forget(tx, account)
    tx.run(_DELETE, account=account)

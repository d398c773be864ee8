"""An account's quota, modseq and salt: what every change of its content meets first."""

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update

from pillarbox.base.errors import NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_ADDED_BYTES = bindparam("added_bytes", type_=Big)
_ACCOUNT = accounts.c.id == bindparam("account")
_CHARGE = Statement(
    update(accounts)
    .where(
        _ACCOUNT,
        or_(
            accounts.c.quota_bytes == 0,
            _ADDED_BYTES <= 0,
            accounts.c.used_bytes + _ADDED_BYTES <= accounts.c.quota_bytes,
        ),
    )
    .values(
        modseq=accounts.c.modseq + 1,
        used_bytes=accounts.c.used_bytes + _ADDED_BYTES,
        used_messages=accounts.c.used_messages + bindparam("added_messages"),
    )
    .returning(accounts.c.modseq, accounts.c.salt)
)
_LOCK = Statement(select(accounts.c.id).where(_ACCOUNT).with_for_update())
_LOCK_SALT = Statement(select(accounts.c.salt).where(_ACCOUNT).with_for_update())
_SALT = Statement(select(accounts.c.salt).where(_ACCOUNT))
_USAGE = Statement(
    select(accounts.c.quota_bytes, accounts.c.used_bytes, accounts.c.used_messages).where(_ACCOUNT)
)


@dataclass(frozen=True, slots=True)
class Charged:
    """An account that took a modseq for a change, and its salt."""

    modseq: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """An account's use of its quota; `quota_bytes` is 0 where there is no limit."""

    quota_bytes: int
    used_bytes: int
    used_messages: int

    def has_room(self, size_bytes: int) -> bool:
        """Whether a message of this size would fit."""
        return not self.quota_bytes or self.used_bytes + size_bytes <= self.quota_bytes


def lock(tx: Tx, account: AccountId) -> None:
    """Keep other writers of the account out until the commit; before rows are read to be changed.

    `charge` and `next_modseq` do so too.
    """
    tx.run(_LOCK, account=account)


def lock_salt(tx: Tx, account: AccountId) -> bytes:
    """`lock` and `salt_of` in one; raises `NotFound` for an unknown account."""
    salt = tx.scalar(_LOCK_SALT, account=account)
    if salt is None:
        raise NotFound("There is no such account")
    return bytes(salt)


def charge(tx: Tx, account: AccountId, size_bytes: int, count: int) -> Charged:
    """Take the next modseq and charge the account's quota (or release it: negative numbers).

    Raises `OverQuota` where there is no room, `NotFound` for an unknown account.
    """
    row = tx.one(_CHARGE, account=account, added_bytes=size_bytes, added_messages=count)
    if row is None:
        salt_of(tx, account)
        raise OverQuota("The mailbox is full")
    return Charged(row[0], row[1])


def salt_of(tx: Tx, account: AccountId) -> bytes:
    """The salt from which the account's keys are derived."""
    salt = tx.scalar(_SALT, account=account)
    if salt is None:
        raise NotFound("There is no such account")
    return bytes(salt)


def usage(tx: Tx, account: AccountId) -> Usage | None:
    """What an account may use and does use; `None` if there is no such account."""
    row = tx.one(_USAGE, account=account)
    return None if row is None else Usage(*row)

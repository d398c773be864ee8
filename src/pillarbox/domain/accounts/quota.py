"""Quota: what an account has used, and the limit. Called in the transaction that adds mail."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, case, or_, select, update

from pillarbox.base.errors import NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.tables import accounts
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_SIZE: BindParameter[int] = bindparam("size_bytes")
_COUNT: BindParameter[int] = bindparam("messages")
_ACCOUNT = accounts.c.id == bindparam("account")

_CHARGE = Statement(
    update(accounts)
    .where(
        _ACCOUNT,
        or_(accounts.c.quota_bytes == 0, accounts.c.used_bytes + _SIZE <= accounts.c.quota_bytes),
    )
    .values(
        used_bytes=accounts.c.used_bytes + _SIZE,
        used_messages=accounts.c.used_messages + _COUNT,
    )
)
_RELEASE = Statement(
    update(accounts)
    .where(_ACCOUNT)
    .values(
        used_bytes=case(
            (accounts.c.used_bytes > _SIZE, accounts.c.used_bytes - _SIZE),
            else_=0,
        ),
        used_messages=case(
            (accounts.c.used_messages > _COUNT, accounts.c.used_messages - _COUNT),
            else_=0,
        ),
    )
)
_USAGE = Statement(
    select(accounts.c.quota_bytes, accounts.c.used_bytes, accounts.c.used_messages).where(_ACCOUNT)
)


@dataclass(frozen=True, slots=True)
class Usage:
    """An account's use of its quota; `quota_bytes` is 0 where there is no limit."""

    quota_bytes: int
    used_bytes: int
    used_messages: int

    def has_room(self, size_bytes: int) -> bool:
        """Whether a message of this size would fit."""
        return not self.quota_bytes or self.used_bytes + size_bytes <= self.quota_bytes


def charge(tx: Tx, account_id: AccountId, size_bytes: int, messages: int) -> None:
    """Count new mail; `OverQuota` if it does not fit, `NotFound` if the account is gone."""
    if tx.run(_CHARGE, account=account_id, size_bytes=size_bytes, messages=messages):
        return
    if usage(tx, account_id) is None:
        raise NotFound("There is no such account")
    raise OverQuota("The mailbox is full")


def release(tx: Tx, account_id: AccountId, size_bytes: int, messages: int) -> None:
    """Count mail that is gone; never below nothing."""
    tx.run(_RELEASE, account=account_id, size_bytes=size_bytes, messages=messages)


def usage(tx: Tx, account_id: AccountId) -> Usage | None:
    """What an account may use and does use; `None` if there is no such account."""
    row = tx.one(_USAGE, account=account_id)
    return None if row is None else Usage(*row)

"""Dropping what an account that goes has waiting."""

from sqlalchemy import bindparam, delete, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.scheduling_rows.tables import (
    scheduling_contents,
    scheduling_counts,
    scheduling_messages,
)
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_m = scheduling_messages.c
_MINE = _m.account_id == bindparam("account")
_CONTENTS = Statement(
    delete(scheduling_contents).where(
        scheduling_contents.c.id.in_(select(_m.content_id).where(_MINE))
    )
)
_MESSAGES = Statement(delete(scheduling_messages).where(_MINE))
_COUNTS = Statement(
    delete(scheduling_counts).where(scheduling_counts.c.account_id == bindparam("account"))
)


def forget_account(tx: Tx, account: AccountId) -> None:
    """Drop everything that an account has waiting, and what was counted of it."""
    tx.run(_CONTENTS, account=account)
    tx.run(_MESSAGES, account=account)
    tx.run(_COUNTS, account=account)

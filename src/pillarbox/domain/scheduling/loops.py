"""How often the server answers somebody by itself: bounded, whatever they send.

Two servers that answer each other, or somebody who asks again and again in another's name, get no
more than that a day.
"""

from functools import cache

from sqlalchemy import bindparam, case, delete, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.scheduling.messages import DIGESTS
from pillarbox.domain.scheduling_rows.tables import scheduling_counts
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Tx

ANSWERS_A_DAY = 50
"""To one address, of one account."""
_DAY_MS = 86_400_000

_c = scheduling_counts.c
_COUNT = Statement(
    select(_c.count).where(_c.account_id == bindparam("account"), _c.digest == bindparam("of"))
)
_PRUNE = Statement(delete(scheduling_counts).where(_c.ends_ms <= bindparam("now_ms")))


def may_answer(tx: Tx, keys: KeyRing, account: AccountId, address: str) -> bool:
    """Count an answer that is about to be sent; false where there were too many."""
    digester = keys.digester(DIGESTS, salt_of(tx, account))
    digest = digester.digests(b"answer " + address.encode("utf-8", "replace"))[0]
    tx.run(
        _add(tx.dialect),
        of_account=account,
        of_digest=digest,
        now_ms=tx.now_ms,
        new_ends_ms=tx.now_ms + _DAY_MS,
    )
    return int(tx.scalar(_COUNT, account=account, of=digest)) <= ANSWERS_A_DAY


def prune(tx: Tx) -> None:
    """Drop counts of days that are over."""
    tx.run(_PRUNE, now_ms=tx.now_ms)


@cache
def _add(dialect: str) -> Statement:
    now = bindparam("now_ms", type_=Big)
    running = _c.ends_ms > now
    values = {
        "account_id": bindparam("of_account"),
        "digest": bindparam("of_digest"),
        "count": 1,
        "ends_ms": bindparam("new_ends_ms"),
    }
    return upsert(
        dialect,
        scheduling_counts,
        values,
        lambda new: {
            "count": case((running, _c.count + 1), else_=1),
            "ends_ms": case((running, _c.ends_ms), else_=new.ends_ms),
        },
    )

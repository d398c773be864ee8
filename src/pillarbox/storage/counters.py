"""Counters with a time window, shared by every process through the database.

For things that are rare and must be counted together, such as failed logins; not for hot paths. A
window begins with the first hit and ends by itself. Once a counter reaches its limit it can be
held for longer.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    Column,
    Index,
    Table,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import delete as delete_from

from pillarbox.storage.schema import Big, Int, metadata, text
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

MAX_NAME_CHARACTERS = 190

counters = Table(
    "counters",
    metadata,
    Column("name", text(MAX_NAME_CHARACTERS), primary_key=True),
    Column("hits", Int, nullable=False),
    Column("expires_ms", Big, nullable=False),
    Index(None, "expires_ms"),
    sqlite_with_rowid=False,
)

_NOW: BindParameter[int] = bindparam("now_ms")
_RUNNING = counters.c.expires_ms > _NOW
_THIS = counters.c.name == bindparam("counter")
_HIT = Statement(
    update(counters)
    .where(_THIS)
    .values(
        hits=case((_RUNNING, counters.c.hits + 1), else_=1),
        expires_ms=case((_RUNNING, counters.c.expires_ms), else_=bindparam("ends_ms")),
    )
    .returning(counters.c.hits, counters.c.expires_ms)
)
_BEGIN = Statement(
    insert(counters).values(name=bindparam("name"), hits=1, expires_ms=bindparam("expires_ms"))
)
_HOLD = Statement(update(counters).where(_THIS).values(expires_ms=bindparam("ends_ms")))
_READ = Statement(select(counters.c.hits, counters.c.expires_ms).where(_THIS, _RUNNING))
_LIKE = Statement(
    select(counters.c.name, counters.c.hits, counters.c.expires_ms)
    .where(func.substr(counters.c.name, 1, bindparam("length")) == bindparam("prefix"), _RUNNING)
    .order_by(counters.c.name)
)
_CLEAR = Statement(delete_from(counters).where(_THIS))
_SWEEP = Statement(delete_from(counters).where(counters.c.expires_ms <= _NOW))


@dataclass(frozen=True, slots=True)
class Count:
    """Where a counter stands; it begins anew at `expires_ms`."""

    hits: int
    expires_ms: int


NOTHING = Count(0, 0)


def hit(tx: Tx, name: str, window_ms: int, limit: int | None = None, hold_ms: int = 0) -> Count:
    """Count one more; with the hit that reaches `limit` the counter holds for `hold_ms` from now.

    `name` has at most 190 characters.
    """
    ends_ms = tx.now_ms + window_ms
    row = tx.one(_HIT, counter=name, now_ms=tx.now_ms, ends_ms=ends_ms)
    if row is None:
        tx.run(_SWEEP, now_ms=tx.now_ms)
        tx.run(_BEGIN, name=name, expires_ms=ends_ms)
        row = (1, ends_ms)
    hits, expires_ms = row
    if hits == limit:
        expires_ms = tx.now_ms + hold_ms
        tx.run(_HOLD, counter=name, ends_ms=expires_ms)
    return Count(hits, expires_ms)


def read(tx: Tx, name: str) -> Count:
    """Where a counter stands now; no hits if its window is over."""
    row = tx.one(_READ, counter=name, now_ms=tx.now_ms)
    return NOTHING if row is None else Count(*row)


def beginning_with(tx: Tx, prefix: str) -> dict[str, Count]:
    """The running counters whose names begin with `prefix`, by name."""
    rows = tx.all(_LIKE, prefix=prefix, length=len(prefix), now_ms=tx.now_ms)
    return {name: Count(hits, expires_ms) for name, hits, expires_ms in rows}


def clear(tx: Tx, name: str) -> bool:
    """Forget a counter; gives whether there was one."""
    return tx.run(_CLEAR, counter=name) > 0

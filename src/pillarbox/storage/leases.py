"""Leases: which process does the work that only one may do, kept in the database.

There is no leader: whoever finds a piece of work due and nobody at it takes its lease, renews it
while working, and says when it is due again. The lease of a process that died runs out.
"""

from sqlalchemy import Column, Table, bindparam, delete, insert, or_, select, update

from pillarbox.storage.schema import Big, metadata, text
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

leases = Table(
    "leases",
    metadata,
    Column("name", text(100), primary_key=True),
    Column("owner", text(64), nullable=False),  # empty: nobody
    Column("expires_ms", Big, nullable=False),
    Column("due_ms", Big, nullable=False),  # before then there is nothing to do
)

EXPIRES_MOST_MS = 86_400_000
DUE_MOST_MS = 30 * 86_400_000
"""What is further off was written under a clock that has been set back since, and counts for
nothing: a machine that starts without knowing the time must not be without upkeep for years."""

_ALL = Statement(select(leases.c.name, leases.c.expires_ms, leases.c.due_ms))
_FIND = Statement(select(leases.c.name).where(leases.c.name == bindparam("lease")))
_ADD = Statement(
    insert(leases).values(
        name=bindparam("lease"),
        owner=bindparam("who"),
        expires_ms=bindparam("until"),
        due_ms=0,
    )
)
_TAKE = Statement(
    update(leases)
    .where(
        leases.c.name == bindparam("lease"),
        or_(
            leases.c.expires_ms <= bindparam("now"),
            leases.c.expires_ms > bindparam("now") + EXPIRES_MOST_MS,
        ),
        or_(
            leases.c.due_ms <= bindparam("now"),
            leases.c.due_ms > bindparam("now") + DUE_MOST_MS,
        ),
    )
    .values(owner=bindparam("who"), expires_ms=bindparam("until"))
)
_MINE = (leases.c.name == bindparam("lease"), leases.c.owner == bindparam("who"))
_RENEW = Statement(update(leases).where(*_MINE).values(expires_ms=bindparam("until")))
_RELEASE = Statement(
    update(leases).where(*_MINE).values(owner="", expires_ms=0, due_ms=bindparam("due"))
)
_REMOVE = Statement(delete(leases).where(*_MINE))


def busy_until(tx: Tx) -> dict[str, int]:
    """When each lease can next be taken, in milliseconds; one that is missing can be at once."""
    return {
        name: max(
            expires_ms if expires_ms <= tx.now_ms + EXPIRES_MOST_MS else 0,
            due_ms if due_ms <= tx.now_ms + DUE_MOST_MS else 0,
        )
        for name, expires_ms, due_ms in tx.all(_ALL)
    }


def take(tx: Tx, name: str, owner: str, duration_ms: int) -> bool:
    """Take a lease that is due and that nobody holds; gives whether it is now the owner's."""
    until = tx.now_ms + duration_ms
    if tx.run(_TAKE, lease=name, who=owner, until=until, now=tx.now_ms):
        return True
    if tx.one(_FIND, lease=name) is not None:
        return False
    tx.run(_ADD, lease=name, who=owner, until=until)
    return True


def renew(tx: Tx, name: str, owner: str, duration_ms: int) -> bool:
    """Hold a lease for longer; `False` when it ran out and somebody else took it."""
    return tx.run(_RENEW, lease=name, who=owner, until=tx.now_ms + duration_ms) == 1


def release(tx: Tx, name: str, owner: str, due_in_ms: int) -> None:
    """Give a lease back; it is due again after a while. Nothing happens to another's lease."""
    tx.run(_RELEASE, lease=name, who=owner, due=tx.now_ms + due_in_ms)


def remove(tx: Tx, name: str, owner: str) -> bool:
    """Give a lease back and forget it; `False`, and nothing done, where another has it."""
    return tx.run(_REMOVE, lease=name, who=owner) == 1

"""Dropping tombstones of objects when they are old, or when there are very many.

Each collection keeps the modseq up to which they may be lacking: whoever has a token from before
has to read everything again (RFC 6578 §3.8). Run by a leased job in small steps.
"""

from sqlalchemy import bindparam, delete, select, update

from pillarbox.domain.collections.tables import collections, item_tombstones
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

MAX_PER_COLLECTION = 100_000

_t = item_tombstones.c
_OF = _t.collection_id == bindparam("collection")
_NEXT = Statement(
    select(_t.collection_id)
    .where(_t.collection_id > bindparam("after"))
    .order_by(_t.collection_id)
    .limit(1)
)
_OLDEST = Statement(
    select(_t.modseq, _t.gone_ms)
    .where(_OF)
    .order_by(_t.modseq, _t.item_id)
    .limit(bindparam("most"))
)
_SURPLUS = Statement(
    select(_t.modseq)
    .where(_OF)
    .order_by(_t.modseq.desc(), _t.item_id.desc())
    .limit(1)
    .offset(bindparam("keep"))
)
_DROP = Statement(delete(item_tombstones).where(_OF, _t.modseq <= bindparam("until")))
_SET_FORGOTTEN = Statement(
    update(collections)
    .where(
        collections.c.id == bindparam("collection"),
        collections.c.forgotten_modseq < bindparam("until"),
    )
    .values(forgotten_modseq=bindparam("until"))
)


def prune(
    tx: Tx, after: int, before_ms: int, most: int, keep: int = MAX_PER_COLLECTION
) -> tuple[int, bool] | None:
    """Drop the oldest tombstones of the first collection behind `after`, at most about so many.

    Those from before `before_ms` go, and all but the newest `keep`. Gives the collection and
    whether it may have more to drop; `None` if there is no such collection.
    """
    collection = tx.scalar(_NEXT, after=after)
    if collection is None:
        return None
    surplus = int(tx.scalar(_SURPLUS, collection=collection, keep=keep) or 0)
    rows = tx.all(_OLDEST, collection=collection, most=most)
    old = [modseq for modseq, gone_ms in rows if gone_ms < before_ms or modseq <= surplus]
    if old:
        # First the mark: nobody must take a gap for the truth.
        tx.run(_SET_FORGOTTEN, collection=collection, until=old[-1])
        tx.run(_DROP, collection=collection, until=old[-1])
    return int(collection), len(old) == most

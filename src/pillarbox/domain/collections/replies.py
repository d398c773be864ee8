"""What those a collection was shared with answered, for its owner, until they took note of it."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import NotFound
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import users
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import Collection
from pillarbox.domain.collections.rows import c, m
from pillarbox.domain.collections.tables import collection_mounts, collections
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

REPLIES_MOST = 500

_NEW = Statement(
    select(m.id, m.collection_id, users.c.address, m.accepted, m.answered_ms)
    .select_from(
        collection_mounts.join(collections, c.id == m.collection_id).join(
            users, users.c.account_id == m.account_id
        )
    )
    .where(c.account_id == bindparam("owner"), m.is_noted == 0)
    .order_by(m.id)
    .limit(REPLIES_MOST)
)
_NOTE = Statement(
    update(collection_mounts)
    .where(
        m.id == bindparam("mount"),
        m.collection_id.in_(select(c.id).where(c.account_id == bindparam("owner"))),
    )
    .values(is_noted=1)
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody with an address answered; `mount` is its id."""

    mount: int
    collection: Collection
    address: str
    accepted: bool
    answered_ms: int


def replies(tx: Tx, keys: KeyRing, actor: Actor) -> list[Reply]:
    """Answers about the actor's own collections of which they took no note, the oldest first."""
    found: list[Reply] = []
    known: dict[int, Collection | None] = {}
    for mount, number, address, accepted, answered_ms in tx.all(_NEW, owner=actor.account_id):
        if number not in known:
            known[number] = homes.collection_by_id(tx, keys, number)
        collection = known[number]
        if collection is not None:
            found.append(Reply(mount, collection, address, bool(accepted), answered_ms))
    return found


def take_note(tx: Tx, actor: Actor, mount: int) -> None:
    """Let the actor not be told of an answer again. Raises `NotFound`."""
    if not tx.run(_NOTE, mount=mount, owner=actor.account_id):
        raise NotFound("There is no such answer")

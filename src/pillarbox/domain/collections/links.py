"""Public links: addresses of the web under which everybody may read a collection."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.errors import Denied, NotFound, TooLarge
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import Access, Collection, CollectionKind, Right
from pillarbox.domain.collections.tables import public_links
from pillarbox.domain.owners.quota import lock_salt, salt_of
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

TOKEN_BYTES = 24
LINKS_MOST = 20
"""Of one collection."""

_l = public_links.c
_INSERT = insert_row(public_links)
_FIND = Statement(select(_l.collection_id).where(_l.digest == bindparam("of_digest")))
_LIST = Statement(
    select(_l.id, _l.token, _l.created_ms)
    .where(_l.collection_id == bindparam("collection"))
    .order_by(_l.id)
)
_COUNT = Statement(
    select(func.count())
    .select_from(public_links)
    .where(_l.collection_id == bindparam("collection"))
)
_REMOVE = Statement(
    delete(public_links).where(
        _l.collection_id == bindparam("collection"), _l.id == bindparam("link")
    )
)


@dataclass(frozen=True, slots=True)
class Link:
    """A public link; who knows the token may read the collection."""

    id: int
    token: str
    created_ms: int


def create(tx: Tx, keys: KeyRing, access: Access) -> Link:
    """Make a link to a collection. Raises `Denied`, `TooLarge` where there are too many."""
    collection = _require_admin(access)
    if collection.kind is CollectionKind.INBOX:
        raise Denied("The inbox can't be published")
    salt = lock_salt(tx, collection.account_id)
    if homes.collection_by_id(tx, keys, collection.id) is None:
        raise NotFound("There is no such collection")
    if tx.scalar(_COUNT, collection=collection.id) >= LINKS_MOST:
        raise TooLarge(f"A collection can have {LINKS_MOST} public links; remove one first")
    token, number = secrets.token_urlsafe(TOKEN_BYTES), tx.next_id()
    tx.run(
        _INSERT,
        id=number,
        collection_id=collection.id,
        digest=_digest(token),
        token=keys.account(salt).seal(token.encode(), row_name(number)),
        created_ms=tx.now_ms,
    )
    return Link(number, token, tx.now_ms)


def list_of(tx: Tx, keys: KeyRing, access: Access) -> list[Link]:
    """The links to a collection, the oldest first. Raises `Denied`."""
    collection = _require_admin(access)
    sealer = keys.account(salt_of(tx, collection.account_id))
    return [
        Link(number, sealer.open(bytes(sealed), row_name(number)).decode(), created_ms)
        for number, sealed, created_ms in tx.all(_LIST, collection=collection.id)
    ]


def remove(tx: Tx, access: Access, link: int) -> None:
    """End a link. Raises `Denied`, `NotFound`."""
    if not tx.run(_REMOVE, collection=_require_admin(access).id, link=link):
        raise NotFound("There is no such link")


def find(tx: Tx, keys: KeyRing, token: str) -> Collection | None:
    """The collection a token leads to."""
    found = tx.scalar(_FIND, of_digest=_digest(token))
    return None if found is None else homes.collection_by_id(tx, keys, found)


def _require_admin(access: Access) -> Collection:
    if Right.ADMIN not in access.rights:
        raise Denied("You may not publish this collection")
    return access.collection


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()

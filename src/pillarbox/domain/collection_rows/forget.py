"""Dropping the rows of a collection, and of an account that goes."""

from sqlalchemy import Table, bindparam, delete, select

from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.collection_rows.attachment_table import attachments
from pillarbox.domain.collection_rows.feed_table import feeds
from pillarbox.domain.collection_rows.tables import (
    collection_items,
    collection_mounts,
    collection_shares,
    collections,
    contact_addresses,
    item_contents,
    item_tombstones,
    public_links,
)
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx


def _of_collection(table: Table) -> Statement:
    return Statement(delete(table).where(table.c.collection_id == bindparam("collection")))


_CONTENTS = Statement(
    delete(item_contents).where(
        item_contents.c.id.in_(
            select(collection_items.c.content_id).where(
                collection_items.c.collection_id == bindparam("collection")
            )
        )
    )
)
_PARTS = tuple(
    map(
        _of_collection,
        (
            contact_addresses,
            collection_items,
            item_tombstones,
            collection_shares,
            collection_mounts,
            public_links,
            feeds,
        ),
    )
)
_COLLECTION = Statement(delete(collections).where(collections.c.id == bindparam("collection")))
_OF_ACCOUNT = Statement(
    select(collections.c.id).where(collections.c.account_id == bindparam("account"))
)
_HELD = Statement(
    delete(collection_shares).where(collection_shares.c.holder_id == bindparam("holder"))
)
_MOUNTS = Statement(
    delete(collection_mounts).where(collection_mounts.c.account_id == bindparam("account"))
)
_ATTACHED = Statement(
    delete(item_contents).where(
        item_contents.c.id.in_(
            select(attachments.c.id).where(attachments.c.account_id == bindparam("account"))
        )
    )
)
_ATTACHMENTS = Statement(
    delete(attachments).where(attachments.c.account_id == bindparam("account"))
)
_HOLDERS = Statement(
    select(collection_mounts.c.account_id)
    .where(collection_mounts.c.collection_id == bindparam("collection"))
    .order_by(collection_mounts.c.account_id)
)


def forget_collection(tx: Tx, collection: int) -> None:
    """Drop a collection with everything in it; those it was shared with get a hint."""
    for (holder,) in tx.all(_HOLDERS, collection=collection):
        changes.hint(tx, AccountId(holder))
    tx.run(_CONTENTS, collection=collection)
    for part in _PARTS:
        tx.run(part, collection=collection)
    tx.run(_COLLECTION, collection=collection)


def forget_account(tx: Tx, account: AccountId) -> None:
    """Drop the collections of an account that is about to go, and what was shared with it."""
    for (collection,) in tx.all(_OF_ACCOUNT, account=account):
        forget_collection(tx, collection)
    tx.run(_ATTACHED, account=account)
    tx.run(_ATTACHMENTS, account=account)
    tx.run(_HELD, holder=account)
    tx.run(_MOUNTS, account=account)


def forget_domain(tx: Tx, domain: int) -> None:
    """Drop what was shared with everybody of a domain that goes."""
    tx.run(_HELD, holder=domain)

"""The tables of calendars and address books, where their rules are."""

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

__all__ = [
    "collection_items",
    "collection_mounts",
    "collection_shares",
    "collections",
    "contact_addresses",
    "item_contents",
    "item_tombstones",
    "public_links",
]

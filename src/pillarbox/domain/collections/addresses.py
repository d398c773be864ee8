"""The addresses in cards, kept as keyed digests so that a sender is looked up without opening any.

Written by `items` with each card; `domain/contacts/lookup` asks.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete

from pillarbox.base.ids import AccountId
from pillarbox.domain.collections.tables import contact_addresses
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

PURPOSE = "contacts"
ADDRESSES_MOST = 200
"""Of one card that are found by; a card with more is no person's."""

_INSERT = insert_row(contact_addresses)
_FORGET = Statement(
    delete(contact_addresses).where(
        contact_addresses.c.collection_id == bindparam("collection"),
        contact_addresses.c.item_id == bindparam("item"),
    )
)


def folded(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses as they are compared: in lower case, each once, at most `ADDRESSES_MOST`."""
    found = dict.fromkeys(address.strip().lower() for address in addresses)
    return tuple(one for one in found if "@" in one)[:ADDRESSES_MOST]


def digests(keys: KeyRing, account: AccountId, address: str) -> tuple[int, ...]:
    """How an address in a card of an account is found: first what it is stored as now."""
    return keys.digester(PURPOSE, b"").digests(f"{account} {address}".encode())


def follow(
    tx: Tx,
    keys: KeyRing,
    account: AccountId,
    item: tuple[int, int],
    before: tuple[str, ...],
    now: tuple[str, ...],
) -> None:
    """Note what a card holds now; `item` is its collection and id."""
    if before == now:
        return
    collection, number = item
    if before:
        tx.run(_FORGET, collection=collection, item=number)
    tx.run_many(
        _INSERT,
        [
            {"digest": digest, "collection_id": collection, "item_id": number}
            for digest in {digests(keys, account, one)[0] for one in now}
        ],
    )

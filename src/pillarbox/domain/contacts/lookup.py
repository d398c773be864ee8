"""Who is a contact: addresses looked up in somebody's address books by keyed digests.

Accepted address books of others count as one's own. Called by the checks of inbound mail and by
scripts; no card is opened to find an address.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, select

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import addresses, homes, item_rows
from pillarbox.domain.collections.model import CollectionKind
from pillarbox.domain.collections.rows import c, m
from pillarbox.domain.collections.tables import collection_mounts, collections, contact_addresses
from pillarbox.domain.owners.tables import accounts
from pillarbox.formats.address import ascii_domain
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

DOMAINS_MOST = 5000
"""Of one account's contacts that are told; the others are as if they were none."""

_BOOK = int(CollectionKind.ADDRESS_BOOK)
_BOOKS = Statement(
    select(c.id, c.account_id, c.modseq)
    .where(c.account_id == bindparam("account"), c.kind == _BOOK)
    .union_all(
        select(c.id, c.account_id, c.modseq)
        .select_from(collections.join(collection_mounts, m.collection_id == c.id))
        .where(m.account_id == bindparam("account"), m.accepted == 1, c.kind == _BOOK)
    )
)
_HAS = Statement(
    select(contact_addresses.c.item_id)
    .where(
        contact_addresses.c.digest == bindparam("digest"),
        contact_addresses.c.collection_id == bindparam("collection"),
    )
    .limit(1)
)
_HEADS = Statement(
    select(*item_rows.COLUMNS).where(item_rows.i.collection_id == bindparam("collection"))
)
_SALT = Statement(select(accounts.c.salt).where(accounts.c.id == bindparam("account")))


def is_contact(tx: Tx, keys: KeyRing, account: AccountId, address: str) -> bool:
    """Whether a card in one of an account's address books has an address."""
    wanted = address.strip().lower()
    return any(
        _has(tx, keys, AccountId(owner), book, wanted)
        for book, owner, _ in tx.all(_BOOKS, account=account)
    )


def have(tx: Tx, keys: KeyRing, whose: Sequence[AccountId], address: str) -> frozenset[AccountId]:
    """Those of the accounts who have an address among their contacts."""
    return frozenset(one for one in whose if is_contact(tx, keys, one, address))


def is_in_book(tx: Tx, keys: KeyRing, actor: Actor, book: str, address: str) -> bool:
    """Whether a card in the address book of that name has an address; names in any case.

    A book is known by the name in its path and by the one it shows.
    """
    return any(
        _has(tx, keys, access.collection.account_id, access.collection.id, address.strip().lower())
        for access in homes.list_of(tx, keys, actor, actor.account_id, homes.CARD_KINDS)
        if book.lower() in (access.name.lower(), (access.properties.display_name or "").lower())
    )


def has_book(tx: Tx, keys: KeyRing, actor: Actor, book: str) -> bool:
    """Whether somebody has an address book of that name; as `is_in_book`."""
    return any(
        book.lower() in (access.name.lower(), (access.properties.display_name or "").lower())
        for access in homes.list_of(tx, keys, actor, actor.account_id, homes.CARD_KINDS)
    )


def version(tx: Tx, account: AccountId) -> tuple[tuple[int, int], ...]:
    """Something that is another once an account's address books have changed."""
    return tuple(sorted((book, modseq) for book, _, modseq in tx.all(_BOOKS, account=account)))


def domains(tx: Tx, keys: KeyRing, account: AccountId) -> frozenset[str]:
    """The domains of an account's contacts, as A-labels; opens the head of every card."""
    found: set[str] = set()
    for book, owner, _ in tx.all(_BOOKS, account=account):
        salt = tx.scalar(_SALT, account=owner)
        if salt is None:
            continue
        cards = item_rows.opened(tx.all(_HEADS, collection=book), keys.account(bytes(salt)))
        found.update(_domains(one for card in cards for one in card.facts.addresses))
        if len(found) > DOMAINS_MOST:
            break
    return frozenset(sorted(found)[:DOMAINS_MOST])


def _has(tx: Tx, keys: KeyRing, owner: AccountId, book: int, address: str) -> bool:
    return any(
        tx.one(_HAS, digest=digest, collection=book) is not None
        for digest in addresses.digests(keys, owner, address)
    )


def _domains(found: Iterable[str]) -> Iterable[str]:
    for domain in {one.rpartition("@")[2] for one in found}:
        try:
            yield ascii_domain(domain)
        except GrammarError:
            continue

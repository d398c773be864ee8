"""Who is a contact: found by any address of a card, gone with it, in shared books too."""

from kit.collections import BOOK, KEYS, Home
from pillarbox.domain.collections import collections, items, shares
from pillarbox.domain.collections.model import READ_RIGHTS, ComponentKind, Properties
from pillarbox.domain.contacts import lookup
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


async def put(home: Home, href: str, *addresses: str, name: str = "contacts") -> items.Put:
    return await home.put(
        href, name=name, kind=BOOK, component=ComponentKind.VCARD, addresses=addresses
    )


async def knows(home: Home, address: str, keys: KeyRing = KEYS) -> bool:
    return await home.database.read(lookup.is_contact, keys, home.actor.account_id, address)


async def test_addresses_follow_cards(ann: Home, bob: Home, database: Database) -> None:
    await put(ann, "e", "Eve@Example.net", "eve@home.test", "no address")
    assert await knows(ann, "eve@example.net")
    assert await knows(ann, " EVE@home.test")
    assert not await knows(ann, "no address")
    assert not await knows(bob, "eve@example.net")
    accounts = [bob.actor.account_id, ann.actor.account_id]
    assert await database.read(lookup.have, KEYS, accounts, "eve@home.test") == {accounts[1]}
    await put(ann, "e", "eve@home.test")
    assert not await knows(ann, "eve@example.net")
    await put(ann, "f", "eve@home.test")
    await ann.delete("e", name="contacts", kind=BOOK)
    assert await knows(ann, "eve@home.test")
    assert await knows(ann, "eve@home.test", KeyRing({1: b"k" * 32, 2: b"n" * 32}))
    await ann.delete("f", name="contacts", kind=BOOK)
    assert not await knows(ann, "eve@home.test")


async def test_books_by_name(ann: Home, database: Database) -> None:
    await database.write(
        lambda tx: collections.create(
            tx, KEYS, ann.actor, ann.actor.account_id, BOOK, "b-1", Properties("Club")
        )
    )
    await put(ann, "e", "eve@example.net", name="b-1")

    async def has(book: str) -> bool:
        return await database.read(lookup.is_in_book, KEYS, ann.actor, book, "Eve@example.net")

    assert await has("club")
    assert await has("B-1")
    assert not await has("contacts")
    assert not await has("none")
    assert await database.read(lookup.has_book, KEYS, ann.actor, "CLUB")
    assert not await database.read(lookup.has_book, KEYS, ann.actor, "none")

    def move(tx: Tx) -> items.Put:
        return items.move(
            tx, KEYS, ann.access(tx, "b-1", BOOK), "e", ann.access(tx, "contacts", BOOK), "e"
        )

    await database.write(move)
    assert await has("contacts")
    assert not await has("club")
    await database.write(collections.remove, await ann.see("b-1", BOOK))


async def test_accepted_books_count(ann: Home, bob: Home, database: Database) -> None:
    await put(ann, "e", "eve@example.net")
    access = await ann.see("contacts", BOOK)
    await database.write(shares.share, KEYS, ann.actor, access, "bob@example.org", READ_RIGHTS)
    assert not await knows(bob, "eve@example.net")
    before = await database.read(lookup.version, bob.actor.account_id)
    await database.write(shares.answer, KEYS, bob.actor, access.collection.id, True)
    assert await knows(bob, "eve@example.net")
    assert await database.read(lookup.version, bob.actor.account_id) != before
    await database.write(shares.unshare, KEYS, ann.actor, access, "bob@example.org")
    assert not await knows(bob, "eve@example.net")


async def test_domains_of_contacts(ann: Home, database: Database) -> None:
    await put(ann, "e", "eve@Example.net", "eve@bücher.test", "eve@ bad")
    await put(ann, "f", "fay@example.net")
    before = await database.read(lookup.version, ann.actor.account_id)
    found = await database.read(lookup.domains, KEYS, ann.actor.account_id)
    assert found == {"example.net", "xn--bcher-kva.test"}
    await put(ann, "f", "fay@other.test")
    assert await database.read(lookup.version, ann.actor.account_id) != before

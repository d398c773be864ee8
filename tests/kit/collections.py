"""Short ways to fill calendars and address books."""

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor, User
from pillarbox.domain.collections import homes, items
from pillarbox.domain.collections.addresses import folded
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    NO_CONDITION,
    Access,
    Collection,
    CollectionKind,
    ComponentKind,
    Condition,
    ItemFacts,
    Right,
    ScheduleTag,
)
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
CALENDAR, BOOK = CollectionKind.CALENDAR, CollectionKind.ADDRESS_BOOK


def actor_of(user: User) -> Actor:
    return Actor(user.account_id, user.address, user.domain_id, user.role)


def put_card(
    tx: Tx, keys: KeyRing, account: AccountId, name: str, *addresses: str
) -> tuple[Collection, items.Put]:
    """A card of that name, with its addresses, in an account's own address book."""
    homes.ensure(tx, account)
    book = homes.of_owner(tx, keys, account, homes.CARD_KINDS)[0]
    facts = ItemFacts(name, ComponentKind.VCARD, addresses=folded(addresses))
    prepared = items.prepare(facts, f"card of {name}".encode())
    return book, items.put(tx, keys, Access(book, ALL_RIGHTS), f"{name}.vcf", prepared)


class Home:
    """Somebody's collections, as they reach them; each call is a transaction of its own."""

    def __init__(self, database: Database, user: User, keys: KeyRing = KEYS) -> None:
        self.database = database
        self.keys = keys
        self.actor = actor_of(user)

    @classmethod
    async def open(cls, database: Database, user: User) -> "Home":
        """With the collections everybody begins with."""
        await database.write(homes.ensure, user.account_id)
        return cls(database, user)

    def access(
        self,
        tx: Tx,
        name: str = "personal",
        kind: CollectionKind = CALENDAR,
        right: Right = Right.READ,
        owner: "Home | None" = None,
    ) -> Access:
        whose = (owner or self).actor.account_id
        return homes.require(tx, self.keys, self.actor, whose, kind, name, right)

    async def see(
        self, name: str = "personal", kind: CollectionKind = CALENDAR, owner: "Home | None" = None
    ) -> Access:
        return await self.database.read(self.access, name, kind, Right.FREE_BUSY, owner)

    async def names(
        self, owner: "Home | None" = None, kinds: tuple[CollectionKind, ...] = homes.CALENDAR_KINDS
    ) -> dict[str, Right]:
        """What is to be seen in a home, and the rights."""
        whose = (owner or self).actor.account_id
        found = await self.database.read(homes.list_of, self.keys, self.actor, whose, kinds)
        return {one.name: one.rights for one in found}

    async def put(
        self,
        href: str,
        content: bytes = b"words",
        condition: Condition = NO_CONDITION,
        *,
        uid: str | None = None,
        name: str = "personal",
        kind: CollectionKind = CALENDAR,
        owner: "Home | None" = None,
        when: tuple[int | None, int | None] = (None, None),
        component: ComponentKind = ComponentKind.VEVENT,
        tag: ScheduleTag = ScheduleTag.NONE,
        addresses: tuple[str, ...] = (),
    ) -> items.Put:
        facts = ItemFacts(
            href if uid is None else uid, component, *when, addresses=folded(addresses)
        )
        prepared = items.prepare(facts, content)

        def put(tx: Tx) -> items.Put:
            access = self.access(tx, name, kind, Right.READ, owner)
            return items.put(
                tx, self.keys, access, href, prepared, condition, tag=tag, want_replaced=True
            )

        return await self.database.write(put)

    async def delete(
        self,
        href: str,
        condition: Condition = NO_CONDITION,
        *,
        name: str = "personal",
        kind: CollectionKind = CALENDAR,
        owner: "Home | None" = None,
    ) -> items.Gone:
        def delete(tx: Tx) -> items.Gone:
            access = self.access(tx, name, kind, Right.READ, owner)
            return items.delete(tx, self.keys, access, href, condition)

        return await self.database.write(delete)

    async def content(self, href: str, name: str = "personal") -> bytes | None:
        collection = (await self.see(name)).collection
        found = await self.database.read(items.read, self.keys, collection, [href])
        return found[0][1] if found else None

    async def sync(
        self, since: int, most: int = 100, name: str = "personal"
    ) -> tuple[list[str], list[str], int, bool]:
        """Names that changed and that are gone, the next token, and whether there is more."""
        collection = (await self.see(name)).collection
        found = await self.database.read(items.changed_since, self.keys, collection, since, most)
        changed = [one.href for one in found.changed]
        return changed, found.removed, found.until, found.truncated

    async def token(self, name: str = "personal") -> int:
        return (await self.see(name)).collection.modseq

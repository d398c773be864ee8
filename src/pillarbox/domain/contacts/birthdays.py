"""The calendar of birthdays: events that follow the cards of an account's own address books.

Whoever puts, moves or removes cards calls `follow` in the same transaction, with the events that
`formats/vcard/birthdays` makes of the card.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import collections, homes, items
from pillarbox.domain.collections.item_rows import i
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    ComponentKind,
    Item,
    ItemFacts,
    Properties,
    Source,
    UidTaken,
)
from pillarbox.domain.collections.prepare import prepare
from pillarbox.domain.collections.rows import c
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

NAME = "birthdays"
EVENTS_MOST = 8
"""Of one card."""

_FIND = Statement(
    select(c.id).where(c.account_id == bindparam("account"), c.source == int(Source.BIRTHDAYS))
)
_CARDS = Statement(select(i.id).where(i.collection_id == bindparam("book")))


def is_on(tx: Tx, account: AccountId) -> bool:
    """Whether an account has the calendar."""
    return tx.one(_FIND, account=account) is not None


def find(tx: Tx, keys: KeyRing, account: AccountId) -> Collection | None:
    """The calendar of birthdays of an account that has one."""
    number = tx.scalar(_FIND, account=account)
    return None if number is None else homes.collection_by_id(tx, keys, number)


def turn_on(
    tx: Tx, keys: KeyRing, actor: Actor, name: str = NAME, display_name: str = "Birthdays"
) -> Collection:
    """Make the calendar, empty, or give the one that is there; raises as `collections.create`.

    It is filled by `follow` with every card (`pipeline/collections/birthdays`); turned off by
    removing it as any calendar.
    """
    there = find(tx, keys, actor.account_id)
    if there is not None:
        return there
    return collections.create(
        tx,
        keys,
        actor,
        actor.account_id,
        CollectionKind.CALENDAR,
        name,
        Properties(display_name=display_name, is_transparent=True),
        ComponentKind.VEVENT,
        source=Source.BIRTHDAYS,
    )


def follow(
    tx: Tx, keys: KeyRing, book: Collection, card: Item, events: Sequence[tuple[str, bytes]] = ()
) -> None:
    """Have the calendar hold these events for a card and no others; none once the card is gone.

    `events` are by UID. Nothing happens where the owner of the address book has no such calendar.
    Of two cards with one UID the first has its events.
    """
    if book.kind is not CollectionKind.ADDRESS_BOOK:
        return
    calendar = find(tx, keys, book.account_id)
    if calendar is None:
        return
    access = Access(calendar, ALL_RIGHTS)
    hrefs = [f"{card.id:x}-{number}.ics" for number in range(EVENTS_MOST)]
    wanted = dict(zip(hrefs, events, strict=False))
    same = set()
    for item, content in items.read(tx, keys, calendar, hrefs):
        uid, now = wanted.get(item.href, ("", b""))
        if uid != item.facts.uid:
            items.delete(tx, keys, access, item.href, by_server=True)
        elif now == content:
            same.add(item.href)
    for href, (uid, content) in wanted.items():
        if href in same:
            continue
        event = prepare(ItemFacts(uid, ComponentKind.VEVENT), content)
        try:
            items.put(tx, keys, access, href, event, by_server=True)
        except UidTaken:
            continue


def forget_book(tx: Tx, keys: KeyRing, book: Collection) -> None:
    """Take away the events of all cards of an address book that is about to go."""
    calendar = find(tx, keys, book.account_id)
    if calendar is None or book.kind is not CollectionKind.ADDRESS_BOOK:
        return
    cards = {f"{number:x}" for (number,) in tx.all(_CARDS, book=book.id)}
    access = Access(calendar, ALL_RIGHTS)
    for href, _ in items.marks(tx, keys, calendar):
        if href.partition("-")[0] in cards:
            items.delete(tx, keys, access, href, by_server=True)

"""An account that goes takes all its rows along, and leaves those of others alone."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from kit.collections import BOOK, CALENDAR, KEYS, Home, actor_of
from pillarbox.domain.accounts import resources, users
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.calendars import resources as calendar_resources
from pillarbox.domain.collections import collections, feeds, homes, items, links, shares
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    READ_RIGHTS,
    Access,
    ComponentKind,
    ItemFacts,
    Properties,
)
from pillarbox.domain.contacts import birthdays
from pillarbox.domain.scheduling import loops, messages
from pillarbox.domain.scheduling.model import NewMessage
from pillarbox.domain.sharing import groups, principals
from pillarbox.storage.db import Database
from pillarbox.storage.schema import metadata
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

OURS = ("collection", "item", "contact", "public", "feed", "scheduling", "account", "resource")


def rows(tx: Tx) -> dict[str, int]:
    """How many rows each table of calendars, contacts and accounts has."""
    return {
        name: int(tx.scalar(Statement(select(func.count()).select_from(table))))
        for name, table in metadata.tables.items()
        if name.startswith(OURS)
    }


def add_user(tx: Tx) -> Actor:
    return actor_of(users.create(tx, "gone@example.org", "hash", "", Role.USER, 0))


def add_group(tx: Tx) -> Actor:
    groups.create(tx, "gone@example.org")
    return principals.require(tx, "gone@example.org").actor


def add_resource(tx: Tx) -> Actor:
    calendar_resources.create(tx, KEYS, "gone@example.org", "Room")
    return principals.require(tx, "gone@example.org").actor


def remove(tx: Tx, actor: Actor) -> None:
    group, resource = groups.get(tx, actor.address), resources.get(tx, actor.address)
    if group is not None:
        groups.delete_group(tx, group)
    elif resource is not None:
        resources.remove(tx, resource)
    else:
        users.delete(tx, actor.account_id)


def fill(tx: Tx, actor: Actor, other: Home) -> None:
    """A row at least in each table."""
    homes.ensure(tx, actor.account_id)
    whose = actor.account_id
    calendar = homes.require(tx, KEYS, actor, whose, CALENDAR, "personal")
    book = homes.require(tx, KEYS, actor, whose, BOOK, "contacts")
    event = items.prepare(ItemFacts("a", ComponentKind.VEVENT), b"words")
    items.put(tx, KEYS, calendar, "a.ics", event)
    items.put(tx, KEYS, calendar, "a.ics", event)
    gone = items.prepare(ItemFacts("b", ComponentKind.VEVENT), b"words")
    items.put(tx, KEYS, calendar, "b.ics", gone)
    items.delete(tx, KEYS, calendar, "b.ics")
    card = items.prepare(ItemFacts("c", ComponentKind.VCARD, addresses=("x@y.test",)), b"card")
    birthdays.turn_on(tx, KEYS, actor)
    put = items.put(tx, KEYS, book, "c.vcf", card)
    birthdays.follow(tx, KEYS, book.collection, put.item, [("d", b"day")])
    links.create(tx, KEYS, calendar)
    feeds.subscribe(tx, KEYS, actor, "holidays", "https://x.test/", Properties())
    shares.share(tx, KEYS, actor, calendar, other.actor.address, ALL_RIGHTS)
    shares.answer(tx, KEYS, other.actor, calendar.collection.id, True)
    if resources.get(tx, actor.address) is None:
        shares.share(tx, KEYS, other.actor, other.access(tx), actor.address, READ_RIGHTS)
    messages.note(
        tx, KEYS, whose, [NewMessage("REQUEST", "a", actor.address, "z@elsewhere.test", b"words")]
    )
    loops.may_answer(tx, KEYS, whose, "z@elsewhere.test")


@pytest.mark.parametrize("add", [add_user, add_group, add_resource])
async def test_nothing_is_left(
    ann: Home, bob: Home, database: Database, add: Callable[[Tx], Actor]
) -> None:
    await bob.put("stays")
    used = await database.read(rows)
    actor = await database.write(add)
    await database.write(fill, actor, bob)
    full = await database.read(rows)
    assert {name for name in full if full[name] <= used[name]} <= {"resources"}
    await database.write(remove, actor)
    assert await database.read(rows) == used
    assert await bob.content("stays") == b"words"
    assert set(await bob.names()) == {"personal", "tasks", "inbox"}


async def test_a_collection_takes_all_of_its_own_along(ann: Home, bob: Home) -> None:
    before = await ann.database.read(rows)
    made = await ann.database.write(
        collections.create, KEYS, ann.actor, ann.actor.account_id, CALENDAR, "work"
    )
    access = Access(made, ALL_RIGHTS)
    for href in "abc":
        await ann.put(href, name="work")
    await ann.delete("c", name="work")
    await ann.database.write(links.create, KEYS, access)
    await ann.database.write(shares.share, KEYS, ann.actor, access, bob.actor.address, READ_RIGHTS)
    await ann.database.write(shares.answer, KEYS, bob.actor, made.id, True)
    await ann.database.write(collections.remove, access)
    assert await ann.database.read(rows) == before

"""Objects: stored, conditions, UIDs, quotas, moved, and that nobody reads them at rest."""

import asyncio

import pytest
from sqlalchemy import Table, select

from kit.collections import BOOK, KEYS, Home
from pillarbox.base.errors import Denied, Invalid, NotFound, OverQuota, TooLarge, Unavailable
from pillarbox.domain import changes
from pillarbox.domain.accounts import users
from pillarbox.domain.collections import collections, items, tables
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    MAX_ITEM_BYTES,
    Access,
    CollectionKind,
    CollectionReadOnly,
    ComponentKind,
    ComponentNotTaken,
    Condition,
    ItemFacts,
    Limits,
    PreconditionFailed,
    Right,
    ScheduleTag,
    Source,
    Taken,
    UidTaken,
)
from pillarbox.domain.owners import quota
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

NEW = Condition(if_none_match=("*",))


def only(etag: str) -> Condition:
    return Condition(if_match=(etag,))


async def used(home: Home) -> tuple[int, int]:
    found = await home.database.read(quota.usage, home.actor.account_id)
    assert found is not None
    return found.used_bytes, found.used_messages


async def rows(database: Database, table: Table) -> int:
    return len(await database.read(lambda tx: tx.select(select(table))))


async def test_an_object_is_stored_and_replaced(ann: Home, published: list[str], clock) -> None:
    first = await ann.put("a.ics", b"one", when=(1, 2), tag=ScheduleTag.NEW)
    assert first.created
    assert first.replaced is None
    clock.advance(seconds=5)
    second = await ann.put("a.ics", b"other", when=(None, 7), tag=ScheduleTag.KEEP)
    assert (second.created, second.replaced) == (False, b"one")
    assert second.before == first.item
    old, new = first.item, second.item
    assert (new.id, new.created_ms, new.schedule_tag) == (old.id, old.created_ms, old.schedule_tag)
    assert new.changed_ms == old.changed_ms + 5000
    assert new.etag != old.etag
    assert new.modseq > old.modseq
    collection = (await ann.see()).collection
    assert collection.modseq == new.modseq
    for reader in (items.get, items.by_uid):
        assert await ann.database.read(reader, KEYS, collection, "a.ics") == new
        assert await ann.database.read(reader, KEYS, collection, "b.ics") is None
    assert await ann.database.read(items.list_of, KEYS, collection) == [new]
    assert await ann.database.read(items.marks, KEYS, collection) == [("a.ics", new.etag)]
    assert await ann.database.read(items.usage, collection) == (1, 5)
    assert (new.facts.first_ms, new.facts.last_ms) == (None, 7)
    assert await used(ann) == (5, 0)
    third = await ann.put("a.ics", b"other", tag=ScheduleTag.NEW)
    assert third.item.schedule_tag != new.schedule_tag
    assert third.item.etag != new.etag
    assert published.count(changes.topic(ann.actor.account_id)) >= 3


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 300_000])
async def test_content_comes_back_as_it_went_in(ann: Home, size: int) -> None:
    content = (b"BEGIN:VEVENT\r\n\xff\x00" * (size // 10 + 1))[:size]
    await ann.put("a b%ü.ics", content)
    assert await ann.content("a b%ü.ics") == content
    gone = await ann.delete("a b%ü.ics")
    assert gone.content == content


async def test_at_rest_nothing_is_to_be_read(ann: Home, database: Database) -> None:
    word = "quokka@secret.test"
    await ann.put(f"{word}.ics", b"words of " + word.encode(), uid=word)
    await ann.put(
        f"{word}.vcf",
        uid=word,
        name="contacts",
        kind=BOOK,
        component=ComponentKind.VCARD,
        addresses=(word,),
    )
    await ann.put(f"{word}-gone.ics")
    await ann.delete(f"{word}-gone.ics")
    for table in (
        tables.collection_items,
        tables.item_contents,
        tables.item_tombstones,
        tables.contact_addresses,
        tables.collections,
    ):
        for row in await database.read(lambda tx, table=table: tx.select(select(table))):
            assert "quokka" not in repr(
                [bytes(one) if isinstance(one, memoryview) else one for one in row]
            )
    stranger = KeyRing({1: b"x" * 32})
    collection = (await ann.see()).collection
    with pytest.raises(Unavailable):
        await database.read(items.list_of, stranger, collection)


async def test_conditions(ann: Home) -> None:
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=only("12"))
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=only("*"))
    made = await ann.put("a", condition=NEW)
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=NEW)
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=Condition(if_none_match=(made.item.etag,)))
    again = await ann.put("a", condition=only(made.item.etag), tag=ScheduleTag.NEW)
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=only(made.item.etag))
    await ann.put("a", condition=only("*"), tag=ScheduleTag.KEEP)
    await ann.put("a", condition=Condition(if_none_match=("other",)), tag=ScheduleTag.KEEP)
    tagged = Condition(if_schedule_tag=again.item.schedule_tag)
    kept = await ann.put("a", condition=tagged, tag=ScheduleTag.NEW)
    with pytest.raises(PreconditionFailed):
        await ann.put("a", condition=tagged)
    with pytest.raises(PreconditionFailed):
        await ann.delete("a", only(made.item.etag))
    await ann.delete("a", only(kept.item.etag))
    with pytest.raises(NotFound):
        await ann.delete("a")


async def test_of_many_at_once_one_is_first(ann: Home) -> None:
    tries = await asyncio.gather(
        *(ann.put("a", b"%d" % number, NEW) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, items.Put) for one in tries) == 1
    assert sum(isinstance(one, PreconditionFailed) for one in tries) == 7
    now = next(one for one in tries if isinstance(one, items.Put)).item.etag
    tries = await asyncio.gather(
        *(ann.put("a", b"%d" % number, only(now)) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, items.Put) for one in tries) == 1
    tries = await asyncio.gather(
        *(ann.put(f"{number}", uid="same") for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, items.Put) for one in tries) == 1
    assert sum(isinstance(one, UidTaken) for one in tries) == 7
    assert len(await ann.database.read(items.list_of, KEYS, (await ann.see()).collection)) == 2


async def test_a_uid_is_there_once_in_a_collection(ann: Home) -> None:
    await ann.put("a", uid="1")
    with pytest.raises(UidTaken) as taken:
        await ann.put("b", uid="1")
    assert taken.value.href == "a"
    with pytest.raises(UidTaken) as taken:
        await ann.put("a", uid="2")
    assert taken.value.href == "a"
    await ann.put("a", uid="1", name="tasks", component=ComponentKind.VTODO)
    found = await ann.database.read(
        items.everywhere, KEYS, ann.actor.account_id, CollectionKind.CALENDAR, "1"
    )
    assert len(found) == 2
    inbox = (await ann.see("inbox")).collection

    def deliver(tx: Tx, href: str) -> items.Put:
        prepared = items.prepare(ItemFacts("1", ComponentKind.VEVENT), b"come")
        return items.put(tx, KEYS, Access(inbox, ALL_RIGHTS), href, prepared, by_server=True)

    first = await ann.database.write(deliver, "x")
    await ann.database.write(deliver, "y")
    assert await ann.database.read(items.by_uid, KEYS, inbox, "1") == first.item
    with pytest.raises(CollectionReadOnly):
        await ann.put("z", name="inbox")
    await ann.delete("x", name="inbox")


@pytest.mark.parametrize("href", ["", ".", "..", "a/b", "a\0", "a\nb"])
async def test_names_that_can_not_be(ann: Home, href: str) -> None:
    with pytest.raises(Invalid):
        await ann.put(href)
    with pytest.raises(TooLarge):
        await ann.put("x" * 256)


async def test_what_a_collection_takes(ann: Home) -> None:
    with pytest.raises(ComponentNotTaken):
        await ann.put("a", component=ComponentKind.VTODO)
    with pytest.raises(ComponentNotTaken):
        await ann.put("a", name="contacts", kind=BOOK)
    with pytest.raises(TooLarge):
        items.prepare(ItemFacts("1", ComponentKind.VEVENT), bytes(MAX_ITEM_BYTES + 1))


async def test_quota_and_limits(ann: Home, database: Database) -> None:
    await database.write(users.set_quota, ann.actor.account_id, 100)
    await ann.put("a", bytes(60))
    with pytest.raises(OverQuota):
        await ann.put("b", bytes(41))
    with pytest.raises(OverQuota):
        await ann.put("a", bytes(101))
    await ann.put("a", bytes(100))
    await ann.put("a", bytes(10))
    assert await used(ann) == (10, 0)
    await ann.delete("a")
    assert await used(ann) == (0, 0)
    assert await rows(database, tables.item_contents) == 0

    def put(tx: Tx, href: str) -> items.Put:
        prepared = items.prepare(ItemFacts(href, ComponentKind.VEVENT), b"x")
        return items.put(tx, KEYS, ann.access(tx), href, prepared, limits=Limits(items=2))

    await database.write(put, "1")
    await database.write(put, "2")
    with pytest.raises(OverQuota):
        await database.write(put, "3")
    await database.write(put, "2")


async def test_multiget(ann: Home) -> None:
    for number in range(300):
        await ann.put(f"{number}", b"%d" % number)
    collection = (await ann.see()).collection
    wanted = ["7", "no", *(f"{number}" for number in range(200, 300)), "7"]
    found = await ann.database.read(items.read, KEYS, collection, wanted)
    assert [item.href for item, _ in found] == ["7", *wanted[2:-1]]
    assert all(content == item.href.encode() for item, content in found)
    assert await ann.database.read(items.read, KEYS, collection, []) == []
    seen: list[str] = []
    after = 0
    while page := await ann.database.read(items.contents, KEYS, collection, after, 128):
        seen += [item.href for item, _ in page]
        after = page[-1][0].id
    assert seen == [f"{number}" for number in range(300)]


async def test_within(ann: Home) -> None:
    for href, when in {
        "early": (0, 10),
        "across": (5, 25),
        "late": (30, 40),
        "for ever": (15, None),
        "always": (None, None),
        "point": (20, 20),
    }.items():
        await ann.put(href, when=when)
    collection = (await ann.see()).collection

    async def found(start: int | None, end: int | None, kind: int = 63) -> set[str]:
        kinds = ComponentKind(kind)
        pages: list[str] = []
        after = 0
        while True:
            page = await ann.database.read(
                items.within, KEYS, collection, start, end, kinds, after, 2
            )
            pages += [item.href for item, _ in page]
            if len(page) < 2:
                assert len(pages) == len(set(pages))
                return set(pages)
            after = page[-1][0].id

    assert await found(20, 30) == {"across", "for ever", "always", "point"}
    assert await found(None, 5) == {"early", "always"}
    assert await found(41, None) == {"for ever", "always"}
    assert len(await found(None, None)) == 6
    assert await found(None, None, ComponentKind.VTODO) == set()


async def test_moving_within_an_account(ann: Home, database: Database) -> None:
    made = await database.write(
        collections.create, KEYS, ann.actor, ann.actor.account_id, CollectionKind.CALENDAR, "work"
    )
    put = await ann.put("a", b"1234", uid="u", tag=ScheduleTag.NEW)
    here, there = await ann.token(), made.modseq

    def move(tx: Tx, source: str, href: str, target: str, new: str, **how) -> items.Put:
        return items.move(
            tx, KEYS, ann.access(tx, source), href, ann.access(tx, target), new, **how
        )

    moved = await database.write(move, "personal", "a", "work", "b")
    assert moved.created
    assert (moved.item.id, moved.item.etag) == (put.item.id, put.item.etag)
    assert moved.item.schedule_tag == put.item.schedule_tag
    assert await ann.sync(here) == ([], ["a"], moved.item.modseq, False)
    assert await ann.sync(there, name="work") == (["b"], [], moved.item.modseq, False)
    assert await ann.content("b", "work") == b"1234"
    assert await used(ann) == (4, 0)
    # Another name in the same place: the UID is its own.
    token = await ann.token("work")
    await database.write(move, "work", "b", "work", "c")
    assert (await ann.sync(token, name="work"))[:2] == (["c"], ["b"])
    with pytest.raises(Denied):
        await database.write(move, "work", "c", "work", "c")
    with pytest.raises(NotFound):
        await database.write(move, "work", "b", "work", "d")
    # Onto another one.
    await ann.put("x", b"12", uid="u", name="personal")
    with pytest.raises(Taken):
        await database.write(lambda tx: move(tx, "work", "c", "personal", "x", overwrite=False))
    with pytest.raises(UidTaken):
        await database.write(move, "work", "c", "personal", "y")
    with pytest.raises(PreconditionFailed):
        await database.write(lambda tx: move(tx, "work", "c", "personal", "x", condition=only("1")))
    token = await ann.token()
    over = await database.write(move, "work", "c", "personal", "x")
    assert not over.created
    assert (await ann.sync(token))[:2] == (["x"], [])
    assert await ann.content("x") == b"1234"
    assert await used(ann) == (4, 0)
    assert await rows(database, tables.item_contents) == 1
    # What is there stays, of whichever UID.
    await ann.put("other", b"12", uid="other", name="personal")
    with pytest.raises(Taken):
        await database.write(
            lambda tx: move(tx, "personal", "x", "personal", "other", overwrite=False)
        )


async def test_copying(ann: Home, database: Database) -> None:
    await database.write(
        collections.create, KEYS, ann.actor, ann.actor.account_id, CollectionKind.CALENDAR, "work"
    )
    put = await ann.put("a", b"1234", uid="u", tag=ScheduleTag.NEW)

    def copy(tx: Tx, source: str, href: str, target: str, new: str, **how) -> items.Put:
        return items.copy(
            tx, KEYS, ann.access(tx, source), href, ann.access(tx, target), new, **how
        )

    made = await database.write(copy, "personal", "a", "work", "b")
    assert made.item.etag != put.item.etag
    assert made.item.schedule_tag is None
    await ann.delete("a")
    assert await ann.content("b", "work") == b"1234"
    with pytest.raises(UidTaken):
        await database.write(copy, "work", "b", "work", "c")
    with pytest.raises(ComponentNotTaken):
        await database.write(copy, "work", "b", "tasks", "c")
    with pytest.raises(CollectionReadOnly):
        await database.write(copy, "work", "b", "inbox", "c")
    assert await used(ann) == (4, 0)


async def test_what_the_server_keeps_is_not_written_by_users(ann: Home, database: Database) -> None:
    made = await database.write(
        lambda tx: collections.create(
            tx,
            KEYS,
            ann.actor,
            ann.actor.account_id,
            CollectionKind.CALENDAR,
            "feed",
            source=Source.FEED,
        )
    )
    with pytest.raises(Denied):
        await ann.put("a", name="feed")
    assert Right.WRITE not in (await ann.see("feed")).rights
    prepared = items.prepare(ItemFacts("1", ComponentKind.VEVENT), b"fed")
    access = Access(made, ALL_RIGHTS)
    with pytest.raises(CollectionReadOnly):
        await database.write(items.put, KEYS, access, "a", prepared)
    await database.write(lambda tx: items.put(tx, KEYS, access, "a", prepared, by_server=True))
    with pytest.raises(Denied):
        await ann.delete("a", name="feed")
    assert await ann.content("a", "feed") == b"fed"


async def test_all_goes_with_the_account(ann: Home, bob: Home, database: Database) -> None:
    await ann.put("a")
    await ann.delete("a")
    await ann.put("b")
    await ann.put(
        "c", name="contacts", kind=BOOK, component=ComponentKind.VCARD, addresses=("x@example.net",)
    )
    await database.write(users.delete, ann.actor.account_id)
    for table in (
        tables.collection_items,
        tables.item_contents,
        tables.item_tombstones,
        tables.contact_addresses,
    ):
        assert await rows(database, table) == 0
    assert await rows(database, tables.collections) == 4


async def test_a_collection_that_went_meanwhile(ann: Home, database: Database) -> None:
    made = await database.write(
        collections.create, KEYS, ann.actor, ann.actor.account_id, CollectionKind.CALENDAR, "work"
    )
    access = Access(made, ALL_RIGHTS)
    await database.write(collections.remove, access)
    prepared = items.prepare(ItemFacts("1", ComponentKind.VEVENT), b"late")
    with pytest.raises(NotFound):
        await database.write(items.put, KEYS, access, "a", prepared)
    assert await rows(database, tables.collection_items) == 0


async def test_another_key_of_the_ring(ann: Home, database: Database) -> None:
    await ann.put("a", b"old", uid="1")
    ann.keys = KeyRing({1: b"k" * 32, 2: b"n" * 32})
    assert await ann.content("a") == b"old"
    assert not (await ann.put("a", b"new", uid="1")).created
    with pytest.raises(UidTaken):
        await ann.put("b", uid="1")
    assert await ann.content("a") == b"new"
    await ann.delete("a")
    assert await ann.content("a") is None

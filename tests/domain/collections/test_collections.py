"""Collections: those everybody begins with, made, changed, renamed, removed."""

import pytest
from sqlalchemy import select

from kit.collections import BOOK, CALENDAR, KEYS, Home
from pillarbox.base.errors import Denied, Exists, Invalid, NotFound, OverQuota, TooLarge
from pillarbox.domain import changes
from pillarbox.domain.calendars import scheduling
from pillarbox.domain.collections import collections, homes, tables
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    ComponentKind,
    DefaultStays,
    Limits,
    Properties,
    Right,
    Source,
)
from pillarbox.domain.owners import quota
from pillarbox.storage.db import Database


async def make(
    home: Home,
    name: str,
    kind: CollectionKind = CALENDAR,
    properties: Properties | None = None,
    components: ComponentKind | None = None,
    limits: Limits | None = None,
    source: Source = Source.OWN,
) -> Collection:
    return await home.database.write(
        lambda tx: collections.create(
            tx,
            KEYS,
            home.actor,
            home.actor.account_id,
            kind,
            name,
            properties or Properties(),
            components,
            limits or Limits(),
            source=source,
        )
    )


async def test_what_everybody_begins_with(ann: Home, database: Database) -> None:
    assert await ann.names() == dict.fromkeys(("personal", "tasks", "inbox"), ALL_RIGHTS)
    assert await ann.names(kinds=homes.CARD_KINDS) == {"contacts": ALL_RIGHTS}
    seen = await ann.see()
    assert (seen.properties.display_name, seen.collection.is_default) == ("Calendar", True)
    assert seen.collection.components == ComponentKind.VEVENT
    assert (await ann.see("tasks")).collection.components == ComponentKind.VTODO
    assert (await ann.see("contacts", BOOK)).properties.display_name == "Contacts"
    await database.write(lambda tx: collections.remove(tx, ann.access(tx, "tasks")))
    await database.write(homes.ensure, ann.actor.account_id)
    assert set(await ann.names()) == {"personal", "inbox"}
    assert await database.read(homes.is_open, ann.actor.account_id)
    with pytest.raises(NotFound):
        await database.write(homes.ensure, 1)


async def test_making_and_changing(ann: Home, database: Database) -> None:
    dead = {"{urn:x}note": "<note>Quokka</note>"}
    made = await make(ann, "Büro", properties=Properties("Quokka", color="#ff0000", dead=dead))
    assert made.components == collections.CALENDAR_COMPONENTS
    seen = await ann.see("Büro")
    assert seen.collection == made
    assert seen.rights == ALL_RIGHTS
    for row in await database.read(lambda tx: tx.select(select(tables.collections.c.properties))):
        assert b"Quokka" not in bytes(row[0] or b"")
    before = await database.read(changes.current_modseq, ann.actor.account_id)
    changed = await database.write(
        collections.change, KEYS, seen, Properties("Work", order=3, timezone_id="Europe/Berlin")
    )
    assert changed == await ann.see("Büro")
    assert changed.properties == Properties("Work", order=3, timezone_id="Europe/Berlin")
    noted = await database.read(changes.since, ann.actor.account_id, before)
    assert noted == [(changed.collection.modseq, changes.Kind.CALENDAR, made.id)]
    await database.write(collections.rename, changed, "work")
    assert (await ann.see("work")).collection.id == made.id
    with pytest.raises(NotFound):
        await ann.see("Büro")
    await database.write(collections.remove, changed)
    with pytest.raises(NotFound):
        await ann.see("work")
    with pytest.raises(NotFound):
        await database.write(collections.remove, changed)
    with pytest.raises(NotFound):
        await database.write(collections.change, KEYS, changed, Properties())
    noted = await database.read(changes.since, ann.actor.account_id, before)
    assert noted is not None
    assert len(noted) == 3


async def test_names_and_limits(ann: Home, bob: Home, database: Database) -> None:
    for name in ("", ".", "..", "a/b", "inbox", "OUTBOX", "a\n"):
        with pytest.raises(Invalid):
            await make(ann, name)
    with pytest.raises(Invalid):
        await make(ann, "directory", BOOK)
    with pytest.raises(TooLarge):
        await make(ann, "x" * 256)
    with pytest.raises(Exists):
        await make(ann, "personal")
    await make(ann, "personal", BOOK)
    with pytest.raises(Invalid):
        await make(ann, "cards", components=ComponentKind.VCARD)
    with pytest.raises(TooLarge):
        await make(ann, "x", properties=Properties("x" * 300_000))
    with pytest.raises(OverQuota):
        await make(ann, "x", limits=Limits(collections=5))
    with pytest.raises(Denied):
        await make(ann, "x", CollectionKind.INBOX)
    with pytest.raises(Denied):
        await database.write(
            collections.create, KEYS, ann.actor, bob.actor.account_id, CALENDAR, "x"
        )


async def test_defaults_stay(ann: Home, database: Database) -> None:
    for name, kind in (("personal", CALENDAR), ("inbox", CALENDAR), ("contacts", BOOK)):
        with pytest.raises(DefaultStays):
            await database.write(collections.remove, await ann.see(name, kind))
    with pytest.raises(DefaultStays):
        await database.write(collections.rename, await ann.see("inbox"), "x")
    work = await make(ann, "work")
    await database.write(homes.set_default, await ann.see("work"))
    await ann.put("a", bytes(10))
    await database.write(collections.remove, await ann.see("personal"))
    usage = await database.read(quota.usage, ann.actor.account_id)
    assert usage is not None
    assert usage.used_bytes == 0
    found = await database.read(homes.default_of, KEYS, ann.actor.account_id, CALENDAR)
    assert found is not None
    assert found.id == work.id
    await make(ann, "feed", source=Source.FEED)
    with pytest.raises(Denied):
        await database.write(homes.set_default, await ann.see("feed"))


async def test_what_scheduling_uses(ann: Home, database: Database) -> None:
    account = ann.actor.account_id
    for kind, name in ((ComponentKind.VEVENT, "personal"), (ComponentKind.VTODO, "tasks")):
        found = await database.write(scheduling.default_for, KEYS, account, kind)
        assert found is not None
        assert found.name == name
    assert (
        await database.write(scheduling.default_for, KEYS, account, ComponentKind.VJOURNAL) is None
    )
    inbox = await database.write(scheduling.inbox, KEYS, account)
    assert inbox.collection.kind is CollectionKind.INBOX
    await make(ann, "quiet", properties=Properties(is_transparent=True))
    await make(ann, "work")
    found = await database.read(scheduling.that_block_time, KEYS, account)
    assert [one.name for one in found] == ["personal", "work"]


async def test_rights_are_looked_at(ann: Home, database: Database) -> None:
    seen = await ann.see()
    for few in (Right(0), Right.READ, Right.WRITE | Right.READ):
        access = Access(seen.collection, few)
        with pytest.raises(Denied):
            await database.write(collections.change, KEYS, access, Properties("x"))
        with pytest.raises(Denied):
            await database.write(collections.remove, access)
        with pytest.raises(Denied):
            await database.write(collections.rename, access, "x")
        with pytest.raises(Denied):
            await database.write(homes.set_default, access)
        with pytest.raises(Denied):
            await database.write(collections.set_components, access, ComponentKind.VEVENT)
    await database.write(collections.set_components, seen, ComponentKind.VJOURNAL)
    assert (await ann.see()).collection.components == ComponentKind.VJOURNAL
    with pytest.raises(Invalid):
        await database.write(collections.set_components, seen, ComponentKind.VCARD)

"""Sharing: invited, accepted, declined, rights by user, group and domain, taken back."""

import itertools

import pytest
from sqlalchemy import select

from kit.collections import BOOK, CALENDAR, KEYS, Home
from pillarbox.base.errors import Denied, Exists, Failure, Invalid, NotFound, TooLarge
from pillarbox.domain import changes
from pillarbox.domain.accounts import users
from pillarbox.domain.collections import collections, homes, items, links, shares, tables
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    READ_RIGHTS,
    WRITE_RIGHTS,
    ComponentKind,
    ItemFacts,
    Limits,
    Mount,
    Properties,
    Right,
    Share,
)
from pillarbox.domain.sharing import groups
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


async def share(
    home: Home, address: str, rights: Right = READ_RIGHTS, name: str = "personal", **how
) -> Share:
    def run(tx: Tx) -> Share:
        return shares.share(tx, KEYS, home.actor, home.access(tx, name), address, rights, **how)

    return await home.database.write(run)


async def unshare(home: Home, address: str, name: str = "personal") -> None:
    await home.database.write(
        lambda tx: shares.unshare(tx, KEYS, home.actor, home.access(tx, name), address)
    )


async def invited(home: Home) -> list[int]:
    found = await home.database.read(shares.invitations, KEYS, home.actor)
    return [one.collection.id for one in found]


async def answer(
    home: Home, collection: int, accept: bool = True, name: str | None = None
) -> Mount:
    return await home.database.write(shares.answer, KEYS, home.actor, collection, accept, name)


async def test_a_share_is_used_and_mounted(
    ann: Home, bob: Home, database: Database, published: list[str]
) -> None:
    assert await bob.names(ann) == {}
    with pytest.raises(Denied):
        await bob.see(owner=ann)
    with pytest.raises(Denied):
        await bob.see("none", owner=ann)
    made = await share(ann, "BOB@example.org", WRITE_RIGHTS)
    assert made == Share(bob.actor.account_id, "bob@example.org", WRITE_RIGHTS)
    assert changes.topic(bob.actor.account_id) in published
    seen = await bob.see(owner=ann)
    assert await bob.names(ann) == {"personal": WRITE_RIGHTS}
    assert set(await bob.names()) == {"personal", "tasks", "inbox"}
    number = seen.collection.id
    assert await invited(bob) == [number]
    before = await database.read(changes.current_modseq, ann.actor.account_id)
    put = await bob.put("a", owner=ann)
    assert put.item.modseq > before
    mount = await answer(bob, number)
    assert (mount.name, mount.accepted) == ("personal-ann", True)
    assert await invited(bob) == []
    assert (await bob.names())["personal-ann"] == WRITE_RIGHTS
    assert await database.read(
        lambda tx: [one.accepted for one in shares.shares_of(tx, ann.access(tx))]
    ) == [True]
    await bob.put("b", name="personal-ann")
    assert await ann.content("b") == b"words"
    again = await answer(bob, number, name="hers")
    assert (again.id, again.name) == (mount.id, "hers")
    with pytest.raises(Exists):
        await answer(bob, number, name="tasks")
    with pytest.raises(Exists):
        await database.write(
            collections.create, KEYS, bob.actor, bob.actor.account_id, CALENDAR, "hers"
        )
    await database.write(collections.rename, await bob.see("hers"), "theirs")
    await database.write(collections.remove, await bob.see("theirs"))
    assert set(await bob.names()) == {"personal", "tasks", "inbox"}
    assert await ann.content("b") == b"words"
    assert await invited(bob) == []
    await answer(bob, number)
    await unshare(ann, "bob@example.org")
    assert set(await bob.names()) == {"personal", "tasks", "inbox"}
    with pytest.raises(Denied):
        await bob.see(owner=ann)
    with pytest.raises(NotFound):
        await answer(bob, number)
    with pytest.raises(NotFound):
        await unshare(ann, "bob@example.org")


async def test_an_invitation_is_declined(ann: Home, bob: Home, database: Database) -> None:
    await share(ann, "bob@example.org")
    (number,) = await invited(bob)
    mount = await answer(bob, number, accept=False)
    assert (mount.accepted, mount.name) == (False, "")
    assert await invited(bob) == []
    assert "personal-ann" not in await bob.names()
    assert await bob.names(ann) == {"personal": READ_RIGHTS}
    await answer(bob, number)
    assert "personal-ann" in await bob.names()


async def test_what_a_mount_is_called_is_its_holders(
    ann: Home, bob: Home, database: Database
) -> None:
    await share(ann, "bob@example.org")
    await database.write(
        collections.change, KEYS, await ann.see(), Properties("Hers", "words", "#111111")
    )
    (number,) = await invited(bob)
    await answer(bob, number, name="hers")
    seen = await bob.see("hers")
    assert seen.properties == Properties("Hers", "words", "#111111")
    changed = await database.write(
        collections.change, KEYS, seen, Properties("Quokka", "words", "#222222")
    )
    assert changed.properties == Properties("Quokka", "words", "#222222")
    assert (await bob.see("hers")).properties == changed.properties
    assert (await ann.see()).properties.display_name == "Hers"
    assert (await bob.see(owner=ann)).properties.display_name == "Hers"
    await database.write(
        collections.change, KEYS, await ann.see(), Properties("Hers", "others", "#333333")
    )
    assert (await bob.see("hers")).properties == Properties("Quokka", "others", "#222222")
    for row in await database.read(
        lambda tx: tx.select(select(tables.collection_mounts.c.properties))
    ):
        assert b"Quokka" not in bytes(row[0])


async def test_groups_and_domains(ann: Home, bob: Home, carl: Home, database: Database) -> None:
    def make(tx: Tx) -> groups.Group:
        group = groups.create(tx, "team@example.org")
        groups.add_member(tx, group, users.require(tx, "bob@example.org"))
        groups.add_member(tx, group, users.require(tx, "carl@example.net"))
        return group

    group = await database.write(make)
    await share(ann, "team@example.org", WRITE_RIGHTS)
    for member in (bob, carl):
        assert await member.names(ann) == {"personal": WRITE_RIGHTS}
        (number,) = await invited(member)
        await answer(member, number, name="team")
    await share(ann, "bob@example.org", Right.ADMIN)
    assert (await bob.see("team")).rights == WRITE_RIGHTS | Right.ADMIN
    await unshare(ann, "team@example.org")
    assert "team" not in await carl.names()
    assert (await bob.see("team")).rights == READ_RIGHTS | Right.ADMIN
    await share(ann, shares.ANYONE, Right.FREE_BUSY, "tasks")
    assert await carl.names(ann) == {}
    assert (await bob.names(ann))["tasks"] == Right.FREE_BUSY
    assert (await ann.database.read(lambda tx: shares.shares_of(tx, ann.access(tx, "tasks")))) == [
        Share(0, shares.ANYONE, Right.FREE_BUSY)  # type: ignore[arg-type]
    ]
    # A group's own home is its members'.
    await database.write(homes.ensure, group.account_id)
    found = await database.read(homes.list_of, KEYS, carl.actor, group.account_id)
    assert {one.name for one in found} == {"personal", "tasks", "inbox"}
    assert Right.ADMIN not in found[0].rights
    assert Right.WRITE in found[0].rights
    assert await database.read(homes.list_of, KEYS, ann.actor, group.account_id) == []


async def test_who_may_share(ann: Home, bob: Home, carl: Home) -> None:
    await share(ann, "bob@example.org", WRITE_RIGHTS | Right.PROPERTIES)
    for rights in (WRITE_RIGHTS, ALL_RIGHTS):
        await share(ann, "bob@example.org", rights)

        def run(tx: Tx) -> Share:
            access = bob.access(tx, owner=ann)
            return shares.share(tx, KEYS, bob.actor, access, "carl@example.net", READ_RIGHTS)

        if Right.ADMIN in rights:
            await ann.database.write(run)
        else:
            with pytest.raises(Denied):
                await ann.database.write(run)
    with pytest.raises(Invalid):
        await share(ann, "ann@example.org")
    with pytest.raises(Invalid):
        await share(ann, "nobody@example.org")
    with pytest.raises(Invalid):
        await share(ann, "bob@example.org", Right(0))
    with pytest.raises(Invalid):
        await share(ann, "bob@example.org", name="inbox")
    with pytest.raises(TooLarge):
        await share(ann, "carl@example.net", name="tasks", limits=Limits(shares=0))


RIGHTS = [
    Right(0),
    Right.FREE_BUSY,
    READ_RIGHTS,
    WRITE_RIGHTS,
    WRITE_RIGHTS | Right.PROPERTIES,
    ALL_RIGHTS,
]


@pytest.mark.parametrize("rights", RIGHTS)
@pytest.mark.parametrize("mounted", [False, True])
async def test_every_change_needs_its_right(
    ann: Home, bob: Home, database: Database, rights: Right, mounted: bool
) -> None:
    await ann.put("a", uid="a")
    if rights:
        await share(ann, "bob@example.org", rights)
        if mounted:
            await answer(bob, (await ann.see()).collection.id, name="hers")
    name, owner = ("hers", None) if mounted else ("personal", ann)
    where = {"name": name, "owner": owner}

    async def may(work) -> bool:
        try:
            await work
        except (Denied, NotFound):
            return False
        return True

    prepared = items.prepare(ItemFacts("a", ComponentKind.VEVENT), b"x")

    def move_away(tx: Tx) -> items.Put:
        source = bob.access(tx, name, right=Right.FREE_BUSY, owner=owner)
        return items.move(tx, KEYS, source, "b", bob.access(tx), "b")

    def copy_away(tx: Tx) -> items.Put:
        source = bob.access(tx, name, right=Right.FREE_BUSY, owner=owner)
        return items.copy(tx, KEYS, source, "a", bob.access(tx), "copied")

    def bare_put(tx: Tx) -> items.Put:
        return items.put(
            tx, KEYS, bob.access(tx, name, right=Right.FREE_BUSY, owner=owner), "a", prepared
        )

    assert await may(bob.see(**where)) == bool(rights)
    assert await may(bob.put("b", **where)) == (Right.WRITE in rights)
    assert await may(database.write(bare_put)) == (Right.WRITE in rights)
    assert await may(database.write(copy_away)) == (Right.READ in rights)
    assert await may(database.write(move_away)) == (Right.WRITE in rights)
    assert await may(bob.delete("a", **where)) == (Right.WRITE in rights)
    if not rights:
        return
    access = await bob.see(**where)
    assert await may(database.write(links.create, KEYS, access)) == (Right.ADMIN in rights)
    changed = await may(database.write(collections.change, KEYS, access, Properties("x")))
    assert changed == (mounted or Right.PROPERTIES in rights)
    if mounted:
        return
    assert await may(database.write(collections.rename, access, "other")) == (Right.ADMIN in rights)


async def test_moves_between_accounts(ann: Home, bob: Home, database: Database) -> None:
    await share(ann, "bob@example.org", WRITE_RIGHTS)
    await ann.put("a", b"12345", uid="u")
    here, there = await ann.token(), await bob.token()

    def move(tx: Tx) -> items.Put:
        return items.move(tx, KEYS, bob.access(tx, owner=ann), "a", bob.access(tx), "b")

    await database.write(move)
    assert (await ann.sync(here))[:2] == ([], ["a"])
    assert (await bob.sync(there))[:2] == (["b"], [])
    assert await bob.content("b") == b"12345"
    used = [
        (
            await database.read(
                lambda tx, one=one: tx.select(
                    select(tables.collections.c.size_bytes).where(
                        tables.collections.c.account_id == one.actor.account_id,
                        tables.collections.c.name == "personal",
                    )
                )
            )
        )[0][0]
        for one in (ann, bob)
    ]
    assert used == [0, 5]


async def test_when_somebody_goes(ann: Home, bob: Home, database: Database) -> None:
    await share(ann, "bob@example.org", WRITE_RIGHTS)
    await answer(bob, (await ann.see()).collection.id, name="hers")
    await share(bob, "ann@example.org", WRITE_RIGHTS)
    await database.write(users.delete, ann.actor.account_id)
    assert set(await bob.names()) == {"personal", "tasks", "inbox"}
    for table in (tables.collection_shares, tables.collection_mounts):
        assert await database.read(lambda tx, table=table: tx.select(select(table))) == []


async def test_public_links(ann: Home, bob: Home, database: Database) -> None:
    access = await ann.see()
    link = await database.write(links.create, KEYS, access)
    assert len(link.token) >= 32
    found = await database.read(links.find, KEYS, link.token)
    assert found == access.collection
    for wrong in ("", link.token[:-1], link.token + "x", "\ud800"):
        assert await database.read(links.find, KEYS, wrong) is None
    assert await database.read(links.list_of, KEYS, access) == [link]
    row = (await database.read(lambda tx: tx.select(select(tables.public_links))))[0]
    assert link.token.encode() not in b"".join(
        bytes(one) if isinstance(one, (bytes, memoryview)) else str(one).encode() for one in row
    )
    for _ in itertools.repeat(None, links.LINKS_MOST - 1):
        await database.write(links.create, KEYS, access)
    with pytest.raises(TooLarge):
        await database.write(links.create, KEYS, access)
    await database.write(links.remove, access, link.id)
    assert await database.read(links.find, KEYS, link.token) is None
    with pytest.raises(NotFound):
        await database.write(links.remove, access, link.id)
    with pytest.raises(Failure):
        await database.write(links.create, KEYS, await ann.see("inbox"))
    book = await database.write(links.create, KEYS, await ann.see("contacts", BOOK))
    assert await database.read(links.find, KEYS, book.token) is not None

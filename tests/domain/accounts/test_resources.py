"""Rooms and things: their addresses, what may be said of them, and where their mail goes."""

import pytest

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound
from pillarbox.domain.accounts import aliases, domains, resources, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.accounts.resolve import resolve
from pillarbox.domain.accounts.resources import AutoAccept, Resource, ResourceKind
from pillarbox.domain.sharing import groups, holders
from pillarbox.storage.db import Database


@pytest.fixture
async def room(database: Database) -> Resource:
    await database.write(domains.create, "example.org")
    return await database.write(
        resources.create, "Room@example.org", "Blue Room", ResourceKind.ROOM, AutoAccept.ALWAYS, 8
    )


async def test_made_found_and_changed(database: Database, room: Resource) -> None:
    assert await database.read(resources.require, "ROOM@example.org") == room
    assert await database.read(resources.by_account, room.account_id) == room
    domain = await database.read(domains.require, "example.org")
    assert await database.read(resources.list_of, domain) == [room]
    assert await database.read(resources.list_of, None) == [room]
    changed = await database.write(
        lambda tx: resources.change(tx, room, name="Red Room", auto_accept=AutoAccept.MANUAL)
    )
    assert changed == await database.read(resources.get, "room@example.org")
    assert (changed.name, changed.auto_accept, changed.capacity) == (
        "Red Room",
        AutoAccept.MANUAL,
        8,
    )
    for wrong in ({"name": " "}, {"name": "a\n"}, {"capacity": -1}, {"name": "x" * 256}):
        with pytest.raises(Invalid):
            await database.write(lambda tx, wrong=wrong: resources.change(tx, room, **wrong))
    with pytest.raises(NotFound):
        await database.read(resources.require, "none@example.org")


async def test_an_address_is_there_once(database: Database, room: Resource) -> None:
    address = room.address
    with pytest.raises(Exists):
        await database.write(resources.create, address, "Other")
    with pytest.raises(Exists):
        await database.write(users.create, address, "", "", Role.USER, 0)
    with pytest.raises(Exists):
        await database.write(groups.create, address)
    with pytest.raises(Conflict):
        await database.write(aliases.create, address, ["x@example.net"])
    await database.write(groups.create, "team@example.org")
    with pytest.raises(Exists):
        await database.write(resources.create, "team@example.org", "Team")
    with pytest.raises(NotFound):
        await database.write(resources.create, "room@example.net", "Far")


async def test_mail_to_it(database: Database, room: Resource) -> None:
    found = await database.read(resolve, "Room", "example.org")
    assert [one.account_id for one in found.local] == [room.account_id]
    actor = await database.read(holders.require, "room@example.org")
    assert actor.account_id == room.account_id
    assert await database.read(holders.of_account, room.account_id) == (actor, "Blue Room")


async def test_removed(database: Database, room: Resource) -> None:
    domain = await database.read(domains.require, "example.org")
    with pytest.raises(Conflict, match="1 resources"):
        await database.write(domains.delete, domain)
    await database.write(resources.remove, room)
    with pytest.raises(NotFound):
        await database.read(resolve, "room", "example.org")
    await database.write(domains.delete, domain)

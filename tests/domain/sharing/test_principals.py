"""Principals: users, groups and resources by address, by account, searched."""

from pillarbox.domain.accounts import aliases, resources, users
from pillarbox.domain.accounts.resources import ResourceKind
from pillarbox.domain.sharing import groups, principals
from pillarbox.domain.sharing.principals import PrincipalKind

from .conftest import House


async def test_found_by_address_and_account(house: House) -> None:
    db = house.database
    group = await db.write(groups.create, "team@example.org")
    room = await db.write(resources.create, "room@example.org", "Blue Room", ResourceKind.ROOM)
    await db.write(aliases.create, "anna@example.org", ["ann@example.org"])
    await db.write(aliases.create, "both@example.org", ["ann@example.org", "bob@example.org"])
    ann = await db.read(principals.require, "ANN@example.org")
    assert (ann.kind, ann.name, ann.actor) == (PrincipalKind.USER, "ann@example.org", house.ann)
    assert ann.addresses == ("ann@example.org", "anna@example.org")
    found = await db.read(principals.find, "room@example.org")
    assert found is not None
    assert (found.kind, found.name, found.account_id) == (
        PrincipalKind.ROOM,
        "Blue Room",
        room.account_id,
    )
    for address in ("none@example.org", "anna@example.org", "no address", ""):
        assert await db.read(principals.find, address) is None
    for account, kind in (
        (house.bob.account_id, PrincipalKind.USER),
        (group.account_id, PrincipalKind.GROUP),
        (room.account_id, PrincipalKind.ROOM),
    ):
        one = await db.read(principals.by_account, account)
        assert one is not None
        assert one.kind is kind
        assert one.account_id == account
    assert await db.read(principals.behind, "anna@example.org") == ann
    assert await db.read(principals.behind, "ann@example.org") == ann
    assert await db.read(principals.behind, "both@example.org") is None


async def test_search_stays_in_the_domain(house: House) -> None:
    db = house.database
    await db.write(groups.create, "team@example.org")
    await db.write(resources.create, "room@example.org", "Blue Ännchen", ResourceKind.ROOM)
    await db.write(resources.create, "beamer@example.org", "Beamer")

    async def found(text: str = "", kinds: frozenset[PrincipalKind] = principals.EVERY_KIND):
        some = await db.read(principals.search, house.ann, text, kinds)
        return [one.address.partition("@")[0] for one in some]

    assert await found() == ["ann", "beamer", "bob", "room", "team"]
    assert await found("ÄNN") == ["room"]
    assert await found("ann@") == ["ann"]
    assert await found("carl") == []
    assert await found("", frozenset({PrincipalKind.ROOM})) == ["room"]
    assert await found("", frozenset({PrincipalKind.GROUP, PrincipalKind.USER})) == [
        "ann",
        "bob",
        "team",
    ]
    await db.write(users.set_enabled, house.bob.account_id, False)
    assert "bob" not in await found()
    assert len(await db.read(principals.search, house.ann, "", principals.EVERY_KIND, 2)) == 2


async def test_members_and_groups(house: House) -> None:
    db = house.database
    group = await db.write(groups.create, "team@example.org")
    for address in ("bob@example.org", "carl@example.net"):
        user = await db.read(users.require, address)
        await db.write(groups.add_member, group, user)
    team = await db.read(principals.require, "team@example.org")
    assert [one.address for one in await db.read(principals.members, team)] == [
        "bob@example.org",
        "carl@example.net",
    ]
    found = await db.read(principals.groups_of, house.bob.account_id)
    assert [one.address for one in found] == ["team@example.org"]
    assert await db.read(principals.groups_of, house.ann.account_id) == []

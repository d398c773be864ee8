"""Groups: an address, members, and mailboxes of their own."""

import pytest

from kit.mail import SMALL, MailAccount
from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.resolve import resolve
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import groups
from pillarbox.domain.sharing.groups import Group
from pillarbox.domain.sharing.rights import rights_text

from .conftest import House


@pytest.fixture
async def team(house: House) -> Group:
    return await house.database.write(groups.create, "Team@Example.org", 1000)


async def join(house: House, team: Group, account: object) -> None:
    user = await house.database.read(users.by_account, account)
    await house.database.write(groups.add_member, team, user)


async def test_members_see_its_mailboxes(house: House, team: Group) -> None:
    assert team.address == "team@example.org"
    assert await house.seen(house.bob) == {}
    await join(house, team, house.bob.account_id)
    await join(house, team, house.bob.account_id)
    assert await house.database.read(groups.members, team) == ["bob@example.org"]
    seen = await house.seen(house.bob)
    assert {name.removeprefix("Shared/team@example.org/") for name in seen} == {
        name for name, _ in mailboxes.DEFAULTS
    }
    assert {rights_text(rights) for rights in seen.values()} == {"lrswipktecd"}
    assert await house.rights(house.bob, "Other Users/team@example.org/INBOX") is None
    assert await house.seen(house.ann) == {}


async def test_leaving(house: House, team: Group, published: list[str]) -> None:
    await join(house, team, house.bob.account_id)
    bob = await house.database.read(users.by_account, house.bob.account_id)
    published.clear()
    await house.database.write(groups.remove_member, team, bob)
    assert published == [f"account:{team.account_id}"]
    assert await house.seen(house.bob) == {}
    with pytest.raises(NotFound):
        await house.database.write(groups.remove_member, team, bob)
    await join(house, team, house.bob.account_id)
    await house.database.write(users.delete, house.bob.account_id)
    assert await house.database.read(groups.members, team) == []


async def test_addresses_are_taken_once(house: House, team: Group, add_user) -> None:
    for address in ("team@example.org", "ann@example.org"):
        with pytest.raises(Exists):
            await house.database.write(groups.create, address)
    with pytest.raises(Exists):
        await house.database.write(add_user, "team@example.org")
    with pytest.raises(NotFound):
        await house.database.write(groups.create, "team@example.com")
    with pytest.raises(Conflict):
        await house.database.write(aliases.create, "team@example.org", ["bob@example.org"])
    both = ["bob@example.org", "team@example.org"]
    await house.database.write(aliases.create, "team@example.org", both)
    await house.database.write(aliases.create, "all@example.org", ["bob@example.org"])
    with pytest.raises(Exists):
        await house.database.write(groups.create, "all@example.org")
    with pytest.raises(Invalid):
        await house.database.write(groups.create, "other@example.org", -1)


async def test_mail_comes_once(house: House, team: Group) -> None:
    for who in (house.ann, house.bob):
        await join(house, team, who.account_id)
    found = await house.database.read(resolve, "TEAM", "example.org")
    assert [(one.account_id, one.address) for one in found.local] == [
        (team.account_id, "team@example.org")
    ]
    found = await house.database.read(resolve, "team+bugs", "example.org")
    assert [(one.account_id, one.detail) for one in found.local] == [(team.account_id, "bugs")]
    await house.database.write(aliases.create, "us@example.org", ["team@example.org"])
    found = await house.database.read(resolve, "us", "example.org")
    assert [one.account_id for one in found.local] == [team.account_id]


async def test_delete(house: House, team: Group) -> None:
    await join(house, team, house.bob.account_id)
    await house.let("group:team@example.org", "lr")
    await MailAccount(house.database, house.store, team.account_id).put(SMALL)
    domain = await house.database.read(domains.require, "example.org")
    with pytest.raises(Conflict, match="1 groups"):
        await house.database.write(domains.delete, domain)
    await house.database.write(groups.delete_group, team)
    assert await house.seen(house.bob) == {}
    assert await house.database.read(groups.list_of, domain) == []
    with pytest.raises(NotFound):
        await house.database.read(resolve, "team", "example.org")
    with pytest.raises(NotFound):
        await house.database.read(groups.require, "team@example.org")


async def test_lists_and_limits(house: House, team: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await house.database.write(groups.create, "a@example.net")
    assert await house.database.read(groups.list_of, None) == [other, team]
    monkeypatch.setattr(groups, "MAX_MEMBERS", 1)
    await join(house, team, house.ann.account_id)
    with pytest.raises(TooLarge):
        await join(house, team, house.bob.account_id)

"""Sending in the name of others: the right to post."""

import pytest

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import acl, groups
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.delegation import may_post_for
from pillarbox.domain.sharing.rights import parse_rights
from pillarbox.storage.tx import Tx

from .conftest import House


async def may(house: House, *owners: AccountId) -> bool:
    return await house.database.read(may_post_for, house.bob, owners)


@pytest.mark.parametrize(
    ("who", "rights", "expected"),
    [
        ("bob@example.org", "lrp", True),
        ("anyone", "p", True),
        ("bob@example.org", "lrswite", False),
        ("carl@example.net", "p", False),
    ],
)
async def test_the_list_of_the_inbox_says(
    house: House, who: str, rights: str, expected: bool
) -> None:
    assert not await may(house, house.ann.account_id)
    await house.let(who, rights)
    assert await may(house, house.ann.account_id) is expected
    assert await may(house, AccountId(1), house.ann.account_id) is expected
    assert not await may(house)


async def test_the_list_of_another_mailbox_says_nothing(house: House) -> None:
    await house.let("bob@example.org", "lrp", "Sent")
    assert not await may(house, house.ann.account_id)


async def test_a_negative_right_takes_it_away(house: House) -> None:
    await house.let("anyone", "p")
    await house.let("-bob@example.org", "p")
    assert not await may(house, house.ann.account_id)


async def test_members_of_a_group_may_as_long_as_its_list_lets_them(house: House) -> None:
    def make(tx: Tx) -> AccountId:
        team = groups.create(tx, "team@example.org")
        bob = users.require(tx, "bob@example.org")
        groups.add_member(tx, team, bob)
        return team.account_id

    team = await house.database.write(make)
    assert await may(house, team)
    assert not await house.database.read(may_post_for, house.ann, (team,))

    def take(tx: Tx) -> None:
        inbox = mailboxes.by_name(tx, team, "INBOX")
        assert inbox is not None
        acl.change(tx, inbox, "group:team@example.org", RightsChange.REMOVE, parse_rights("p"))

    await house.database.write(take)
    assert not await may(house, team)

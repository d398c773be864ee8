import pytest

from pillarbox.base.errors import NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.owners import quota
from pillarbox.domain.owners.quota import Usage
from pillarbox.storage.db import Database


async def test_mail_is_counted_up_to_the_limit(database: Database, add_user) -> None:
    user = await database.write(add_user, "ann@example.org", Role.USER, 100)
    await database.write(quota.charge, user.account_id, 60, 1)
    await database.write(quota.charge, user.account_id, 40, 2)
    assert await database.read(quota.usage, user.account_id) == Usage(100, 100, 3)
    with pytest.raises(OverQuota):
        await database.write(quota.charge, user.account_id, 1, 1)
    assert await database.read(quota.usage, user.account_id) == Usage(100, 100, 3)
    await database.write(quota.charge, user.account_id, -40, -2)
    usage = await database.read(quota.usage, user.account_id)
    assert usage == Usage(100, 60, 1)
    assert usage.has_room(40)
    assert not usage.has_room(41)


async def test_no_quota_is_no_limit(database: Database, add_user) -> None:
    user = await database.write(add_user, "ann@example.org")
    await database.write(quota.charge, user.account_id, 1 << 50, 1)
    assert (await database.read(quota.usage, user.account_id)).has_room(1 << 60)


async def test_a_full_account_can_be_emptied(database: Database, add_user) -> None:
    user = await database.write(add_user, "ann@example.org", Role.USER, 100)
    await database.write(quota.charge, user.account_id, 90, 1)
    await database.write(users.set_quota, user.account_id, 10)
    await database.write(quota.charge, user.account_id, -50, -1)
    with pytest.raises(OverQuota):
        await database.write(quota.charge, user.account_id, 1, 1)


async def test_an_account_that_is_gone(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.write(quota.charge, AccountId(1), 1, 1)
    assert await database.read(quota.usage, AccountId(1)) is None

import pytest
from sqlalchemy import select

from pillarbox.base.errors import Exists, Invalid, NotFound
from pillarbox.domain import changes
from pillarbox.domain.accounts import aliases, credentials, domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


async def test_a_new_user_has_mailboxes_and_a_salt(database: Database, add_user) -> None:
    user = await database.write(add_user, "Ann.Lee@Example.org", Role.ADMIN, 5000)
    assert user.address == "ann.lee@example.org"
    assert await database.read(users.get, "ann.lee@example.org") == user
    assert await database.read(users.by_account, user.account_id) == user
    assert user.role is Role.ADMIN
    names = {one.name for one in await database.read(mailboxes.all_of, user.account_id)}
    assert {"INBOX", "Sent", "Drafts", "Junk", "Trash"} <= names

    def salt(tx: Tx) -> bytes:
        return bytes(tx.select(select(accounts.c.salt))[0][0])

    assert len(await database.read(salt)) == 16


async def test_an_address_is_used_once(database: Database, add_user) -> None:
    await database.write(add_user, "ann@example.org")
    await database.write(aliases.create, "info@example.org", ["ann@example.org"])
    for address in ("ANN@example.org", "info@example.org"):
        with pytest.raises(Exists):
            await database.write(add_user, address)


@pytest.mark.parametrize("address", ["ann", "@example.org", '"a b"@example.org', "a b@example.org"])
async def test_what_is_no_address_is_refused(database: Database, address: str) -> None:
    await database.write(domains.create, "example.org")
    with pytest.raises(Invalid):
        await database.write(users.create, address, "x", "", Role.USER, 0)


async def test_local_parts_may_be_in_any_script(database: Database, add_user) -> None:
    user = await database.write(add_user, "JO\u0308RG@bücher.example")
    assert user.address == "jörg@xn--bcher-kva.example"
    found = await database.read(users.require, "Jörg@xn--bcher-kva.example")
    assert found.account_id == user.account_id


async def test_a_user_needs_a_domain_that_is_served(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.write(users.create, "ann@example.org", "x", "", Role.USER, 0)


async def test_changing_a_user(database: Database, add_user) -> None:
    user = await database.write(add_user, "ann@example.org")
    await database.write(users.set_quota, user.account_id, 77)
    await database.write(users.set_enabled, user.account_id, False)
    await database.write(users.set_role, user.account_id, Role.DOMAIN_ADMIN)
    await database.write(users.set_password, user.account_id, "new hash")
    changed = await database.read(users.require, "ann@example.org")
    assert (changed.quota_bytes, changed.enabled, changed.role) == (77, False, Role.DOMAIN_ADMIN)
    found = await database.read(credentials.candidates, "ann@example.org")
    assert found is not None
    assert [one.secret for one in found.credentials] == ["new hash"]
    assert not found.enabled
    with pytest.raises(Invalid):
        await database.write(users.set_quota, user.account_id, -1)


async def test_a_deleted_user_leaves_nothing_behind(database: Database, add_user) -> None:
    ann = await database.write(add_user, "ann@example.org")
    bob = await database.write(add_user, "bob@example.org")
    await database.write(aliases.create, "one@example.org", ["ann@example.org"])
    await database.write(aliases.create, "two@example.org", ["ann@example.org", "bob@example.org"])
    await database.write(users.delete, ann.account_id)
    assert await database.read(users.list_of, None) == [bob]
    assert await database.read(credentials.candidates, "ann@example.org") is None
    assert await database.read(mailboxes.all_of, ann.account_id) == []
    assert await database.read(changes.since, ann.account_id, 0) == []
    assert await database.read(changes.since, bob.account_id, 0) != []
    (left,) = await database.read(aliases.list_of, None)
    assert left.targets == ("bob@example.org",)
    with pytest.raises(NotFound):
        await database.write(users.delete, ann.account_id)


async def test_users_of_a_domain(database: Database, add_user) -> None:
    await database.write(add_user, "zoe@example.org")
    await database.write(add_user, "ann@example.org")
    await database.write(add_user, "ann@example.net")
    domain = await database.read(domains.require, "example.org")
    found = await database.read(users.list_of, domain)
    assert [one.address for one in found] == ["ann@example.org", "zoe@example.org"]
    assert len(await database.read(users.list_of, None)) == 3

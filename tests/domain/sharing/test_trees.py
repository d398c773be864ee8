"""Making, renaming and deleting mailboxes in trees of others (RFC 4314 §4)."""

import pytest

from pillarbox.base.errors import Denied, Exists, Invalid, NotFound
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import groups, trees
from pillarbox.domain.sharing.trees import HasChildren

from .conftest import House

ANN = "Other Users/ann@example.org/"
TEAM = "Shared/team@example.org/"


async def names(house: House) -> set[str]:
    found = await house.database.read(mailboxes.all_of, house.ann.account_id)
    return {one.name for one in found} - {name for name, _ in mailboxes.DEFAULTS}


async def create(house: House, name: str, use: str | None = None) -> str:
    return (await house.database.write(trees.create, house.bob, name, use)).name


async def test_own_mailboxes(house: House) -> None:
    assert await create(house, "a/b", "\\Archive") == "a/b"
    await house.database.write(trees.rename, house.bob, "a", "c")
    with pytest.raises(NotFound):
        await house.database.write(trees.delete, house.bob, "a")
    await house.database.write(trees.delete, house.bob, "c")
    with pytest.raises(HasChildren):
        await house.database.write(trees.delete, house.bob, "c")
    await house.database.write(trees.delete, house.bob, "c/b")
    with pytest.raises(NotFound) as caught:
        await house.database.write(trees.delete, house.bob, "c")
    assert not isinstance(caught.value, HasChildren)


async def test_create(house: House) -> None:
    await house.let("bob@example.org", "lrk")
    assert await create(house, ANN + "inbox/a/b") == "INBOX/a/b"
    assert await names(house) == {"INBOX/a", "INBOX/a/b"}
    assert await house.rights(house.bob, ANN + "INBOX/a/b") == "lrkc"
    with pytest.raises(Exists):
        await create(house, ANN + "INBOX/a")
    with pytest.raises(Invalid):
        await create(house, ANN + "INBOX/sent", "\\Sent")
    await house.let("bob@example.org", "lr", "INBOX/a/b")
    for name in (
        ANN + "INBOX/a/b/c",  # the nearest mailbox above decides
        ANN + "top",
        ANN + "Sent/a",
        "Other Users/carl@example.net/INBOX/a",
        "Other Users/nobody@example.org/INBOX/a",
        "Other Users/bob@example.org/INBOX/a",
        "Shared/ann@example.org/INBOX/a",
    ):
        with pytest.raises(Denied):
            await create(house, name)
    for name in ("Other Users/a", "Shared/team@example.org"):
        with pytest.raises(Invalid):
            await create(house, name)
    assert await names(house) == {"INBOX/a", "INBOX/a/b"}


async def test_create_without_lookup_tells_nothing(house: House) -> None:
    await house.let("bob@example.org", "k", "Sent")
    with pytest.raises(Denied) as known:
        await create(house, ANN + "Sent/a")
    with pytest.raises(Denied) as unknown:
        await create(house, ANN + "nothing/a")
    assert str(known.value) == str(unknown.value)


async def test_delete(house: House) -> None:
    owner = house.ann.account_id
    await house.database.write(mailboxes.create, owner, "a/b")
    for name in ("a", "INBOX"):
        await house.let("bob@example.org", "lr", name)
        with pytest.raises(Denied):
            await house.database.write(trees.delete, house.bob, ANN + name)
        await house.let("bob@example.org", "lx", name)
    with pytest.raises(NotFound):
        await house.database.write(trees.delete, house.bob, ANN + "a/b")
    with pytest.raises(Invalid):
        await house.database.write(trees.delete, house.bob, ANN + "INBOX")
    await house.database.write(trees.delete, house.bob, ANN + "a")
    assert await names(house) == {"a/b"}
    with pytest.raises(NotFound):
        await house.database.write(trees.delete, house.bob, ANN + "a")


async def test_rename(house: House) -> None:
    owner = house.ann.account_id
    for name in ("a/b", "c"):
        await house.database.write(mailboxes.create, owner, name)
    await house.let("bob@example.org", "lr", "a/b")
    await house.let("bob@example.org", "lk", "c")

    async def rename(old: str, new: str) -> None:
        await house.database.write(trees.rename, house.bob, old, new)

    with pytest.raises(Denied):
        await rename(ANN + "a/b", ANN + "c/b")
    await house.let("bob@example.org", "lx", "a/b")
    for new in (ANN + "d", ANN + "a/d"):
        with pytest.raises(Denied):
            await rename(ANN + "a/b", new)
    await house.let("bob@example.org", "lx")
    for old, new in (
        (ANN + "a/b", "mine"),
        ("Sent", ANN + "c/sent"),
        (ANN + "a/b", "Other Users/carl@example.net/c/b"),
        (ANN + "INBOX", ANN + "c/inbox"),
    ):
        with pytest.raises(Invalid):
            await rename(old, new)
    await rename(ANN + "a/b", ANN + "c/b/e")
    assert await names(house) == {"a", "c", "c/b", "c/b/e"}
    assert await house.rights(house.bob, ANN + "c/b/e") == "lxc"
    assert await house.rights(house.bob, ANN + "c/b") == "lkc"


async def test_at_the_top_of_a_group(house: House) -> None:
    group = await house.database.write(groups.create, "team@example.org")
    with pytest.raises(Denied):
        await create(house, TEAM + "Plans")
    bob = await house.database.read(users.by_account, house.bob.account_id)
    await house.database.write(groups.add_member, group, bob)
    await create(house, TEAM + "Plans/2024")
    assert await house.rights(house.bob, TEAM + "Plans/2024") == "lrswipktecd"
    found = await house.database.read(mailboxes.by_name, group.account_id, "Plans")
    assert found is not None
    # Members may move what is theirs to, but delete only what they may.
    with pytest.raises(Denied):
        await house.database.write(trees.rename, house.bob, TEAM + "Plans", TEAM + "Old")
    await house.let("bob@example.org", "lkx", "INBOX")
    with pytest.raises(Invalid):
        await house.database.write(trees.rename, house.bob, ANN + "INBOX", TEAM + "Old")

"""From names to mailboxes, and what lists let people do (RFC 4314 §2)."""

import pytest

from pillarbox.base.errors import Denied, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import acl_entries, mailboxes
from pillarbox.domain.sharing import access, acl, groups
from pillarbox.domain.sharing.access import ALL_RIGHTS, Place, Right, place_of
from pillarbox.domain.sharing.acl import Listed, RightsChange
from pillarbox.domain.sharing.rights import parse_rights
from pillarbox.storage.tx import Tx

from .conftest import House

INBOX = "Other Users/ann@example.org/INBOX"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Other Users/ann@example.org/a/b", Place("Other Users", "ann@example.org", "a/b")),
        ("Shared/ANN@Example.Org/inbox", Place("Shared", "ann@example.org", "INBOX")),
        ("Other Users/a/b@example.org/c", Place("Other Users", "a/b@example.org", "c")),
        (
            "Other Users/ann@bücher.example/c",
            Place("Other Users", "ann@xn--bcher-kva.example", "c"),
        ),
        ("Other Users", None),
        ("Other Users/ann@example.org", None),
        ("Other Users/ann@example.org/", None),
        ("Other Users/ann/INBOX", None),
        ("Other Users//INBOX", None),
        ("Other Users/@/x", None),
        ("other users/ann@example.org/INBOX", None),
        ("INBOX", None),
        ("", None),
        ("Shared/a\0@example.org/x", None),
        ("Shared/\ud800@example.org/x", None),
    ],
)
def test_places(name: str, expected: Place | None) -> None:
    assert place_of(name) == expected


async def test_own_mailboxes(house: House) -> None:
    found = await house.database.read(access.find, house.ann, "inbox")
    assert found is not None
    assert (found.name, found.rights) == ("INBOX", ALL_RIGHTS)
    # A mailbox has one name.
    assert await house.rights(house.ann, INBOX) is None


async def test_nothing_is_shared_at_first(house: House) -> None:
    assert await house.rights(house.bob, INBOX) is None
    assert await house.seen(house.bob) == {}


async def test_lookup_is_needed_to_know_of_it(house: House) -> None:
    await house.let("bob@example.org", "rswipkxtea")
    assert await house.rights(house.bob, INBOX) is None
    assert await house.seen(house.bob) == {}
    with pytest.raises(NotFound):
        await house.database.read(access.require, house.bob, INBOX, Right.READ)
    await house.let("Bob@Example.org", "l", how=RightsChange.ADD)
    assert await house.rights(house.bob, INBOX) == "lrswipkxteacd"
    assert await house.seen(house.bob) == {INBOX: ALL_RIGHTS}
    assert await house.rights(house.carl, INBOX) is None


async def test_a_missing_right(house: House) -> None:
    await house.let("bob@example.org", "lr")
    found = await house.database.read(access.require, house.bob, INBOX, Right.READ)
    assert found.mailbox == await house.box()
    for wanted in (Right.INSERT, Right.READ | Right.INSERT):
        with pytest.raises(Denied):
            await house.database.read(access.require, house.bob, INBOX, wanted)


async def test_rights_add_up_and_are_taken(house: House) -> None:
    group = await house.database.write(groups.create, "team@example.org")
    bob = await house.database.read(users.by_account, house.bob.account_id)
    await house.database.write(groups.add_member, group, bob)
    await house.let("bob@example.org", "l")
    await house.let("group:team@example.org", "r")
    await house.let("anyone", "sw")
    assert await house.rights(house.bob, INBOX) == "lrsw"
    await house.let("-group:team@example.org", "s")
    await house.let("-bob@example.org", "w")
    assert await house.rights(house.bob, INBOX) == "lr"
    await house.let("-anyone", "l")
    assert await house.rights(house.bob, INBOX) is None


async def test_anyone_is_the_domain_of_the_owner(house: House) -> None:
    await house.let("anyone", "lr")
    assert await house.rights(house.bob, INBOX) == "lr"
    assert await house.rights(house.carl, INBOX) is None
    await house.let("carl@example.net", "l")
    assert await house.rights(house.carl, INBOX) == "l"


async def test_the_list(house: House) -> None:
    await house.let("bob@example.org", "lrd")
    await house.let("-bob@example.org", "t")
    await house.let("anyone", "l")
    found, lines = await house.database.read(acl.listed, house.ann, "INBOX")
    assert found.name == "INBOX"
    assert lines == [
        Listed("ann@example.org", ALL_RIGHTS),
        Listed("anyone", Right.LOOKUP),
        Listed("-bob@example.org", Right.DELETE_MESSAGES),
        Listed("bob@example.org", parse_rights("lrte")),
    ]
    await house.let("bob@example.org", "t", how=RightsChange.REMOVE)
    await house.let("-bob@example.org", "")
    _, lines = await house.database.read(acl.listed, house.ann, "INBOX")
    assert lines[2:] == [Listed("bob@example.org", parse_rights("lre"))]


async def test_who_may_administer(house: House) -> None:
    with pytest.raises(NotFound):
        await house.let("bob@example.org", "l", INBOX, owner=house.bob)
    await house.let("bob@example.org", "lr")
    with pytest.raises(Denied):
        await house.let("bob@example.org", "lra", INBOX, owner=house.bob)
    with pytest.raises(Denied):
        await house.database.read(acl.listed, house.bob, INBOX)
    await house.let("bob@example.org", "la")
    await house.let("carl@example.net", "lr", INBOX, owner=house.bob)
    assert await house.rights(house.carl, INBOX) == "lr"


async def test_the_owner_keeps_all_rights(house: House) -> None:
    await house.let("bob@example.org", "la")
    for who, rights, how in (
        ("ann@example.org", "lr", RightsChange.SET),
        ("ann@example.org", "a", RightsChange.REMOVE),
        ("-ann@example.org", "l", RightsChange.SET),
    ):
        with pytest.raises(Invalid):
            await house.let(who, rights, INBOX, owner=house.bob, how=how)
    await house.let("ann@example.org", "lr", how=RightsChange.ADD)
    await house.let("-anyone", "lrswipkxtea")
    assert await house.rights(house.ann, "INBOX") == "lrswipkxteacd"
    box = await house.box()
    rights = await house.database.read(access.rights_on, house.ann, house.ann.account_id, box.id)
    assert rights == ALL_RIGHTS


@pytest.mark.parametrize("who", ["nobody@example.org", "group:ann@example.org", "x", "group:", "-"])
async def test_unknown_identifiers(house: House, who: str) -> None:
    with pytest.raises(Invalid):
        await house.let(who, "l")


async def test_a_list_has_a_limit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acl, "MAX_ENTRIES", 2)
    await house.let("bob@example.org", "l")
    await house.let("anyone", "l")
    with pytest.raises(TooLarge):
        await house.let("carl@example.net", "l")
    await house.let("bob@example.org", "lr")


async def test_users_who_go_take_their_rights_along(house: House, add_user) -> None:
    await house.let("bob@example.org", "lr")
    await house.database.write(users.delete, house.bob.account_id)
    assert await house.database.read(acl_entries.count, (await house.box()).id) == 0
    again = await house.database.write(add_user, "bob@example.org")
    bob = access.Actor(again.account_id, again.address, again.domain_id, again.role)
    assert await house.rights(bob, INBOX) is None


async def test_mailboxes_that_go_take_their_lists_along(house: House) -> None:
    made = await house.database.write(mailboxes.create, house.ann.account_id, "a")
    await house.let("bob@example.org", "lr", "a")
    await house.database.write(mailboxes.delete, house.ann.account_id, "a")
    assert await house.database.read(acl_entries.count, made.id) == 0
    await house.let("bob@example.org", "lr")
    await house.database.write(users.delete, house.ann.account_id)
    assert await house.seen(house.bob) == {}


async def test_lists_are_inherited_and_stay(house: House) -> None:
    owner = house.ann.account_id
    await house.database.write(mailboxes.create, owner, "a")
    await house.let("bob@example.org", "lr", "a")
    await house.database.write(mailboxes.create, owner, "a/b/c")
    prefix = "Other Users/ann@example.org/"
    lr = Right.LOOKUP | Right.READ
    assert await house.seen(house.bob) == {
        f"{prefix}a": lr,
        f"{prefix}a/b": lr,
        f"{prefix}a/b/c": lr,
    }
    await house.database.write(mailboxes.rename, owner, "a/b", "z")
    assert set(await house.seen(house.bob)) == {f"{prefix}a", f"{prefix}z", f"{prefix}z/c"}


async def test_old_mailboxes_of_kept_names(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Other Users/x", "Shared/x", "Shared", "Other Users", INBOX):
        with pytest.raises(Invalid):
            await house.database.write(mailboxes.create, house.bob.account_id, name)
        with pytest.raises(Invalid):
            await house.database.write(mailboxes.rename, house.bob.account_id, "Sent", name)
    with monkeypatch.context() as before:
        before.setattr(mailboxes, "NAMESPACES", ())
        await house.database.write(mailboxes.create, house.bob.account_id, INBOX)
    await house.let("bob@example.org", "lr")
    found = await house.database.read(access.find, house.bob, INBOX)
    assert found is not None
    assert found.mailbox.account_id == house.bob.account_id
    await house.database.write(mailboxes.rename, house.bob.account_id, INBOX, "mine")
    found = await house.database.read(access.find, house.bob, INBOX)
    assert found is not None
    assert found.mailbox.account_id == house.ann.account_id


async def test_own_mailboxes_cost_no_further_query(house: House) -> None:
    def unit(tx: Tx) -> int:
        asked = 0
        one, every = tx.one, tx.all

        class Spy:
            now_ms = tx.now_ms

            def one(self, *args, **params):
                nonlocal asked
                asked += 1
                return one(*args, **params)

            def all(self, *args, **params):
                nonlocal asked
                asked += 1
                return every(*args, **params)

        spy = Spy()
        found = access.find(spy, house.ann, "INBOX")
        assert asked == 1
        access.check(spy, house.ann, house.ann.account_id, found.mailbox.id, ALL_RIGHTS)
        access.rights_on(spy, house.ann, house.ann.account_id, found.mailbox.id)
        assert asked == 1
        access.visible(spy, house.ann)
        return asked

    assert await house.database.read(unit) == 2

"""Mailboxes: names, trees, INBOX, UIDVALIDITY, special uses and subscriptions."""

import asyncio

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from kit.mail import SMALL, MailAccount
from pillarbox.base.errors import Exists, Failure, Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.mailboxes import canonical_name
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.mail.tables import expunged, messages, unplaced
from pillarbox.storage.tx import Tx

DEFAULTS = {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}


async def create(account: MailAccount, name: str, use: str | None = None) -> Mailbox:
    return await account.database.write(mailboxes.create, account.id, name, use)


async def rename(account: MailAccount, old: str, new: str) -> None:
    await account.database.write(mailboxes.rename, account.id, old, new)


async def delete(account: MailAccount, name: str) -> None:
    await account.database.write(mailboxes.delete, account.id, name)


async def names(account: MailAccount) -> set[str]:
    """The mailboxes beside those every account begins with."""
    found = await account.database.read(mailboxes.all_of, account.id)
    assert len({box.name for box in found}) == len(found)
    return {box.name for box in found} - DEFAULTS


async def subscriptions(account: MailAccount) -> set[str]:
    return await account.database.read(mailboxes.subscriptions, account.id) - DEFAULTS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inbox", "INBOX"),
        ("iNbOx/Sub", "INBOX/Sub"),
        ("a/inbox", "a/inbox"),
        ("Inboxes", "Inboxes"),
        ("Cafe\u0301", "Café"),
        (" a ", " a "),
        ("日本/語", "日本/語"),
        ("x" * 255, "x" * 255),
        ("/".join("x" * 32), "/".join("x" * 32)),
    ],
)
def test_canonical_name(name: str, expected: str) -> None:
    assert canonical_name(name) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", Invalid),
        ("/", Invalid),
        ("/a", Invalid),
        ("a/", Invalid),
        ("a//b", Invalid),
        (" ", Invalid),
        ("a/  /b", Invalid),
        ("a\0b", Invalid),
        ("a\nb", Invalid),
        ("a\x7f", Invalid),
        ("a\udc80", Invalid),
        ("x" * 256, TooLarge),
        ("/".join("x" * 33), TooLarge),
        ("/".join(["x" * 200] * 6), TooLarge),
        ("/".join(["😀" * 200] * 3), TooLarge),
    ],
)
def test_no_canonical_name(name: str, kind: type[Failure]) -> None:
    with pytest.raises(kind):
        canonical_name(name)


async def test_defaults(account: MailAccount) -> None:
    found = await account.database.read(mailboxes.all_of, account.id)
    assert {box.name: box.special_use for box in found} == dict(mailboxes.DEFAULTS)
    assert len({box.uidvalidity for box in found}) == len(found)
    subscribed = await account.database.read(mailboxes.subscriptions, account.id)
    assert subscribed == DEFAULTS
    box = await account.box("inbox")
    assert box.name == "INBOX"
    assert await account.database.read(mailboxes.get, box.id) == box
    assert await account.database.read(mailboxes.get, MailboxId(4)) is None
    for odd in ("nowhere", "", "a//b", "a\udc80", "x" * 300):
        assert await account.database.read(mailboxes.by_name, account.id, odd) is None


async def test_create_makes_parents(account: MailAccount) -> None:
    made = await create(account, "a/b/c")
    assert made == await account.box("a/b/c")
    assert await names(account) == {"a", "a/b", "a/b/c"}
    await create(account, "a/b/d")
    assert await names(account) == {"a", "a/b", "a/b/c", "a/b/d"}
    for name in ("a/b", "INBOX", "inbox", "Sent"):
        with pytest.raises(Exists):
            await create(account, name)
    await create(account, "SENT")
    await create(account, "inbox/x")
    assert {"SENT", "INBOX/x"} < await names(account)


async def test_longest_names_can_be_kept(account: MailAccount) -> None:
    # Letters that don't compress: an index entry has to hold them.
    letters = [chr(0x4E00 + number * 37 % 20000) for number in range(660)]
    name = "/".join("".join(letters[start : start + 220]) for start in (0, 220, 440))
    await create(account, name)
    await account.database.write(mailboxes.subscribe, account.id, name)
    assert name in await names(account)
    assert await subscriptions(account) == {name}


async def test_special_uses(account: MailAccount) -> None:
    made = await create(account, "Old", "\\Archive")
    assert made.special_use == "\\Archive"
    with pytest.raises(Invalid):
        await create(account, "Odd", "\\Odd")
    database = account.database
    first = await database.read(mailboxes.by_special_use, account.id, "\\Archive")
    assert first is not None
    assert first.name == "Archive"
    assert await database.read(mailboxes.by_special_use, account.id, "\\All") is None
    await rename(account, "Archive", "Elsewhere")
    assert (await account.box("Elsewhere")).special_use == "\\Archive"
    await delete(account, "Elsewhere")
    left = await database.read(mailboxes.by_special_use, account.id, "\\Archive")
    assert left is not None
    assert left.name == "Old"


async def test_rename_takes_the_tree_along(account: MailAccount) -> None:
    for name in ("a/b/c", "a/d", "ab/c", "a-b"):
        await create(account, name)
    await account.fill(2, "a/b")
    before = await account.box("a/b")
    for name in ("a", "a/b/c", "ab/c"):
        await account.database.write(mailboxes.subscribe, account.id, name)
    await rename(account, "a", "x/y")
    assert await names(account) == {"x", "x/y", "x/y/b", "x/y/b/c", "x/y/d", "ab", "ab/c", "a-b"}
    assert await subscriptions(account) == {"x/y", "x/y/b/c", "ab/c"}
    after = await account.box("x/y/b")
    assert (after.id, after.uidvalidity, after.total) == (before.id, before.uidvalidity, 2)
    assert await account.uids("x/y/b") == [1, 2]
    assert await account.database.read(mailboxes.by_name, account.id, "a/b") is None


async def test_rename_that_cannot_be(account: MailAccount) -> None:
    deep = "/".join("d" * 31)
    for name in ("a/b", "c/b", "c/x", deep):
        await create(account, name)
    before = await names(account)
    await account.database.write(mailboxes.delete, account.id, "c")
    for old, new, kind in (
        ("nothing", "z", NotFound),
        ("a", "a", Exists),
        ("a", "INBOX", Exists),
        ("a", "a/z", Invalid),
        ("a", "c", Exists),
        ("a", "z/", Invalid),
        ("d", "z/z/z", TooLarge),
        ("INBOX", "a", Exists),
    ):
        with pytest.raises(kind):
            await rename(account, old, new)
    assert await names(account) == before - {"c"}


async def test_rename_of_inbox_moves_its_messages(account: MailAccount) -> None:
    await create(account, "INBOX/child")
    await account.fill(3)
    used = await account.usage()
    before = await account.box()
    await rename(account, "inbox", "old/mail")
    assert await names(account) == {"INBOX/child", "old", "old/mail"}
    assert await account.uids() == []
    assert await account.contents("old/mail") == [SMALL] * 3
    inbox = await account.box()
    assert (inbox.id, inbox.uidvalidity, inbox.uidnext) == (before.id, before.uidvalidity, 4)
    assert (inbox.total, inbox.size_bytes) == (0, 0)
    assert await account.usage() == used
    await rename(account, "INBOX", "empty")
    assert await account.uids("empty") == []


async def test_delete_keeps_children_and_subscriptions(account: MailAccount) -> None:
    await create(account, "a/b")
    await account.database.write(mailboxes.subscribe, account.id, "a")
    await account.fill(2, "a")
    await account.fill(1, "a/b")
    await delete(account, "a")
    assert await names(account) == {"a/b"}
    assert await account.uids("a/b") == [1]
    assert await account.usage() == (len(SMALL), 1)
    assert await subscriptions(account) == {"a"}
    for name, kind in (("a", NotFound), ("inbox", Invalid), ("", NotFound)):
        with pytest.raises(kind):
            await delete(account, name)
    await create(account, "a")
    assert await account.uids("a") == []


def _leftovers(tx: Tx, mailbox: MailboxId) -> list[int]:
    cores = (
        select(func.count()).select_from(messages).where(messages.c.mailbox_id == mailbox),
        select(func.count()).select_from(expunged).where(expunged.c.mailbox_id == mailbox),
        select(func.count()).select_from(unplaced),
    )
    return [tx.select(core)[0][0] for core in cores]


async def test_delete_leaves_only_what_is_to_be_swept(account: MailAccount) -> None:
    made = await create(account, "a")
    await account.fill(3, "a")
    await delete(account, "a")
    assert await account.database.read(_leftovers, made.id) == [0, 0, 3]
    assert await account.usage() == (0, 0)


async def test_uidvalidity_never_comes_again(account: MailAccount, clock: FakeClock) -> None:
    given = [(await create(account, "a")).uidvalidity]
    for _ in range(4):
        await delete(account, "a")
        given.append((await create(account, "a")).uidvalidity)
    clock.advance(days=2)
    await rename(account, "a", "b")
    given.append((await create(account, "a")).uidvalidity)
    assert given == sorted(set(given))
    assert given[-1] == clock.now_ms() // 1000
    clock.advance(days=-9)
    assert (await create(account, "z")).uidvalidity > given[-1]
    assert all(0 < value < 2**32 for value in given)


async def test_subscriptions(account: MailAccount) -> None:
    database = account.database
    for name in ("not/there", "not/there", "inbox"):
        await database.write(mailboxes.subscribe, account.id, name)
    assert await subscriptions(account) == {"not/there"}
    await database.write(mailboxes.unsubscribe, account.id, "not/there")
    await database.write(mailboxes.unsubscribe, account.id, "not/there")
    assert await subscriptions(account) == set()
    await database.write(mailboxes.unsubscribe, account.id, "iNBOX")
    subscribed = await database.read(mailboxes.subscriptions, account.id)
    assert subscribed == DEFAULTS - {"INBOX"}


async def test_unknown_account(account: MailAccount) -> None:
    with pytest.raises(NotFound):
        await account.database.write(mailboxes.create, AccountId(5), "a")


async def test_changes_are_logged(account: MailAccount, published: list[str]) -> None:
    database = account.database
    since = await database.read(changes.current_modseq, account.id)
    published.clear()
    made = await create(account, "a")
    await rename(account, "a", "b")
    await delete(account, "b")
    found = await database.read(changes.since, account.id, since)
    assert [row[1:] for row in found] == [(changes.Kind.MAILBOX, made.id)] * 3
    assert published == [changes.topic(account.id)] * 3


async def test_delete_all(account: MailAccount) -> None:
    await create(account, "a/b")
    await account.fill(2)
    await account.fill(1, "a/b")
    await account.database.write(mailboxes.delete_all, account.id)
    assert await account.database.read(mailboxes.all_of, account.id) == []
    assert await account.database.read(mailboxes.subscriptions, account.id) == set()
    assert await account.usage() == (0, 0)


async def test_created_at_once(account: MailAccount) -> None:
    done = await asyncio.gather(
        *(create(account, f"a/b/{number % 4}") for number in range(8)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Exists"] * 4 + ["Mailbox"] * 4
    assert await names(account) == {"a", "a/b", "a/b/0", "a/b/1", "a/b/2", "a/b/3"}


async def test_delete_while_mail_comes_in(account: MailAccount) -> None:
    await create(account, "a")

    async def deliver() -> int:
        done = await asyncio.gather(
            *(account.put(name="a") for _ in range(5)), return_exceptions=True
        )
        return len([one for one in done if not isinstance(one, BaseException)])

    await asyncio.gather(deliver(), delete(account, "a"))
    left = [box for box in await account.database.read(mailboxes.all_of, account.id) if box.total]
    assert left == []
    assert await account.usage() == (0, 0)


async def test_making_one_does_not_read_them_all(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many mailboxes each further one would keep the writer longer."""
    monkeypatch.delattr(mailboxes, "all_of")
    await create(account, "one/two/three")
    await create(account, "one/four")


async def test_mailboxes_and_subscriptions_have_a_limit(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "MAX_MAILBOXES", len(DEFAULTS) + 2)
    with pytest.raises(TooLarge):
        await create(account, "a/b/c")
    await create(account, "a/b")
    for number in range(2):
        await account.database.write(mailboxes.subscribe, account.id, f"name {number}")
    with pytest.raises(TooLarge):
        await account.database.write(mailboxes.subscribe, account.id, "one more")
    await account.database.write(mailboxes.subscribe, account.id, "name 0")


async def test_mailboxes_that_went_make_room(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "MAX_MAILBOXES", len(DEFAULTS) + 1)
    for _ in range(3):
        await create(account, "a")
        with pytest.raises(TooLarge):
            await create(account, "b")
        await rename(account, "a", "c")
        await delete(account, "c")
    assert await names(account) == set()


async def test_mailboxes_of_features(account: MailAccount) -> None:
    """They come with their feature; none is on yet."""
    assert not {name for name, _ in mailboxes.FEATURE_DEFAULTS} & DEFAULTS
    await account.database.write(mailboxes.delete_all, account.id)
    await account.database.write(mailboxes.create_defaults, account.id, ("Snoozed",))
    assert await names(account) == {"Snoozed"}
    assert (await account.box("Snoozed")).special_use == "\\Snoozed"
    assert await subscriptions(account) == {"Snoozed"}
    with pytest.raises(Invalid):
        await create(account, "Later", "\\Snoozed")


def _fill(tx: Tx, account: AccountId, count: int) -> None:
    for number in range(count):
        mailboxes.create(tx, account, f"tree/{number}")
        mailboxes.subscribe(tx, account, f"tree/{number}")


async def test_a_large_tree_is_renamed_at_once(account: MailAccount, published: list[str]) -> None:
    await account.database.write(_fill, account.id, 500)
    await account.database.write(mailboxes.subscribe, account.id, "new/7")
    published.clear()
    await rename(account, "tree", "new")
    assert await names(account) == {"new"} | {f"new/{number}" for number in range(500)}
    assert await subscriptions(account) == {f"new/{number}" for number in range(500)}
    assert published == [changes.topic(account.id)]


async def test_below(account: MailAccount) -> None:
    await create(account, "a_b/c")
    for name, expected in (("a_b", True), ("A_B", False), ("axb", False), ("a_b/c", False)):
        found = await account.database.read(mailboxes.has_below, account.id, name)
        assert found is expected, name
    await rename(account, "a_b", "a%")
    await create(account, "a_b")
    assert await account.database.read(mailboxes.has_below, account.id, "a%")
    assert not await account.database.read(mailboxes.has_below, account.id, "a_b")

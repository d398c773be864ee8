"""Removing messages: tombstones, counters, quota, and what was not asked for stays."""

import asyncio

import pytest

from kit.mail import EVERYTHING, SMALL, MailAccount
from pillarbox.base.errors import NotFound
from pillarbox.domain.mail import read
from pillarbox.domain.mail.expunge import expunge, remove
from pillarbox.domain.mail.model import Flag, FlagSet


async def fill(account: MailAccount, deleted: set[int], count: int) -> None:
    for uid in range(1, count + 1):
        await account.put(flags=FlagSet(Flag.DELETED if uid in deleted else Flag.SEEN))


async def test_only_deleted_messages_go(account: MailAccount) -> None:
    await fill(account, {2, 3, 5}, 6)
    before, since = await account.rows(), (await account.box()).modseq
    assert await account.do(expunge, "INBOX", None) == (2, 3, 5)
    assert await account.rows() == {uid: before[uid] for uid in (1, 4, 6)}
    box = await account.box()
    assert (box.total, box.unseen, box.deleted, box.uidnext) == (3, 0, 0, 7)
    assert box.size_bytes == 3 * len(SMALL)
    assert box.modseq == since + 1
    assert await account.usage() == (3 * len(SMALL), 3)
    changed = await account.database.read(read.changed, box.id, since)
    assert (changed.modseq, changed.rows, changed.gone) == (box.modseq, [], [2, 3, 5])


async def test_only_within_ranges(account: MailAccount) -> None:
    await fill(account, {1, 2, 4, 6, 8}, 8)
    assert await account.do(expunge, "INBOX", ((2, 5), (8, 20))) == (2, 4, 8)
    assert await account.uids() == [1, 3, 5, 6, 7]
    assert (await account.box()).deleted == 2


async def test_nothing_to_remove_changes_nothing(
    account: MailAccount, published: list[str]
) -> None:
    await fill(account, {2}, 3)
    before = await account.box()
    published.clear()
    assert await account.do(expunge, "INBOX", ()) == ()
    assert await account.do(expunge, "INBOX", ((1, 1), (3, 9))) == ()
    assert await account.do(remove, "INBOX", ()) == ()
    assert await account.do(remove, "INBOX", ((7, 9),)) == ()
    assert await account.box() == before
    assert published == []
    assert await account.do(expunge, "INBOX", None) == (2,)
    assert len(published) == 1


async def test_remove_asks_no_flags(account: MailAccount) -> None:
    await fill(account, {2}, 4)
    assert await account.do(remove, "INBOX", ((1, 2), (4, 4))) == (1, 2, 4)
    box = await account.box()
    assert await account.uids() == [3]
    assert (box.total, box.deleted, box.size_bytes) == (1, 0, len(SMALL))


async def test_uids_are_not_used_again(account: MailAccount) -> None:
    await account.fill(2)
    await account.do(remove, "INBOX", EVERYTHING)
    assert (await account.put()).uid == 3
    assert await account.uids() == [3]


async def test_mailbox_of_another_account_is_refused(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    await account.fill(1)
    with pytest.raises(NotFound):
        await account.database.write(remove, other.id, (await account.box()).id, EVERYTHING)
    assert await account.uids() == [1]
    assert await other.usage() == (0, 0)


async def test_expunged_at_once_counts_once(account: MailAccount) -> None:
    await fill(account, {1, 3}, 4)
    gone = await asyncio.gather(*(account.do(expunge, "INBOX", None) for _ in range(6)))
    assert sorted(gone) == [()] * 5 + [(1, 3)]
    box = await account.box()
    assert (box.total, box.deleted, box.size_bytes) == (2, 0, 2 * len(SMALL))
    assert await account.usage() == (2 * len(SMALL), 2)


async def test_expunged_since_within_ranges(account: MailAccount) -> None:
    await account.fill(9)
    box = await account.box()
    for uid in (1, 3, 4, 8):
        await account.do(remove, "INBOX", ((uid, uid),))

    async def since(modseq: int, ranges: tuple[tuple[int, int], ...] | None) -> list[int]:
        return await account.database.read(read.expunged_since, box.id, modseq, ranges)

    assert await since(box.modseq, None) == [1, 3, 4, 8]
    assert await since(box.modseq + 2, None) == [4, 8]
    assert await since(box.modseq, ((1, 2), (4, 7))) == [1, 4]
    assert await since(box.modseq, ((5, 7), (9, 100))) == []
    assert await since(box.modseq, ()) == []

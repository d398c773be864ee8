"""Copies and moves: order, UIDs, quota and what a view of either mailbox is told."""

import asyncio

import pytest

from kit.mail import EVERYTHING, SMALL, MailAccount
from pillarbox.base.errors import NotFound, OverQuota
from pillarbox.base.ids import MailboxId
from pillarbox.domain.changes import current_modseq
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.copy import copy, move
from pillarbox.domain.mail.model import Copied, Flag, FlagSet
from pillarbox.storage.db import Database


async def to(account: MailAccount, name: str) -> MailboxId:
    return (await account.box(name)).id


async def fill(account: MailAccount) -> None:
    for number, bits in enumerate((Flag.SEEN, 0, Flag.DELETED, 0, Flag.FLAGGED)):
        await account.put(b"%d" % number, flags=FlagSet(bits, (f"k{number}",)), internal_ms=number)


async def test_copy_keeps_order_flags_and_dates(account: MailAccount) -> None:
    await fill(account)
    await account.fill(2, "Archive")
    target = await account.box("Archive")
    done = await account.do(copy, "INBOX", ((2, 3), (5, 5)), target.id)
    assert done == Copied(target.id, target.uidvalidity, (2, 3, 5), (3, 4, 5))
    assert await account.uids() == [1, 2, 3, 4, 5]
    rows = await account.rows("Archive")
    assert [rows[uid][:2] for uid in (3, 4, 5)] == [
        (0, "k1"),
        (Flag.DELETED, "k2"),
        (Flag.FLAGGED, "k4"),
    ]
    found = await account.database.read(read.rows, target.id, ((3, 5),))
    assert [row[4] for row in found] == [1, 2, 4]
    assert (await account.contents("Archive"))[2:] == [b"1", b"2", b"4"]
    box = await account.box("Archive")
    assert (box.total, box.unseen, box.deleted, box.uidnext) == (5, 5, 1, 6)
    assert await account.usage() == (8 + 2 * len(SMALL), 10)


async def test_copy_within_a_mailbox(account: MailAccount) -> None:
    await fill(account)
    done = await account.do(copy, "INBOX", EVERYTHING, await to(account, "INBOX"))
    assert done.uids == (6, 7, 8, 9, 10)
    box = await account.box()
    assert (box.total, box.unseen, box.deleted) == (10, 8, 2)
    assert len({row[7] for row in await account.database.read(read.rows, box.id, EVERYTHING)}) == 5


async def test_copy_over_quota_copies_nothing(account: MailAccount) -> None:
    tight = await MailAccount.open(account.database, account.store, 3 * len(SMALL))
    await tight.fill(2)
    before = [await tight.box(), await tight.box("Archive")]
    with pytest.raises(OverQuota):
        await tight.do(copy, "INBOX", EVERYTHING, await to(tight, "Archive"))
    assert [await tight.box(), await tight.box("Archive")] == before
    assert await tight.usage() == (2 * len(SMALL), 2)
    await tight.do(copy, "INBOX", ((2, 2),), await to(tight, "Archive"))
    await tight.do(move, "INBOX", EVERYTHING, await to(tight, "Archive"))
    assert await tight.uids("Archive") == [1, 2, 3]


async def test_move_takes_messages_away(account: MailAccount) -> None:
    await fill(account)
    inbox, archive = await account.box(), await account.box("Archive")
    used = await account.usage()
    done = await account.do(move, "INBOX", ((1, 1), (3, 4)), archive.id)
    assert done == Copied(archive.id, archive.uidvalidity, (1, 3, 4), (1, 2, 3))
    assert await account.uids() == [2, 5]
    assert await account.contents("Archive") == [b"0", b"2", b"3"]
    here, there = await account.box(), await account.box("Archive")
    assert (here.total, here.unseen, here.deleted, here.size_bytes) == (2, 2, 0, 2)
    assert (there.total, there.unseen, there.deleted, there.size_bytes) == (3, 2, 1, 3)
    assert await account.usage() == used
    left = await account.database.read(read.changed, inbox.id, inbox.modseq)
    came = await account.database.read(read.changed, archive.id, archive.modseq)
    assert (left.rows, left.gone) == ([], [1, 3, 4])
    assert ([row[0] for row in came.rows], came.gone) == ([1, 2, 3], [])
    assert left.modseq == came.modseq == here.modseq == there.modseq
    assert all(row[3] == row[4] == came.modseq for row in came.rows)


async def test_move_within_a_mailbox_gives_new_uids(account: MailAccount) -> None:
    await fill(account)
    before = await account.box()
    done = await account.do(move, "INBOX", ((2, 3), (5, 100)), before.id)
    assert (done.source_uids, done.uids) == ((2, 3, 5), (6, 7, 8))
    after = await account.box()
    assert await account.uids() == [1, 4, 6, 7, 8]
    assert (after.total, after.unseen, after.deleted) == (5, 4, 1)
    assert after.size_bytes == before.size_bytes
    changed = await account.database.read(read.changed, before.id, before.modseq)
    assert [row[0] for row in changed.rows] == [6, 7, 8]
    assert changed.gone == [2, 3, 5]


@pytest.mark.parametrize("how", [copy, move])
async def test_of_nothing(account: MailAccount, how: object) -> None:
    await fill(account)
    done = await account.do(how, "INBOX", ((7, 9),), await to(account, "Archive"))  # type: ignore[arg-type]
    assert (done.source_uids, done.uids) == ((), ())
    assert await account.uids() == [1, 2, 3, 4, 5]
    assert await account.uids("Archive") == []


@pytest.mark.parametrize("how", [copy, move])
async def test_unknown_target_changes_nothing(account: MailAccount, how: object) -> None:
    other = await MailAccount.open(account.database, account.store)
    await fill(account)
    used = await account.usage()
    for target in (MailboxId(3), await to(other, "INBOX")):
        with pytest.raises(NotFound):
            await account.do(how, "INBOX", EVERYTHING, target)  # type: ignore[arg-type]
    assert await account.uids() == [1, 2, 3, 4, 5]
    assert await account.usage() == used
    assert await other.uids() == []


async def test_moves_at_once_place_each_message_once(account: MailAccount) -> None:
    await fill(account)
    await account.database.write(mailboxes.create, account.id, "Other")
    targets = [await to(account, "Archive"), await to(account, "Other")] * 3
    done = await asyncio.gather(
        *(account.do(move, "INBOX", EVERYTHING, target) for target in targets)
    )
    assert sorted(len(one.uids) for one in done) == [0, 0, 0, 0, 0, 5]
    boxes = [await account.box(name) for name in ("INBOX", "Archive", "Other")]
    assert sorted(box.total for box in boxes) == [0, 0, 5]
    assert sum(box.size_bytes for box in boxes) == 5
    for box in boxes:
        assert len(await account.uids(box.name)) == box.total


async def test_mailbox_of_another_account_is_no_source(
    account: MailAccount, database: Database
) -> None:
    other = await MailAccount.open(database, account.store)
    await other.put()
    source, target = await other.box("INBOX"), await account.box("Trash")
    for act in (copy, move):
        with pytest.raises(NotFound):
            await database.write(act, account.id, source.id, EVERYTHING, target.id)
    assert (await account.box("Trash")).total == 0
    assert (await other.box("INBOX")).total == 1


async def test_copying_nothing_changes_nothing(account: MailAccount, database: Database) -> None:
    before = await database.read(current_modseq, account.id)
    for act in (copy, move):
        done = await account.do(act, "INBOX", EVERYTHING, (await account.box("Trash")).id)
        assert isinstance(done, Copied)
        assert (done.source_uids, done.uids) == ((), ())
    assert await database.read(current_modseq, account.id) == before

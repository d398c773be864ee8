"""Copies and moves between accounts: content is shared, everything else is the target's own."""

import asyncio

import pytest
from sqlalchemy import func, select

from kit.mail import EVERYTHING, SMALL, MailAccount
from pillarbox.base.errors import OverQuota, TooLarge, Unavailable
from pillarbox.domain.mail import copy as copying
from pillarbox.domain.mail import read, sweep
from pillarbox.domain.mail.copy import Box, Expunged, copy, copy_across, move, open_emails
from pillarbox.domain.mail.flags import EVERY_FLAG, Changeable
from pillarbox.domain.mail.model import Copied, Flag, FlagSet
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.mail.tables import emails, uneven
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

LARGE = SMALL + b"x" * 5000 + b"\r\n"


@pytest.fixture
async def other(account: MailAccount) -> MailAccount:
    """A second account."""
    return await MailAccount.open(account.database, account.store)


async def across(
    source: MailAccount,
    target: MailAccount,
    ranges: UidRanges = EVERYTHING,
    *,
    may: Changeable = EVERY_FLAG,
    expected: int | None = None,
    moving: bool = False,
    opened: copying.Emails | None = None,
) -> Copied:
    """From INBOX to INBOX."""
    store, database = source.store, source.database
    here = Box(source.id, (await source.box()).id)
    there = Box(target.id, (await target.box()).id)
    if opened is None:
        opened = await database.read(open_emails, store, *(source.id, here.mailbox), ranges)
    arguments = (here, ranges, there, opened, may, expected, moving)
    return await database.write(copy_across, store, *arguments)


def _rows(tx: Tx) -> tuple[int, int, int]:
    tables = (emails, blobs, uneven)
    first, second, third = (tx.select(select(func.count()).select_from(one)) for one in tables)
    return first[0][0], second[0][0], third[0][0]


async def test_copy(account: MailAccount, other: MailAccount, database: Database) -> None:
    flags = FlagSet(Flag.SEEN | Flag.DELETED, ("k",))
    await account.put(SMALL, flags=flags, internal_ms=5)
    await account.put(LARGE, internal_ms=6)
    await other.fill(1)
    done = await across(account, other)
    box = await other.box()
    assert done == Copied(box.id, box.uidvalidity, (1, 2), (2, 3))
    assert await other.contents() == [SMALL, SMALL, LARGE]
    assert await account.contents() == [SMALL, LARGE]
    rows = await database.read(read.rows, box.id, ((2, 3),))
    assert [(row[1], row[2], row[4], row[5]) for row in rows] == [
        (flags.bits, "k", 5, len(SMALL)),
        (0, None, 6, len(LARGE)),
    ]
    assert (box.total, box.unseen, box.deleted) == (3, 2, 1)
    assert await other.usage() == (len(SMALL) * 2 + len(LARGE), 3)
    assert await account.usage() == (len(SMALL) + len(LARGE), 2)
    # Three emails were stored, two of them have a second row and no second blob.
    assert await database.read(_rows) == (5, 3, 0)
    summaries, _ = await database.read(read.summaries, other.store, other.id, box.id, EVERYTHING)
    assert len(summaries) == 3


async def test_an_email_that_is_there_twice_comes_once(
    account: MailAccount, other: MailAccount, database: Database
) -> None:
    await account.put(b"no line end\nat all\n")
    await account.do(copy, "INBOX", EVERYTHING, (await account.box()).id)
    assert await database.read(_rows) == (1, 1, 1)
    await across(account, other)
    assert await database.read(_rows) == (2, 1, 2)
    assert await other.uids() == [1, 2]


async def test_flags_that_may_not_be_set(account: MailAccount, other: MailAccount) -> None:
    await account.put(flags=FlagSet(Flag.SEEN | Flag.DELETED | Flag.FLAGGED, ("k",)))
    for may, expected in (
        (Changeable(Flag.SEEN, False), (Flag.SEEN, None)),
        (Changeable(Flag.FLAGGED, True), (Flag.FLAGGED, "k")),
        (Changeable(0, False), (0, None)),
    ):
        done = await across(account, other, may=may)
        assert (await other.rows())[done.uids[0]][:2] == expected
    box = await other.box()
    assert (box.unseen, box.deleted) == (2, 0)
    target = (await account.box("Archive")).id
    await account.do(copy, "INBOX", EVERYTHING, target, Changeable(0, False))
    assert (await account.rows("Archive"))[1][:2] == (0, None)


async def test_move(account: MailAccount, other: MailAccount, database: Database) -> None:
    await account.fill(3)
    done = await across(account, other, ((1, 2),), moving=True)
    assert (done.source_uids, done.uids) == ((1, 2), (1, 2))
    assert await account.uids() == [3]
    assert await account.usage() == (len(SMALL), 1)
    assert await other.usage() == (len(SMALL) * 2, 2)
    found = await database.read(read.expunged_since, (await account.box()).id, 0, None)
    assert found == [1, 2]


async def test_content_outlives_its_first_owner(
    account: MailAccount, other: MailAccount, database: Database
) -> None:
    await account.put(LARGE)
    await across(account, other, moving=True)
    until_ms = 1 << 60
    count, gone = await database.write(sweep.sweep, account.store.blobs, until_ms, 10)
    assert (count, gone) == (1, [])
    assert await other.contents() == [LARGE]
    await other.do(move, "INBOX", EVERYTHING, (await other.box("Trash")).id)
    assert await other.contents("Trash") == [LARGE]


async def test_the_quota_is_the_targets(account: MailAccount) -> None:
    small = await MailAccount.open(account.database, account.store, len(SMALL))
    await account.fill(2)
    with pytest.raises(OverQuota):
        await across(account, small, moving=True)
    assert await small.uids() == []
    assert await account.uids() == [1, 2]
    await across(account, small, ((2, 2),))
    assert await small.usage() == (len(SMALL), 1)


async def test_all_or_none(account: MailAccount, other: MailAccount) -> None:
    await account.fill(3)
    await account.do(move, "INBOX", ((2, 2),), (await account.box("Trash")).id)
    with pytest.raises(Expunged):
        await across(account, other, expected=3)
    for fn in (copy, move):
        with pytest.raises(Expunged):
            await account.do(
                fn, "INBOX", EVERYTHING, (await account.box("Archive")).id, EVERY_FLAG, 3
            )
    assert await account.uids("Archive") == await other.uids() == []
    assert (await across(account, other, expected=2)).uids == (1, 2)


async def test_nothing_to_copy(account: MailAccount, other: MailAccount) -> None:
    assert (await across(account, other)).uids == ()
    assert (await across(account, other, ())).uids == ()


async def test_limit(
    account: MailAccount, other: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MAX_ACROSS", 2)
    await account.fill(3)
    for ranges in (EVERYTHING, ((1, 1), (2, 3))):
        with pytest.raises(TooLarge):
            await across(account, other, ranges)
    await across(account, other, ((1, 1), (3, 3)))


async def test_each_account_has_its_own_key(
    account: MailAccount, other: MailAccount, database: Database
) -> None:
    await account.put(SMALL)
    await across(account, other)
    box = (await other.box()).id
    with pytest.raises(Unavailable):
        await database.read(read.contents, account.store, account.id, box, EVERYTHING, False)


async def test_both_ways_at_once(account: MailAccount, other: MailAccount) -> None:
    """Both accounts are locked in one order, whichever is the source."""
    for one in (account, other):
        await one.fill(4)
    ways = ((account, other), (other, account))
    done = await asyncio.gather(
        *(across(*ways[n % 2], ((n // 2 + 1,) * 2,), moving=True) for n in range(8))
    )
    assert [len(one.uids) for one in done] == [1] * 8
    assert await account.usage() == await other.usage() == (len(SMALL) * 4, 4)

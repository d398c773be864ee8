"""Changing flags: which rows change, which don't, and that the counters stay exact."""

import asyncio

import pytest

from kit.mail import EVERYTHING, MailAccount
from pillarbox.base.errors import Invalid, NotFound
from pillarbox.domain.changes import current_modseq
from pillarbox.domain.mail.flags import FlagChange, FlagsChanged, change_flags
from pillarbox.domain.mail.model import MAX_KEYWORDS_PER_MESSAGE, Flag, FlagSet

ADD, REMOVE, SET = FlagChange.ADD, FlagChange.REMOVE, FlagChange.SET


async def change(
    account: MailAccount,
    ranges: tuple[tuple[int, int], ...],
    how: FlagChange,
    bits: int = 0,
    *keywords: str,
    unchanged_since: int | None = None,
) -> FlagsChanged:
    flags = FlagSet(bits, keywords)
    done = await account.do(change_flags, "INBOX", ranges, how, flags, unchanged_since)
    assert isinstance(done, FlagsChanged)
    return done


async def test_add_remove_and_set(account: MailAccount) -> None:
    await account.put(flags=FlagSet(Flag.SEEN, ("b",)))
    await change(account, EVERYTHING, ADD, Flag.FLAGGED, "a", "c")
    assert (await account.rows())[1][:2] == (Flag.SEEN | Flag.FLAGGED, "a b c")
    await change(account, EVERYTHING, REMOVE, Flag.SEEN, "b", "never")
    assert (await account.rows())[1][:2] == (Flag.FLAGGED, "a c")
    done = await change(account, EVERYTHING, SET, Flag.DRAFT, "z")
    assert (await account.rows())[1] == (Flag.DRAFT, "z", done.modseq)
    assert done.rows == [(1, Flag.DRAFT, "z", done.modseq)]
    await change(account, EVERYTHING, SET)
    assert (await account.rows())[1][:2] == (0, None)


async def test_counters_are_exact(account: MailAccount) -> None:
    for flags in (0, Flag.SEEN, Flag.DELETED, Flag.SEEN | Flag.DELETED):
        await account.put(flags=FlagSet(flags))
    seen_and_deleted = Flag.SEEN | Flag.DELETED
    for ranges, how, bits, unseen, deleted in (
        (((1, 2),), ADD, seen_and_deleted, 1, 4),
        (((1, 4),), REMOVE, Flag.SEEN, 4, 4),
        (((2, 3),), SET, Flag.SEEN, 2, 2),
        (((1, 4),), SET, seen_and_deleted, 0, 4),
        (((1, 4),), SET, 0, 4, 0),
    ):
        await change(account, ranges, how, bits)
        box = await account.box()
        assert (box.total, box.unseen, box.deleted) == (4, unseen, deleted)


async def test_unchanged_rows_keep_their_modseq(account: MailAccount) -> None:
    await account.put(flags=FlagSet(Flag.SEEN, ("k",)))
    await account.put()
    before = await account.rows()
    done = await change(account, EVERYTHING, ADD, Flag.SEEN, "k")
    after = await account.rows()
    assert after[1] == before[1]
    assert after[2] == (Flag.SEEN, "k", done.modseq)
    assert done.rows == [(1, *before[1]), (2, *after[2])]
    assert (await account.box()).modseq == done.modseq


async def test_change_of_nothing_takes_no_modseq(
    account: MailAccount, published: list[str]
) -> None:
    await account.put(flags=FlagSet(Flag.SEEN))
    before, box = await account.rows(), await account.box()
    published.clear()
    for how, bits in ((ADD, Flag.SEEN), (SET, Flag.SEEN), (REMOVE, Flag.DRAFT)):
        done = await change(account, EVERYTHING, how, bits)
        assert (done.modseq, done.refused, done.rows) == (0, (), [(1, *before[1])])
    assert (await change(account, ((5, 9),), SET, Flag.DRAFT)).rows == []
    assert (await change(account, (), SET, Flag.DRAFT)).rows == []
    assert await account.rows() == before
    assert await account.box() == box
    assert published == []


async def test_changed_since_is_refused(account: MailAccount) -> None:
    await account.fill(4)
    limit = (await account.box()).modseq
    await change(account, ((2, 2),), ADD, Flag.FLAGGED)
    before = await account.rows()
    done = await change(account, ((1, 3),), ADD, Flag.SEEN, unchanged_since=limit)
    assert done.refused == (2,)
    assert [row[0] for row in done.rows] == [1, 3]
    rows = await account.rows()
    assert rows[2] == before[2]
    assert rows[1] == rows[3] == (Flag.SEEN, None, done.modseq)
    assert (await account.box()).unseen == 2
    done = await change(account, EVERYTHING, ADD, Flag.SEEN, unchanged_since=0)
    assert (done.modseq, done.refused, done.rows) == (0, (1, 2, 3, 4), [])


async def test_sparse_ranges_leave_what_lies_between(account: MailAccount) -> None:
    for uid in range(1, 13):
        await account.put(flags=FlagSet(Flag.SEEN if uid % 3 == 0 else 0))
    before = await account.rows()
    done = await change(account, ((2, 4), (7, 7), (9, 11)), ADD, Flag.SEEN, "k")
    rows = await account.rows()
    touched = {2, 3, 4, 7, 9, 10, 11}
    for uid in rows:
        expected = (Flag.SEEN, "k", done.modseq) if uid in touched else before[uid]
        assert rows[uid] == expected, uid
    assert [row[0] for row in done.rows] == sorted(touched)


async def test_too_many_keywords_are_refused(account: MailAccount) -> None:
    await account.put()
    names = [f"k{number:02}" for number in range(MAX_KEYWORDS_PER_MESSAGE)]
    await change(account, EVERYTHING, ADD, 0, *names)
    before = await account.rows()
    with pytest.raises(Invalid):
        await change(account, EVERYTHING, ADD, 0, "another")
    assert await account.rows() == before


async def test_mailbox_of_another_account_is_refused(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    await account.put()
    before = await account.rows()
    with pytest.raises(NotFound):
        await account.database.write(
            change_flags,
            other.id,
            (await account.box()).id,
            EVERYTHING,
            ADD,
            FlagSet(Flag.SEEN),
            None,
        )
    assert await account.rows() == before


async def test_changes_at_once_lose_nothing(account: MailAccount) -> None:
    await account.fill(3)
    names = [f"k{number}" for number in range(12)]
    await asyncio.gather(
        *(
            change(account, EVERYTHING, ADD, Flag.SEEN | 1 << n % 5, name)
            for n, name in enumerate(names)
        )
    )
    for flags, keywords, _ in (await account.rows()).values():
        assert flags == 31
        assert keywords == " ".join(sorted(names))
    box = await account.box()
    assert (box.total, box.unseen, box.deleted) == (3, 0, 3)
    modseq = await account.database.read(current_modseq, account.id)
    assert box.modseq == modseq == max(row[2] for row in (await account.rows()).values())


async def test_keywords_meet_in_any_case(account: MailAccount) -> None:
    await account.put(flags=FlagSet(0, ("Work",)))
    done = await change(account, EVERYTHING, ADD, 0, "work", "Home")
    assert (await account.rows())[1][:2] == (0, "Home Work")
    assert (await change(account, EVERYTHING, ADD, 0, "HOME")).modseq == 0
    assert (await change(account, EVERYTHING, SET, 0, "WORK", "home")).modseq == 0
    assert (await account.rows())[1] == (0, "Home Work", done.modseq)
    await change(account, EVERYTHING, REMOVE, 0, "wOrK")
    assert (await account.rows())[1][:2] == (0, "Home")


async def test_bits_change_only_where_they_must(account: MailAccount) -> None:
    for flags in (0, Flag.SEEN, Flag.FLAGGED, Flag.SEEN | Flag.FLAGGED):
        await account.put(flags=FlagSet(flags, ("k",)))
    before = {uid: row[2] for uid, row in (await account.rows()).items()}
    done = await change(account, ((1, 2), (4, 4)), ADD, Flag.FLAGGED)
    rows = await account.rows()
    assert {uid: row[0] for uid, row in rows.items()} == {
        1: Flag.FLAGGED,
        2: Flag.SEEN | Flag.FLAGGED,
        3: Flag.FLAGGED,
        4: Flag.SEEN | Flag.FLAGGED,
    }
    assert [rows[uid][2] == done.modseq for uid in (1, 2, 3, 4)] == [True, True, False, False]
    assert (rows[3][2], rows[4][2]) == (before[3], before[4])
    assert all(row[1] == "k" for row in rows.values())
    await change(account, EVERYTHING, REMOVE, Flag.FLAGGED)
    assert [row[0] for row in (await account.rows()).values()] == [0, Flag.SEEN, 0, Flag.SEEN]

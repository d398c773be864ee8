"""The maildrop: one holder at a time, honest sizes, and removal of what was asked for only."""

import pytest
from sqlalchemy import select

from kit.clock import FakeClock
from kit.mail import SMALL, MailAccount
from pillarbox.base.errors import Conflict, NotFound
from pillarbox.domain.mail import mailboxes, maildrop, sweep
from pillarbox.domain.mail.copy import copy, move
from pillarbox.domain.mail.expunge import remove
from pillarbox.domain.mail.maildrop import Maildrop
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.mail.tables import uneven
from pillarbox.storage.tx import Tx


async def take(account: MailAccount, owner: str) -> None:
    await account.database.write(maildrop.take, account.id, owner)


async def snapshot(account: MailAccount) -> Maildrop:
    return await account.database.read(maildrop.snapshot, account.id)


async def update(account: MailAccount, drop: Maildrop, owner: str, *marks: int) -> tuple[int, ...]:
    ranges = maildrop.ranges_of(drop, marks)
    return await account.database.write(maildrop.update, drop, owner, ranges)


async def test_one_session_at_a_time(account: MailAccount, clock: FakeClock) -> None:
    await take(account, "a")
    with pytest.raises(Conflict):
        await take(account, "b")
    clock.advance(seconds=50)
    assert await account.database.write(maildrop.hold, account.id, "a")
    clock.advance(seconds=50)
    with pytest.raises(Conflict):
        await take(account, "b")
    await account.database.write(maildrop.release, account.id, "b")  # not theirs
    with pytest.raises(Conflict):
        await take(account, "b")
    await account.database.write(maildrop.release, account.id, "a")
    await take(account, "b")


async def test_the_lock_of_the_dead_runs_out(account: MailAccount, clock: FakeClock) -> None:
    await account.put()
    await take(account, "a")
    drop = await snapshot(account)
    clock.advance(seconds=61)
    await take(account, "b")
    assert not await account.database.write(maildrop.hold, account.id, "a")
    with pytest.raises(Conflict, match="lost"):
        await update(account, drop, "a", 1)
    assert await account.uids() == [1]
    assert await update(account, drop, "b", 1) == (1,)


async def test_accounts_do_not_wait_for_each_other(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    await take(account, "a")
    await take(other, "b")


async def test_sizes_are_those_of_lines_with_crlf(account: MailAccount) -> None:
    contents = [b"a\r\n", b"a\nb\n", b"a", b"", b"x" * 5000 + b"\n"]
    for content in contents:
        await account.put(content)
    drop = await snapshot(account)
    assert list(drop.uids) == [1, 2, 3, 4, 5]
    assert list(drop.sizes) == [3, 6, 3, 0, 5002]
    assert drop.uidvalidity == (await account.box()).uidvalidity
    for number, content in enumerate(contents):
        read = account.database.read
        assert await read(maildrop.content, account.store, drop, number) == content


async def test_copies_have_the_same_size(account: MailAccount) -> None:
    await account.put(b"a\nb", "Archive")
    await account.do(copy, "Archive", ((1, 1),), (await account.box()).id)
    await account.do(move, "Archive", ((1, 1),), (await account.box()).id)
    assert list((await snapshot(account)).sizes) == [6, 6]


async def test_what_is_swept_leaves_nothing(account: MailAccount, clock: FakeClock) -> None:
    await account.put(b"a\nb")
    await account.do(remove, "INBOX", ((1, 1),))
    done, gone = await account.database.write(
        sweep.sweep, account.store.blobs, clock.now_ms() + 1, 10
    )
    assert (done, len(gone)) == (1, 1)
    assert await account.database.read(_uneven_rows) == 0


def _uneven_rows(tx: Tx) -> int:
    return len(tx.select(select(uneven.c.email_id)))


async def test_update_removes_what_is_marked(account: MailAccount, published: list[str]) -> None:
    for bits in (0, Flag.DELETED, 0, Flag.SEEN, 0):
        await account.put(flags=FlagSet(bits))
    await take(account, "a")
    drop = await snapshot(account)
    await account.put()  # comes later and stays
    await account.do(remove, "INBOX", ((4, 4),))  # another client's
    published.clear()
    assert await update(account, drop, "a", 1, 0, 0, 1, 1) == (1, 5)
    assert await account.uids() == [2, 3, 6]
    assert await account.usage() == (3 * len(SMALL), 3)
    assert len(published) == 1
    await take(account, "b")  # the lock went with it


async def test_update_without_marks(account: MailAccount, published: list[str]) -> None:
    await account.put()
    await take(account, "a")
    drop = await snapshot(account)
    published.clear()
    assert await update(account, drop, "a", 0) == ()
    assert published == []
    with pytest.raises(Conflict):
        await update(account, drop, "a", 1)


async def test_what_is_gone_is_not_found(account: MailAccount) -> None:
    await account.fill(2)
    drop = await snapshot(account)
    await account.do(remove, "INBOX", ((1, 1),))
    with pytest.raises(NotFound):
        await account.database.read(maildrop.content, account.store, drop, 0)
    assert await account.database.read(maildrop.content, account.store, drop, 1) == SMALL


async def test_a_mailbox_of_another_time_is_left_alone(account: MailAccount) -> None:
    await account.fill(1)
    await take(account, "a")
    drop = await snapshot(account)
    await account.database.write(mailboxes.rename, account.id, "INBOX", "Old")
    await account.put()
    assert await update(account, drop, "a", 1) == ()
    assert await account.uids() == [2]
    assert await account.uids("Old") == [1]

"""Reading rows, summaries and contents; what the views of a mailbox are told."""

import random

import pytest

from kit.mail import EVERYTHING, SMALL, MailAccount
from pillarbox.base.errors import NotFound, Unavailable
from pillarbox.base.ids import MailboxId
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.expunge import remove
from pillarbox.formats.mime.summary import fields_of

NOISE = random.Random(2).randbytes(5000)


async def test_rows_in_ranges(account: MailAccount) -> None:
    await account.fill(9)
    await account.do(remove, "INBOX", ((4, 5),))
    box = (await account.box()).id

    async def uids(*ranges: tuple[int, int]) -> list[int]:
        return [row[0] for row in await account.database.read(read.rows, box, ranges)]

    assert await uids((1, 2), (4, 6), (9, 9999)) == [1, 2, 6, 9]
    assert await uids((3, 7)) == [3, 6, 7]
    assert await uids() == []
    assert await uids((10, 20)) == []


async def test_summaries_and_contents(account: MailAccount) -> None:
    for number in range(5):
        filler = b"x" * 5000 if number == 3 else b""
        await account.put(b"Subject: number %d\r\n\r\nbody %d" % (number, number) + filler)
    box, database = (await account.box()).id, account.database
    stored, left = await database.read(
        read.summaries, account.store, account.id, box, ((2, 2), (4, 9))
    )
    assert not left
    assert [(uid, fields_of(data).subject) for uid, data in stored] == [
        (2, "number 1"),
        (4, "number 3"),
        (5, "number 4"),
    ]
    found = await database.read(
        read.contents, account.store, account.id, box, ((1, 1), (4, 4)), True
    )
    assert [uid for uid, _, _ in found] == [1, 4]
    for _, content, root in found:
        assert root is not None
        assert content[root.body_start : root.body_end].startswith(b"body ")
    bare = await database.read(read.contents, account.store, account.id, box, ((1, 1),), False)
    assert bare == [(1, b"Subject: number 0\r\n\r\nbody 0", None)]


async def test_large_summaries_are_read_in_turns(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SUMMARY_BYTES", 15_000)
    for number in range(7):
        many = b"x@example.test, " * (500 if number % 3 else 1)
        await account.put(b"Subject: %d\r\nTo: " % number + many + b"z@example.test\r\n\r\n")
    box, ranges = (await account.box()).id, [(1, 5), (7, 9)]
    told = []
    while ranges:
        found, ranges = await account.database.read(
            read.summaries, account.store, account.id, box, ranges
        )
        told.append([(uid, fields_of(stored).subject) for uid, stored in found])
        assert sum(len(stored) for _, stored in found if len(stored) > 4096) < 60_000
    assert told == [[(1, "0"), (2, "1")], [(3, "2"), (4, "3")], [(5, "4"), (7, "6")]]


async def test_lost_file_is_told(account: MailAccount) -> None:
    await account.put(NOISE)
    ((_, path),) = account.store.blobs.files()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Unavailable):
        await account.contents()
    path.unlink()
    with pytest.raises(Unavailable):
        await account.contents()


async def test_position_and_change_of_a_mailbox_that_is_gone(account: MailAccount) -> None:
    database = account.database
    box = await account.box("Archive")
    assert await database.lookup(read.position, box.id) == (box.modseq, 1)
    changed = await database.read(read.changed, box.id, box.modseq)
    assert (changed.rows, changed.gone) == ([], [])
    await database.write(mailboxes.delete, account.id, "Archive")
    for fn in (read.position, lambda tx, box: read.changed(tx, box, 0)):
        with pytest.raises(NotFound):
            await database.read(fn, box.id)
    assert await database.read(read.select_rows, MailboxId(1)) == []


async def test_contents_of_nothing(account: MailAccount) -> None:
    await account.put(SMALL)
    box = (await account.box("Archive")).id
    for ranges in (EVERYTHING, ()):
        assert (
            await account.database.read(read.contents, account.store, account.id, box, ranges, True)
            == []
        )

"""Placing messages: UIDs, counters, quota, and what lies on the disk afterwards."""

import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from kit.mail import EVERYTHING, SMALL, MailAccount
from pillarbox.base.errors import NotFound, OverQuota, Unavailable
from pillarbox.base.ids import BlobId, MailboxId
from pillarbox.domain.changes import topic
from pillarbox.domain.mail import append, read
from pillarbox.domain.mail.content import ContentStore, prepare
from pillarbox.domain.mail.model import Appended, Flag, FlagSet
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.db import Database
from pillarbox.storage.schema import metadata
from pillarbox.storage.tx import Tx


def count_blobs(tx: Tx) -> int:
    return int(tx.select(select(func.count()).select_from(blobs))[0][0])


def bytes_of_files(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob(pattern) if path.is_file()]


def every_value(tx: Tx) -> list[bytes]:
    """Every text and byte string in the database."""
    found = []
    for table in metadata.sorted_tables:
        for row in tx.select(select(table)):
            found += [value.encode() if isinstance(value, str) else value for value in row]
    return [value for value in found if isinstance(value, bytes)]


async def test_uids_grow_and_counters_count(account: MailAccount) -> None:
    first = await account.put()
    second = await account.put(flags=FlagSet(Flag.SEEN | Flag.DELETED, ("a", "b")))
    box = await account.box()
    assert (first.uid, second.uid, box.uidnext) == (1, 2, 3)
    assert first.uidvalidity == second.uidvalidity == box.uidvalidity
    assert first.modseq < second.modseq == box.modseq
    assert (box.total, box.unseen, box.deleted) == (2, 1, 1)
    assert box.size_bytes == 2 * len(SMALL)
    assert await account.usage() == (2 * len(SMALL), 2)
    assert await account.rows() == {
        1: (0, None, first.modseq),
        2: (Flag.SEEN | Flag.DELETED, "a b", second.modseq),
    }


async def test_dates_are_kept(account: MailAccount, clock: FakeClock) -> None:
    clock.advance(hours=3)
    appended = await account.put(internal_ms=12345)
    ((uid, _, _, _, internal_ms, size_bytes, saved_ms, email_id),) = await account.database.read(
        read.rows, appended.mailbox_id, EVERYTHING
    )
    assert (uid, internal_ms, size_bytes) == (1, 12345, len(SMALL))
    assert saved_ms == clock.now_ms()
    assert email_id == appended.email_id


async def test_hint_is_published(account: MailAccount, published: list[str]) -> None:
    published.clear()
    await account.put()
    assert published == [topic(account.id)]


@pytest.mark.parametrize("content", [b"", b"\0" * 10, SMALL, SMALL + bytes(range(256)) * 40])
async def test_content_comes_back(account: MailAccount, content: bytes) -> None:
    await account.put(content)
    assert await account.contents() == [content]


async def test_quota_refusal_leaves_nothing_behind(
    database: Database, store: ContentStore, published: list[str]
) -> None:
    account = await MailAccount.open(database, store, 2 * len(SMALL) + 1)
    await account.fill(2)
    before = await account.box()
    published.clear()
    with pytest.raises(OverQuota):
        await account.put()
    assert await account.box() == before
    assert await account.usage() == (2 * len(SMALL), 2)
    assert await account.uids() == [1, 2]
    assert await database.read(count_blobs) == 2
    assert published == []
    await account.put(b"x")
    assert await account.uids() == [1, 2, 3]


async def test_unknown_mailbox_or_account_is_refused(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    email = prepare(SMALL, BlobId(1))
    theirs = (await other.box()).id
    for owner, box in (
        (account.id, MailboxId(5)),
        (account.id, theirs),
        (type(account.id)(7), theirs),
    ):
        with pytest.raises(NotFound):
            await account.database.write(
                append.append, account.store, owner, box, email, FlagSet(), 0
            )
    assert await account.usage() == (0, 0)
    assert await account.database.read(count_blobs) == 0


async def test_one_blob_serves_many_accounts(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    email = prepare(SMALL * 200, BlobId(77))
    account.store.save_file(email)
    here, there = (await account.box()).id, (await other.box("Archive")).id

    def deliver(tx: Tx) -> list[Appended]:
        append.store_blob(tx, account.store, email)
        return [
            append.place(tx, account.store, owner, box, email, FlagSet(), 0)
            for owner, box in ((account.id, here), (other.id, there))
        ]

    mine, theirs = await account.database.write(deliver)
    assert mine.email_id != theirs.email_id
    assert await account.contents() == await other.contents("Archive") == [SMALL * 200]
    assert await account.database.read(count_blobs) == 1


async def test_one_account_cannot_open_the_mail_of_another(account: MailAccount) -> None:
    other = await MailAccount.open(account.database, account.store)
    box = (await account.put()).mailbox_id
    with pytest.raises(Unavailable):
        await account.database.read(read.contents, account.store, other.id, box, EVERYTHING, False)
    with pytest.raises(Unavailable):
        await account.database.read(read.summaries, account.store, other.id, box, EVERYTHING)


async def test_no_word_of_a_message_is_stored_in_clear(
    account: MailAccount, tmp_path: Path
) -> None:
    words = [b"zanzibar", b"quokka", b"marzipan", b"huckleberry"]
    head = b"From: Huckleberry <h@example.test>\r\nSubject: Zanzibar\r\n\r\nquokka marzipan\r\n"
    noise = random.Random(1).randbytes(4000).hex().encode()
    await account.put(head)
    await account.put(head + noise)
    stored = bytes_of_files(tmp_path / "blobs", "*")
    assert len(stored) == 1
    stored += await account.database.read(every_value)
    await account.database.close()
    stored += bytes_of_files(tmp_path, "*.db*")
    assert max(map(len, stored)) > 4000
    for data in stored:
        assert [word for word in words if word in data.lower()] == []

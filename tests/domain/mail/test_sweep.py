"""Sweeping: nothing that anyone can still reach, everything else after its window."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from kit.clock import FakeClock
from kit.mail import EVERYTHING, MailAccount
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import BlobId, QueueId
from pillarbox.domain.mail import append, sweep
from pillarbox.domain.mail.content import prepare
from pillarbox.domain.mail.copy import copy
from pillarbox.domain.mail.expunge import remove
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.mail.tables import emails, unplaced
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.domain.queue.tables import queue_messages
from pillarbox.storage.blobs.sealed import seal
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.tx import Tx

LARGE = b"Subject: large\r\n\r\n" + random.Random(3).randbytes(5000)


def _counts(tx: Tx) -> tuple[int, ...]:
    tables = (emails, blobs, unplaced)
    return tuple(tx.select(select(func.count()).select_from(t))[0][0] for t in tables)


async def counts(account: MailAccount) -> tuple[int, ...]:
    """Emails, blobs, emails without a placement."""
    return await account.database.read(_counts)


async def swept(account: MailAccount, until_ms: int, most: int = 100) -> tuple[int, list[BlobId]]:
    return await account.database.write(sweep.sweep, account.store.blobs, until_ms, most)


async def test_deleted_mail_waits_out_the_window(account: MailAccount, clock: FakeClock) -> None:
    await account.put()
    await account.put(LARGE)
    ((blob, _),) = account.store.blobs.files()
    await account.do(remove, "INBOX", EVERYTHING)
    removed_ms = clock.now_ms()
    clock.advance(days=14)
    assert await swept(account, removed_ms - 1) == (0, [])
    assert await counts(account) == (2, 2, 2)
    looked_at, gone = await swept(account, removed_ms)
    assert looked_at == 2
    assert len(gone) == 2
    assert blob in gone
    assert await counts(account) == (0, 0, 0)
    for one in gone:
        account.store.blobs.remove_file(one)
    assert list(account.store.blobs.files()) == []


async def test_small_steps(account: MailAccount, clock: FakeClock) -> None:
    await account.fill(5)
    await account.do(remove, "INBOX", EVERYTHING)
    steps = [await swept(account, clock.now_ms(), 2) for _ in range(4)]
    assert [step[0] for step in steps] == [2, 2, 1, 0]
    assert await counts(account) == (0, 0, 0)


async def test_a_copy_keeps_the_email(account: MailAccount, clock: FakeClock) -> None:
    await account.put()
    await account.do(copy, "INBOX", EVERYTHING, (await account.box("Archive")).id)
    await account.do(remove, "INBOX", EVERYTHING)
    assert await swept(account, clock.now_ms()) == (0, [])
    assert len(await account.contents("Archive")) == 1
    await account.do(remove, "Archive", EVERYTHING)
    assert (await swept(account, clock.now_ms()))[0] == 1
    assert await counts(account) == (0, 0, 0)


async def test_email_placed_again_is_not_swept(account: MailAccount, clock: FakeClock) -> None:
    appended = await account.put()
    await account.database.write(
        lambda tx: tx.change(insert(unplaced).values(email_id=appended.email_id, since_ms=0))
    )
    assert await swept(account, clock.now_ms()) == (1, [])
    assert await counts(account) == (1, 1, 0)


async def test_copies_expunged_together_are_noted_once(
    account: MailAccount, clock: FakeClock
) -> None:
    await account.put()
    await account.do(copy, "INBOX", EVERYTHING, (await account.box()).id)
    await account.do(remove, "INBOX", EVERYTHING)
    assert await counts(account) == (1, 1, 1)
    assert (await swept(account, clock.now_ms()))[0] == 1


async def test_shared_blob_stays_until_its_last_owner_is_gone(
    account: MailAccount, clock: FakeClock
) -> None:
    other = await MailAccount.open(account.database, account.store)
    email = prepare(LARGE, BlobId(99))
    account.store.save_file(email)
    boxes = [(account.id, (await account.box()).id), (other.id, (await other.box()).id)]

    def deliver(tx: Tx) -> None:
        append.store_blob(tx, account.store, email)
        for owner, box in boxes:
            append.place(tx, account.store, owner, box, email, FlagSet(), 0)

    await account.database.write(deliver)
    await account.do(remove, "INBOX", EVERYTHING)
    assert await swept(account, clock.now_ms()) == (1, [])
    assert await other.contents() == [LARGE]
    await other.do(remove, "INBOX", EVERYTHING)
    assert await swept(account, clock.now_ms()) == (1, [BlobId(99)])
    assert await counts(account) == (0, 0, 0)


async def test_queued_message_keeps_its_blob(account: MailAccount, clock: FakeClock) -> None:
    appended = await account.put()
    blob = await account.database.read(
        lambda tx: tx.select(select(emails.c.blob_id).where(emails.c.id == appended.email_id))
    )
    values: dict[str, Any] = {
        "id": 1,
        "reverse_path": "",
        "blob_id": blob[0][0],
        "wrapped_key": b"",
        "size_bytes": 1,
        "smtputf8": 0,
        "eight_bit": 0,
        "created_ms": 0,
    }
    await account.database.write(lambda tx: tx.change(insert(queue_messages).values(**values)))
    await account.do(remove, "INBOX", EVERYTHING)
    assert await swept(account, clock.now_ms()) == (1, [])
    assert await counts(account) == (0, 1, 0)
    known: Callable[[Tx, BlobId], bool] = sweep.is_known
    assert await account.database.lookup(known, BlobId(blob[0][0]))
    assert not await account.database.lookup(known, BlobId(12345))


def _enqueue(tx: Tx, account: MailAccount, content: bytes, times: int) -> list[QueueId]:
    blob = seal(BlobId(tx.next_id()), content)
    account.store.blobs.insert(tx, blob)
    outgoing = Outgoing("", (OutgoingRecipient("ann@elsewhere.test"),))
    return [enqueue(tx, account.store.keys, blob, outgoing, tx.now_ms) for _ in range(times)]


async def test_a_message_taken_out_of_the_queue_takes_its_blob_along(account: MailAccount) -> None:
    first, second = await account.database.write(_enqueue, account, LARGE, 2)
    write, store = account.database.write, account.store.blobs
    assert await write(sweep.remove_queued, store, first) is None
    assert await counts(account) == (0, 1, 0)
    gone = await write(sweep.remove_queued, store, second)
    assert gone is not None
    assert await counts(account) == (0, 0, 0)
    with pytest.raises(NotFound):
        await write(sweep.remove_queued, store, second)

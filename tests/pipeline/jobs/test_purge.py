"""Purging: expunged mail goes after its window, files nobody refers to after a day."""

import os
import time
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.mail import EVERYTHING, MailAccount, content_store
from pillarbox.base.ids import BlobId
from pillarbox.domain.mail import expunge, flags, sweep
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.pipeline.jobs import purge as purge_module
from pillarbox.pipeline.jobs.purge import LEFTOVER_AFTER_S, STEP, Purge
from pillarbox.storage.blobs.sealed import SealedBlob, seal
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

LARGE = b"Subject: large\r\n\r\n" + os.urandom(6000).hex().encode() + b"\r\n"


async def expunge_all(account: MailAccount) -> None:
    deleted = FlagSet(Flag.DELETED)
    await account.do(flags.change_flags, "INBOX", EVERYTHING, flags.FlagChange.ADD, deleted, None)
    await account.do(expunge.expunge, "INBOX", None)


async def test_expunged_mail_goes_after_the_window(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    store = content_store(tmp_path / "blobs")
    account = await MailAccount.open(database, store)
    await account.put(LARGE)
    await account.put()
    purge = Purge(database, store.blobs, clock)
    await expunge_all(account)
    await purge.run()
    assert len(list(store.blobs.files())) == 1
    clock.advance(days=15)
    await purge.run()
    assert list(store.blobs.files()) == []


async def test_many_are_purged_in_steps(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    store = content_store(tmp_path / "blobs", threshold_bytes=0)
    account = await MailAccount.open(database, store)
    await account.fill(STEP + 5)
    await expunge_all(account)
    clock.advance(days=15)
    await Purge(database, store.blobs, clock).run()
    assert list(store.blobs.files()) == []


async def test_files_of_writes_that_never_ended_go_after_a_day(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    store = content_store(tmp_path / "blobs")
    account = await MailAccount.open(database, store)
    await account.put(LARGE)
    kept = {path for _, path in store.blobs.files()}
    fresh, old = (store.blobs.path(BlobId(number)) for number in (7, 8))
    half = old.with_suffix(".tmp")
    for path in (fresh, old, half):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    long_ago_s = time.time() - LEFTOVER_AFTER_S - 60
    for path in (old, half, *kept):
        os.utime(path, (long_ago_s, long_ago_s))
    await Purge(database, store.blobs, clock).run()
    assert {path for _, path in store.blobs.files()} == kept | {fresh}
    assert await account.contents() == [LARGE]


def _store_queued(tx: Tx, store: ContentStore, blob: SealedBlob) -> None:
    store.blobs.insert(tx, blob)
    outgoing = Outgoing("", (OutgoingRecipient("ann@elsewhere.test"),))
    enqueue(tx, store.keys, blob, outgoing, tx.now_ms)


async def test_blobs_that_nothing_refers_to_go_after_a_day(
    database: Database, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_module, "ORPHAN_STEP", 2)
    store = content_store(tmp_path / "blobs")
    account = await MailAccount.open(database, store)
    blobs = [seal(BlobId(database.ids.next()), LARGE) for _ in range(8)]
    queued, fresh, *lost = blobs
    for blob in blobs:
        store.blobs.put(blob)
    await database.write(_store_queued, store, queued)
    for blob in lost[:3]:
        await database.write(store.blobs.insert, blob)
    await account.put(LARGE)
    for blob in lost[3:]:
        await database.write(store.blobs.insert, blob)
    clock.advance(days=1, seconds=1)
    await database.write(store.blobs.insert, fresh)
    await Purge(database, store.blobs, clock).run_orphans()
    for blob in blobs:
        kept = blob in (queued, fresh)
        assert await database.read(sweep.is_known, blob.id) == kept
        assert store.blobs.path(blob.id).exists() == kept
    assert await account.contents() == [LARGE]

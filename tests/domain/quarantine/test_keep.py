"""Keeping messages: once each, sealed, within limits, until their time is over."""

import pytest
from sqlalchemy import select

from kit.clock import FakeClock
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import sweep
from pillarbox.domain.quarantine import keep, rows
from pillarbox.domain.quarantine.model import DAY_MS, NOBODY, KeepLimits, Kept, Reason
from pillarbox.domain.quarantine.tables import kept_messages, quarantine_notices
from pillarbox.storage.blobs.sealed import SealedBlob, seal, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
KEPT = Kept("eve@bad.example", "ann@example.org", sender="eve@bad.example", subject="Riches")
LIMITS = KeepLimits()


class Bench:
    """Accounts, and messages that are kept for them."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self.database = database
        self.store = store
        self.blobs = 0

    def blob(self, content: bytes = b"content") -> SealedBlob:
        self.blobs += 1
        return seal(BlobId(self.blobs), content)

    async def keep(
        self,
        account: AccountId,
        digest: bytes,
        reason: Reason = Reason.REFUSED,
        limits: KeepLimits = LIMITS,
        content: bytes = b"content",
    ) -> keep.Outcome:
        blob = self.blob(content)

        def work(tx: Tx) -> keep.Outcome:
            outcome = keep.keep(tx, KEYS, account, blob, digest, reason, KEPT, limits)
            if outcome.in_blob:
                self.store.insert(tx, blob)
            return outcome

        return await self.database.write(work)

    async def numbers(self, account: AccountId | None) -> list[int]:
        return [one.id for one in await self.database.read(rows.list_of, KEYS, account)]


@pytest.fixture
def bench(database: Database, tmp_path) -> Bench:  # type: ignore[no-untyped-def]
    return Bench(database, BlobStore(tmp_path / "blobs", 1 << 20))


@pytest.fixture
async def ann(database: Database, add_user) -> AccountId:  # type: ignore[no-untyped-def]
    user = await database.write(add_user, "ann@example.org")
    return AccountId(user.account_id)


async def test_what_is_kept_can_be_read_again(bench: Bench, ann: AccountId) -> None:
    assert await bench.keep(ann, b"one", content=b"Dear Ann") == (True, True, 0)
    (one,) = await bench.database.read(rows.list_of, KEYS, ann)
    assert one.kept == KEPT
    assert (one.reason, one.size_bytes, one.tries) == (Reason.REFUSED, 8, 1)
    assert one.until_ms == one.kept_ms + 14 * DAY_MS
    content = await bench.database.read(rows.content_of, KEYS, one.id)
    data = await bench.database.read(bench.store.load, content.blob_id)
    assert unseal(content.blob_id, content.content_key, data) == b"Dear Ann"


async def test_the_table_tells_nothing(bench: Bench, ann: AccountId) -> None:
    await bench.keep(ann, b"one")
    ((summary,),) = await bench.database.read(lambda tx: tx.select(select(kept_messages.c.summary)))
    assert b"Riches" not in bytes(summary)


async def test_the_same_again_is_counted(bench: Bench, ann: AccountId) -> None:
    await bench.keep(ann, b"one")
    assert await bench.keep(ann, b"one") == (True, False, 0)
    (one,) = await bench.database.read(rows.list_of, KEYS, ann)
    assert one.tries == 2
    assert await bench.keep(NOBODY, b"one") == (True, True, 0)


async def test_once_accepted_it_stays_accepted(
    bench: Bench, ann: AccountId, clock: FakeClock
) -> None:
    """The sender was told that it was taken: its time begins anew."""
    await bench.keep(ann, b"one")
    clock.advance(days=3)
    await bench.keep(ann, b"one", Reason.QUARANTINED)
    (one,) = await bench.database.read(rows.list_of, KEYS, ann)
    assert one.reason is Reason.QUARANTINED
    assert one.until_ms == clock.now_ms() + 14 * DAY_MS
    await bench.keep(ann, b"one")
    (one,) = await bench.database.read(rows.list_of, KEYS, ann)
    assert one.reason is Reason.QUARANTINED


async def test_a_new_key_knows_what_an_old_one_kept(bench: Bench, ann: AccountId) -> None:
    await bench.keep(ann, b"one")
    ring = KeyRing({1: b"k" * 32, 2: b"n" * 32})
    assert await bench.database.read(keep.is_kept, ring, ann, b"one")
    (one,) = await bench.database.read(rows.list_of, ring, ann)
    assert one.kept == KEPT


async def test_the_oldest_goes_where_there_is_too_much(bench: Bench, ann: AccountId) -> None:
    limits = KeepLimits(messages=3, size_bytes=1000)
    await bench.keep(ann, b"accepted", Reason.QUARANTINED, limits)
    for name in (b"one", b"two"):
        assert (await bench.keep(ann, name, limits=limits)).dropped == 0
    before = await bench.numbers(ann)
    assert (await bench.keep(ann, b"three", limits=limits)).dropped == 1
    after = await bench.numbers(ann)
    # What was refused goes before what its sender believes delivered, though that is older.
    assert before[0] in after
    assert before[1] not in after
    assert len(after) == 3
    counted = await bench.database.read(lambda tx: tx.select(select(quarantine_notices.c.dropped)))
    assert counted == [(1,)]


async def test_bytes_are_limited_too(bench: Bench, ann: AccountId) -> None:
    limits = KeepLimits(messages=100, size_bytes=25)
    for name in (b"one", b"two"):
        await bench.keep(ann, name, limits=limits, content=b"x" * 10)
    assert (await bench.keep(ann, b"three", limits=limits, content=b"x" * 20)).dropped == 2
    assert await bench.keep(ann, b"huge", limits=limits, content=b"x" * 30) == (False, False, 0)
    taken = await bench.keep(ann, b"huge", Reason.QUARANTINED, limits, content=b"x" * 30)
    assert taken.is_kept  # nothing that was accepted is lost


async def test_what_was_refused_drives_out_nothing_that_was_accepted(
    bench: Bench, ann: AccountId
) -> None:
    limits = KeepLimits(messages=2, size_bytes=100)
    await bench.keep(ann, b"accepted", Reason.QUARANTINED, limits, content=b"x" * 60)
    await bench.keep(ann, b"refused", limits=limits, content=b"x" * 30)
    before = await bench.numbers(ann)
    large = await bench.keep(ann, b"large", limits=limits, content=b"x" * 50)
    assert large == (False, False, 0)
    assert await bench.numbers(ann) == before
    assert (await bench.keep(ann, b"small", limits=limits)).dropped == 1
    after = await bench.numbers(ann)
    assert before[0] in after
    assert before[1] not in after


async def test_what_was_accepted_drives_out_nothing_that_was_accepted(
    bench: Bench, ann: AccountId
) -> None:
    limits = KeepLimits(messages=2, size_bytes=1000)
    for name in (b"one", b"two"):
        await bench.keep(ann, name, Reason.QUARANTINED, limits)
    before = await bench.numbers(ann)
    assert await bench.keep(ann, b"three", Reason.QUARANTINED, limits) == (False, False, 0)
    assert await bench.numbers(ann) == before


async def test_nothing_is_kept_without_content(bench: Bench, ann: AccountId) -> None:
    outcome = await bench.database.write(
        keep.keep, KEYS, ann, None, b"one", Reason.QUARANTINED, KEPT, LIMITS
    )
    assert not outcome.is_kept


async def test_releasing_happens_once(bench: Bench, ann: AccountId) -> None:
    await bench.keep(ann, b"one")
    (number,) = await bench.numbers(ann)
    assert await bench.database.write(rows.release, number) == BlobId(1)
    with pytest.raises(NotFound):
        await bench.database.write(rows.release, number)
    assert await bench.numbers(ann) == []
    # The same message again is not kept again, and not counted as room taken.
    assert await bench.keep(ann, b"one") == (True, False, 0)
    assert await bench.numbers(ann) == []


async def test_time_passes(bench: Bench, ann: AccountId, clock: FakeClock) -> None:
    await bench.keep(ann, b"one")
    clock.advance(days=13)
    assert await bench.numbers(ann)
    clock.advance(days=2)
    assert await bench.numbers(ann) == []
    assert not await bench.database.read(keep.is_kept, KEYS, ann, b"one")
    assert await bench.keep(ann, b"one") == (True, True, 0)  # before the job came by
    assert await bench.database.write(rows.expire, 10) == (1, [BlobId(1)])
    assert await bench.database.write(rows.expire, 10) == (0, [])
    assert len(await bench.numbers(ann)) == 1


async def test_the_sweep_leaves_what_is_kept(
    bench: Bench, ann: AccountId, clock: FakeClock
) -> None:
    await bench.keep(ann, b"one")
    clock.advance(days=2)
    database, store = bench.database, bench.store
    _, orphans = await database.read(sweep.orphans, BlobId(0), clock.now_ms(), 10)
    assert orphans == []
    assert not await database.write(sweep.release_blob, store, BlobId(1))
    (number,) = await bench.numbers(ann)
    await database.write(rows.remove, number)
    _, orphans = await database.read(sweep.orphans, BlobId(0), clock.now_ms(), 10)
    assert orphans == [BlobId(1)]


async def test_an_account_that_ends_takes_it_along(bench: Bench, ann: AccountId) -> None:
    await bench.keep(ann, b"one")
    await bench.database.write(users.delete, ann)
    assert await bench.numbers(None) == []
    assert (await bench.database.write(rows.expire, 10))[0] == 1
    with pytest.raises(NotFound):
        await bench.keep(ann, b"two")


async def test_who_is_to_be_told(bench: Bench, ann: AccountId, clock: FakeClock) -> None:
    async def news() -> list[tuple[AccountId, int | None, int]]:
        before_ms = clock.now_ms() - DAY_MS
        return await bench.database.read(rows.with_news, AccountId(0), before_ms, 10)

    assert await news() == []
    await bench.keep(NOBODY, b"one")
    await bench.keep(ann, b"one")
    await bench.keep(ann, b"two")
    assert await news() == [(ann, None, 0)]
    assert await bench.database.write(rows.note_told, ann, None, clock.now_ms())
    assert await news() == []
    clock.advance(hours=23)
    await bench.keep(ann, b"three")
    assert await news() == []
    clock.advance(hours=2)
    ((account, told_ms, _),) = await news()
    assert account == ann
    assert await bench.database.write(rows.note_told, ann, told_ms, clock.now_ms())
    assert not await bench.database.write(rows.note_told, ann, told_ms, clock.now_ms())
    clock.advance(days=2)
    assert await news() == []  # nothing new since

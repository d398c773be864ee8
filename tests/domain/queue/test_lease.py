"""Taking what is due out of the queue: one owner at a time, for a time."""

from dataclasses import replace

from kit.clock import FakeClock
from kit.queue import (
    HOUR_MS,
    LEASE_MS,
    ME,
    SENDER,
    addresses,
    due,
    put,
    put_without_blob,
    settlement,
    states,
    stranded,
    take_all,
)
from pillarbox.domain.queue import lease, settle
from pillarbox.domain.queue.model import Health, LeasedDestination, Outcome, Status
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database

OTHER = "there"
WELL = Health()


async def test_a_destination_has_one_owner(database: Database, blobs: BlobStore) -> None:
    await database.write(put, blobs, "x@c.test", "y@d.test", "z@c.test")
    write = database.write
    first = await write(lease.take_destinations, ME, 1, LEASE_MS)
    second = await write(lease.take_destinations, OTHER, 5, LEASE_MS)
    assert [*first, *second] == [LeasedDestination(d, WELL) for d in ("c.test", "d.test")]
    assert await write(lease.take_destinations, "third", 5, LEASE_MS) == []
    assert await write(lease.pull, OTHER, "c.test", 10) == []
    (message,) = await write(lease.pull, ME, "c.test", 10)
    assert addresses([message]) == ["x@c.test", "z@c.test"]
    assert [recipient.attempts for recipient in message.recipients] == [0, 0]
    assert await write(lease.pull, ME, "c.test", 10) == []
    assert await write(lease.renew, ME, LEASE_MS) == {"c.test"}


async def test_no_more_is_pulled_than_asked(database: Database, blobs: BlobStore) -> None:
    for number in range(3):
        await database.write(put, blobs, *(f"{number}{n}@c.test" for n in range(4)))
    await database.write(lease.take_destinations, ME, 1, LEASE_MS)
    found: list[str] = []
    for expected in (5, 5, 2, 0):
        messages = await database.write(lease.pull, ME, "c.test", 5)
        assert len(addresses(messages)) == expected
        found += addresses(messages)
    assert sorted(found) == sorted({f"{m}{n}@c.test" for m in range(3) for n in range(4)})


async def test_what_is_not_due_is_left(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    later = replace(SENDER, hold_until_ms=clock.now_ms() + HOUR_MS)
    await database.write(put_without_blob, "now@c.test")
    await database.write(lambda tx: put_without_blob(tx, "later@c.test", outgoing=later))
    assert addresses(await database.write(take_all)) == ["now@c.test"]
    assert await database.read(lease.next_due_ms) == clock.now_ms() + LEASE_MS
    await database.write(lease.release, ME, "c.test", WELL)
    assert await database.write(take_all, OTHER) != []  # the first was not settled
    await database.write(lease.release, OTHER, "c.test", WELL)


async def test_the_destination_is_due_again_with_its_next_recipient(
    database: Database, clock: FakeClock
) -> None:
    await database.write(put_without_blob, "x@c.test", "y@c.test")
    (message,) = await database.write(take_all)
    now_ms = clock.now_ms()
    await database.write(settle.settle, settlement(message, Outcome.DEFERRED, now_ms + HOUR_MS))
    await database.write(lease.release, ME, "c.test", Health(2))
    assert await database.read(due) == {"c.test": now_ms + HOUR_MS}
    assert await database.read(lease.next_due_ms) == now_ms + HOUR_MS
    assert await database.write(take_all) == []
    clock.advance(hours=1)
    taken = await database.write(lease.take_destinations, ME, 1, LEASE_MS)
    assert taken == [LeasedDestination("c.test", Health(2))]
    (message,) = await database.write(lease.pull, ME, "c.test", 10)
    assert {recipient.attempts for recipient in message.recipients} == {1}
    await database.write(settle.settle, settlement(message, Outcome.DELIVERED))
    await database.write(lease.release, ME, "c.test", WELL)
    assert await database.read(due) == {}
    assert await database.read(lease.next_due_ms) is None


async def test_a_lease_that_ran_out_goes_to_another(database: Database, clock: FakeClock) -> None:
    await database.write(put_without_blob, "x@c.test")
    (mine,) = await database.write(take_all)
    clock.advance(seconds=59)
    assert await database.write(take_all, OTHER) == []
    clock.advance(seconds=1)
    assert await database.write(lease.pull, ME, "c.test", 1) == []
    (theirs,) = await database.write(take_all, OTHER)
    assert theirs.recipients[0].attempts == 1
    assert await database.write(lease.renew, ME, LEASE_MS) == frozenset()
    await database.write(lease.release, ME, "c.test", Health(9))  # not its own any more
    assert await database.read(states) == {"x@c.test": Status.SENDING}
    # A failure that the first one reports late decides nothing, a delivery does.
    late = await database.write(settle.settle, settlement(theirs, Outcome.DELIVERED))
    assert late.applied
    after = await database.write(
        settle.settle, settlement(mine, Outcome.DEFERRED, clock.now_ms(), began_ms=1)
    )
    assert not after.applied
    assert await database.read(states) == {"x@c.test": Status.DELIVERED}


async def test_a_renewed_lease_lasts(database: Database, clock: FakeClock) -> None:
    await database.write(put_without_blob, "x@c.test", "y@d.test")
    await database.write(lease.take_destinations, ME, 5, LEASE_MS)
    for _ in range(3):
        clock.advance(seconds=40)
        assert await database.write(lease.renew, ME, LEASE_MS) == {"c.test", "d.test"}
    assert await database.write(take_all, OTHER) == []


async def test_what_ends_its_processes_is_put_off(database: Database, clock: FakeClock) -> None:
    await database.write(put_without_blob, "x@c.test")
    for number in range(4):
        taken = await database.write(take_all, f"process {number}")
        assert addresses(taken) == ["x@c.test"]
        clock.advance(seconds=61)
    assert await database.write(take_all) == []
    assert await database.write(lease.release, ME, "c.test", WELL) is None
    (next_ms,) = (await database.read(due)).values()
    assert next_ms == clock.now_ms() + 5_000
    clock.advance(seconds=5)
    assert addresses(await database.write(take_all)) == ["x@c.test"]


async def test_what_was_not_settled_is_sent_again_at_once(database: Database) -> None:
    await database.write(put_without_blob, "x@c.test")
    await database.write(take_all)
    await database.write(lease.release, ME, "c.test", WELL)
    assert addresses(await database.write(take_all, OTHER)) == ["x@c.test"]


async def test_a_closed_destination_waits_even_when_mail_comes(
    database: Database, clock: FakeClock
) -> None:
    await database.write(put_without_blob, "x@c.test")
    (message,) = await database.write(take_all)
    now_ms = clock.now_ms()
    await database.write(settle.settle, settlement(message, Outcome.DEFERRED, now_ms + 60_000))
    await database.write(lease.release, ME, "c.test", Health(5, 0, now_ms + 300_000))
    await database.write(put_without_blob, "y@c.test")
    assert await database.read(due) == {"c.test": now_ms + 300_000}
    assert await database.write(take_all) == []
    clock.advance(minutes=5)
    assert addresses(await database.write(take_all)) == ["x@c.test", "y@c.test"]


async def test_the_pace_may_put_a_destination_off(database: Database, clock: FakeClock) -> None:
    await database.write(put_without_blob, "x@c.test")
    await database.write(lease.take_destinations, ME, 1, LEASE_MS)
    not_before_ms = clock.now_ms() + 5_000
    await database.write(lease.release, ME, "c.test", WELL, not_before_ms)
    assert await database.read(due) == {"c.test": not_before_ms}
    assert await database.read(stranded) == ["x@c.test"]  # as was asked for


async def test_mail_that_comes_while_a_destination_is_held_is_not_missed(
    database: Database, clock: FakeClock
) -> None:
    await database.write(put_without_blob, "x@c.test")
    (message,) = await database.write(take_all)
    await database.write(put_without_blob, "y@c.test")
    await database.write(settle.settle, settlement(message, Outcome.DELIVERED))
    await database.write(lease.release, ME, "c.test", WELL)
    assert await database.read(due) == {"c.test": clock.now_ms()}
    assert addresses(await database.write(take_all)) == ["y@c.test"]

"""Steering the queue by hand."""

from dataclasses import replace

import pytest

from kit.clock import FakeClock
from kit.queue import (
    HOUR_MS,
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
from pillarbox.base.errors import Conflict, Invalid, NotFound
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import inspect, lease, log, settle, steer
from pillarbox.domain.queue.model import Health, Outcome, QueuedRecipient, Status
from pillarbox.domain.queue.steer import Steered
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

WELL = Health()


def settle_all(tx: Tx, outcome: Outcome, pause_ms: int | None = None) -> list[str]:
    """Try everything that is due, with one outcome; gives who was tried."""
    messages = take_all(tx)
    next_ms = None if pause_ms is None else tx.now_ms + pause_ms
    for message in messages:
        settle.settle(tx, settlement(message, outcome, next_ms))
    for domain in lease.renew(tx, ME, 1):
        lease.release(tx, ME, domain, WELL)
    return addresses(messages)


async def only(database: Database, message_id: QueueId) -> QueuedRecipient:
    message = await database.read(inspect.get, message_id)
    assert message is not None
    (recipient,) = message.recipients
    return recipient


async def test_held_mail_waits_until_it_is_released(
    database: Database, blobs: BlobStore, published: list[str]
) -> None:
    number = await database.write(put, blobs, "x@c.test", "y@d.test")
    write = database.write
    assert await write(steer.hold, number, "X@c.test") == Steered(("x@c.test",))
    assert await write(settle_all, Outcome.DELIVERED) == ["y@d.test"]
    assert await database.read(due) == {}
    with pytest.raises(Conflict, match="now: held"):
        await write(steer.hold, number, "x@c.test")
    published.clear()
    assert await write(steer.release_held, number) == Steered(("x@c.test",))
    assert published == ["queue"]
    assert await database.read(stranded) == []
    assert await write(settle_all, Outcome.DELIVERED) == ["x@c.test"]


async def test_mail_that_was_held_for_long_gets_its_time_again(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "x@c.test")
    await database.write(steer.hold, number)
    clock.advance(hours=500)
    await database.write(steer.release_held, number)
    assert (await only(database, number)).expires_ms == clock.now_ms() + 100 * HOUR_MS


async def test_who_waits_is_tried_at_once(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "x@c.test", "y@d.test")
    await database.write(settle_all, Outcome.DEFERRED, HOUR_MS)
    assert await database.write(settle_all, Outcome.DEFERRED, HOUR_MS) == []
    found = await database.read(inspect.get, number)
    assert found is not None
    assert await database.write(steer.retry, number, found.recipients[0].id) == Steered(
        ("x@c.test",)
    )
    assert await database.write(settle_all, Outcome.DEFERRED, HOUR_MS) == ["x@c.test"]
    assert set((await database.read(due)).values()) == {clock.now_ms() + HOUR_MS}


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.EXPIRED])
async def test_who_failed_is_tried_anew(
    database: Database, blobs: BlobStore, clock: FakeClock, outcome: Outcome
) -> None:
    number = await database.write(put, blobs, "x@c.test")
    await database.write(settle_all, outcome)
    clock.advance(hours=200)
    await database.write(steer.retry, number)
    recipient = await only(database, number)
    assert (recipient.status, recipient.attempts) == (Status.PENDING, 0)
    assert (recipient.finished_ms, recipient.expires_ms) == (None, clock.now_ms() + 100 * HOUR_MS)
    assert await database.write(settle_all, Outcome.DELIVERED) == ["x@c.test"]
    with pytest.raises(Conflict, match="delivered"):
        await database.write(steer.retry, number)


async def test_a_retry_puts_a_closed_destination_on_trial(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "x@c.test")
    await database.write(steer.close_destination, "C.test", clock.now_ms() + HOUR_MS)
    assert await database.write(settle_all, Outcome.DELIVERED) == []
    await database.write(steer.retry, number)
    (taken,) = await database.write(lease.take_destinations, ME, 1, 1000)
    assert taken.health == Health(0, 0, clock.now_ms())


async def test_all_that_is_deferred_is_tried_at_once(database: Database, clock: FakeClock) -> None:
    for number in range(5):
        await database.write(put_without_blob, f"{number}@c.test", f"{number}@d.test")
    await database.write(settle_all, Outcome.DEFERRED, HOUR_MS)
    later = replace(SENDER, hold_until_ms=clock.now_ms() + HOUR_MS)
    await database.write(lambda tx: put_without_blob(tx, "later@c.test", outgoing=later))
    await database.write(steer.close_destination, "d.test", clock.now_ms() + HOUR_MS)
    after: str | None = ""
    total = steps = 0
    while after is not None:
        after, changed = await database.write(steer.retry_all, after, 2)
        total, steps = total + changed, steps + 1
    assert (total, steps) == (10, 7)
    assert await database.read(stranded) == []
    tried = await database.write(settle_all, Outcome.DELIVERED)
    assert len(tried) == 10
    assert "later@c.test" not in tried


async def test_a_cancelled_message_is_over(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "x@c.test", "y@c.test")
    await database.write(steer.hold, number, "y@c.test")
    assert await database.write(steer.cancel, number) == Steered(("x@c.test", "y@c.test"))
    assert set((await database.read(states)).values()) == {Status.CANCELLED}
    lines = await database.read(log.of_message, number)
    assert [line.outcome for line in lines] == [Outcome.CANCELLED] * 2
    assert await database.write(settle_all, Outcome.DELIVERED) == []
    assert await database.read(due) == {}


async def test_what_is_being_sent_is_left(database: Database, blobs: BlobStore) -> None:
    number = await database.write(put, blobs, "x@c.test", "y@d.test")
    await database.write(lease.take_destinations, ME, 2, 1000)
    await database.write(lease.pull, ME, "c.test", 1)
    for act in (steer.hold, steer.cancel, steer.retry, steer.expire, steer.release_held):
        with pytest.raises(Conflict, match="being sent"):
            await database.write(act, number, "x@c.test")
    with pytest.raises(Conflict, match="being sent"):
        await database.write(inspect.remove, number)
    steered = await database.write(steer.cancel, number)
    assert steered == Steered(("y@d.test",), ("x@c.test",))


async def test_a_message_is_rerouted(database: Database, blobs: BlobStore) -> None:
    number = await database.write(put, blobs, "x@c.test")
    await database.write(settle_all, Outcome.DEFERRED, HOUR_MS)
    await database.write(steer.reroute, number, "relay")
    (message,) = await database.write(take_all)
    assert message.route == "relay"
    with pytest.raises(Conflict):
        await database.write(steer.reroute, number, None)
    with pytest.raises(Invalid):
        await database.write(steer.reroute, number, "x" * 101)


async def test_a_destination_closed_by_hand_stays_closed(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    await database.write(put, blobs, "x@c.test", "y@c.test")
    await database.write(lease.take_destinations, ME, 1, 1000)
    until_ms = clock.now_ms() + HOUR_MS
    await database.write(steer.close_destination, "c.test", until_ms)
    assert await database.write(lease.pull, ME, "c.test", 5) == []
    await database.write(lease.release, ME, "c.test", WELL)
    assert await database.read(due) == {"c.test": until_ms}
    (shown,) = await database.read(inspect.destinations)
    assert (shown.waiting, shown.health.closed_until_ms, shown.owner) == (2, until_ms, "")
    await database.write(steer.open_destination, "c.test")
    assert len(await database.write(settle_all, Outcome.DELIVERED)) == 2
    with pytest.raises(NotFound):
        await database.write(steer.open_destination, "c.test")


async def test_a_destination_is_closed_before_mail_comes(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    await database.write(steer.close_destination, "c.test", clock.now_ms() + HOUR_MS)
    await database.write(put, blobs, "x@c.test")
    assert await database.write(settle_all, Outcome.DELIVERED) == []
    clock.advance(hours=1)
    assert await database.write(settle_all, Outcome.DELIVERED) == ["x@c.test"]
    assert await database.read(due) == {}


async def test_what_is_not_there(database: Database, blobs: BlobStore) -> None:
    number = await database.write(put, blobs, "x@c.test")
    with pytest.raises(NotFound, match="queue list"):
        await database.write(steer.hold, QueueId(7))
    with pytest.raises(NotFound, match="no recipient"):
        await database.write(steer.hold, number, "z@c.test")

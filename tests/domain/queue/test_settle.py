"""Settling attempts: states, the log, and what becomes of the content."""

import asyncio

import pytest

from kit.clock import FakeClock
from kit.queue import HOUR_MS, KEYS, LEASE_MS, ME, put, settlement, states, take_all
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import QueueId
from pillarbox.domain.mail import sweep
from pillarbox.domain.queue import inspect, lease, log, settle, steer, suppression
from pillarbox.domain.queue.model import (
    Health,
    Outcome,
    Result,
    Settled,
    Settlement,
    Stage,
    Status,
    Way,
)
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

WAY = Way("mx.c.test", "192.0.2.1", 25, "TLSv1.3", "relay")


async def outcomes(database: Database, message_id: QueueId) -> list[tuple[str, Outcome]]:
    lines = await database.read(log.of_message, message_id)
    return [(line.address, line.outcome) for line in lines]


async def test_every_recipient_has_its_own_end(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "a@c.test", "b@c.test", "c@c.test")
    (message,) = await database.write(take_all)
    a, b, c = message.recipients
    later_ms = clock.now_ms() + HOUR_MS
    results = (
        Result(a.id, Outcome.DELIVERED, Stage.CONTENT, "2.0.0 Ok", 250, "2.0.0", way=WAY),
        Result(b.id, Outcome.FAILED, Stage.RCPT, "nobody", 550, "5.1.1", way=WAY),
        Result(c.id, Outcome.DEFERRED, Stage.RCPT, "busy", 450, None, later_ms, WAY, True),
    )
    settled = await database.write(settle.settle, Settlement(number, 77, 1500, results))
    assert settled == Settled(frozenset((a.id, b.id, c.id)))
    assert await database.read(states) == {
        "a@c.test": Status.DELIVERED,
        "b@c.test": Status.FAILED,
        "c@c.test": Status.PENDING,
    }
    shown = await database.read(inspect.get, number)
    assert shown is not None
    assert [one.state for one in shown.recipients] == ["delivered", "failed", "deferred"]
    assert [one.last_reply for one in shown.recipients] == ["2.0.0 Ok", "nobody", "busy"]
    assert [one.finished_ms for one in shown.recipients] == [clock.now_ms(), clock.now_ms(), None]
    first, second, _ = await database.read(log.of_message, number)
    assert (first.at_ms, first.duration_ms, first.way) == (77, 1500, WAY)
    assert (second.code, second.enhanced, second.reply) == (550, "5.1.1", "nobody")
    assert (second.reverse_path, second.stage) == ("ann@here.test", "rcpt")
    clock.advance(hours=1, minutes=1)
    await database.write(lease.release, ME, "c.test", Health())
    (again,) = await database.write(take_all)
    (waiting,) = again.recipients
    assert (waiting.attempts, waiting.delay_told_ms) == (1, later_ms - HOUR_MS)


async def test_settling_again_changes_nothing(database: Database, blobs: BlobStore) -> None:
    number = await database.write(put, blobs, "a@c.test", "b@d.test")
    messages = await database.write(take_all)
    for message in messages:
        done = settlement(message, Outcome.DELIVERED)
        assert (await database.write(settle.settle, done)).applied
    for message in messages:
        for outcome in (Outcome.DELIVERED, Outcome.DEFERRED, Outcome.FAILED):
            late = await database.write(settle.settle, settlement(message, outcome))
            assert late == Settled(frozenset())
    assert set((await database.read(states)).values()) == {Status.DELIVERED}
    found = await outcomes(database, number)
    # What others found out meanwhile is told, once; the same attempt never twice.
    assert len(found) == len(set(found)) == 6
    unknown = Settlement(QueueId(7), 1, 1, done.results)
    assert await database.write(settle.settle, unknown) == Settled(frozenset())


async def test_content_goes_with_the_last_who_is_served(
    database: Database, blobs: BlobStore
) -> None:
    number = await database.write(put, blobs, "a@c.test", "b@d.test")
    first, second = await database.write(take_all)
    settled = await database.write(settle.settle, settlement(first, Outcome.DELIVERED))
    assert not settled.finished
    settled = await database.write(settle.settle, settlement(second, Outcome.DELIVERED))
    assert settled.finished
    assert settled.released_blob is not None
    assert await database.write(sweep.release_blob, blobs, settled.released_blob)
    with pytest.raises(NotFound, match="no longer kept"):
        await database.read(inspect.content, KEYS, blobs, number)
    assert await database.write(sweep.remove_queued, blobs, number) is None


async def test_content_stays_where_somebody_may_be_tried_again(
    database: Database, blobs: BlobStore
) -> None:
    number = await database.write(put, blobs, "a@c.test", "b@d.test")
    first, second = await database.write(take_all)
    await database.write(settle.settle, settlement(first, Outcome.FAILED))
    settled = await database.write(settle.settle, settlement(second, Outcome.DELIVERED))
    assert (settled.finished, settled.released_blob) == (True, None)
    assert await database.read(lease.content, KEYS, blobs, number) == b"content"


async def test_a_message_that_comes_back_is_noted_once(
    database: Database, blobs: BlobStore
) -> None:
    number = await database.write(put, blobs, "A@c.test", "b@d.test")
    for message in await database.write(take_all):
        await database.write(settle.settle, settlement(message, Outcome.DELIVERED))
    assert await database.write(settle.bounced, number, "a@C.test", "no such\x00 user")
    assert not await database.write(settle.bounced, number, "a@c.test", "again")
    assert not await database.write(settle.bounced, number, "z@c.test", "who?")
    assert not await database.write(settle.bounced, QueueId(7), "a@c.test", "what?")
    assert (await database.read(states))["A@c.test"] is Status.BOUNCED
    lines = await database.read(log.of_message, number)
    assert [line.reply for line in lines if line.outcome is Outcome.BOUNCED] == ["no such? user"]


async def test_replies_are_kept_whatever_is_in_them(database: Database, blobs: BlobStore) -> None:
    number = await database.write(put, blobs, "a@c.test")
    (message,) = await database.write(take_all)
    bad = "\x00\ud800\x1b[2J" + "x" * 5000
    way = Way(bad, bad, 25, bad, bad)
    result = Result(
        message.recipients[0].id, Outcome.DEFERRED, Stage.RCPT, bad, 450, bad, None, way
    )
    await database.write(settle.settle, Settlement(number, 1, 1, (result,)))
    (line,) = await database.read(log.of_message, number)
    assert line.reply.startswith("???[2Jxxx")
    assert (len(line.reply), len(line.way.host or ""), len(line.way.tls or "")) == (2000, 255, 200)


async def test_who_is_suppressed_is_not_tried(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "A@c.test", "b@c.test")
    await database.write(suppression.add, None, "a@C.test", "it complained")
    (message,) = await database.write(take_all)
    first, second = message.recipients
    assert settle.without_attempt(second) is None
    result = settle.without_attempt(first)
    assert result is not None
    assert (result.outcome, result.enhanced) == (Outcome.SUPPRESSED, "5.7.1")
    assert "it complained" in result.reply
    await database.write(settle.settle, Settlement(number, clock.now_ms(), 0, (result,)))
    assert (await database.read(states))["A@c.test"] is Status.FAILED
    assert await outcomes(database, number) == [("A@c.test", Outcome.SUPPRESSED)]


async def test_who_is_given_up_is_not_tried_even_where_it_is_closed(
    database: Database, blobs: BlobStore, clock: FakeClock
) -> None:
    number = await database.write(put, blobs, "a@c.test", "b@c.test")
    closed = Health(5, 0, clock.now_ms() + HOUR_MS)
    await database.write(lease.take_destinations, ME, 1, LEASE_MS)
    await database.write(lease.release, ME, "c.test", closed)
    assert await database.write(take_all) == []
    await database.write(steer.expire, number, "a@c.test")
    (message,) = await database.write(take_all)
    (recipient,) = message.recipients
    assert (recipient.address, recipient.give_up) == ("a@c.test", True)
    result = settle.without_attempt(recipient)
    assert result is not None
    await database.write(settle.settle, Settlement(number, clock.now_ms(), 0, (result,)))
    await database.write(lease.release, ME, "c.test", closed)
    assert await database.read(states) == {
        "a@c.test": Status.EXPIRED,
        "b@c.test": Status.PENDING,
    }
    assert await database.read(lease.next_due_ms) == closed.closed_until_ms


async def test_two_who_settle_the_last_two_recipients_see_one_another(
    database: Database, blobs: BlobStore
) -> None:
    for round_number in range(10):
        await database.write(put, blobs, f"a{round_number}@c.test", f"b{round_number}@d.test")
        messages = await database.write(take_all)
        settled = await asyncio.gather(
            *(database.write(settle.settle, settlement(one, Outcome.DELIVERED)) for one in messages)
        )
        assert sorted(one.finished for one in settled) == [False, True]
        await database.write(_release_both)


def _release_both(tx: Tx) -> None:
    for domain in ("c.test", "d.test"):
        lease.release(tx, ME, domain, Health())

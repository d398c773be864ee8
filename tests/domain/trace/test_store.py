"""Keeping traces and finding them again."""

import pytest
from sqlalchemy import select

from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.judgement.model import Decision, Finding, Run, Stage, Verdict
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient
from pillarbox.domain.trace.tables import trace_keys, traces
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

IDS = IdSource()
KEYS = KeyRing({1: bytes(range(32))})


def trace(
    at_ms: int = 1000,
    recipients: tuple[str, ...] = ("bob@example.test",),
    message_id: str = "<one@b.test>",
) -> Trace:
    decision = Decision(Verdict.JUNK, 6.0, ("spf_fail",))
    return Trace(
        public_id("", IDS.next()),
        at_ms,
        TracedClient("192.0.2.7", "mx.b.test"),
        "ann@b.test",
        tuple(TracedRecipient(one, 1, "Junk", decision=decision) for one in recipients),
        message_id=message_id,
        sender="Ann@B.test",
        subject="Secret plans",
        runs=(Run("spf", Stage.MAIL, 12, (Finding("spf_fail", 4.0, "fails"),)),),
    )


def kept(tx: Tx, one: Trace, queue_ids: tuple[int, ...] = ()) -> None:
    store.keep(tx, KEYS, store.prepare(KEYS, one), queue_ids)


@pytest.mark.parametrize(
    "what",
    [
        "bob@example.test",
        "<BOB@example.test>",
        "ann@b.test",
        "one@b.test",
        "<one@b.test>",
        "192.0.2.7",
        "0000000000016",
    ],
)
async def test_it_is_found_by_what_is_known_of_it(database: Database, what: str) -> None:
    one = trace()
    await database.write(kept, one, (38,))
    await database.write(kept, trace(recipients=("eve@x.test",), message_id="<2@b.test>"))
    found = await database.read(store.find, KEYS, what)
    assert one in found
    assert await database.read(store.find, KEYS, "ann") == []


async def test_it_is_found_by_its_own_id(database: Database) -> None:
    one = trace()
    await database.write(kept, one)
    assert await database.read(store.find, KEYS, one.id) == [one]


async def test_the_newest_come_first_and_not_too_many(database: Database) -> None:
    several = [trace(at_ms=number) for number in range(5)]
    for one in several:
        await database.write(kept, one)
    found = await database.read(store.find, KEYS, "ann@b.test", 3)
    assert found == several[:1:-1]
    assert await database.read(store.latest, KEYS, 2) == several[:2:-1]


async def test_the_table_can_not_be_read_without_the_key(database: Database) -> None:
    await database.write(kept, trace())
    rows = await database.read(lambda tx: tx.select(select(traces)))
    keys = await database.read(lambda tx: tx.select(select(trace_keys)))
    assert not any(word in repr((rows, keys)) for word in ("bob", "ann", "Secret", "192.0.2"))


async def test_old_ones_are_forgotten_with_their_keys(database: Database) -> None:
    old, new = trace(at_ms=10), trace(at_ms=30)
    for one in (old, new):
        await database.write(kept, one)
    assert await database.write(store.sweep, 20) == 1
    assert await database.read(store.find, KEYS, "ann@b.test") == [new]
    left = await database.read(lambda tx: tx.select(select(trace_keys.c.trace_id).distinct()))
    assert len(left) == 1

"""Putting messages into the queue."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from kit.clock import FakeClock
from kit.queue import HOUR_MS, KEYS, SENDER, due, put, put_without_blob, stranded, take_all
from pillarbox.domain.queue import matching
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


def _times(tx: Tx) -> list[tuple[int, int, int | None]]:
    r = queue_recipients.c
    rows = tx.select(select(r.next_attempt_ms, r.expires_ms, r.notify_delay_ms))
    return [(row[0], row[1], row[2]) for row in rows]


def _add(tx: Tx, outgoing: Outgoing, life_ms: int) -> None:
    put_without_blob(tx, "x@c.test", outgoing=outgoing, life_ms=life_ms)


@pytest.mark.parametrize(
    ("asked", "first_h", "expires_h", "notify_h"),
    [
        ({}, 0, 100, None),
        ({"hold_until_ms": 10}, 10, 110, None),
        ({"hold_until_ms": -10}, 0, 100, None),
        ({"deliver_by_ms": 2}, 0, 2, None),
        ({"deliver_by_ms": 200}, 0, 100, None),
        ({"deliver_by_ms": 2, "by_notify": True}, 0, 100, 2),
        ({"hold_until_ms": 10, "deliver_by_ms": 12}, 10, 12, None),
        ({"hold_until_ms": 10, "deliver_by_ms": 8}, 8, 8, None),
    ],
)
async def test_times_of_a_message(
    database: Database,
    clock: FakeClock,
    asked: dict[str, int],
    first_h: int,
    expires_h: int,
    notify_h: int | None,
) -> None:
    now_ms = clock.now_ms()
    instants = {
        name: value if value is True else now_ms + value * HOUR_MS for name, value in asked.items()
    }
    await database.write(_add, replace(SENDER, **instants), 100 * HOUR_MS)  # type: ignore[arg-type]
    ((first_ms, expires_ms, notify_ms),) = await database.read(_times)
    assert first_ms == now_ms + first_h * HOUR_MS
    assert expires_ms == now_ms + expires_h * HOUR_MS
    assert notify_ms == (None if notify_h is None else now_ms + notify_h * HOUR_MS)
    assert await database.read(due) == {"c.test": first_ms}


async def test_flags_of_a_message_reach_the_sender(database: Database, blobs: BlobStore) -> None:
    asked = Outgoing(
        "",
        (),
        smtputf8=True,
        eight_bit=True,
        binary=True,
        require_tls=True,
        tls_optional=True,
        ret="HDRS",
        envid="one",
        message_id="<a@b>",
    )
    await database.write(_put_as, blobs, asked)
    (message,) = await database.write(take_all)
    assert (message.smtputf8, message.eight_bit, message.binary) == (True, True, True)
    assert (message.require_tls, message.tls_optional) == (True, True)
    assert (message.ret, message.envid) == ("HDRS", "one")
    assert (message.reverse_path, message.account_id, message.route) == ("", None, None)


def _put_as(tx: Tx, blobs: BlobStore, outgoing: Outgoing) -> int:
    return put(tx, blobs, "x@c.test", outgoing=outgoing)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("x@C.Test", "c.test"),
        ("x@bücher.test", "xn--bcher-kva.test"),
        ("x@BÜCHER.test", "xn--bcher-kva.test"),
        ("x@[192.0.2.1]", "[192.0.2.1]"),
        ('"a@b"@c.test', "c.test"),
        ("x@bad..name", "bad..name"),
        ("postmaster", "postmaster"),
    ],
)
def test_spellings_of_a_domain_are_one_destination(address: str, domain: str) -> None:
    assert OutgoingRecipient(address).domain == domain


async def test_a_destination_is_due_for_the_first_of_its_recipients(
    database: Database, clock: FakeClock
) -> None:
    now_ms = clock.now_ms()
    later = replace(SENDER, hold_until_ms=now_ms + HOUR_MS)
    await database.write(_add, later, HOUR_MS)
    assert await database.read(due) == {"c.test": now_ms + HOUR_MS}
    await database.write(_add, replace(SENDER, hold_until_ms=now_ms + 2 * HOUR_MS), HOUR_MS)
    assert await database.read(due) == {"c.test": now_ms + HOUR_MS}
    await database.write(_add, SENDER, HOUR_MS)
    assert await database.read(due) == {"c.test": now_ms}
    assert await database.read(stranded) == []


async def test_a_message_is_found_by_what_reports_name(
    database: Database, blobs: BlobStore
) -> None:
    asked = replace(SENDER, message_id="<one@here.test>", envid="env+201")
    first = await database.write(_put_as, blobs, asked)
    second = await database.write(_put_as, blobs, asked)
    await database.write(_put_as, blobs, SENDER)
    read = database.read
    assert await read(matching.find_by_message_id, KEYS, "one@here.test") == [second, first]
    assert await read(matching.find_by_message_id, KEYS, " <one@here.test> ") == [second, first]
    newer = KeyRing({1: bytes(32), 2: bytes([2]) * 32})
    assert await read(matching.find_by_message_id, newer, "<one@here.test>") == [second, first]
    assert await read(matching.find_by_message_id, KEYS, "<two@here.test>") == []
    assert await read(matching.find_by_envid, "env+201") == [second, first]
    for envid in ("env", "", "\x00", "\ud800", "x" * 5000):
        assert await read(matching.find_by_envid, envid) == []
        assert await read(matching.find_by_message_id, KEYS, envid) == []
    assert "one@here" not in str(await read(lambda tx: tx.select(select(queue_messages))))

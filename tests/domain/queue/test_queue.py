"""Putting messages into the queue and looking at them."""

from pathlib import Path

import pytest

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import BlobId, QueueId
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient, Status
from pillarbox.storage.blobs.sealed import seal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})


def put(tx: Tx, blobs: BlobStore, *addresses: str) -> QueueId:
    blob = seal(BlobId(tx.next_id()), b"content")
    blobs.insert(tx, blob)
    recipients = tuple(OutgoingRecipient(address) for address in addresses)
    return enqueue(tx, KEYS, blob, Outgoing("a@b.test", recipients), tx.now_ms + 1000)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path, None)


async def test_a_message_is_listed_with_its_recipients(
    database: Database, blobs: BlobStore, published: list[str]
) -> None:
    first = await database.write(put, blobs, "x@c.test", "y@D.test")
    second = await database.write(put, blobs, "z@e.test")
    assert published == ["queue", "queue"]
    listed = await database.read(inspect.list_of)
    assert [message.id for message in listed] == [first, second]
    assert [[r.address for r in message.recipients] for message in listed] == [
        ["x@c.test", "y@D.test"],
        ["z@e.test"],
    ]
    assert await database.read(inspect.list_of, first, 1) == listed[1:]
    assert await database.read(inspect.counts) == {Status.PENDING: 3}
    assert await database.read(inspect.get, first) == listed[0]


async def test_content_is_sealed_and_can_be_read(database: Database, blobs: BlobStore) -> None:
    first = await database.write(put, blobs, "x@c.test")
    assert await database.read(inspect.content, KEYS, blobs, first) == b"content"
    with pytest.raises(NotFound):
        await database.read(inspect.content, KEYS, blobs, QueueId(1))


async def test_a_message_can_be_removed(database: Database, blobs: BlobStore) -> None:
    first = await database.write(put, blobs, "x@c.test")
    await database.write(inspect.remove, first)
    assert await database.read(inspect.list_of) == []
    assert await database.read(inspect.counts) == {}
    with pytest.raises(NotFound):
        await database.write(inspect.remove, first)

"""Short ways to fill the queue, send from it, and look at it."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select

from pillarbox.base.ids import BlobId, QueueId
from pillarbox.domain.queue import lease
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import (
    LeasedMessage,
    Outcome,
    Outgoing,
    OutgoingRecipient,
    Result,
    Settlement,
    Stage,
    Status,
)
from pillarbox.domain.queue.tables import queue_destinations, queue_recipients
from pillarbox.storage.blobs.sealed import SealedBlob, seal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
HOUR_MS = 3_600_000
LEASE_MS = 60_000
SENDER = Outgoing("ann@here.test", ())
ME = "here"


def put(
    tx: Tx,
    blobs: BlobStore,
    *addresses: str,
    outgoing: Outgoing = SENDER,
    life_ms: int = 100 * HOUR_MS,
) -> QueueId:
    """Enqueue a message whose content is `content`."""
    blob = seal(BlobId(tx.next_id()), b"content")
    blobs.insert(tx, blob)
    return put_without_blob(tx, *addresses, blob=blob, outgoing=outgoing, life_ms=life_ms)


def put_without_blob(
    tx: Tx,
    *addresses: str,
    blob: SealedBlob | None = None,
    outgoing: Outgoing = SENDER,
    life_ms: int = 100 * HOUR_MS,
) -> QueueId:
    """Enqueue a message whose content nobody will ask for."""
    blob = blob or SealedBlob(BlobId(1), bytes(32), 7, b"")
    recipients = tuple(OutgoingRecipient(address) for address in addresses)
    return enqueue(tx, KEYS, blob, replace(outgoing, recipients=recipients), tx.now_ms + life_ms)


def take_all(tx: Tx, owner: str = ME, most: int = 1000) -> list[LeasedMessage]:
    """Take every destination that can be had and pull what is due of each."""
    taken = lease.take_destinations(tx, owner, most, LEASE_MS)
    return [message for one in taken for message in lease.pull(tx, owner, one.domain, most)]


def addresses(messages: Iterable[LeasedMessage]) -> list[str]:
    """Whom the messages are for, sorted."""
    return sorted(one.address for message in messages for one in message.recipients)


def settlement(
    message: LeasedMessage,
    outcome: Outcome,
    next_attempt_ms: int | None = None,
    *,
    began_ms: int = 5,
) -> Settlement:
    """The same outcome for every recipient that was leased."""
    code, text = (250, "taken") if outcome is Outcome.DELIVERED else (451, "not now")
    return Settlement(
        message.id,
        began_ms,
        20,
        tuple(
            Result(
                recipient.id,
                outcome,
                Stage.CONTENT,
                text,
                code=code,
                next_attempt_ms=next_attempt_ms,
            )
            for recipient in message.recipients
        ),
    )


def states(tx: Tx) -> dict[str, Status]:
    """Each recipient's status, by address."""
    r = queue_recipients.c
    return {address: Status(status) for address, status in tx.select(select(r.address, r.status))}


def stranded(tx: Tx) -> list[str]:
    """Recipients that wait though nobody will look at their destination in time."""
    r, d = queue_recipients.c, queue_destinations.c
    rows = tx.select(
        select(r.address, r.next_attempt_ms, d.due_ms, d.owner, d.lease_ms, d.closed_until_ms)
        .select_from(queue_recipients.outerjoin(queue_destinations, d.domain == r.domain))
        .where(r.status == int(Status.PENDING))
    )
    return [
        address
        for address, next_ms, due_ms, owner, lease_ms, closed_ms in rows
        if due_ms is None
        or (due_ms > max(next_ms, closed_ms) and not (owner and lease_ms > tx.now_ms))
    ]


def due(tx: Tx) -> dict[str, int]:
    """When each destination is due."""
    d = queue_destinations.c
    return {row[0]: row[1] for row in tx.select(select(d.domain, d.due_ms))}

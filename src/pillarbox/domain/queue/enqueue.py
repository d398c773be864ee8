"""Putting a message into the queue, within the transaction that accepts it.

The content is sealed before the transaction (`storage/blobs/sealed`); its key is wrapped here for
the queue. Called by `pipeline/inbound/deliver` and `pipeline/submission/submit`.
"""

from pillarbox.base.ids import QueueId
from pillarbox.domain.queue import matching
from pillarbox.domain.queue.destinations import make_due
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient, Status
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.storage.blobs.sealed import SealedBlob, row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import insert_row
from pillarbox.storage.tx import Tx

TOPIC = "queue"
"""The bus topic: something new waits to be sent."""

KEY_PURPOSE = "queue"

_INSERT_MESSAGE = insert_row(queue_messages)
_INSERT_RECIPIENT = insert_row(queue_recipients)


def enqueue(
    tx: Tx,
    keys: KeyRing,
    blob: SealedBlob,
    outgoing: Outgoing,
    expires_ms: int,
    dues: dict[str, int] | None = None,
) -> QueueId:
    """Add a message to be sent; its blob's own rows are the caller's to insert.

    One transaction may enqueue the same blob several times. A message that is held until later
    expires as much later; one that must be delivered by an instant expires then.

    Whoever enqueues several gives `dues`, which gathers when their domains are due, and calls
    `make_due` with it once at the end: two transactions that did so one by one, in different
    orders, would wait for each other.
    """
    message_id = QueueId(tx.next_id())
    wrapped_key = keys.system(KEY_PURPOSE).seal(blob.content_key, row_name(message_id))
    first_ms, expires_ms, notify_delay_ms = _times(tx, outgoing, expires_ms)
    tx.run(
        _INSERT_MESSAGE,
        id=message_id,
        account_id=outgoing.account_id,
        reverse_path=outgoing.reverse_path,
        blob_id=blob.id,
        wrapped_key=wrapped_key,
        size_bytes=blob.size_bytes,
        smtputf8=int(outgoing.smtputf8),
        eight_bit=int(outgoing.eight_bit),
        binary_body=int(outgoing.binary),
        require_tls=int(outgoing.require_tls),
        tls_optional=int(outgoing.tls_optional),
        dsn_ret=outgoing.ret,
        dsn_envid=outgoing.envid,
        message_id_digest=matching.digest(keys, outgoing.message_id),
        route=None,
        created_ms=tx.now_ms,
    )
    tx.run_many(
        _INSERT_RECIPIENT,
        [
            _row(tx, message_id, recipient, first_ms, expires_ms, notify_delay_ms)
            for recipient in outgoing.recipients
        ],
    )
    domains = [recipient.domain for recipient in outgoing.recipients]
    if dues is None:
        make_due(tx, dict.fromkeys(domains, first_ms))
    else:
        for domain in domains:
            dues[domain] = min(first_ms, dues.get(domain, first_ms))
    tx.emit(TOPIC)
    return message_id


def _row(
    tx: Tx,
    message_id: QueueId,
    recipient: OutgoingRecipient,
    first_ms: int,
    expires_ms: int,
    notify_delay_ms: int | None,
) -> dict[str, object]:
    return {
        "id": tx.next_id(),
        "message_id": message_id,
        "address": recipient.address,
        "domain": recipient.domain,
        "status": int(Status.PENDING),
        "attempts": 0,
        "next_attempt_ms": first_ms,
        "expires_ms": expires_ms,
        "dsn_notify": recipient.notify,
        "dsn_orcpt": recipient.orcpt,
        "last_reply": None,
        "delay_told_ms": None,
        "notify_delay_ms": notify_delay_ms,
        "finished_ms": None,
    }


def _times(tx: Tx, outgoing: Outgoing, expires_ms: int) -> tuple[int, int, int | None]:
    """When to try first, when it is too late, and when to tell of the delay whatever happens."""
    first_ms = max(tx.now_ms, outgoing.hold_until_ms or 0)
    expires_ms += first_ms - tx.now_ms
    by_ms = outgoing.deliver_by_ms
    if by_ms is None or outgoing.by_notify:
        return first_ms, expires_ms, by_ms
    return min(first_ms, by_ms), min(expires_ms, by_ms), None

"""Putting a message into the queue, within the transaction that accepts it.

The content is sealed before the transaction (`storage/blobs/sealed`); its key is wrapped here for
the queue. Called by `pipeline/inbound/deliver` and `pipeline/submission/submit`.
"""

from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.model import Outgoing, Status
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
    tx: Tx, keys: KeyRing, blob: SealedBlob, outgoing: Outgoing, expires_ms: int
) -> QueueId:
    """Add a message for immediate sending; its blob's own rows are the caller's to insert.

    One transaction may enqueue the same blob several times.
    """
    message_id = QueueId(tx.next_id())
    wrapped_key = keys.system(KEY_PURPOSE).seal(blob.content_key, row_name(message_id))
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
        dsn_ret=outgoing.ret,
        dsn_envid=outgoing.envid,
        created_ms=tx.now_ms,
    )
    tx.run_many(
        _INSERT_RECIPIENT,
        [
            {
                "id": tx.next_id(),
                "message_id": message_id,
                "address": recipient.address,
                "domain": recipient.domain,
                "status": int(Status.PENDING),
                "attempts": 0,
                "next_attempt_ms": tx.now_ms,
                "expires_ms": expires_ms,
                "dsn_notify": recipient.notify,
                "dsn_orcpt": recipient.orcpt,
                "last_reply": None,
            }
            for recipient in outgoing.recipients
        ],
    )
    tx.emit(TOPIC)
    return message_id

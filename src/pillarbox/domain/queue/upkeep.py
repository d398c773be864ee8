"""Dropping what nobody asks for any more, and mending what should not have broken.

In small steps, for `pipeline/jobs/queue_upkeep`.
"""

from sqlalchemy import bindparam, delete, exists, select

from pillarbox.base.ids import BlobId
from pillarbox.domain.queue import destinations
from pillarbox.domain.queue.enqueue import TOPIC
from pillarbox.domain.queue.model import Status
from pillarbox.domain.queue.tables import delivery_log, queue_messages, queue_recipients
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

SERVED = (Status.DELIVERED,)
NOT_SERVED = (Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.BOUNCED)

_m, _r, _l = queue_messages.c, queue_recipients.c, delivery_log.c
_OLD = Statement(
    select(_r.id, _r.message_id)
    .where(_r.status == bindparam("state"), _r.finished_ms < bindparam("before"))
    .order_by(_r.finished_ms)
    .limit(bindparam("most"))
)
# Whom an admin retries at this moment stays.
_DELETE = Statement(
    delete(queue_recipients).where(_r.id == bindparam("recipient"), _r.status == bindparam("state"))
)
_DELETE_MESSAGE = Statement(
    delete(queue_messages)
    .where(
        _m.id == bindparam("message"),
        ~exists().where(_r.message_id == bindparam("message")),
    )
    .returning(_m.blob_id)
)
_DELETE_LINES = Statement(
    delete(delivery_log).where(
        _l.id.in_(
            select(_l.id)
            .where(_l.at_ms < bindparam("before"))
            .order_by(_l.at_ms)
            .limit(bindparam("most"))
            .scalar_subquery()
        )
    )
)


def drop_ended(tx: Tx, status: Status, before_ms: int, most: int) -> tuple[int, list[BlobId]]:
    """Drop up to `most` recipients that came to this end before an instant.

    Their messages go with the last of them. Gives how many were dropped and the blobs that are
    needed no more, to be released by the caller.
    """
    rows = tx.all(_OLD, state=int(status), before=before_ms, most=most)
    tx.run_many(_DELETE, [{"recipient": row[0], "state": int(status)} for row in rows])
    blobs: list[BlobId] = []
    for message_id in sorted({row[1] for row in rows}):
        for (blob,) in tx.all(_DELETE_MESSAGE, message=message_id):
            if blob:
                blobs.append(BlobId(blob))
    return len(rows), blobs


def drop_lines(tx: Tx, before_ms: int, most: int) -> int:
    """Drop up to `most` lines of the delivery log from before an instant; gives how many."""
    return tx.run(_DELETE_LINES, before=before_ms, most=most)


def end_waiting(tx: Tx, domain: str, recipients: list[int]) -> None:
    """See that those are settled whose time is up, though their destination is closed."""
    destinations.end_waiting(tx, domain, recipients)
    tx.emit(TOPIC)


def heal(tx: Tx, dues: dict[str, int]) -> None:
    """Make destinations due that nobody would have looked at (`destinations.stray`)."""
    destinations.make_due(tx, dues)
    tx.emit(TOPIC)

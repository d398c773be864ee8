"""Writing down what came of attempts: each recipient's state and a line of the log for it.

Settling again changes nothing. Only who is `SENDING` is settled, but a delivery counts wherever it
comes from: a process that lost its lease meanwhile knows it for certain. Called by
`pipeline/outbound`, in one transaction with the reports to senders.
"""

from typing import Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from pillarbox.base.ids import BlobId, QueueId
from pillarbox.domain.queue import log
from pillarbox.domain.queue.model import (
    OPEN,
    LeasedRecipient,
    LogLine,
    Outcome,
    Result,
    Settled,
    Settlement,
    Stage,
    Status,
    Way,
)
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

ENDS = {
    Outcome.DELIVERED: Status.DELIVERED,
    Outcome.FAILED: Status.FAILED,
    Outcome.SUPPRESSED: Status.FAILED,
    Outcome.EXPIRED: Status.EXPIRED,
    Outcome.CANCELLED: Status.CANCELLED,
}
NEEDS_CONTENT = (Status.FAILED, Status.EXPIRED, Status.CANCELLED)
"""Ends after which an admin may try again."""

_PAUSE_MS = 300_000
_NOWHERE = Way()

_m, _r = queue_messages.c, queue_recipients.c
_MESSAGE = Statement(
    select(_m.account_id, _m.reverse_path, _m.blob_id)
    .where(_m.id == bindparam("message"))
    .with_for_update()
)
_THIS = and_(_r.id == bindparam("recipient"), _r.message_id == bindparam("message"))
_SENDING = _r.status == int(Status.SENDING)
_IS_OPEN = or_(*(_r.status == int(status) for status in OPEN))
_ENDED: dict[str, Any] = {
    "status": bindparam("end"),
    "last_reply": bindparam("reply"),
    "finished_ms": bindparam("now"),
}
_END = Statement(
    update(queue_recipients).where(_THIS, _SENDING).values(_ENDED).returning(_r.address)
)
_DELIVERED = Statement(
    update(queue_recipients).where(_THIS, _IS_OPEN).values(_ENDED).returning(_r.address)
)
_DEFER = Statement(
    update(queue_recipients)
    .where(_THIS, _SENDING)
    .values(
        status=int(Status.PENDING),
        last_reply=bindparam("reply"),
        next_attempt_ms=bindparam("next_ms"),
        delay_told_ms=func.coalesce(bindparam("told", type_=Big), _r.delay_told_ms),
    )
    .returning(_r.address)
)
_ADDRESS = Statement(select(_r.address).where(_THIS))


def _any(*statuses: Status) -> Statement:
    """Whether a message has a recipient of one of these; a look at the index for each."""
    return Statement(
        select(
            or_(
                *(
                    exists().where(_r.message_id == bindparam("message"), _r.status == int(status))
                    for status in statuses
                )
            )
        )
    )


_ANY_OPEN = _any(*OPEN)
_ANY_TO_RETRY = _any(*NEEDS_CONTENT)
_DROP_CONTENT = Statement(
    update(queue_messages).where(_m.id == bindparam("message")).values(blob_id=0, wrapped_key=b"")
)
_RECIPIENTS = Statement(
    select(_r.id, _r.address, _r.status).where(_r.message_id == bindparam("message"))
)
_BOUNCE = Statement(
    update(queue_recipients)
    .where(_THIS, _r.status == int(Status.DELIVERED))
    .values(status=int(Status.BOUNCED), last_reply=bindparam("reply"), finished_ms=bindparam("now"))
)


def settle(tx: Tx, settlement: Settlement) -> Settled:
    """Write down how an attempt ended.

    When the last recipient was served, the content is given up: `released_blob`, whose rows are
    the caller's to release (`domain/mail/sweep.release_blob`) in this transaction.
    """
    # Locked, so that of two who settle the last two recipients one sees that all are through.
    message = tx.one(_MESSAGE, message=settlement.message_id)
    if message is None:
        return Settled(frozenset())
    applied: set[int] = set()
    lines: list[LogLine] = []
    for result in settlement.results:
        address = _apply(tx, settlement.message_id, result)
        if address is not None:
            applied.add(result.recipient_id)
            lines.append(_line(tx, settlement, message, result, address))
            continue
        address = tx.scalar(_ADDRESS, recipient=result.recipient_id, message=settlement.message_id)
        if address is not None:
            late = _line(tx, settlement, message, result, address)
            if not log.has(tx, late):
                lines.append(late)
    log.append(tx, lines)
    if not applied:
        return Settled(frozenset())
    finished, blob = _finish(tx, settlement.message_id, BlobId(message[2]))
    return Settled(frozenset(applied), finished, blob)


def without_attempt(recipient: LeasedRecipient) -> Result | None:
    """How a pulled recipient ends that is not to be tried; `None` for all others."""
    if recipient.give_up:
        outcome, enhanced = Outcome.EXPIRED, "4.4.7"
        reply = "Delivery was given up by an administrator"
    elif recipient.suppressed is not None:
        outcome, enhanced = Outcome.SUPPRESSED, "5.7.1"
        reply = f"Nothing is sent to this address: {recipient.suppressed}"
    else:
        return None
    return Result(recipient.id, outcome, Stage.QUEUE, reply, enhanced=enhanced)


def bounced(
    tx: Tx,
    message_id: QueueId,
    address: str,
    reply: str,
    *,
    enhanced: str | None = None,
    way: Way = _NOWHERE,
) -> bool:
    """Note that a message which was delivered came back from further on.

    Gives whether that was news: `address` is a recipient of it that counted as delivered.
    """
    message = tx.one(_MESSAGE, message=message_id)
    if message is None:
        return False
    reply = log.clean(reply, log.REPLY_MAX)
    for recipient_id, known, status in tx.all(_RECIPIENTS, message=message_id):
        if known.lower() != address.lower() or status != Status.DELIVERED:
            continue
        if not tx.run(
            _BOUNCE, recipient=recipient_id, message=message_id, reply=reply, now=tx.now_ms
        ):
            continue
        result = Result(
            recipient_id, Outcome.BOUNCED, Stage.QUEUE, reply, enhanced=enhanced, way=way
        )
        began = Settlement(message_id, tx.now_ms, 0, ())
        log.append(tx, [_line(tx, began, message, result, known)])
        return True
    return False


def _apply(tx: Tx, message_id: QueueId, result: Result) -> str | None:
    """Change a recipient's state; gives its address, `None` if it was not to be changed."""
    this = {
        "recipient": result.recipient_id,
        "message": message_id,
        "reply": log.clean(result.reply, log.REPLY_MAX),
    }
    if result.outcome is Outcome.DEFERRED:
        next_ms = result.next_attempt_ms or tx.now_ms + _PAUSE_MS
        told = tx.now_ms if result.delay_told else None
        return _first(tx.all(_DEFER, **this, next_ms=next_ms, told=told))
    end = ENDS[result.outcome]
    statement = _DELIVERED if end is Status.DELIVERED else _END
    return _first(tx.all(statement, **this, end=int(end), now=tx.now_ms))


def _first(rows: list[Row]) -> str | None:
    return rows[0][0] if rows else None


def _finish(tx: Tx, message_id: QueueId, blob: BlobId) -> tuple[bool, BlobId | None]:
    """Whether all are through, and the content if nobody is left who may need it."""
    if tx.scalar(_ANY_OPEN, message=message_id):
        return False, None
    if not blob or tx.scalar(_ANY_TO_RETRY, message=message_id):
        return True, None
    tx.run(_DROP_CONTENT, message=message_id)
    return True, blob


def _line(tx: Tx, settlement: Settlement, message: Row, result: Result, address: str) -> LogLine:
    return LogLine(
        tx.next_id(),
        settlement.message_id,
        result.recipient_id,
        message[0],
        message[1],
        address,
        settlement.began_ms,
        settlement.duration_ms,
        result.outcome,
        result.stage,
        result.code,
        result.enhanced,
        result.reply,
        result.way,
    )

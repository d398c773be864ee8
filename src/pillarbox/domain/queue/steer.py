"""Steering the queue by hand: holding, retrying, ending and rerouting what waits.

What is being sent at this moment can't be steered: `Conflict`. A whole message is steered as far as
that goes. Called by the command line and the admin faces, which see to it who may.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import Conflict, Invalid, NotFound
from pillarbox.base.ids import AccountId, QueueId
from pillarbox.domain.queue import log
from pillarbox.domain.queue.destinations import NOW, make_due, waiting
from pillarbox.domain.queue.enqueue import TOPIC
from pillarbox.domain.queue.model import LogLine, Outcome, OutgoingRecipient, Stage, Status
from pillarbox.domain.queue.tables import queue_destinations, queue_messages, queue_recipients
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_LIFE_MIN_MS = 3_600_000

_d, _m, _r = queue_destinations.c, queue_messages.c, queue_recipients.c
_MESSAGE = Statement(
    select(_m.account_id, _m.reverse_path, _m.blob_id, _m.created_ms)
    .where(_m.id == bindparam("message"))
    .with_for_update()
)
_RECIPIENTS = Statement(
    select(_r.id, _r.address, _r.domain, _r.status, _r.attempts, _r.expires_ms, _r.finished_ms)
    .where(_r.message_id == bindparam("message"))
    .order_by(_r.id)
)
_AS_IT_WAS = (_r.id == bindparam("recipient"), _r.status == bindparam("was"))
_SET = Statement(
    update(queue_recipients)
    .where(*_AS_IT_WAS)
    .values(
        status=bindparam("becomes"),
        attempts=bindparam("tries"),
        next_attempt_ms=bindparam("next_ms"),
        expires_ms=bindparam("ends_ms"),
        finished_ms=None,
    )
)
_HOLD = Statement(update(queue_recipients).where(*_AS_IT_WAS).values(status=int(Status.HELD)))
_CANCEL = Statement(
    update(queue_recipients)
    .where(*_AS_IT_WAS)
    .values(
        status=int(Status.CANCELLED), finished_ms=bindparam("now"), last_reply=bindparam("reply")
    )
)
_ROUTE = Statement(
    update(queue_messages).where(_m.id == bindparam("message")).values(route=bindparam("way"))
)
_THIS = _d.domain == bindparam("name")
_ON_TRIAL = Statement(
    update(queue_destinations)
    .where(_THIS, _d.closed_until_ms > bindparam("now"))
    .values(closed_until_ms=bindparam("now"))
)
_STATE = Statement(select(_d.domain).where(_THIS).with_for_update())
_CLOSE = Statement(
    update(queue_destinations)
    .where(_THIS)
    .values(closed_until_ms=bindparam("until"), due_ms=bindparam("due"))
)
_OPEN = Statement(
    update(queue_destinations)
    .where(_THIS)
    .values(closed_until_ms=0, failures=0, successes=0, due_ms=bindparam("due"))
)
_NEXT_DESTINATION = Statement(
    select(_d.domain).where(_d.domain > bindparam("after")).order_by(_d.domain).limit(1)
)
_DEFERRED = Statement(
    select(_r.id)
    .where(
        _r.domain == bindparam("name"),
        _r.status == int(Status.PENDING),
        _r.next_attempt_ms > bindparam("now"),
        _r.attempts > 0,
    )
    .limit(bindparam("most"))
)
_HASTEN = Statement(
    update(queue_recipients)
    .where(_r.id == bindparam("recipient"), _r.status == int(Status.PENDING))
    .values(next_attempt_ms=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Steered:
    """Whose state was changed, and who could not be: they are being sent to now."""

    changed: tuple[str, ...]
    sending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Recipient:
    id: int
    address: str
    domain: str
    status: Status
    attempts: int
    expires_ms: int
    finished_ms: int | None


@dataclass(frozen=True, slots=True)
class _Message:
    id: QueueId
    account_id: AccountId | None
    reverse_path: str
    blob_id: int
    created_ms: int
    chosen: tuple[_Recipient, ...]
    """The recipients that were asked for."""

    def of(self, *statuses: Status) -> list[_Recipient]:
        return [recipient for recipient in self.chosen if recipient.status in statuses]


def hold(tx: Tx, message_id: QueueId, recipient: int | str | None = None) -> Steered:
    """Try nothing until `release_held`; for one recipient (id or address) or all that wait."""
    message = _load(tx, message_id, recipient)
    chosen = message.of(Status.PENDING)
    for one in chosen:
        _must(tx.run(_HOLD, recipient=one.id, was=int(one.status)))
    return _steered(message, chosen, "waits, so nothing can be held")


def release_held(tx: Tx, message_id: QueueId, recipient: int | str | None = None) -> Steered:
    """Let what was held be tried at once."""
    message = _load(tx, message_id, recipient)
    chosen = message.of(Status.HELD)
    for one in chosen:
        ends_ms = one.expires_ms if one.expires_ms > tx.now_ms else _new_end(tx, message, one)
        _requeue(tx, one, one.attempts, ends_ms)
    _wake(tx, chosen)
    return _steered(message, chosen, "is held")


def retry(tx: Tx, message_id: QueueId, recipient: int | str | None = None) -> Steered:
    """Try at once who waits, and anew, with all the time there is, who failed or expired.

    The latter only while the content is kept. A closed destination is put on trial.
    """
    message = _load(tx, message_id, recipient)
    chosen = message.of(Status.PENDING)
    for one in chosen:
        _requeue(tx, one, one.attempts, one.expires_ms)
    ended = message.of(Status.FAILED, Status.EXPIRED)
    if ended and not message.blob_id:
        if not chosen:
            raise Conflict(f"The content of message {message_id} is no longer kept")
        ended = []
    for one in ended:
        _requeue(tx, one, 0, _new_end(tx, message, one))
    chosen += ended
    _reopen(tx, chosen)
    _wake(tx, chosen)
    return _steered(message, chosen, "waits or has failed; what is held needs `release`")


def retry_all(tx: Tx, after: str, most: int) -> tuple[str | None, int]:
    """Try at once up to `most` of those whose first attempt failed, of a destination.

    It is the first one behind `after`; if it is closed it is put on trial. Gives where to go on
    (`None` at the end) and how many were changed. What is to be sent later stays as it is.
    """
    domain = tx.scalar(_NEXT_DESTINATION, after=after)
    if domain is None:
        return None, 0
    found = tx.all(_DEFERRED, name=domain, now=tx.now_ms, most=most)
    tx.run_many(_HASTEN, [{"recipient": row[0], "now": tx.now_ms} for row in found])
    closed = tx.run(_ON_TRIAL, name=domain, now=tx.now_ms)
    if found or closed:
        make_due(tx, {domain: tx.now_ms})
        tx.emit(TOPIC)
    return (after if len(found) == most else domain), len(found)


def cancel(tx: Tx, message_id: QueueId, recipient: int | str | None = None) -> Steered:
    """End delivery without telling the sender; the content is kept for a while."""
    message = _load(tx, message_id, recipient)
    chosen = message.of(Status.PENDING, Status.HELD)
    reply = "Cancelled by an administrator"
    for one in chosen:
        _must(tx.run(_CANCEL, recipient=one.id, was=int(one.status), now=tx.now_ms, reply=reply))
    log.append(
        tx,
        [
            LogLine(
                tx.next_id(),
                message_id,
                one.id,
                message.account_id,
                message.reverse_path,
                one.address,
                tx.now_ms,
                0,
                Outcome.CANCELLED,
                Stage.QUEUE,
                None,
                None,
                reply,
            )
            for one in chosen
        ],
    )
    return _steered(message, chosen, "waits, so there is nothing to cancel")


def expire(tx: Tx, message_id: QueueId, recipient: int | str | None = None) -> Steered:
    """End delivery as if its time were up: whoever sends settles it at once and tells the sender.

    That needs a running server; until then it waits (`LeasedRecipient.give_up`).
    """
    message = _load(tx, message_id, recipient)
    chosen = message.of(Status.PENDING, Status.HELD)
    for one in chosen:
        _requeue(tx, one, one.attempts, min(one.expires_ms, tx.now_ms), NOW)
    _wake(tx, chosen, NOW)
    return _steered(message, chosen, "waits, so there is nothing to expire")


def reroute(tx: Tx, message_id: QueueId, route: str | None) -> Steered:
    """Send a message by a route of that name, by the usual ones with `None`; tried at once."""
    if route is not None and not 0 < len(route) <= 100:
        raise Invalid("The name of a route has 1 to 100 characters")
    message = _load(tx, message_id, None)
    chosen = message.of(Status.PENDING)
    tx.run(_ROUTE, message=message_id, way=route)
    for one in chosen:
        _requeue(tx, one, one.attempts, one.expires_ms)
    _reopen(tx, chosen)
    _wake(tx, chosen)
    if not chosen and message.of(Status.HELD):
        return Steered(())
    return _steered(message, chosen, "waits, so there is nothing to reroute")


def close_destination(tx: Tx, domain: str, until_ms: int) -> None:
    """Try nothing at a recipient domain before an instant; who is being sent to is finished."""
    name = OutgoingRecipient("@" + domain.rstrip(".")).domain
    make_due(tx, {name: until_ms})
    tx.one(_STATE, name=name)
    tx.run(_CLOSE, name=name, until=until_ms, due=until_ms)


def open_destination(tx: Tx, domain: str) -> None:
    """Forget that a recipient domain was closed, by its failures or by hand; try it again."""
    name = OutgoingRecipient("@" + domain.rstrip(".")).domain
    if tx.one(_STATE, name=name) is None:
        raise NotFound(f"Nothing waits for {name}, and it is not closed")
    sending, first_ms = waiting(tx, name)
    tx.run(_OPEN, name=name, due=tx.now_ms if sending or first_ms is None else first_ms)
    tx.emit(TOPIC)


def _load(tx: Tx, message_id: QueueId, wanted: int | str | None) -> _Message:
    row = tx.one(_MESSAGE, message=message_id)
    if row is None:
        raise NotFound(f"There is no message {message_id} in the queue; see `queue list`")
    found = [
        _Recipient(number, address, domain, Status(status), *rest)
        for number, address, domain, status, *rest in tx.all(_RECIPIENTS, message=message_id)
    ]
    if wanted is not None:
        key = wanted.lower() if isinstance(wanted, str) else wanted
        found = [one for one in found if key in (one.id, one.address.lower())]
        if not found:
            raise NotFound(f"Message {message_id} has no recipient {wanted}")
    return _Message(message_id, row[0], row[1], row[2], row[3], tuple(found))


def _requeue(
    tx: Tx, one: _Recipient, attempts: int, ends_ms: int, next_ms: int | None = None
) -> None:
    _must(
        tx.run(
            _SET,
            recipient=one.id,
            was=int(one.status),
            becomes=int(Status.PENDING),
            tries=attempts,
            next_ms=tx.now_ms if next_ms is None else next_ms,
            ends_ms=ends_ms,
        )
    )


def _must(changed: int) -> None:
    if not changed:
        raise Conflict("It is being sent now; try again in a minute")


def _new_end(tx: Tx, message: _Message, one: _Recipient) -> int:
    """As long from now as it had from the start."""
    return tx.now_ms + max(one.expires_ms - message.created_ms, _LIFE_MIN_MS)


def _reopen(tx: Tx, chosen: Sequence[_Recipient]) -> None:
    for domain in sorted({one.domain for one in chosen}):
        tx.run(_ON_TRIAL, name=domain, now=tx.now_ms)


def _wake(tx: Tx, chosen: Sequence[_Recipient], due_ms: int | None = None) -> None:
    when_ms = tx.now_ms if due_ms is None else due_ms
    make_due(tx, {one.domain: when_ms for one in chosen})
    if chosen:
        tx.emit(TOPIC)


def _steered(message: _Message, chosen: Sequence[_Recipient], wanted: str) -> Steered:
    sending = message.of(Status.SENDING)
    if not chosen and sending:
        raise Conflict(f"Message {message.id} is being sent now; try again in a minute")
    if not chosen:
        states = ", ".join(sorted({one.status.name.lower() for one in message.chosen})) or "gone"
        raise Conflict(f"Nobody of message {message.id} {wanted} (now: {states})")
    return Steered(tuple(one.address for one in chosen), tuple(one.address for one in sending))

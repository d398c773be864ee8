"""Taking out of the queue what is to be sent now.

A process takes whole destinations (recipient domains), for a time that it renews; what it pulls of
them is `SENDING`. Whoever takes a destination over from a process that died makes that wait again.
Called by `pipeline/outbound`; what came of it goes to `settle`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import and_, bindparam, case, delete, or_, select, update

from pillarbox.base.ids import AccountId, QueueId
from pillarbox.domain.queue import suppression
from pillarbox.domain.queue.destinations import NOW, OVERDUE, waiting
from pillarbox.domain.queue.enqueue import TOPIC
from pillarbox.domain.queue.inspect import content as content
from pillarbox.domain.queue.model import (
    Health,
    LeasedDestination,
    LeasedMessage,
    LeasedRecipient,
    Status,
)
from pillarbox.domain.queue.tables import queue_destinations, queue_messages, queue_recipients
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

PULL_MAX = 1000
LEASE_MOST_MS = 2 * 3_600_000
"""No lease is longer."""

_CRASHES_FREE = 3
_CRASH_PAUSE_MS = 5_000

_d, _m, _r = queue_destinations.c, queue_messages.c, queue_recipients.c
_THIS = _d.domain == bindparam("name")
_MINE = and_(_THIS, _d.owner == bindparam("who"))
# A lease that ends later than any can was given by a clock that has been set back since.
_RUN_OUT = or_(_d.lease_ms <= bindparam("now"), _d.lease_ms > bindparam("now") + LEASE_MOST_MS)
# Not against those who enqueue: a domain that much mail comes for would never be free of them.
_DUE = Statement(
    select(_d.domain, _d.failures, _d.successes, _d.closed_until_ms)
    .where(
        _d.due_ms <= bindparam("now"),
        or_(
            _d.owner == "",
            and_(bindparam("over", type_=Big) > 0, _d.owner != bindparam("who"), _RUN_OUT),
        ),
    )
    .order_by(_d.due_ms)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True)
)
_TAKE = Statement(
    update(queue_destinations)
    .where(_THIS)
    .values(owner=bindparam("who"), lease_ms=bindparam("until"))
)
# What was begun and never settled may have ended its process: it is put off more and more, though
# but a little at first, for much of what a process had in hand when it died is innocent.
_CRASHES = _r.attempts - _CRASHES_FREE
_ORPHANED = Statement(
    update(queue_recipients)
    .where(_r.domain == bindparam("name"), _r.status == int(Status.SENDING))
    .values(
        status=int(Status.PENDING),
        next_attempt_ms=case(
            (
                _r.attempts > _CRASHES_FREE,
                bindparam("now") + _CRASHES * _CRASHES * _CRASH_PAUSE_MS,
            ),
            else_=bindparam("now"),
        ),
    )
)
_RENEW = Statement(
    update(queue_destinations)
    .where(_d.owner == bindparam("who"))
    .values(lease_ms=bindparam("until"))
    .returning(_d.domain)
)
# Against others who take or release, not against those who enqueue.
_HELD = Statement(
    select(_d.closed_until_ms)
    .where(_MINE, _d.lease_ms > bindparam("now"))
    .with_for_update(key_share=True)
)
# In the order of `LeasedRecipient`, and behind them what decides on `give_up`.
_RECIPIENT_COLUMNS = (
    _r.id,
    _r.address,
    _r.attempts,
    _r.expires_ms,
    _r.dsn_notify,
    _r.dsn_orcpt,
    _r.delay_told_ms,
    _r.notify_delay_ms,
    _r.last_reply,
    _r.next_attempt_ms,
)
_MESSAGE_COLUMNS = (
    _m.id,
    _m.account_id,
    _m.reverse_path,
    _m.size_bytes,
    _m.created_ms,
    _m.smtputf8,
    _m.eight_bit,
    _m.binary_body,
    _m.require_tls,
    _m.tls_optional,
    _m.dsn_ret,
    _m.dsn_envid,
    _m.route,
)
_PULL = Statement(
    select(
        *_RECIPIENT_COLUMNS,
        *_MESSAGE_COLUMNS,
    )
    .join_from(queue_recipients, queue_messages, _m.id == _r.message_id)
    .where(
        _r.domain == bindparam("name"),
        _r.status == int(Status.PENDING),
        _r.next_attempt_ms <= bindparam("until"),
    )
    .order_by(_r.next_attempt_ms)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=queue_recipients)
)
_BEGIN = Statement(
    update(queue_recipients)
    .where(_r.id == bindparam("recipient"))
    .values(status=int(Status.SENDING), attempts=_r.attempts + 1)
)
_NOT_BEGUN = Statement(
    update(queue_recipients)
    .where(_r.id == bindparam("recipient"), _r.status == int(Status.SENDING))
    .values(status=int(Status.PENDING), attempts=_r.attempts - 1)
)
_ABANDON = Statement(
    update(queue_destinations).where(_MINE).values(owner="", lease_ms=0, due_ms=bindparam("now"))
)
_LOCK = Statement(select(_d.closed_until_ms).where(_MINE).with_for_update())
_RELEASE = Statement(
    update(queue_destinations)
    .where(_THIS)
    .values(
        owner="",
        lease_ms=0,
        due_ms=bindparam("due"),
        failures=bindparam("failed"),
        successes=bindparam("succeeded"),
        closed_until_ms=bindparam("closed"),
    )
)
_DELETE = Statement(delete(queue_destinations).where(_THIS))
_NEXT_FREE = Statement(select(_d.due_ms).where(_RUN_OUT).order_by(_d.due_ms).limit(1))
_HELD_NOW = Statement(
    select(_d.due_ms, _d.lease_ms).where(
        _d.owner > "",
        _d.lease_ms.between(bindparam("now") + 1, bindparam("now") + LEASE_MOST_MS),
    )
)


def take_destinations(
    tx: Tx, owner: str, most: int, lease_ms: int, *, take_over: bool = True
) -> list[LeasedDestination]:
    """Take up to `most` destinations that are due and that nobody holds, the longest due first.

    What an earlier holder had begun to send waits again. Without `take_over` only those that were
    given back. The owner's own are not among them even when their lease ran out: it may be sending.
    """
    found = tx.all(_DUE, now=tx.now_ms, who=owner, over=int(take_over), most=most)
    for row in found:
        tx.run(_TAKE, name=row[0], who=owner, until=tx.now_ms + lease_ms)
        tx.run(_ORPHANED, name=row[0], now=tx.now_ms)
    return [LeasedDestination(domain, Health(*health)) for domain, *health in found]


def renew(tx: Tx, owner: str, lease_ms: int) -> frozenset[str]:
    """Hold everything for longer; gives the domains that are still the owner's."""
    return frozenset(row[0] for row in tx.all(_RENEW, who=owner, until=tx.now_ms + lease_ms))


def abandon(tx: Tx, owner: str, domain: str) -> None:
    """Give back a destination of which the owner knows nothing: its taking seemed to have failed.

    What was pulled with it waits again once somebody takes it.
    """
    tx.run(_ABANDON, name=domain, who=owner, now=tx.now_ms)
    tx.emit(TOPIC)


def pull(tx: Tx, owner: str, domain: str, most: int) -> list[LeasedMessage]:
    """Begin an attempt at up to `most` recipients of a held destination that are due.

    Nothing where the lease was lost. Where the destination is closed, only those that are to be
    settled without an attempt.
    """
    closed_until_ms = tx.scalar(_HELD, name=domain, who=owner, now=tx.now_ms)
    if closed_until_ms is None:
        return []
    until_ms = tx.now_ms if closed_until_ms <= tx.now_ms else OVERDUE
    rows = tx.all(_PULL, name=domain, until=until_ms, most=min(most, PULL_MAX))
    tx.run_many(_BEGIN, [{"recipient": row[0]} for row in rows])
    return suppression.mark(tx, _messages(rows))


def give_back(tx: Tx, owner: str, domain: str, recipients: Sequence[int]) -> None:
    """Let pulled recipients wait again as if they had not been pulled: nothing was tried.

    Nothing happens where the lease was lost.
    """
    if recipients and tx.one(_HELD, name=domain, who=owner, now=tx.now_ms) is not None:
        tx.run_many(_NOT_BEGUN, [{"recipient": recipient} for recipient in recipients])


def release(tx: Tx, owner: str, domain: str, health: Health, not_before_ms: int = 0) -> None:
    """Give a destination back with its health; it is due when the next recipient of it is.

    Nothing happens to another's. Nothing of it may be on its way any more: what is still `SENDING`
    will be tried anew. A closing by hand outlasts the health.
    """
    row = tx.one(_LOCK, name=domain, who=owner)
    if row is None:
        return
    closed_until_ms = health.closed_until_ms
    if row[0] > tx.now_ms:
        closed_until_ms = max(closed_until_ms, row[0])
    # A statement of its own behind the lock: it sees what was committed while that was waited for.
    sending, first_ms = waiting(tx, domain)
    if not sending and first_ms is None and closed_until_ms <= tx.now_ms:
        tx.run(_DELETE, name=domain)
        return
    due_ms = tx.now_ms if first_ms is None or sending else first_ms
    if due_ms > OVERDUE:
        due_ms = max(due_ms, closed_until_ms, not_before_ms)
    tx.run(
        _RELEASE,
        name=domain,
        due=due_ms,
        failed=health.failures,
        succeeded=health.successes,
        closed=closed_until_ms,
    )


def next_due_ms(tx: Tx) -> int | None:
    """When the next destination can be taken: it is due, and free or its lease has run out."""
    free_ms = tx.scalar(_NEXT_FREE, now=tx.now_ms)
    instants = [max(due_ms, lease_ms) for due_ms, lease_ms in tx.all(_HELD_NOW, now=tx.now_ms)]
    if free_ms is not None:
        instants.append(free_ms)
    return min(instants, default=None)


def _messages(rows: list[Row]) -> list[LeasedMessage]:
    recipients: defaultdict[int, list[LeasedRecipient]] = defaultdict(list)
    messages: dict[int, LeasedMessage] = {}
    for row in rows:
        (*recipient, next_attempt_ms), message = (
            row[: len(_RECIPIENT_COLUMNS)],
            row[-len(_MESSAGE_COLUMNS) :],
        )
        recipients[message[0]].append(
            replace(LeasedRecipient(*recipient), give_up=next_attempt_ms == NOW)
        )
        if message[0] not in messages:
            messages[message[0]] = _message(message)
    return [
        replace(message, recipients=tuple(recipients[number]))
        for number, message in messages.items()
    ]


def _message(row: Row) -> LeasedMessage:
    number, account_id, reverse_path, size_bytes, created_ms, *flags, ret, envid, route = row
    smtputf8, eight_bit, binary, require_tls, tls_optional = (bool(flag) for flag in flags)
    return LeasedMessage(
        QueueId(number),
        None if account_id is None else AccountId(account_id),
        reverse_path,
        size_bytes,
        created_ms,
        (),
        smtputf8=smtputf8,
        eight_bit=eight_bit,
        binary=binary,
        require_tls=require_tls,
        tls_optional=tls_optional,
        ret=ret,
        envid=envid,
        route=route,
    )

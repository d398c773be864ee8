"""The rows of destinations: when somebody has to look at a recipient domain.

There is a row for every domain with recipients that are `PENDING` or `SENDING`, due no later than
the first of them. Whoever makes recipients wait calls `make_due` in the same transaction, behind
the change; whoever moves a row's due time on (`lease.release`) locks it and then looks at its
recipients. So neither can miss the other, and those who enqueue don't wait for each other.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import bindparam, exists, select, update

from pillarbox.base.errors import Busy
from pillarbox.domain.queue.model import Status
from pillarbox.domain.queue.tables import queue_destinations, queue_recipients
from pillarbox.storage.statement import Statement, insert_new
from pillarbox.storage.tx import Row, Tx

NOW = 0
"""A due time before all others: not even a closed destination makes it wait."""
OVERDUE = 1
"""The same for recipients of closed destinations whose time is up."""

_TRIES = 20
# A pace may put a destination off for a while; one that is due much later than that is astray.
_PATIENCE_MS = 6 * 3_600_000

_d, _r = queue_destinations.c, queue_recipients.c
_THIS = _d.domain == bindparam("name")
# Shared with others who enqueue, and with their changes of the due time: neither touches the key.
_STATE = Statement(
    select(_d.due_ms, _d.closed_until_ms).where(_THIS).with_for_update(read=True, key_share=True)
)
_SOONER = Statement(
    update(queue_destinations)
    .where(_THIS, _d.due_ms > bindparam("due"))
    .values(due_ms=bindparam("due"))
)
_NEW = {
    "domain": bindparam("name"),
    "due_ms": bindparam("due"),
    "owner": "",
    "lease_ms": 0,
    "failures": 0,
    "successes": 0,
    "closed_until_ms": 0,
}


@cache
def _add(dialect: str) -> Statement:
    return insert_new(dialect, queue_destinations, _NEW)


def make_due(tx: Tx, dues: Mapping[str, int]) -> None:
    """See that each domain is looked at by the given instant, or once it is open again.

    `NOW` and `OVERDUE` stand for at once, open or not.
    """
    for domain in sorted(dues):
        _make_due(tx, domain, dues[domain])


def _make_due(tx: Tx, domain: str, due_ms: int) -> None:
    for _ in range(_TRIES):
        state = tx.one(_STATE, name=domain)
        if state is not None:
            if due_ms > OVERDUE:
                due_ms = max(due_ms, state[1])
            if state[0] > due_ms:
                tx.run(_SOONER, name=domain, due=due_ms)
            return
        if tx.run(_add(tx.dialect), name=domain, due=due_ms):
            return
    raise Busy(f"The queue for {domain} is busy; try again")


_NEXT_DOMAIN = Statement(
    select(_r.domain).where(_r.domain > bindparam("after")).order_by(_r.domain).limit(1)
)
_OF_DOMAIN = _r.domain == bindparam("name")
_FIRST = (
    select(_r.next_attempt_ms)
    .where(_OF_DOMAIN, _r.status == int(Status.PENDING))
    .order_by(_r.next_attempt_ms)
    .limit(1)
    .scalar_subquery()
)
_SENDING = exists().where(_OF_DOMAIN, _r.status == int(Status.SENDING))
_WAITING = Statement(select(_SENDING, _FIRST))
_DUE = Statement(select(_d.due_ms, _d.closed_until_ms, _d.lease_ms).where(_THIS))


def waiting(tx: Tx, domain: str) -> tuple[bool, int | None]:
    """Whether anybody is being sent to, and when the first of those who wait is to be tried.

    One statement, so that nobody can slip from one of the two to the other unseen.
    """
    row: Row = tx.all(_WAITING, name=domain)[0]
    return bool(row[0]), row[1]


def stray(tx: Tx, after: str, most: int) -> tuple[str | None, dict[str, int]]:
    """Those of the `most` domains behind `after` that nobody would look at in time.

    Gives the last domain that was looked at, `None` at the end, and for each stray one when it is
    to be due. There should be none: it takes a fault, or a table put back from a backup.
    """
    found: dict[str, int] = {}
    for _ in range(most):
        domain = tx.scalar(_NEXT_DOMAIN, after=after)
        if domain is None:
            return None, found
        after = str(domain)
        sending, first_ms = waiting(tx, after)
        if not sending and first_ms is None:
            continue
        state = tx.one(_DUE, name=after)
        wanted_ms = tx.now_ms if first_ms is None else first_ms
        latest_ms = max(wanted_ms, tx.now_ms) + _PATIENCE_MS
        if state is None or (state[2] <= tx.now_ms and state[0] > max(latest_ms, state[1])):
            found[after] = wanted_ms
    return after, found


_CLOSED = Statement(
    select(_d.domain)
    .where(_d.domain > bindparam("after"), _d.closed_until_ms > bindparam("now"))
    .order_by(_d.domain)
    .limit(1)
)
# Who has not expired yet may be in between; they are looked at, but by no writer.
_TIME_IS_UP = Statement(
    select(_r.id)
    .where(
        _OF_DOMAIN,
        _r.status == int(Status.PENDING),
        _r.next_attempt_ms.between(OVERDUE + 1, bindparam("now")),
        _r.expires_ms <= bindparam("now"),
    )
    .limit(bindparam("most"))
)
_END_WAITING = Statement(
    update(queue_recipients)
    .where(
        _r.id == bindparam("recipient"),
        _r.status == int(Status.PENDING),
        _r.expires_ms <= bindparam("now"),
    )
    .values(next_attempt_ms=OVERDUE)
)


def overdue(tx: Tx, after: str, most: int) -> tuple[str | None, list[int]]:
    """Up to `most` recipients of the first closed destination behind `after` whose time is up.

    Gives that destination too, `None` when there is none.
    """
    domain = tx.scalar(_CLOSED, after=after, now=tx.now_ms)
    if domain is None:
        return None, []
    return domain, [row[0] for row in tx.all(_TIME_IS_UP, name=domain, now=tx.now_ms, most=most)]


def end_waiting(tx: Tx, domain: str, recipients: Sequence[int]) -> None:
    """See that recipients whose time is up are settled though their destination is closed."""
    tx.run_many(
        _END_WAITING, [{"recipient": recipient, "now": tx.now_ms} for recipient in recipients]
    )
    make_due(tx, {domain: OVERDUE})

"""Looking at the queue, and taking messages out of it; for admins.

Not for the sender, which leases and settles. Called by the command line and the admin faces.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, case, delete, func, or_, select

from pillarbox.base.errors import Conflict, NotFound
from pillarbox.base.ids import AccountId, BlobId, QueueId
from pillarbox.domain.queue.enqueue import KEY_PURPOSE
from pillarbox.domain.queue.model import (
    OPEN,
    Destination,
    Health,
    OutgoingRecipient,
    QueuedMessage,
    QueuedRecipient,
    Status,
)
from pillarbox.domain.queue.tables import queue_destinations, queue_messages, queue_recipients
from pillarbox.storage.blobs.sealed import row_name, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

LIST_MAX = 1000

_d, _m, _r = queue_destinations.c, queue_messages.c, queue_recipients.c
_MESSAGE_COLUMNS = (
    _m.id,
    _m.account_id,
    _m.reverse_path,
    _m.size_bytes,
    _m.created_ms,
    _m.route,
    _m.blob_id,
)
_RECIPIENT_COLUMNS = (
    _r.message_id,
    _r.id,
    _r.address,
    _r.status,
    _r.attempts,
    _r.next_attempt_ms,
    _r.expires_ms,
    _r.last_reply,
    _r.finished_ms,
)
_MESSAGES = Statement(
    select(*_MESSAGE_COLUMNS)
    .where(_m.id > bindparam("after"))
    .order_by(_m.id)
    .limit(bindparam("most"))
)
_MESSAGE = Statement(select(*_MESSAGE_COLUMNS).where(_m.id == bindparam("id")))
_RECIPIENTS_BETWEEN = Statement(
    select(*_RECIPIENT_COLUMNS)
    .where(_r.message_id.between(bindparam("first"), bindparam("last")))
    .order_by(_r.message_id, _r.id)
)
_COUNTS = Statement(select(_r.status, func.count()).group_by(_r.status))
_CONTENT = Statement(select(_m.blob_id, _m.wrapped_key).where(_m.id == bindparam("id")))
_SENDING = Statement(
    select(_r.id).where(_r.message_id == bindparam("id"), _r.status == int(Status.SENDING)).limit(1)
)
_DELETE_RECIPIENTS = Statement(delete(queue_recipients).where(_r.message_id == bindparam("id")))
_DELETE_MESSAGE = Statement(
    delete(queue_messages).where(_m.id == bindparam("id")).returning(_m.blob_id)
)
_DESTINATIONS = Statement(
    select(
        _d.domain,
        _d.due_ms,
        _d.failures,
        _d.successes,
        _d.closed_until_ms,
        _d.owner,
        _d.lease_ms,
    )
    .where(_d.domain > bindparam("after"))
    .order_by(_d.domain)
    .limit(bindparam("most"))
)
_WAITING = Statement(
    select(func.count()).where(
        _r.domain == bindparam("name"),
        or_(_r.status == int(Status.PENDING), _r.status == int(Status.SENDING)),
    )
)
_COUNT_DESTINATIONS = Statement(
    select(func.count(), func.count(case((_d.closed_until_ms > bindparam("now"), 1)))).select_from(
        queue_destinations
    )
)
_OLDEST = Statement(
    select(_m.created_ms)
    .join_from(queue_recipients, queue_messages, _m.id == _r.message_id)
    .where(_r.status == bindparam("state"))
    .order_by(_r.message_id)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which messages to look for; what is left out matches everything.

    A message matches with any of its recipients. `sender` and `recipient` are whole addresses.
    """

    statuses: tuple[Status, ...] = ()
    domain: str | None = None
    recipient: str | None = None
    sender: str | None = None
    account_id: AccountId | None = None
    before_ms: int | None = None


EVERYTHING = QueueFilter()


@dataclass(frozen=True, slots=True)
class Stats:
    """How much there is: recipients by status, `oldest_ms` of what waits."""

    recipients: dict[str, int]
    destinations: int
    closed: int
    oldest_ms: int | None


def list_of(
    tx: Tx, after: int = 0, limit: int = LIST_MAX, filters: QueueFilter = EVERYTHING
) -> list[QueuedMessage]:
    """The messages that match, oldest first, from behind the id `after`; at most `LIST_MAX`."""
    most = min(limit, LIST_MAX)
    if filters == EVERYTHING:
        rows = tx.all(_MESSAGES, after=after, most=most)
        if not rows:
            return []
        return _joined(rows, tx.all(_RECIPIENTS_BETWEEN, first=rows[0][0], last=rows[-1][0]))
    # One status after the other: each comes in order out of an index.
    found = (
        (row[0] for row in tx.select(_matching(filters, status, after, most)))
        for status in filters.statuses or tuple(Status)
    )
    ids = list(islice(_distinct(heapq.merge(*found)), most))
    if not ids:
        return []
    rows = tx.select(select(*_MESSAGE_COLUMNS).where(_m.id.in_(ids)).order_by(_m.id))
    recipients = select(*_RECIPIENT_COLUMNS).where(_r.message_id.in_(ids))
    return _joined(rows, tx.select(recipients.order_by(_r.message_id, _r.id)))


def get(tx: Tx, message_id: QueueId) -> QueuedMessage | None:
    """One message of the queue."""
    rows = tx.all(_MESSAGE, id=message_id)
    found = _joined(rows, tx.all(_RECIPIENTS_BETWEEN, first=message_id, last=message_id))
    return found[0] if found else None


def counts(tx: Tx) -> dict[Status, int]:
    """How many recipients have each status; those that nobody has are left out."""
    return {Status(status): number for status, number in tx.all(_COUNTS)}


def stats(tx: Tx) -> Stats:
    """How much waits and how much has ended; reads the index of all recipients."""
    found = counts(tx)
    total, closed = tx.all(_COUNT_DESTINATIONS, now=tx.now_ms)[0]
    oldest = [created_ms for status in OPEN for (created_ms,) in tx.all(_OLDEST, state=int(status))]
    return Stats(
        {status.name.lower(): found.get(status, 0) for status in Status},
        total,
        closed,
        min(oldest, default=None),
    )


def destinations(tx: Tx, after: str = "", limit: int = LIST_MAX) -> list[Destination]:
    """The recipient domains that mail waits for or that are closed, by name, behind `after`."""
    return [
        Destination(
            domain,
            int(tx.scalar(_WAITING, name=domain)),
            due_ms,
            Health(failures, successes, closed_until_ms),
            owner if lease_ms > tx.now_ms else "",
            lease_ms,
        )
        for domain, due_ms, failures, successes, closed_until_ms, owner, lease_ms in tx.all(
            _DESTINATIONS, after=after, most=min(limit, LIST_MAX)
        )
    ]


def content(tx: Tx, keys: KeyRing, blobs: BlobStore, message_id: QueueId) -> bytes:
    """The message as it will be sent; reads a file where it lies in one."""
    row = tx.one(_CONTENT, id=message_id)
    if row is None:
        raise NotFound("There is no such message in the queue")
    blob_id, wrapped_key = row
    if not blob_id:
        raise NotFound("The content of the message is no longer kept: everybody was served")
    key = keys.system(KEY_PURPOSE).open(wrapped_key, row_name(message_id))
    return unseal(blob_id, key, blobs.load(tx, blob_id))


def remove(tx: Tx, message_id: QueueId) -> BlobId | None:
    """Take a message out of the queue without telling its sender.

    Gives its blob, which others may need too: `domain/mail/sweep.remove_queued` sees to that;
    `None` if that was given up before. `Conflict` while it is being sent.
    """
    if tx.one(_SENDING, id=message_id) is not None:
        raise Conflict(f"Message {message_id} is being sent now; try again in a minute")
    tx.run(_DELETE_RECIPIENTS, id=message_id)
    blob_id = tx.scalar(_DELETE_MESSAGE, id=message_id)
    if blob_id is None:
        raise NotFound("There is no such message in the queue")
    return BlobId(blob_id) if blob_id else None


def _matching(filters: QueueFilter, status: Status, after: int, most: int) -> Select[Any]:
    """The ids of the messages with a recipient of this status that match."""
    wanted = (
        select(_r.message_id)
        .distinct()
        .where(_r.status == int(status), _r.message_id > after)
        .order_by(_r.message_id)
        .limit(most)
    )
    domain = filters.domain
    if filters.recipient is not None:
        wanted = wanted.where(func.lower(_r.address) == filters.recipient.lower())
        domain = domain or OutgoingRecipient(filters.recipient).domain
    if domain is not None:
        wanted = wanted.where(_r.domain == domain)
    of_message = []
    if filters.sender is not None:
        of_message.append(func.lower(_m.reverse_path) == filters.sender.lower())
    if filters.account_id is not None:
        of_message.append(_m.account_id == filters.account_id)
    if filters.before_ms is not None:
        of_message.append(_m.created_ms < filters.before_ms)
    if of_message:
        wanted = wanted.join_from(queue_recipients, queue_messages, _m.id == _r.message_id)
    return wanted.where(*of_message)


def _distinct(ids: Iterable[int]) -> Iterable[int]:
    last = None
    for one in ids:
        if one != last:
            yield one
        last = one


def _joined(rows: Sequence[Row], recipient_rows: Sequence[Row]) -> list[QueuedMessage]:
    recipients: defaultdict[int, list[QueuedRecipient]] = defaultdict(list)
    for message_id, number, address, status, *rest in recipient_rows:
        recipients[message_id].append(QueuedRecipient(number, address, Status(status), *rest))
    return [
        QueuedMessage(
            QueueId(number),
            account_id,
            reverse_path,
            size_bytes,
            created_ms,
            tuple(recipients[number]),
            route,
            bool(blob_id),
        )
        for number, account_id, reverse_path, size_bytes, created_ms, route, blob_id in rows
    ]

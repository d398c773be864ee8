"""Looking at the queue and taking things out of it by hand; for admins.

Not for the sender, which leases and settles. Called by the command line and the admin faces.
"""

from collections import defaultdict

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import BlobId, QueueId
from pillarbox.domain.queue.enqueue import KEY_PURPOSE
from pillarbox.domain.queue.model import QueuedMessage, QueuedRecipient, Status
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.storage.blobs.sealed import row_name, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

LIST_MAX = 1000

_m, _r = queue_messages.c, queue_recipients.c
_MESSAGE_COLUMNS = (_m.id, _m.account_id, _m.reverse_path, _m.size_bytes, _m.created_ms)
_RECIPIENT_COLUMNS = (
    _r.message_id,
    _r.id,
    _r.address,
    _r.status,
    _r.attempts,
    _r.next_attempt_ms,
    _r.expires_ms,
    _r.last_reply,
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
_DELETE_RECIPIENTS = Statement(delete(queue_recipients).where(_r.message_id == bindparam("id")))
_DELETE_MESSAGE = Statement(
    delete(queue_messages).where(_m.id == bindparam("id")).returning(_m.blob_id)
)


def list_of(tx: Tx, after: int = 0, limit: int = LIST_MAX) -> list[QueuedMessage]:
    """The messages in the queue, oldest first, from behind the id `after`; at most `LIST_MAX`."""
    rows = tx.all(_MESSAGES, after=after, most=min(limit, LIST_MAX))
    return _with_recipients(tx, rows)


def get(tx: Tx, message_id: QueueId) -> QueuedMessage | None:
    """One message of the queue."""
    found = _with_recipients(tx, tx.all(_MESSAGE, id=message_id))
    return found[0] if found else None


def counts(tx: Tx) -> dict[Status, int]:
    """How many recipients have each status; those that nobody has are left out."""
    return {Status(status): number for status, number in tx.all(_COUNTS)}


def content(tx: Tx, keys: KeyRing, blobs: BlobStore, message_id: QueueId) -> bytes:
    """The message as it will be sent; reads a file where it lies in one."""
    row = tx.one(_CONTENT, id=message_id)
    if row is None:
        raise NotFound("There is no such message in the queue")
    blob_id, wrapped_key = row
    key = keys.system(KEY_PURPOSE).open(wrapped_key, row_name(message_id))
    return unseal(blob_id, key, blobs.load(tx, blob_id))


def remove(tx: Tx, message_id: QueueId) -> BlobId:
    """Take a message out of the queue without telling its sender.

    Gives its blob, which others may need too: `domain/mail/sweep.remove_queued` sees to that.
    """
    tx.run(_DELETE_RECIPIENTS, id=message_id)
    blob_id = tx.scalar(_DELETE_MESSAGE, id=message_id)
    if blob_id is None:
        raise NotFound("There is no such message in the queue")
    return BlobId(blob_id)


def _with_recipients(tx: Tx, rows: list[Row]) -> list[QueuedMessage]:
    if not rows:
        return []
    recipients: defaultdict[int, list[QueuedRecipient]] = defaultdict(list)
    for message_id, number, address, status, *rest in tx.all(
        _RECIPIENTS_BETWEEN, first=rows[0][0], last=rows[-1][0]
    ):
        recipients[message_id].append(QueuedRecipient(number, address, Status(status), *rest))
    return [
        QueuedMessage(number, account_id, reverse_path, size_bytes, created_ms, tuple(found))
        for number, account_id, reverse_path, size_bytes, created_ms in rows
        for found in (recipients[number],)
    ]

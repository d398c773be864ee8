"""Removing for good what nobody can reach: emails without a placement, blobs without an owner.

Run by a leased job in small steps. Deleted mail waits out the undelete window first.
"""

from sqlalchemy import bindparam, delete, exists, func, not_, or_, select

from pillarbox.base.ids import AccountId, BlobId, QueueId
from pillarbox.domain.mail import threads
from pillarbox.domain.mail.index.store import forget_attached
from pillarbox.domain.mail.tables import emails, messages, uneven, unplaced
from pillarbox.domain.quarantine.tables import kept_messages
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.tables import queue_messages
from pillarbox.domain.spam import training
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

UNDELETE_WINDOW_MS = 14 * 86_400_000

_DUE = Statement(
    select(unplaced.c.since_ms, unplaced.c.email_id)
    .where(unplaced.c.since_ms <= bindparam("until"))
    .order_by(unplaced.c.since_ms)
    .limit(bindparam("most"))
)
_PLACED = Statement(
    select(messages.c.uid).where(messages.c.email_id == bindparam("email")).limit(1)
)
_EMAIL = Statement(
    select(emails.c.blob_id, emails.c.thread_id, emails.c.account_id).where(
        emails.c.id == bindparam("email")
    )
)
_DELETE_EMAIL = Statement(delete(emails).where(emails.c.id == bindparam("email")))
_DELETE_UNEVEN = Statement(delete(uneven).where(uneven.c.email_id == bindparam("email")))
_SETTLE = Statement(
    delete(unplaced).where(
        unplaced.c.since_ms == bindparam("since"), unplaced.c.email_id == bindparam("email")
    )
)
_NEEDED = or_(
    exists().where(emails.c.blob_id == blobs.c.id),
    exists().where(queue_messages.c.blob_id == blobs.c.id),
    exists().where(kept_messages.c.blob_id == blobs.c.id),
)
_BLOB_IN_USE = Statement(select(blobs.c.id).where(blobs.c.id == bindparam("blob"), _NEEDED))
_WINDOW = (
    select(blobs.c.id)
    .where(blobs.c.id > bindparam("after"))
    .order_by(blobs.c.id)
    .limit(bindparam("most"))
    .subquery()
)
_WINDOW_END = Statement(select(func.max(_WINDOW.c.id)))
_ORPHANS = Statement(
    select(blobs.c.id).where(
        blobs.c.id > bindparam("after"),
        blobs.c.id <= bindparam("last"),
        blobs.c.created_ms < bindparam("before"),
        not_(_NEEDED),
    )
)
_KNOWN_BLOB = Statement(select(blobs.c.id).where(blobs.c.id == bindparam("blob")))


def sweep(tx: Tx, store: BlobStore, until_ms: int, most: int) -> tuple[int, list[BlobId]]:
    """Delete up to `most` emails that were left without a placement by `until_ms`.

    Gives how many were looked at and the blobs that are gone: their files may be removed once the
    transaction is on disk.
    """
    due = tx.all(_DUE, until=until_ms, most=most)
    gone: list[BlobId] = []
    for since_ms, email_id in due:
        tx.run(_SETTLE, since=since_ms, email=email_id)
        if tx.one(_PLACED, email=email_id) is not None:
            continue
        email = tx.one(_EMAIL, email=email_id)
        if email is None:
            continue
        blob_id, thread_id = BlobId(email[0]), email[1]
        tx.run(_DELETE_EMAIL, email=email_id)
        tx.run(_DELETE_UNEVEN, email=email_id)
        forget_attached(tx, email_id)
        threads.forget(tx, thread_id)
        training.forget_email(tx, AccountId(email[2]), email_id)
        if release_blob(tx, store, blob_id):
            gone.append(blob_id)
    return len(due), gone


def release_blob(tx: Tx, store: BlobStore, blob: BlobId) -> bool:
    """Delete a blob's rows unless an email, a queued or a kept message still needs it."""
    if tx.one(_BLOB_IN_USE, blob=blob) is not None:
        return False
    store.delete(tx, blob)
    return True


def remove_queued(tx: Tx, store: BlobStore, message: QueueId) -> BlobId | None:
    """Take a message out of the queue without telling its sender, and its blob with it.

    Gives the blob if it is gone: its file may be removed once the transaction is on disk. Raises
    `NotFound`, or `Conflict` while it is being sent.
    """
    blob = inspect.remove(tx, message)
    return blob if blob is not None and release_blob(tx, store, blob) else None


def orphans(tx: Tx, after: BlobId, before_ms: int, most: int) -> tuple[BlobId | None, list[BlobId]]:
    """Blobs stored before an instant that nothing refers to, among the `most` behind `after`.

    Also gives the last blob that was looked at, `None` at the end. There should be no orphans: it
    takes a fault, or a table put back from a backup, to make one.
    """
    last = tx.scalar(_WINDOW_END, after=after, most=most)
    if last is None:
        return None, []
    rows = tx.all(_ORPHANS, after=after, last=last, before=before_ms)
    return BlobId(last), [BlobId(row[0]) for row in rows]


def release_all(tx: Tx, store: BlobStore, candidates: list[BlobId]) -> list[BlobId]:
    """`release_blob` for each; gives those that are gone."""
    return [blob for blob in candidates if release_blob(tx, store, blob)]


def is_known(tx: Tx, blob: BlobId) -> bool:
    """Whether a blob has a row; a file without one is a leftover of a write that never ended."""
    return tx.one(_KNOWN_BLOB, blob=blob) is not None

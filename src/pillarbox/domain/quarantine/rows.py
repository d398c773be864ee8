"""Kept messages as rows: reading, taking out, forgetting."""

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.quarantine.keep import KEY_ROW, SUMMARY_ROW, sealer
from pillarbox.domain.quarantine.model import Kept, KeptContent, KeptMessage, Reason
from pillarbox.domain.quarantine.tables import kept_messages, quarantine_notices
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

LIST_MAX = 1000
NOT_FOUND = "There is no such message in quarantine; `quarantine list` shows what is kept"

_k = kept_messages.c
_n = quarantine_notices.c
_COLUMNS = (
    _k.id, _k.account_id, _k.reason, _k.size_bytes, _k.tries, _k.created_ms, _k.until_ms,
    _k.summary,
)  # fmt: skip
_LIVE = (_k.until_ms > bindparam("now"), _k.blob_id != 0)
_ONE = Statement(select(*_COLUMNS).where(_k.id == bindparam("number"), *_LIVE))
_OF_ACCOUNT = Statement(
    select(*_COLUMNS)
    .where(_k.account_id == bindparam("account"), _k.id > bindparam("after"), *_LIVE)
    .order_by(_k.id)
    .limit(bindparam("most"))
)
_ALL = Statement(
    select(*_COLUMNS)
    .where(_k.id > bindparam("after"), *_LIVE)
    .order_by(_k.id)
    .limit(bindparam("most"))
)
_CONTENT = Statement(
    select(_k.account_id, _k.blob_id, _k.wrapped_key).where(_k.id == bindparam("number"), *_LIVE)
)
_RELEASE = Statement(
    update(kept_messages)
    .where(_k.id == bindparam("number"), _k.blob_id == bindparam("blob"))
    .values(blob_id=0)
)
_DELETE = Statement(delete(kept_messages).where(_k.id == bindparam("number")))
_EXPIRED = Statement(
    select(_k.id, _k.blob_id)
    .where(_k.until_ms <= bindparam("now"))
    .order_by(_k.until_ms)
    .limit(bindparam("most"))
)
_FORGET = Statement(
    update(kept_messages).where(_k.account_id == bindparam("account")).values(until_ms=0)
)
_FORGET_NOTICES = Statement(delete(quarantine_notices).where(_n.account_id == bindparam("account")))
_NEWS = Statement(
    select(_k.account_id, _n.told_ms, _n.dropped)
    .select_from(kept_messages.outerjoin(quarantine_notices, _n.account_id == _k.account_id))
    .where(
        _k.account_id > bindparam("after"),
        *_LIVE,
        (_n.told_ms.is_(None))
        | ((_n.told_ms <= bindparam("told_before")) & (_k.created_ms > _n.told_ms)),
    )
    .distinct()
    .order_by(_k.account_id)
    .limit(bindparam("most"))
)
_TOLD = Statement(
    update(quarantine_notices)
    .where(_n.account_id == bindparam("account"), _n.told_ms == bindparam("before"))
    .values(told_ms=bindparam("new_told"), dropped=0)
)
_BEGIN = Statement(
    insert(quarantine_notices).values(
        account_id=bindparam("account"), told_ms=bindparam("new_told"), dropped=0
    )
)


def get(tx: Tx, keys: KeyRing, number: int) -> KeptMessage:
    """One kept message; `NotFound` for one that is not there, or was released."""
    row = tx.one(_ONE, number=number, now=tx.now_ms)
    if row is None:
        raise NotFound(NOT_FOUND)
    return _message(tx, keys, row)


def list_of(
    tx: Tx, keys: KeyRing, account_id: AccountId | None, after: int = 0, most: int = LIST_MAX
) -> list[KeptMessage]:
    """What is kept for an account, or for all, oldest first, from behind the id `after`."""
    most = min(most, LIST_MAX)
    if account_id is None:
        rows = tx.all(_ALL, after=after, now=tx.now_ms, most=most)
    else:
        rows = tx.all(_OF_ACCOUNT, account=account_id, after=after, now=tx.now_ms, most=most)
    return [_message(tx, keys, row) for row in rows]


def content_of(tx: Tx, keys: KeyRing, number: int) -> KeptContent:
    """Where the content of a kept message lies; raises as `get` does."""
    row = tx.one(_CONTENT, number=number, now=tx.now_ms)
    if row is None:
        raise NotFound(NOT_FOUND)
    account_id, blob_id, wrapped = row
    key = sealer(tx, keys, AccountId(account_id)).open(wrapped, KEY_ROW + row_name(number))
    return KeptContent(BlobId(blob_id), key)


def release(tx: Tx, number: int) -> BlobId:
    """Take the content out, for good; gives its blob, which others may need too.

    The row stays until its time is over, so that the same message is not kept again. Raises as
    `get` does, so that of two who release at once one fails.
    """
    row = tx.one(_CONTENT, number=number, now=tx.now_ms)
    if row is None or not tx.run(_RELEASE, number=number, blob=row[1]):
        raise NotFound(NOT_FOUND)
    return BlobId(row[1])


def remove(tx: Tx, number: int) -> BlobId:
    """Forget a kept message; gives its blob. Raises as `get` does."""
    row = tx.one(_CONTENT, number=number, now=tx.now_ms)
    if row is None or not tx.run(_DELETE, number=number):
        raise NotFound(NOT_FOUND)
    return BlobId(row[1])


def expire(tx: Tx, most: int) -> tuple[int, list[BlobId]]:
    """Remove up to `most` messages whose time is over; gives how many, and their blobs."""
    rows = tx.all(_EXPIRED, now=tx.now_ms, most=most)
    tx.run_many(_DELETE, [{"number": row[0]} for row in rows])
    return len(rows), list(dict.fromkeys(BlobId(row[1]) for row in rows if row[1]))


def has_expired(tx: Tx) -> bool:
    """Whether there is anything for `expire` to remove."""
    return tx.one(_EXPIRED, now=tx.now_ms, most=1) is not None


def forget_account(tx: Tx, account_id: AccountId) -> None:
    """An account ends: the upkeep job removes what was kept for it, which nobody can read."""
    tx.run(_FORGET, account=account_id)
    tx.run(_FORGET_NOTICES, account=account_id)


def with_news(
    tx: Tx, after: AccountId, told_before_ms: int, most: int
) -> list[tuple[AccountId, int | None, int]]:
    """Accounts behind `after` for which something was kept since they were told last.

    Those only that were not told since `told_before_ms`. Gives when that was, `None` for never, and
    how many messages were driven out since.
    """
    rows = tx.all(_NEWS, after=after, now=tx.now_ms, told_before=told_before_ms, most=most)
    return [(AccountId(account), told_ms, dropped or 0) for account, told_ms, dropped in rows]


def note_told(tx: Tx, account_id: AccountId, before_ms: int | None, told_ms: int) -> bool:
    """Note that an account is told of what was kept until an instant.

    `before_ms` is until when it was told before; `False` if somebody else has told it since.
    """
    if before_ms is not None:
        return bool(tx.run(_TOLD, account=account_id, before=before_ms, new_told=told_ms))
    tx.run(_BEGIN, account=account_id, new_told=told_ms)
    return True


def _message(tx: Tx, keys: KeyRing, row: Row) -> KeptMessage:
    number, account_id, reason, size_bytes, tries, created_ms, until_ms, summary = row
    account = AccountId(account_id)
    plain = sealer(tx, keys, account).open(summary, SUMMARY_ROW + row_name(number))
    return KeptMessage(
        number,
        account,
        Reason(reason),
        size_bytes,
        tries,
        created_ms,
        until_ms,
        msgspec.msgpack.decode(plain, type=Kept),
    )

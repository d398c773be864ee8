"""Keeping a message, within the transaction that accepts or refuses it.

The content is sealed before the transaction; its key is wrapped here for the account it is for.
Called by `pipeline/inbound/quarantine`.
"""

from functools import cache
from typing import NamedTuple

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.quarantine.model import NOBODY, KeepLimits, Kept, Reason
from pillarbox.domain.quarantine.tables import kept_messages, quarantine_notices
from pillarbox.storage.blobs.sealed import SealedBlob, row_name
from pillarbox.storage.keys import Digester, KeyRing, Sealer
from pillarbox.storage.statement import Statement, insert_new
from pillarbox.storage.tx import Tx

KEY_PURPOSE = "quarantine"
KEY_ROW = b"qk"
SUMMARY_ROW = b"qs"
SOON_MS = 3_600_000

_k = kept_messages.c
_n = quarantine_notices.c
_KNOWN = Statement(
    select(_k.id, _k.reason, _k.until_ms).where(
        _k.account_id == bindparam("account"), _k.digest == bindparam("of_digest")
    )
)
_AGAIN = Statement(
    update(kept_messages)
    .where(_k.id == bindparam("number"))
    .values(tries=_k.tries + 1, reason=bindparam("new_reason"), until_ms=bindparam("new_until"))
)
_ASIDE = Statement(update(kept_messages).where(_k.id == bindparam("number")).values(digest=_k.id))
_HELD = Statement(
    select(_k.id, _k.size_bytes, _k.reason)
    .where(_k.account_id == bindparam("account"), _k.until_ms > bindparam("now"), _k.blob_id != 0)
    .order_by(_k.reason.desc(), _k.id.desc())
)
_USED = Statement(
    select(func.count(), func.coalesce(func.sum(_k.size_bytes), 0)).where(
        _k.account_id == bindparam("account"), _k.until_ms > bindparam("now"), _k.blob_id != 0
    )
)
_DROP = Statement(update(kept_messages).where(_k.id == bindparam("number")).values(until_ms=0))
_COUNT_DROPPED = Statement(
    update(quarantine_notices)
    .where(_n.account_id == bindparam("account"))
    .values(dropped=_n.dropped + bindparam("more"))
)
_BEGIN_NOTICES = Statement(
    insert(quarantine_notices).values(
        account_id=bindparam("account"), told_ms=0, dropped=bindparam("more")
    )
)
_INSERTED = (
    "id", "account_id", "digest", "reason", "blob_id", "wrapped_key", "summary", "size_bytes",
    "tries", "created_ms", "until_ms",
)  # fmt: skip


class Outcome(NamedTuple):
    """What `keep` did: whether the message is kept, in this blob, and how many others had to go."""

    is_kept: bool
    in_blob: bool
    dropped: int


@cache
def _insert(dialect: str) -> Statement:
    return insert_new(dialect, kept_messages, {name: bindparam(name) for name in _INSERTED})


def sealer(tx: Tx, keys: KeyRing, account_id: AccountId) -> Sealer:
    """What seals the rows of an account; `NotFound` if there is no such account."""
    if account_id == NOBODY:
        return keys.system(KEY_PURPOSE)
    return keys.account(salt_of(tx, account_id))


def is_kept(tx: Tx, keys: KeyRing, account_id: AccountId, digest: bytes) -> bool:
    """Whether a message is kept already, and not just about to go; or was, and was released."""
    row = _known(tx, keys, account_id, digest)
    return row is not None and row[2] > tx.now_ms + SOON_MS


def keep(
    tx: Tx,
    keys: KeyRing,
    account_id: AccountId,
    blob: SealedBlob | None,
    digest: bytes,
    reason: Reason,
    kept: Kept,
    limits: KeepLimits,
) -> Outcome:
    """Keep a message for an account; the blob's rows are the caller's to insert.

    What is kept already, or was released, is counted and not kept again. Nothing is kept where
    there is no room for it beside what was accepted, which stays for its time, nor without a
    `blob`. Raises `NotFound` if there is no such account.
    """
    until_ms = tx.now_ms + limits.keep_ms
    known = _known(tx, keys, account_id, digest)
    if known is not None and known[2] > tx.now_ms:
        number, before, known_until_ms = known
        worse = max(Reason(before), reason)
        until = until_ms if worse > before else known_until_ms
        tx.run(_AGAIN, number=number, new_reason=int(worse), new_until=until)
        return Outcome(True, False, 0)
    if blob is None or (reason is Reason.REFUSED and blob.size_bytes > limits.size_bytes):
        return Outcome(False, False, 0)
    row_sealer = sealer(tx, keys, account_id)
    going = _in_the_way(tx, account_id, blob.size_bytes, limits)
    if any(before == Reason.QUARANTINED for _, before in going):
        return Outcome(False, False, 0)
    if known is not None:
        tx.run(_ASIDE, number=known[0])  # its time is over; the upkeep job removes it
    dropped = _drop(tx, account_id, [number for number, _ in going])
    number = tx.next_id()
    name = row_name(number)
    wrapped, summary = row_sealer.seal_all(
        ((blob.content_key, KEY_ROW + name), (msgspec.msgpack.encode(kept), SUMMARY_ROW + name))
    )
    stored = tx.run(
        _insert(tx.dialect),
        id=number,
        account_id=account_id,
        digest=_digester(keys, account_id).digests(digest)[0],
        reason=int(reason),
        blob_id=blob.id,
        wrapped_key=wrapped,
        summary=summary,
        size_bytes=blob.size_bytes,
        tries=1,
        created_ms=tx.now_ms,
        until_ms=until_ms,
    )
    # Where another process was quicker with the same message, it is kept.
    return Outcome(True, bool(stored), dropped)


def _digester(keys: KeyRing, account_id: AccountId) -> Digester:
    return keys.digester(KEY_PURPOSE, account_id.to_bytes(8, "big"))


def _known(
    tx: Tx, keys: KeyRing, account_id: AccountId, digest: bytes
) -> tuple[int, int, int] | None:
    for one in _digester(keys, account_id).digests(digest):
        row = tx.one(_KNOWN, account=account_id, of_digest=one)
        if row is not None:
            return row[0], row[1], row[2]
    return None


def _in_the_way(
    tx: Tx, account_id: AccountId, size_bytes: int, limits: KeepLimits
) -> list[tuple[int, int]]:
    """What has to go for a message of that size, with its reason: the oldest.

    Those first that were refused.
    """
    count, total = tx.all(_USED, account=account_id, now=tx.now_ms)[0]
    if count < limits.messages and total + size_bytes <= limits.size_bytes:
        return []
    left, room, found = limits.messages - 1, limits.size_bytes - size_bytes, []
    for number, size, reason in tx.all(_HELD, account=account_id, now=tx.now_ms):
        left, room = left - 1, room - size
        if left < 0 or room < 0:
            found.append((number, reason))
            room += size
    return found


def _drop(tx: Tx, account_id: AccountId, numbers: list[int]) -> int:
    """Let messages go; their rows stay for the upkeep job, which removes the content too."""
    if not numbers:
        return 0
    tx.run_many(_DROP, [{"number": one} for one in numbers])
    dropped = len(numbers)
    if not tx.run(_COUNT_DROPPED, account=account_id, more=dropped):
        tx.run(_BEGIN_NOTICES, account=account_id, more=dropped)
    return dropped

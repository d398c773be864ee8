"""What running scripts have to remember: replies sent, messages seen, failures told.

All of it as keyed digests with an end: nobody reads in them who wrote to whom.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.sieve.tables import sieve_failures, sieve_memory
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Tx

DAY_MS = 86_400_000
TELL_EVERY_MS = DAY_MS
"""So often the owner of a script is told that it fails."""

KEPT_MOST = 100_000
"""Of one account; what ends first is dropped first (RFC 7352 §6)."""

_REPLIES, _MARKS = "sieve replies", "sieve marks"
_m = sieve_memory.c
_MINE = _m.account_id == bindparam("account")
_ENDED = Statement(
    select(_m.account_id, _m.key)
    .where(_m.expires_ms <= bindparam("before"))
    .order_by(_m.expires_ms)
    .limit(bindparam("most"))
)
_ENDED_OF = Statement(
    select(_m.key).where(_MINE, _m.expires_ms <= bindparam("before")).limit(bindparam("most"))
)
_FULL = Statement(
    select(_m.account_id).group_by(_m.account_id).having(func.count() > bindparam("kept"))
)
_ENDS = Statement(
    select(_m.expires_ms)
    .where(_MINE)
    .order_by(_m.expires_ms.desc())
    .limit(1)
    .offset(bindparam("skipped"))
)
# What was renewed since it was looked at stays.
_FORGET_KEY = Statement(
    delete(sieve_memory).where(
        _MINE, _m.key == bindparam("doomed"), _m.expires_ms <= bindparam("before")
    )
)
_FORGET = Statement(delete(sieve_memory).where(_MINE))
_FORGET_FAILURE = Statement(
    delete(sieve_failures).where(sieve_failures.c.account_id == bindparam("account"))
)


def replied(tx: Tx, keys: KeyRing, account: AccountId, handle: str, sender: str) -> bool:
    """Whether this sender got the reply `handle` and its period still runs (RFC 5230 §4.2)."""
    digests = keys.digester(_REPLIES, salt_of(tx, account)).digests(_reply(handle, sender))
    return bool(_running(tx, account, digests))


def remember_reply(
    tx: Tx, keys: KeyRing, account: AccountId, handle: str, sender: str, until_ms: int
) -> bool:
    """Note a reply about to be sent; `False` where another one still counts, and none may be sent.

    Of several at once one gets `True`.
    """
    digester = keys.digester(_REPLIES, salt_of(tx, account))
    now, *older = digester.digests(_reply(handle, sender))
    if older and _running(tx, account, older):
        return False
    row = {"account_id": account, "key": now, "expires_ms": until_ms}
    return tx.run(_claim(tx.dialect), **row, now=tx.now_ms) > 0


def seen(tx: Tx, keys: KeyRing, account: AccountId, marks: Iterable[str]) -> set[str]:
    """Those of the marks that are remembered still (RFC 7352 §3)."""
    digester = keys.digester(_MARKS, salt_of(tx, account))
    digests = {mark: digester.digests(_plain(mark)) for mark in marks}
    found = _running(tx, account, [one for some in digests.values() for one in some])
    return {mark for mark, some in digests.items() if not found.isdisjoint(some)}


def remember_marks(tx: Tx, keys: KeyRing, account: AccountId, marks: Mapping[str, int]) -> None:
    """Remember marks until the instants given, in place of those that were."""
    digester = keys.digester(_MARKS, salt_of(tx, account))
    rows = [
        {"account_id": account, "key": digester.digests(_plain(mark))[0], "expires_ms": until_ms}
        for mark, until_ms in marks.items()
    ]
    # In one order everywhere, so that two transactions can't wait for each other.
    tx.run_many(_remember(tx.dialect), sorted(rows, key=lambda row: row["key"]))


def forget_expired(tx: Tx, most: int) -> int:
    """Forget what has ended, so much at a time; gives how much it was."""
    before = tx.now_ms
    rows = tx.all(_ENDED, before=before, most=most)
    doomed = [{"account": account, "doomed": key, "before": before} for account, key in rows]
    tx.run_many(_FORGET_KEY, doomed)
    return len(rows)


def overfull(tx: Tx, kept: int = KEPT_MOST) -> list[tuple[AccountId, int]]:
    """Accounts that remember more than `kept` things, and until when to forget them."""
    found = []
    for (number,) in tx.all(_FULL, kept=kept):
        until_ms = tx.scalar(_ENDS, account=number, skipped=kept)
        if until_ms is not None:
            found.append((AccountId(number), int(until_ms)))
    return found


def forget_until(tx: Tx, account: AccountId, until_ms: int, most: int) -> int:
    """Forget what of an account's ends up to an instant, as `overfull` gave it."""
    rows = tx.all(_ENDED_OF, account=account, before=until_ms, most=most)
    doomed = [{"account": account, "doomed": key, "before": until_ms} for (key,) in rows]
    tx.run_many(_FORGET_KEY, doomed)
    return len(rows)


def forget(tx: Tx, account: AccountId) -> None:
    """Drop all that is remembered for an account that is about to go."""
    tx.run(_FORGET, account=account)
    tx.run(_FORGET_FAILURE, account=account)


def note_failure(tx: Tx, account: AccountId) -> bool:
    """Note that a script failed; `True` where its owner is to be told, which is once a day."""
    row = {"account_id": account, "told_ms": tx.now_ms}
    return tx.run(_tell(tx.dialect), **row, since=tx.now_ms - TELL_EVERY_MS) > 0


def _running(tx: Tx, account: AccountId, digests: Iterable[int]) -> set[int]:
    wanted = list(digests)
    if not wanted:
        return set()
    rows = tx.select(
        select(_m.key).where(
            _m.account_id == account, _m.key.in_(wanted), _m.expires_ms > tx.now_ms
        )
    )
    return {row[0] for row in rows}


@cache
def _claim(dialect: str) -> Statement:
    return upsert(
        dialect,
        sieve_memory,
        {column.name: bindparam(column.name) for column in _m},
        lambda new: {"expires_ms": new.expires_ms},
        lambda new: _m.expires_ms <= bindparam("now"),
    )


@cache
def _remember(dialect: str) -> Statement:
    return upsert(
        dialect,
        sieve_memory,
        {column.name: bindparam(column.name) for column in _m},
        lambda new: {"expires_ms": new.expires_ms},
    )


@cache
def _tell(dialect: str) -> Statement:
    return upsert(
        dialect,
        sieve_failures,
        {column.name: bindparam(column.name) for column in sieve_failures.c},
        lambda new: {"told_ms": new.told_ms},
        lambda new: sieve_failures.c.told_ms <= bindparam("since"),
    )


def _reply(handle: str, sender: str) -> bytes:
    return _plain(handle) + b"\0" + _plain(sender.lower())


def _plain(text: str) -> bytes:
    # Headers may have bytes that are no text; they came as surrogates.
    return text.encode("utf-8", "surrogatepass")

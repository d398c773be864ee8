"""Counting what came of mail, and looking it up.

Counts are halved every `PERIOD_DAYS`: when a row is written next, and when it is read. So rows that
nobody writes need no upkeep but to be dropped at last.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import bindparam, case, delete, func, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.reputation.model import SAID, SERVER, WHOLE, Kind, Origin, Outcome, Standing
from pillarbox.domain.reputation.tables import reputations
from pillarbox.storage.keys import Digester, KeyRing
from pillarbox.storage.schema import Int
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Tx

KEY_PURPOSE = "reputation"
PERIOD_DAYS = 30
KEEP_PERIODS = 6
MOST = 1_000_000 * WHOLE
_PERIOD_MS = PERIOD_DAYS * 86_400_000
_SHIFT_MOST = 20
_AT_ONCE = 32

_c = reputations.c
Key = tuple[int, int, int]
"""Scope, kind and digest."""
Weights = Mapping[Key, tuple[int, int]]
"""By how much the counts of names move: thousandths of messages, good and bad; may be negative."""

_FIND = Statement(
    select(_c.scope, _c.kind, _c.digest, _c.good, _c.bad, _c.period).where(
        _c.digest.in_([bindparam(f"digest{number}") for number in range(_AT_ONCE)])
    )
)
_STEP = 2000
_WINDOW = (
    select(_c.digest)
    .where(_c.period == bindparam("of_period"))
    .order_by(_c.digest)
    .limit(_STEP)
    .subquery()
)
_WINDOW_END = Statement(select(func.max(_WINDOW.c.digest)))
_DROP = Statement(
    delete(reputations).where(_c.period == bindparam("of_period"), _c.digest <= bindparam("last"))
)
_OLDEST = Statement(select(_c.period).order_by(_c.period).limit(1))
_OF_ACCOUNT = Statement(delete(reputations).where(_c.scope == bindparam("account")))


def weigh(
    keys: KeyRing, origin: Origin, account_ids: Iterable[int], outcome: Outcome, times: int = 1
) -> dict[Key, tuple[int, int]]:
    """What an outcome of a message for some accounts comes to; `times` -1 takes it back.

    The server counts it once for each account, and once for a message that no account got; what
    users say counts half there, so that no two of them make up everybody's mind.
    """
    digester = keys.digester(KEY_PURPOSE, b"")
    accounts = list(account_ids)
    good, bad = (number * times for number in outcome.value)
    count, share = max(len(accounts), 1), 2 if outcome in SAID else 1
    found: dict[Key, tuple[int, int]] = {}
    for kind, name in origin.names():
        for account_id in accounts:
            found[account_id, kind, _digests(digester, account_id, kind, name)[0]] = (good, bad)
        found[SERVER, kind, _digests(digester, SERVER, kind, name)[0]] = (
            good * count // share,
            bad * count // share,
        )
    return found


def add(tx: Tx, weights: Weights) -> None:
    """Move counts; in the order of keys, so that several writers wait for one another in turn."""
    period = tx.now_ms // _PERIOD_MS
    tx.run_many(
        _add(tx.dialect),
        [
            {
                "of_scope": scope,
                "of_kind": int(kind),
                "of_digest": digest,
                "add_good": good,
                "add_bad": bad,
                "now_period": period,
            }
            for (scope, kind, digest), (good, bad) in sorted(weights.items())
        ],
    )


def standings(
    tx: Tx, keys: KeyRing, origin: Origin, account_ids: Sequence[int]
) -> dict[tuple[int, Kind], Standing]:
    """What is known of the names of an origin, to each account and (0) to the server.

    Of several signers the one that most is known of. Names never met are missing.
    """
    digester = keys.digester(KEY_PURPOSE, b"")
    asked: dict[int, tuple[int, Kind]] = {}
    for kind, name in origin.names():
        for scope in (SERVER, *account_ids):
            for digest in _digests(digester, scope, kind, name):
                asked[digest] = (scope, kind)
    found: dict[tuple[int, Kind], Standing] = {}
    for row in _rows(tx, list(asked)):
        scope, kind = asked[row[2]]
        if (row[0], row[1]) != (scope, int(kind)):
            continue
        standing = _standing(row[3], row[4], tx.now_ms // _PERIOD_MS - row[5])
        if standing.weight > found.get((scope, kind), Standing()).weight:
            found[scope, kind] = standing
    return found


def standing(tx: Tx, keys: KeyRing, scope: int, kind: Kind, name: str) -> Standing:
    """What is known of one name."""
    digests = _digests(keys.digester(KEY_PURPOSE, b""), scope, kind, name.lower())
    best = Standing()
    for row in _rows(tx, digests):
        one = _standing(row[3], row[4], tx.now_ms // _PERIOD_MS - row[5])
        best = max(best, one, key=lambda standing: standing.weight)
    return best


def forget(tx: Tx, account_id: AccountId) -> None:
    """Drop what an account knows."""
    tx.run(_OF_ACCOUNT, account=account_id)


def prune(tx: Tx) -> bool:
    """Drop some names of which nothing was heard for long; gives whether there were any."""
    oldest = tx.scalar(_OLDEST)
    if oldest is None or oldest > tx.now_ms // _PERIOD_MS - KEEP_PERIODS:
        return False
    tx.run(_DROP, of_period=oldest, last=tx.scalar(_WINDOW_END, of_period=oldest))
    return True


def _rows(tx: Tx, digests: Sequence[int]) -> list[tuple[int, int, int, int, int, int]]:
    found: list[tuple[int, int, int, int, int, int]] = []
    for start in range(0, len(digests), _AT_ONCE):
        some = [*digests[start : start + _AT_ONCE]]
        some += [-1] * (_AT_ONCE - len(some))
        found += tx.all(_FIND, **{f"digest{number}": one for number, one in enumerate(some)})
    return found


def _standing(good: int, bad: int, periods: int) -> Standing:
    halved = min(max(periods, 0), _SHIFT_MOST)
    return Standing((good >> halved) / WHOLE, (bad >> halved) / WHOLE)


def _digests(digester: Digester, scope: int, kind: Kind, name: str) -> tuple[int, ...]:
    return digester.digests(b"%d %d %b" % (scope, kind, name.encode("utf-8", "replace")))


@cache
def _add(dialect: str) -> Statement:
    now = bindparam("now_period", type_=Int)
    since = now - _c.period
    passed = case((since > _SHIFT_MOST, _SHIFT_MOST), (since > 0, since), else_=0)
    moves = {name: bindparam("add_" + name, type_=Int) for name in ("good", "bad")}
    moved = {name: _c[name].bitwise_rshift(passed) + move for name, move in moves.items()}
    values = {
        "scope": bindparam("of_scope"),
        "kind": bindparam("of_kind"),
        "digest": bindparam("of_digest"),
        "period": now,
        **{name: case((move > 0, move), else_=0) for name, move in moves.items()},
    }
    changed = {
        name: case((value < 0, 0), (value > MOST, MOST), else_=value)
        for name, value in moved.items()
    }
    return upsert(dialect, reputations, values, lambda new: {**changed, "period": new.period})

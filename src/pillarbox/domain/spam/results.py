"""How well mail is sorted, measured by what users put right; one row for an account and month."""

from datetime import UTC, datetime
from functools import cache

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.ids import AccountId
from pillarbox.domain.spam.model import Results
from pillarbox.domain.spam.tables import spam_results
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Tx

MONTHS_KEPT = 13

_c = spam_results.c
_NUMBERS = (_c.junked, _c.kept, _c.false_alarms, _c.missed)
_SUMS = tuple(func.coalesce(func.sum(column), 0) for column in _NUMBERS)
_OF = Statement(
    select(*_SUMS).where(_c.account_id == bindparam("account"), _c.month >= bindparam("since"))
)
_ALL = Statement(select(*_SUMS).where(_c.month >= bindparam("since")))
_DROP = Statement(delete(spam_results).where(_c.month < bindparam("since")))


def note(tx: Tx, account_id: AccountId, add: Results) -> None:
    """Count mail that was sorted, or mistakes that were found."""
    tx.run(
        _add(tx.dialect),
        account_id=account_id,
        month=month_of(tx.now_ms),
        junked=add.junked,
        kept=add.kept,
        false_alarms=add.false_alarms,
        missed=add.missed,
    )


def of(tx: Tx, account_id: AccountId | None, months: int = 1) -> Results:
    """The results of an account, or of all, in this month and those before it."""
    since = _months_before(month_of(tx.now_ms), months - 1)
    row = (
        tx.one(_ALL, since=since)
        if account_id is None
        else tx.one(_OF, account=account_id, since=since)
    )
    return Results(*(int(number) for number in row or (0, 0, 0, 0)))


def prune(tx: Tx) -> int:
    """Drop what is older than `MONTHS_KEPT` months."""
    return tx.run(_DROP, since=_months_before(month_of(tx.now_ms), MONTHS_KEPT - 1))


def month_of(at_ms: int) -> int:
    """A month as a number: 202611."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.year * 100 + at.month


def _months_before(month: int, count: int) -> int:
    months = month // 100 * 12 + month % 100 - 1 - count
    return months // 12 * 100 + months % 12 + 1


@cache
def _add(dialect: str) -> Statement:
    names = [column.name for column in spam_results.columns]
    return upsert(
        dialect,
        spam_results,
        {name: bindparam(name) for name in names},
        lambda new: {column.name: column + new[column.name] for column in _NUMBERS},
    )

"""Keeping the tables of what was learnt small: tokens that were seen once and long ago go first."""

from dataclasses import dataclass

from sqlalchemy import bindparam, case, delete, func, or_, select

from pillarbox.domain.spam.model import SERVER
from pillarbox.domain.spam.tables import spam_learnt, spam_scopes, spam_tokens
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

TOKENS_MOST = 100_000
"""Rows of an account's tokens."""
SERVER_TOKENS_MOST = 500_000
FORGET_MESSAGES_MS = 400 * 86_400_000
"""Messages learnt from files so long ago may be learnt again; an account's go with its mail."""
STEP = 2_000

_t = spam_tokens.c
_OF_SCOPE = _t.scope == bindparam("of_scope")
_SCOPES = Statement(select(spam_scopes.c.scope).order_by(spam_scopes.c.scope))
_COUNT = Statement(select(func.count()).select_from(spam_tokens).where(_OF_SCOPE))
_DAYS = Statement(
    select(_t.learnt_day, func.count(), func.sum(case((_t.spam + _t.ham > 1, 1), else_=0)))
    .where(_OF_SCOPE)
    .group_by(_t.learnt_day)
)
_WINDOW = (
    select(_t.digest)
    .where(_OF_SCOPE, _t.digest > bindparam("after"))
    .order_by(_t.digest)
    .limit(bindparam("most"))
    .subquery()
)
_WINDOW_END = Statement(select(func.max(_WINDOW.c.digest)))
_PRUNE = Statement(
    delete(spam_tokens).where(
        _OF_SCOPE,
        _t.digest > bindparam("after"),
        _t.digest <= bindparam("last"),
        or_(
            _t.spam + _t.ham <= 0,
            (_t.spam + _t.ham == 1) & (_t.learnt_day <= bindparam("once_until")),
            _t.learnt_day <= bindparam("often_until"),
        ),
    )
)
_OLD_MESSAGES = Statement(
    delete(spam_learnt).where(
        spam_learnt.c.scope == SERVER, spam_learnt.c.learnt_ms < bindparam("before")
    )
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What goes of a scope's tokens: those learnt up to these days, once or more often."""

    scope: int
    once_until: int
    often_until: int


def scopes(tx: Tx) -> list[int]:
    """Every scope that learnt something."""
    return [row[0] for row in tx.all(_SCOPES)]


def tokens(tx: Tx, scope: int) -> int:
    """How many tokens a scope knows."""
    return int(tx.scalar(_COUNT, of_scope=scope))


def cut_of(tx: Tx, scope: int, most: int | None = None) -> Cut | None:
    """What has to go for a scope to have room again; `None` while it has."""
    if most is None:
        most = SERVER_TOKENS_MOST if scope == SERVER else TOKENS_MOST
    excess = tokens(tx, scope) - most
    if excess <= 0:
        return None
    excess += most // 10  # so that there is peace for a while
    rows = tx.all(_DAYS, of_scope=scope)
    often = {day: int(known) for day, _, known in rows}
    once = {day: count - often[day] for day, count, _ in rows}
    until = [-1, -1]
    for place, days in enumerate((once, often)):
        for day in sorted(days):
            if excess <= 0:
                break
            excess -= days[day]
            until[place] = day
    return Cut(scope, *until)


def prune(tx: Tx, cut: Cut, after: int) -> int | None:
    """Drop what goes among the next `STEP` tokens; gives the last one looked at."""
    last = tx.scalar(_WINDOW_END, of_scope=cut.scope, after=after, most=STEP)
    if last is None:
        return None
    tx.run(
        _PRUNE,
        of_scope=cut.scope,
        after=after,
        last=last,
        once_until=cut.once_until,
        often_until=cut.often_until,
    )
    return int(last)


def forget_old_messages(tx: Tx) -> int:
    """Drop the memory of messages that were learnt from files long ago."""
    return tx.run(_OLD_MESSAGES, before=tx.now_ms - FORGET_MESSAGES_MS)

"""Counting what is sent, in the transaction that accepts it.

Several processes therefore can't exceed a limit together, and what is refused is not counted.
Rows are touched in one order (user, domain, server), and those of a user by that user's messages
alone: users wait for one another only where their domain or the server has a limit.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import BindParameter, bindparam, case, delete, func, select, update

from pillarbox.base.errors import Denied
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.sending.model import (
    LimitReached,
    Limits,
    Period,
    Scope,
    Sending,
    SendingLimits,
    Unit,
)
from pillarbox.domain.sending.tables import known_recipients, sending_alerts, sending_counts
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_new, insert_row
from pillarbox.storage.tx import Row, Tx

LEARNING_MS = 7 * 86_400_000
"""For so long from the first recipient on the new ones of a user are not limited."""
KEY_PURPOSE = "known recipients"

_c = sending_counts.c
_NOW: BindParameter[int] = bindparam("now_ms")
_RUNNING = _c.ends_ms > _NOW
_THIS = (_c.scope == bindparam("of_scope"), _c.owner_id == bindparam("of_owner"))
_COLUMNS = (_c.messages, _c.recipients, _c.newcomers, _c.ends_ms)
_ADD = Statement(
    update(sending_counts)
    .where(*_THIS, _c.period == bindparam("of_period"))
    .values(
        messages=case((_RUNNING, _c.messages), else_=0) + bindparam("new_messages"),
        recipients=case((_RUNNING, _c.recipients), else_=0) + bindparam("new_recipients"),
        newcomers=case((_RUNNING, _c.newcomers), else_=0) + bindparam("new_newcomers"),
        ends_ms=case((_RUNNING, _c.ends_ms), else_=bindparam("new_ends_ms")),
    )
    .returning(*_COLUMNS)
)
_BEGIN = insert_row(sending_counts)
_READ = Statement(select(_c.period, *_COLUMNS).where(*_THIS, _RUNNING))
_FORGET = Statement(delete(sending_counts).where(*_THIS))

_k = known_recipients.c
_KNOWN = Statement(
    select(_k.digest).where(_k.account_id == bindparam("account"), _k.digest == bindparam("digest"))
)
_SINCE = Statement(select(func.min(_k.first_ms)).where(_k.account_id == bindparam("account")))
_FORGET_KNOWN = Statement(delete(known_recipients).where(_k.account_id == bindparam("account")))
_FORGET_ALERTS = Statement(
    delete(sending_alerts).where(sending_alerts.c.account_id == bindparam("account"))
)
_AT_ONCE = 500


def count(tx: Tx, keys: KeyRing, limits: SendingLimits, sending: Sending) -> None:
    """Count a message; raises `LimitReached`, and then the transaction must not happen.

    `Denied` where it could never be accepted, having more recipients than a limit allows at all.
    """
    user = limits.user
    for its in (user, limits.domain, limits.server):
        for period in Period:
            most = dict(its.of(period)).get(Unit.RECIPIENTS, 0)
            _refuse_too_many(sending.recipients, most, "recipients")
    for period in Period:
        if user.of(period) or (user.newcomers_day and period is Period.DAY):
            row = _add(tx, Scope.USER, sending.account_id, user, period, 1, sending.recipients)
            _check(tx, Scope.USER, user, period, row)
    if sending.elsewhere:
        _count_newcomers(tx, keys, user, sending)
    for scope, owner, its in (
        (Scope.DOMAIN, int(sending.domain_id), limits.domain),
        (Scope.SERVER, 0, limits.server),
    ):
        for period in Period:
            if its.of(period):
                row = _add(tx, scope, owner, its, period, 1, sending.recipients)
                _check(tx, scope, its, period, row)


def require_room(tx: Tx, limits: SendingLimits, account_id: AccountId, domain_id: DomainId) -> None:
    """Raise `LimitReached` where not even a message for one recipient would be accepted now."""
    for scope, owner, its in (
        (Scope.USER, int(account_id), limits.user),
        (Scope.DOMAIN, int(domain_id), limits.domain),
        (Scope.SERVER, 0, limits.server),
    ):
        if any(its.of(period) for period in Period):
            for period, messages, recipients, *rest in tx.all(
                _READ, of_scope=int(scope), of_owner=owner, now_ms=tx.now_ms
            ):
                row = (messages + 1, recipients + 1, *rest)
                _check(tx, scope, its, Period(period), row)


def counted(tx: Tx, scope: Scope, owner: int) -> dict[Period, dict[Unit, int]]:
    """What has been counted in the periods that run now."""
    return {
        Period(period): dict(zip(Unit, numbers, strict=True))
        for period, *numbers, _ in tx.all(
            _READ, of_scope=int(scope), of_owner=owner, now_ms=tx.now_ms
        )
    }


def have_written_to(
    tx: Tx, keys: KeyRing, accounts: Sequence[AccountId], address: str
) -> frozenset[AccountId]:
    """Which of these accounts have written to an address elsewhere."""
    digester = keys.digester(KEY_PURPOSE, b"")
    found = set()
    for account_id in accounts:
        for digest in digester.digests(_name(account_id, address)):
            if tx.one(_KNOWN, account=account_id, digest=digest) is not None:
                found.add(account_id)
                break
    return frozenset(found)


def reset(tx: Tx, scope: Scope, owner: int) -> None:
    """Begin anew, so that sending goes on at once."""
    tx.run(_FORGET, of_scope=int(scope), of_owner=owner)


def forget(tx: Tx, account_id: AccountId) -> None:
    """Drop everything that is kept of a user who goes."""
    reset(tx, Scope.USER, account_id)
    tx.run(_FORGET_KNOWN, account=account_id)
    tx.run(_FORGET_ALERTS, account=account_id)


def _add(
    tx: Tx,
    scope: Scope,
    owner: int,
    limits: Limits,
    period: Period,
    messages: int,
    recipients: int,
    newcomers: int = 0,
) -> Row:
    ends_ms = tx.now_ms + limits.length_ms(period)
    row = tx.one(
        _ADD,
        of_scope=int(scope),
        of_owner=owner,
        of_period=int(period),
        now_ms=tx.now_ms,
        new_messages=messages,
        new_recipients=recipients,
        new_newcomers=newcomers,
        new_ends_ms=ends_ms,
    )
    if row is not None:
        return row
    row = (messages, recipients, newcomers, ends_ms)
    tx.run(
        _BEGIN,
        scope=int(scope),
        owner_id=owner,
        period=int(period),
        messages=messages,
        recipients=recipients,
        newcomers=newcomers,
        ends_ms=ends_ms,
    )
    return row


def _check(tx: Tx, scope: Scope, limits: Limits, period: Period, row: Row) -> None:
    numbers = dict(zip(Unit, row[:3], strict=True))
    for unit, limit in limits.of(period):
        if numbers[unit] > limit:
            raise LimitReached(scope, unit, limits.length_ms(period), limit, row[3] - tx.now_ms)


def _count_newcomers(tx: Tx, keys: KeyRing, limits: Limits, sending: Sending) -> None:
    """Note whom the user writes to for the first time.

    With a limit the user's row is locked by now; without one it may happen twice at once.
    """
    account_id, limit = sending.account_id, limits.newcomers_day
    newcomers = _newcomers(tx, keys, account_id, sending.elsewhere)
    if not newcomers:
        return
    if not limit:
        _learn(tx, account_id, newcomers)
        return
    row = _add(tx, Scope.USER, account_id, limits, Period.DAY, 0, 0, len(newcomers))
    if row[2] > limit:
        since_ms = tx.scalar(_SINCE, account=account_id)
        if since_ms is not None and since_ms <= tx.now_ms - LEARNING_MS:
            _refuse_too_many(len(newcomers), limit, "new recipients")
            free_in_ms = row[3] - tx.now_ms
            day_ms = limits.length_ms(Period.DAY)
            raise LimitReached(Scope.USER, Unit.NEWCOMERS, day_ms, limit, free_in_ms)
    _learn(tx, account_id, newcomers)


def _learn(tx: Tx, account_id: AccountId, newcomers: list[int]) -> None:
    tx.run_many(
        _known(tx.dialect),
        [
            {"account": account_id, "of_digest": digest, "now": tx.now_ms}
            for digest in sorted(newcomers)
        ],
    )


@cache
def _known(dialect: str) -> Statement:
    values: dict[str, BindParameter[int]] = {
        "account_id": bindparam("account"),
        "digest": bindparam("of_digest"),
        "first_ms": bindparam("now"),
    }
    return insert_new(dialect, known_recipients, values)


def _refuse_too_many(number: int, most: int, what: str) -> None:
    if most and number > most:
        raise Denied(f"A message can have {most} {what} here, this one has {number}; split it")


def _name(account_id: AccountId, address: str) -> bytes:
    return b"%d %b" % (account_id, address.lower().encode("utf-8", "replace"))


def _newcomers(
    tx: Tx, keys: KeyRing, account_id: AccountId, addresses: tuple[str, ...]
) -> list[int]:
    """The digests of those addresses the user has not written to; in order, each once."""
    digester = keys.digester(KEY_PURPOSE, b"")
    digests = dict.fromkeys(digester.digests(_name(account_id, address)) for address in addresses)
    if len(digests) == 1:
        ((one, *older),) = digests
        for digest in (one, *older):
            if tx.one(_KNOWN, account=account_id, digest=digest) is not None:
                return []
        return [one]
    asked = [digest for spellings in digests for digest in spellings]
    known: set[int] = set()
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        query = select(_k.digest).where(_k.account_id == account_id, _k.digest.in_(some))
        known.update(row[0] for row in tx.select(query))
    return [spellings[0] for spellings in digests if known.isdisjoint(spellings)]

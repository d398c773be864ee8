"""Greylisting (RFC 6647): a client not known yet is asked to come again; most junk never does.

A triplet (network, sender, recipient) passes when it comes again after a while. After some of its
triplets have passed the whole network is let through. Called by `pipeline/inbound/checks/greylist`
with digests of both.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cache

from sqlalchemy import Table, bindparam, case, delete, func, select, update

from pillarbox.domain.greylist.tables import greylist, greylist_networks
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Tx

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
RETRY_WITHIN_MS = 36 * HOUR_MS
"""Who does not come again for so long has to begin anew."""

TOUCH_EVERY_MS = DAY_MS
"""So often it is noted that a triplet or network is still in use."""

AGE_MAX_MS = 366 * DAY_MS
"""A triplet is forgotten after so long, in use or not."""

TRIPLETS_MAX = 1_000_000
SWEEP_STEP = 1000

_g, _n = greylist.c, greylist_networks.c
_KEY = _g.key == bindparam("triplet")
_GET = Statement(select(_g.first_ms, _g.last_ms, _g.expires_ms, _g.passes).where(_KEY))
_NETWORK = Statement(
    select(_n.passes, _n.expires_ms).where(
        _n.key == bindparam("network"), _n.expires_ms > bindparam("now")
    )
)
_FIRST_PASS = Statement(
    update(greylist)
    .where(_KEY, _g.passes == 0, _g.first_ms <= bindparam("since"))
    .values(passes=1, last_ms=bindparam("now"), expires_ms=bindparam("until"))
)
_TOUCH = Statement(
    update(greylist)
    .where(_KEY, _g.passes > 0)
    .values(passes=_g.passes + 1, last_ms=bindparam("now"), expires_ms=bindparam("until"))
)
_TOUCH_NETWORK = Statement(
    update(greylist_networks)
    .where(_n.key == bindparam("network"))
    .values(expires_ms=bindparam("until"))
)
_COUNT = Statement(select(func.count()).select_from(greylist))
_SOONEST = Statement(
    select(_g.expires_ms).order_by(_g.expires_ms).limit(1).offset(bindparam("skipped"))
)


def _forget(table: Table) -> Statement:
    doomed = (
        select(table.c.key)
        .where(table.c.expires_ms <= bindparam("before"))
        .order_by(table.c.expires_ms)
        .limit(bindparam("most"))
    )
    return Statement(delete(table).where(table.c.key.in_(doomed)))


_FORGET, _FORGET_NETWORKS = _forget(greylist), _forget(greylist_networks)


@cache
def _begin(dialect: str) -> Statement:
    """Begins a triplet, unless one of that key runs already."""
    return upsert(
        dialect,
        greylist,
        {column.name: bindparam(column.name) for column in _g},
        lambda new: {name: new[name] for name in ("first_ms", "last_ms", "expires_ms", "passes")},
        lambda new: _g.expires_ms <= new.first_ms,
    )


@cache
def _count_network(dialect: str) -> Statement:
    """Counts one pass more for a network."""
    running = _n.expires_ms > bindparam("now")
    return upsert(
        dialect,
        greylist_networks,
        {column.name: bindparam(column.name) for column in _n},
        lambda new: {
            "passes": case((running, _n.passes + 1), else_=1),
            "expires_ms": new.expires_ms,
        },
    )


class State(Enum):
    """Where a triplet stands."""

    NEW = "new"
    """Never seen, or too long ago."""
    EARLY = "early"
    """Came again, but too soon."""
    PASSED = "passed"
    """Came again for the first time, now."""
    KNOWN = "known"
    """Came again before."""
    NETWORK = "network"
    """Its network is let through."""


@dataclass(frozen=True, slots=True)
class Triplet:
    """What is looked up: digests of the triplet and of its network."""

    key: int
    network: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How a domain does it; `whitelist_after` 0: no network is let through."""

    delay_ms: int
    expiry_ms: int
    whitelist_after: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a triplet stands now; `stale` says that `note` has something to do.

    `waited_ms` is how long ago it came first, `left_ms` how long it still has to wait.
    """

    state: State
    stale: bool
    waited_ms: int = 0
    left_ms: int = 0


def look(tx: Tx, triplet: Triplet, terms: Terms) -> Standing:
    """Where a triplet stands; changes nothing."""
    now_ms = tx.now_ms
    network = tx.one(_NETWORK, network=triplet.network, now=now_ms)
    if network is not None and 0 < terms.whitelist_after <= network[0]:
        stale = network[1] < now_ms + terms.expiry_ms - TOUCH_EVERY_MS
        return Standing(State.NETWORK, stale)
    row = tx.one(_GET, triplet=triplet.key)
    if row is None or row[2] <= now_ms:
        return Standing(State.NEW, True, left_ms=terms.delay_ms)
    first_ms, last_ms, _, passes = row
    waited_ms = now_ms - first_ms
    if passes:
        return Standing(State.KNOWN, now_ms - last_ms >= TOUCH_EVERY_MS, waited_ms)
    if waited_ms < terms.delay_ms:
        return Standing(State.EARLY, False, waited_ms, terms.delay_ms - waited_ms)
    return Standing(State.PASSED, True, waited_ms)


def note(tx: Tx, triplet: Triplet, terms: Terms) -> Standing:
    """Where a triplet stands, having put down that it came; safe if others do so at once."""
    standing = look(tx, triplet, terms)
    now_ms, until_ms = tx.now_ms, tx.now_ms + terms.expiry_ms
    match standing.state:
        case State.NETWORK if standing.stale:
            tx.run(_TOUCH_NETWORK, network=triplet.network, until=until_ms)
        case State.KNOWN if standing.stale:
            until_ms = min(until_ms, now_ms - standing.waited_ms + AGE_MAX_MS)
            tx.run(_TOUCH, triplet=triplet.key, now=now_ms, until=until_ms)
        case State.NEW:
            tx.run(
                _begin(tx.dialect),
                key=triplet.key,
                first_ms=now_ms,
                last_ms=now_ms,
                expires_ms=now_ms + RETRY_WITHIN_MS,
                passes=0,
            )
        case State.PASSED:
            since_ms = now_ms - terms.delay_ms
            # Of several at once one counts for the network.
            if tx.run(_FIRST_PASS, triplet=triplet.key, since=since_ms, now=now_ms, until=until_ms):
                tx.run(
                    _count_network(tx.dialect),
                    key=triplet.network,
                    passes=1,
                    expires_ms=until_ms,
                    now=now_ms,
                )
    return standing


def forgotten_from(tx: Tx, most: int = TRIPLETS_MAX) -> int:
    """What expires up to this instant may go: now, or later where there are more than `most`."""
    over = int(tx.scalar(_COUNT) or 0) - most
    if over <= 0:
        return tx.now_ms
    return max(tx.now_ms, int(tx.scalar(_SOONEST, skipped=over - 1) or 0))


def sweep(tx: Tx, before_ms: int) -> bool:
    """Forget a few triplets and networks; gives whether there are more of them."""
    triplets = tx.run(_FORGET, before=before_ms, most=SWEEP_STEP)
    networks = tx.run(_FORGET_NETWORKS, before=tx.now_ms, most=SWEEP_STEP)
    return SWEEP_STEP in (triplets, networks)

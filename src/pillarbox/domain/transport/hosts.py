"""Hosts that offered TLS: one that suddenly does not may be somebody in between.

Rows are written once a day for a host, not for each message. Called by
`pipeline/outbound/tls_policy`.
"""

from sqlalchemy import bindparam, delete, func, select, update

from pillarbox.domain.transport.tables import tls_hosts
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

KEPT_MS = 30 * 86_400_000
"""For so long a host is remembered after it last offered TLS."""

HOSTS_MAX = 200_000
"""More are not kept; those seen longest ago go first."""

SWEEP_STEP = 1000

_h = tls_hosts.c
_GET = Statement(select(_h.seen_ms).where(_h.host == bindparam("name")))
_SEE = Statement(
    update(tls_hosts).where(_h.host == bindparam("name")).values(seen_ms=bindparam("seen"))
)
_INSERT = insert_row(tls_hosts)
_COUNT = Statement(select(func.count()).select_from(tls_hosts))
_OLDEST = Statement(select(_h.seen_ms).order_by(_h.seen_ms).limit(1).offset(bindparam("skipped")))
_FORGET = Statement(
    delete(tls_hosts).where(
        _h.host.in_(
            select(_h.host)
            .where(_h.seen_ms < bindparam("before"))
            .order_by(_h.seen_ms)
            .limit(bindparam("most"))
        )
    )
)


def seen(tx: Tx, host: str) -> int:
    """When a host last offered TLS, to the day; 0 if it is not known to."""
    found = tx.scalar(_GET, name=host)
    return 0 if found is None or found <= tx.now_ms - KEPT_MS else int(found)


def remember(tx: Tx, hosts: tuple[str, ...]) -> None:
    """Note that hosts offer TLS now."""
    for host in sorted(hosts):
        if not tx.run(_SEE, name=host, seen=tx.now_ms):
            tx.run(_INSERT, host=host, seen_ms=tx.now_ms)


def sweep(tx: Tx) -> bool:
    """Forget a few of the hosts that may be forgotten; gives whether there are more of them."""
    before_ms = tx.now_ms - KEPT_MS
    over = int(tx.scalar(_COUNT) or 0) - HOSTS_MAX
    if over > 0:
        oldest_ms = tx.scalar(_OLDEST, skipped=over)
        before_ms = max(before_ms, int(oldest_ms or 0))
    return tx.run(_FORGET, before=before_ms, most=SWEEP_STEP) == SWEEP_STEP

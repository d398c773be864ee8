"""MTA-STS policies of other domains, kept until they expire (RFC 8461 §3.3).

What a policy says is read above; here it is a text. Called by `pipeline/outbound/mta_sts`.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from pillarbox.domain.transport.tables import mta_sts_policies
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

USED_STEP_MS = 86_400_000
"""That a policy is used is noted once in so long."""

_p = mta_sts_policies.c
_ALL = tuple(mta_sts_policies.columns)
_GET = Statement(select(*_ALL).where(_p.domain == bindparam("name")))
_DUE = Statement(
    select(*_ALL)
    .where(_p.refresh_ms <= bindparam("now"), _p.policy != "", _p.used_ms > bindparam("used_after"))
    .order_by(_p.refresh_ms)
    .limit(bindparam("most"))
)
_INSERT = insert_row(mta_sts_policies)
_THIS = _p.domain == bindparam("name")
_SAVE = Statement(
    update(mta_sts_policies)
    .where(_THIS)
    .values(
        record_id=bindparam("record"),
        policy=bindparam("body"),
        fetched_ms=bindparam("fetched"),
        expires_ms=bindparam("expires"),
        used_ms=bindparam("used"),
        refresh_ms=bindparam("refresh"),
        failed_id="",
        failed_ms=0,
        failure="",
        failure_text="",
    )
)
_FAIL = Statement(
    update(mta_sts_policies)
    .where(_THIS)
    .values(
        failed_id=bindparam("record"),
        failed_ms=bindparam("failed"),
        failure=bindparam("why"),
        failure_text=bindparam("words"),
        refresh_ms=bindparam("refresh"),
    )
)
_USED = Statement(update(mta_sts_policies).where(_THIS).values(used_ms=bindparam("used")))
_FORGET = Statement(
    delete(mta_sts_policies).where(
        _p.used_ms < bindparam("before"), _p.expires_ms < bindparam("now")
    )
)
_DELETE = Statement(delete(mta_sts_policies).where(_THIS))


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A domain's policy as it was fetched, and how the last fetch failed, if it did.

    `policy` is empty where none has been had yet. `failure` is a result type of RFC 8460 §4.3.
    """

    domain: str
    record_id: str
    policy: str
    fetched_ms: int
    expires_ms: int
    used_ms: int
    refresh_ms: int
    failed_id: str = ""
    failed_ms: int = 0
    failure: str = ""
    failure_text: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A policy that was just fetched; `refresh_ms` is when to do so again."""

    domain: str
    record_id: str
    policy: str
    expires_ms: int
    refresh_ms: int


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """A fetch that just failed, of the policy announced as `record_id`."""

    domain: str
    record_id: str
    failure: str
    text: str
    refresh_ms: int


def get(tx: Tx, domain: str) -> StoredPolicy | None:
    """What is known of a domain's policy, expired or not."""
    return _policy(tx.one(_GET, name=domain))


def due(tx: Tx, used_after_ms: int, most: int) -> list[StoredPolicy]:
    """Policies to fetch anew, those that waited longest first; none that is not used any more."""
    rows = tx.all(_DUE, now=tx.now_ms, used_after=used_after_ms, most=most)
    return [StoredPolicy(*row) for row in rows]


def save(tx: Tx, fetched: Fetched) -> None:
    """Keep a policy in the place of the one before."""
    values = {
        "record": fetched.record_id,
        "body": fetched.policy,
        "fetched": tx.now_ms,
        "expires": fetched.expires_ms,
        "refresh": fetched.refresh_ms,
    }
    before = get(tx, fetched.domain)
    if before is not None:
        tx.run(_SAVE, name=fetched.domain, used=before.used_ms, **values)
        return
    tx.run(
        _INSERT,
        domain=fetched.domain,
        record_id=fetched.record_id,
        policy=fetched.policy,
        fetched_ms=tx.now_ms,
        expires_ms=fetched.expires_ms,
        used_ms=tx.now_ms,
        refresh_ms=fetched.refresh_ms,
        failed_id="",
        failed_ms=0,
        failure="",
        failure_text="",
    )


def fail(tx: Tx, failure: FetchFailure) -> None:
    """Note that a fetch failed; the policy that was there stays."""
    text = failure.text[:255]
    values = {"record": failure.record_id, "why": failure.failure, "words": text}
    touched = tx.run(
        _FAIL, name=failure.domain, failed=tx.now_ms, refresh=failure.refresh_ms, **values
    )
    if touched:
        return
    tx.run(
        _INSERT,
        domain=failure.domain,
        record_id="",
        policy="",
        fetched_ms=0,
        expires_ms=0,
        used_ms=tx.now_ms,
        refresh_ms=failure.refresh_ms,
        failed_id=failure.record_id,
        failed_ms=tx.now_ms,
        failure=failure.failure,
        failure_text=text,
    )


def used(tx: Tx, domain: str) -> None:
    """Note that mail goes by a domain's policy; call it once in `USED_STEP_MS`."""
    tx.run(_USED, name=domain, used=tx.now_ms)


def remove(tx: Tx, domain: str) -> bool:
    """Forget a domain's policy, so that it is fetched anew; gives whether there was one."""
    return tx.run(_DELETE, name=domain) > 0


def sweep(tx: Tx, unused_before_ms: int) -> int:
    """Forget what has expired and was not used of late; what is in force stays."""
    return tx.run(_FORGET, before=unused_before_ms, now=tx.now_ms)


def _policy(row: Row | None) -> StoredPolicy | None:
    return None if row is None else StoredPolicy(*row)

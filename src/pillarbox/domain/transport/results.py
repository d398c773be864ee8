"""How sessions with other domains' hosts went, by day, for reports to those domains (RFC 8460).

Added to in batches (`pipeline/outbound/tls_results`), read and settled by the job that reports
(`pipeline/jobs/tls_reports`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from pillarbox.domain.report_days import ReportDays, ReportState
from pillarbox.domain.transport.tables import tls_report_days, tls_results
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

ROWS_MAX = 1000
"""Kinds of results of one domain and day; what comes on top is told without host and address."""

DAYS = ReportDays(tls_results, tls_report_days)
"""What was reported of them."""

_r, _d = tls_results.c, tls_report_days.c
_KEY = (
    _r.day == bindparam("on_day"),
    _r.domain == bindparam("name"),
    _r.digest == bindparam("mark"),
)
_ADD = Statement(update(tls_results).where(*_KEY).values(sessions=_r.sessions + bindparam("more")))
_INSERT = insert_row(tls_results)
_COUNT = Statement(
    select(func.count())
    .select_from(tls_results)
    .where(_r.day == bindparam("on_day"), _r.domain == bindparam("name"))
)
_COLUMNS = (
    _r.policy_type,
    _r.policy_domain,
    _r.policy,
    _r.policy_mx,
    _r.result,
    _r.host,
    _r.receiving_ip,
    _r.sending_ip,
    _r.reason,
    _r.sessions,
)
_OF_DAY = Statement(
    select(*_COLUMNS)
    .where(_r.day == bindparam("on_day"), _r.domain == bindparam("name"))
    .order_by(_r.policy_type, _r.policy_domain, _r.id)
)
_SUMMARY = Statement(
    select(
        _r.day,
        _r.domain,
        _r.policy_type,
        _r.result,
        func.sum(_r.sessions),
        _d.state,
        _d.note,
    )
    .outerjoin(tls_report_days, and_(_d.day == _r.day, _d.domain == _r.domain))
    .where(
        _r.day >= bindparam("since"),
        or_(bindparam("name") == "", _r.domain == bindparam("name")),
    )
    .group_by(_r.day, _r.domain, _r.policy_type, _r.result, _d.state, _d.note)
    .order_by(_r.day.desc(), _r.domain, _r.policy_type, _r.result)
    .limit(bindparam("most"))
)
_FORGET = Statement(
    delete(tls_results).where(
        _r.id.in_(select(_r.id).where(_r.day < bindparam("before")).limit(bindparam("most")))
    )
)


@dataclass(frozen=True, slots=True)
class Result:
    """What tells sessions from others; all but `policy` and `policy_mx` are short texts.

    `result` is a type of RFC 8460 §4.3, empty for a session that went well; then the other fields
    from `host` on are empty too.
    """

    policy_type: str
    policy_domain: str
    policy: tuple[str, ...] = ()
    policy_mx: tuple[str, ...] = ()
    result: str = ""
    host: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""
    reason: str = ""

    @property
    def digest(self) -> str:
        """What stands for all of it in an index."""
        texts = (
            self.policy_type,
            self.policy_domain,
            "\n".join(self.policy),
            "\n".join(self.policy_mx),
            self.result,
            self.host,
            self.receiving_ip,
            self.sending_ip,
            self.reason,
        )
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]

    @property
    def general(self) -> "Result":
        """The same without what may be different in each session."""
        return Result(
            self.policy_type, self.policy_domain, self.policy, self.policy_mx, self.result
        )


@dataclass(frozen=True, slots=True)
class DaySummary:
    """Sessions of one day with a domain's hosts that had one result."""

    day: int
    domain: str
    policy_type: str
    result: str
    sessions: int
    state: ReportState
    note: str


def add(tx: Tx, counted: Mapping[tuple[int, str, Result], int]) -> None:
    """Add sessions, by day, domain and what came of them."""
    by_digest = sorted(
        ((day, domain, result.digest, result, sessions) for (day, domain, result), sessions
         in counted.items()),
        key=lambda one: one[:3],
    )  # fmt: skip
    # In one order, so that two processes that add to the same rows don't wait for each other.
    for day, domain, digest, result, sessions in by_digest:
        if tx.run(_ADD, on_day=day, name=domain, mark=digest, more=sessions):
            continue
        if result != result.general and tx.scalar(_COUNT, on_day=day, name=domain) >= ROWS_MAX:
            result = result.general
            mark = result.digest
            if tx.run(_ADD, on_day=day, name=domain, mark=mark, more=sessions):
                continue
        _insert(tx, day, domain, result, sessions)


def of_day(tx: Tx, day: int, domain: str) -> list[tuple[Result, int]]:
    """What is to be reported, and how many sessions of each."""
    return [
        (Result(kind, of, _lines(policy), _lines(mx), *rest), sessions)
        for kind, of, policy, mx, *rest, sessions in tx.all(_OF_DAY, on_day=day, name=domain)
    ]


def summaries(tx: Tx, since: int, domain: str = "", most: int = 1000) -> list[DaySummary]:
    """Sessions by day, domain and result, the newest day first; of one domain if it is given."""
    return [
        DaySummary(day, name, kind, result, int(sessions), ReportState(state or 0), note or "")
        for day, name, kind, result, sessions, state, note in tx.all(
            _SUMMARY, since=since, name=domain, most=most
        )
    ]


def sweep(tx: Tx, before: int, most: int) -> bool:
    """Forget a few of the results of days before; gives whether there may be more."""
    if tx.run(_FORGET, before=before, most=most) == most:
        return True
    DAYS.forget(tx, before)
    return False


def _insert(tx: Tx, day: int, domain: str, result: Result, sessions: int) -> None:
    tx.run(
        _INSERT,
        id=tx.next_id(),
        day=day,
        domain=domain,
        digest=result.digest,
        policy_type=result.policy_type,
        policy_domain=result.policy_domain,
        policy="\n".join(result.policy),
        policy_mx="\n".join(result.policy_mx),
        result=result.result,
        host=result.host,
        receiving_ip=result.receiving_ip,
        sending_ip=result.sending_ip,
        reason=result.reason,
        sessions=sessions,
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()

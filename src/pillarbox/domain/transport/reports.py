"""Reports that others made of TLS with this server (RFC 8460), by domain of ours.

Filed by `pipeline/inbound/tls_reports`; read by the command line and the admin faces.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select

from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts.tables import domains
from pillarbox.domain.transport.tables import tls_reports
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

KEPT_MS = 90 * 86_400_000
A_DAY_MAX = 500
"""More reports about one domain are not kept within a day: nobody has so many correspondents."""

LIST_MAX = 1000
_NAME_MAX = 255

_t = tls_reports.c
_INSERT = insert_row(tls_reports)
_FIND = Statement(
    select(_t.id).where(_t.domain_id == bindparam("of"), _t.digest == bindparam("mark"))
)
_SINCE = Statement(
    select(func.count())
    .select_from(tls_reports)
    .where(_t.domain_id == bindparam("of"), _t.received_ms > bindparam("since"))
)
_HEADS = (
    _t.id,
    domains.c.name,
    _t.organization,
    _t.report_id,
    _t.contact,
    _t.start_ms,
    _t.end_ms,
    _t.received_ms,
    _t.successes,
    _t.failures,
)
_LIST = select(*_HEADS).join(domains, domains.c.id == _t.domain_id)
_NEWEST = Statement(_LIST.order_by(_t.received_ms.desc()).limit(bindparam("most")))
_NEWEST_OF = Statement(
    _LIST.where(_t.domain_id == bindparam("of"))
    .order_by(_t.start_ms.desc())
    .limit(bindparam("most"))
)
_GET = Statement(select(_t.report).where(_t.id == bindparam("number")))
_FORGET = Statement(
    delete(tls_reports).where(
        _t.id.in_(
            select(_t.id).where(_t.received_ms < bindparam("before")).limit(bindparam("most"))
        )
    )
)


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report, as far as it concerns one domain; `content` is its JSON."""

    organization: str
    report_id: str
    contact: str
    start_ms: int
    end_ms: int
    successes: int
    failures: int
    content: str


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The head of a report that came in."""

    id: int
    domain: str
    organization: str
    report_id: str
    contact: str
    start_ms: int
    end_ms: int
    received_ms: int
    successes: int
    failures: int


def file(tx: Tx, domain: DomainId, report: NewReport) -> bool:
    """Keep a report; `False` if it is there already, or too many came within a day."""
    name = f"{report.organization}\0{report.report_id}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    if tx.one(_FIND, of=domain, mark=digest) is not None:
        return False
    if tx.scalar(_SINCE, of=domain, since=tx.now_ms - 86_400_000) >= A_DAY_MAX:
        return False
    tx.run(
        _INSERT,
        id=tx.next_id(),
        domain_id=domain,
        digest=digest,
        organization=report.organization[:_NAME_MAX],
        report_id=report.report_id[:_NAME_MAX],
        contact=report.contact[:_NAME_MAX],
        start_ms=report.start_ms,
        end_ms=report.end_ms,
        received_ms=tx.now_ms,
        successes=report.successes,
        failures=report.failures,
        report=report.content,
    )
    return True


def list_of(tx: Tx, domain: DomainId | None = None, most: int = LIST_MAX) -> list[StoredReport]:
    """Reports about one domain, or all of them, the newest first."""
    most = min(most, LIST_MAX)
    rows = (
        tx.all(_NEWEST, most=most) if domain is None else tx.all(_NEWEST_OF, of=domain, most=most)
    )
    return [StoredReport(*row) for row in rows]


def content(tx: Tx, report: int) -> str | None:
    """The JSON of a report."""
    found = tx.scalar(_GET, number=report)
    return None if found is None else str(found)


def sweep(tx: Tx, most: int) -> bool:
    """Forget a few of the old reports; gives whether there may be more."""
    return tx.run(_FORGET, before=tx.now_ms - KEPT_MS, most=most) == most

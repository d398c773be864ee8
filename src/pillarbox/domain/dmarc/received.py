"""Reports that others made of mail with a domain of ours in From, by that domain.

Filed by `pipeline/inbound/dmarc_reports`; read by the command line and the admin faces.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import bindparam, delete, func, or_, select

from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts.tables import domains
from pillarbox.domain.dmarc.tables import dmarc_records, dmarc_reports
from pillarbox.formats.dmarc_report.model import Reason, Record, Report
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

KEPT_MS = 90 * 86_400_000
A_DAY_MAX = 500
"""More reports about one domain are not kept within a day: nobody has so many correspondents."""

RECORDS_MAX = 500
"""Of one report; the rest, the records with the fewest messages, is kept as one for each result."""

LIST_MAX = 1000
_NAME_MAX = 255
_SUM_MAX = (1 << 62) - 1

_t, _r = dmarc_reports.c, dmarc_records.c
_INSERT = insert_row(dmarc_reports)
_INSERT_RECORD = insert_row(dmarc_records)
_FIND = Statement(
    select(_t.id).where(_t.domain_id == bindparam("of"), _t.digest == bindparam("mark"))
)
_SINCE = Statement(
    select(func.count())
    .select_from(dmarc_reports)
    .where(_t.domain_id == bindparam("of"), _t.received_ms > bindparam("since"))
)
_HEADS = (
    _t.id,
    domains.c.name,
    _t.organization,
    _t.contact,
    _t.voucher,
    _t.report_id,
    _t.start_ms,
    _t.end_ms,
    _t.received_ms,
    _t.messages,
    _t.aligned,
    _t.dkim_pass,
    _t.spf_pass,
)
_LIST = Statement(
    select(*_HEADS)
    .join(domains, domains.c.id == _t.domain_id)
    .where(
        or_(bindparam("of") == 0, _t.domain_id == bindparam("of")),
        or_(bindparam("organization") == "", _t.organization == bindparam("organization")),
        _t.end_ms >= bindparam("since"),
    )
    .order_by(_t.end_ms.desc(), _t.id.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)
_GET = Statement(
    select(*_HEADS).join(domains, domains.c.id == _t.domain_id).where(_t.id == bindparam("number"))
)
_HEAD = Statement(select(_t.head).where(_t.id == bindparam("number")))
_RECORDS = Statement(
    select(_r.detail).where(_r.report_id == bindparam("number")).order_by(_r.messages.desc(), _r.id)
)
_RECORDS_SINCE = Statement(
    select(_r.detail, _t.end_ms)
    .join(dmarc_reports, _t.id == _r.report_id)
    .where(_t.domain_id == bindparam("of"), _t.end_ms >= bindparam("since"))
    .order_by(_t.end_ms.desc(), _r.id)
    .limit(bindparam("most"))
)
_OLD = select(_t.id).where(_t.received_ms < bindparam("before")).order_by(_t.received_ms)
_FORGET_RECORDS = Statement(
    delete(dmarc_records).where(
        _r.id.in_(
            select(_r.id)
            .where(_r.report_id.in_(_OLD.limit(bindparam("reports"))))
            .limit(bindparam("most"))
        )
    )
)
_FORGET = Statement(delete(dmarc_reports).where(_t.id.in_(_OLD.limit(bindparam("reports")))))
_REPORTS_SWEPT = 20


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The head of a report that came in, with its sums of messages.

    `organization` and `contact` are its own words; `voucher` is the domain that DKIM or SPF showed
    it to come from, empty without one.
    """

    id: int
    domain: str
    organization: str
    contact: str
    voucher: str
    report_id: str
    start_ms: int
    end_ms: int
    received_ms: int
    messages: int
    aligned: int
    dkim_pass: int
    spf_pass: int


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as it is stored; made outside of the transaction, see `prepared`."""

    report: Report
    start_ms: int
    end_ms: int
    head: str
    details: tuple[tuple[Record, str], ...]


def prepared(report: Report) -> NewReport:
    """What is to be kept of a report."""
    report = replace(report, records=_fewer(report.records), extensions=())
    head = msgspec.json.encode(replace(report, records=())).decode()
    details = tuple((one, msgspec.json.encode(one).decode()) for one in report.records)
    start_ms, end_ms = (int(at.timestamp()) * 1000 for at in (report.start, report.end))
    return NewReport(report, start_ms, end_ms, head, details)


def file(tx: Tx, domain: DomainId, new: NewReport, voucher: str = "") -> bool:
    """Keep a report; `False` if it is there already, or too many came within a day.

    Nobody can come before somebody else's report with its name and id, nor use up the room for
    those with a `voucher` by any number without one.
    """
    report = new.report
    voucher = voucher[:_NAME_MAX]
    name = f"{report.organization}\0{report.id}\0{voucher}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    if tx.one(_FIND, of=domain, mark=digest) is not None:
        return False
    most = A_DAY_MAX if voucher else A_DAY_MAX // 2
    if tx.scalar(_SINCE, of=domain, since=tx.now_ms - 86_400_000) >= most:
        return False
    number = tx.next_id()
    tx.run(
        _INSERT,
        id=number,
        domain_id=domain,
        digest=digest,
        organization=report.organization[:_NAME_MAX],
        contact=report.email[:_NAME_MAX],
        voucher=voucher,
        report_id=report.id[:_NAME_MAX],
        start_ms=new.start_ms,
        # What lies in the future is no better known than what was just now.
        end_ms=min(new.end_ms, tx.now_ms),
        received_ms=tx.now_ms,
        head=new.head,
        messages=_sum(report.records),
        aligned=_sum([one for one in report.records if one.aligned]),
        dkim_pass=_sum([one for one in report.records if one.dkim]),
        spf_pass=_sum([one for one in report.records if one.spf]),
    )
    if new.details:
        tx.run_many(
            _INSERT_RECORD,
            [
                {
                    "id": tx.next_id(),
                    "report_id": number,
                    "source_ip": one.source_ip,
                    "messages": one.count,
                    "disposition": one.disposition,
                    "dkim": int(one.dkim),
                    "spf": int(one.spf),
                    "header_from": one.header_from[:_NAME_MAX],
                    "detail": detail,
                }
                for one, detail in new.details
            ],
        )
    return True


def list_of(
    tx: Tx,
    domain: DomainId | None = None,
    *,
    organization: str = "",
    since_ms: int = 0,
    most: int = LIST_MAX,
    skipped: int = 0,
) -> list[StoredReport]:
    """Reports about one domain, or all of them, the newest first."""
    rows = tx.all(
        _LIST,
        of=domain or 0,
        organization=organization,
        since=since_ms,
        most=min(most, LIST_MAX),
        skipped=skipped,
    )
    return [StoredReport(*row) for row in rows]


def get(tx: Tx, number: int) -> StoredReport | None:
    """The head of a report."""
    row = tx.one(_GET, number=number)
    return None if row is None else StoredReport(*row)


def content(tx: Tx, number: int) -> Report | None:
    """A whole report, its records with the most messages first."""
    head = tx.scalar(_HEAD, number=number)
    if head is None:
        return None
    records = tuple(_record(detail) for (detail,) in tx.all(_RECORDS, number=number))
    return replace(msgspec.json.decode(head, type=Report), records=records)


def records_since(
    tx: Tx, domain: DomainId, since_ms: int, most: int = 50_000
) -> list[tuple[Record, int]]:
    """The records of a domain's reports that end behind an instant, and when each ends."""
    rows = tx.all(_RECORDS_SINCE, of=domain, since=since_ms, most=most)
    return [(_record(detail), end_ms) for detail, end_ms in rows]


def sweep(tx: Tx, most: int) -> bool:
    """Forget a few of the old reports; gives whether there may be more."""
    before = tx.now_ms - KEPT_MS
    if tx.run(_FORGET_RECORDS, before=before, reports=_REPORTS_SWEPT, most=most) == most:
        return True
    return tx.run(_FORGET, before=before, reports=_REPORTS_SWEPT) == _REPORTS_SWEPT


def _record(detail: str) -> Record:
    return msgspec.json.decode(detail, type=Record)


def _sum(records: Sequence[Record]) -> int:
    return min(sum(one.count for one in records), _SUM_MAX)


def _fewer(records: tuple[Record, ...]) -> tuple[Record, ...]:
    if len(records) <= RECORDS_MAX:
        return records
    by_size = sorted(records, key=lambda one: -one.count)
    rest: dict[tuple[str, bool, bool], int] = {}
    for one in by_size[RECORDS_MAX:]:
        key = (one.disposition, one.dkim, one.spf)
        rest[key] = min(rest.get(key, 0) + one.count, _SUM_MAX)
    note = (Reason("other", "the rest of a long report"),)
    return (
        *by_size[:RECORDS_MAX],
        *(Record("", count, *key, reasons=note) for key, count in sorted(rest.items())),
    )

"""`pillarbox dmarc`: what others say of mail with our domains in From, and what they are told."""

import csv
import io
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when

if TYPE_CHECKING:
    from pillarbox.base.ids import DomainId
    from pillarbox.domain.dmarc.analysis import Analysis
    from pillarbox.domain.dmarc.received import StoredReport
    from pillarbox.formats.dmarc_report.model import Record, Report
    from pillarbox.storage.tx import Tx

DAY_MS = 86_400_000
PAGE = 20
_COLUMNS = (
    "id", "domain", "from", "vouched_by", "start", "messages", "aligned", "dkim", "spf",
)  # fmt: skip
_RECORD_COLUMNS = (
    "source_ip", "messages", "disposition", "dkim", "spf", "header_from", "spf_result",
    "dkim_result",
)  # fmt: skip


@click.group(help="DMARC: reports about our domains, and those that others get.")
def dmarc() -> None:
    pass


@dmarc.group(help="Reports that others sent about mail with a domain of ours in From.")
def reports() -> None:
    pass


@reports.command("list", help="List them, the newest first.")
@click.option("--domain", metavar="DOMAIN", help="Only those about this domain.")
@click.option("--from", "organization", default="", metavar="NAME", help="Only those of NAME.")
@click.option("--days", type=click.IntRange(1, 90), default=90, help="How far back (90).")
@click.option("--page", type=click.IntRange(1, 1000), default=1, help=f"Each has {PAGE} (1).")
@json_option
@click.pass_obj
def list_reports(
    invocation: Invocation,
    domain: str | None,
    organization: str,
    days: int,
    page: int,
    as_json: bool,
) -> None:
    rows = invocation.read(_list, domain, organization, days, page)
    table(rows, _COLUMNS, as_json)
    if len(rows) == PAGE:
        click.echo(f"There may be more: add --page {page + 1}.", err=True)


@reports.command(help="Show one of them, its largest sources first.")
@click.argument("number", type=int)
@json_option
@click.pass_obj
def show(invocation: Invocation, number: int, as_json: bool) -> None:
    head, report = _one(invocation, number)
    if as_json:
        click.echo(json.dumps(_content(report), ensure_ascii=False, indent=2))
        return
    policy = report.policy
    for name, value in (
        ("from", f"{report.organization} <{report.email}>"),
        ("vouched by", head.voucher or "nobody: neither DKIM nor SPF passed"),
        ("report id", report.id),
        ("about", f"{policy.domain} (p={policy.p or '?'})"),
        ("range", f"{when(head.start_ms)} to {when(head.end_ms)}"),
        ("messages", f"{head.messages}, of which {head.aligned} passed"),
    ):
        click.echo(f"{name}: {value}")
    for error in report.errors:
        click.echo(f"error: {error}")
    click.echo()
    table([_record(one) for one in report.records], _RECORD_COLUMNS, False)


@reports.command(help="Print one of them whole.")
@click.argument("number", type=int)
@click.option(
    "--format", "form", type=click.Choice(("xml", "csv", "json")), default="xml", help="As (xml)."
)
@click.pass_obj
def export(invocation: Invocation, number: int, form: str) -> None:
    from pillarbox.formats.dmarc_report.write import encode

    _, report = _one(invocation, number)
    if form == "xml":
        click.echo(encode(report).decode(), nl=False)
    elif form == "json":
        click.echo(json.dumps(_content(report), ensure_ascii=False, indent=2))
    else:
        click.echo(_as_csv(report), nl=False)


@dmarc.command(help="Show what other domains were told of their mail, and what they will be.")
@click.option("--domain", metavar="DOMAIN", help="Only this domain.")
@click.option("--days", type=click.IntRange(1, 30), default=7, help="How far back (7).")
@json_option
@click.pass_obj
def sent(invocation: Invocation, domain: str | None, days: int, as_json: bool) -> None:
    from pillarbox.domain.accounts import names
    from pillarbox.domain.dmarc import results

    since = _now_ms() // DAY_MS - days + 1
    key = names.domain_key(domain) if domain else ""
    rows = [
        {
            "day": _day(one.day),
            "domain": one.domain,
            "messages": one.messages,
            "report": one.state.name.lower().replace("_", " "),
            "tries": one.tries,
            "note": one.note,
        }
        for one in invocation.read(results.summaries, since, key)
    ]
    table(rows, ("day", "domain", "messages", "report", "note"), as_json)


@dmarc.command(help="Show how mail with DOMAIN in From fares elsewhere, and what to do about it.")
@click.argument("domain")
@click.option("--days", type=click.IntRange(1, 90), default=7, help="How far back (7).")
@json_option
@click.pass_obj
def summary(invocation: Invocation, domain: str, days: int, as_json: bool) -> None:
    found = invocation.read(_analysis, domain, days)
    if as_json:
        click.echo(json.dumps(_summary(found), ensure_ascii=False, indent=2))
        return
    if not found.messages:
        click.echo(f"No reports about {domain} in {days} days.")
        return
    click.echo(f"{found.messages} messages in {days} days")
    for name, percent in (
        ("DMARC", found.aligned_percent),
        ("SPF", found.spf_percent),
        ("DKIM", found.dkim_percent),
    ):
        click.echo(f"  {percent:5.1f} % passed {name}")
    rows = _summary(found)
    for title, columns in (
        ("issues", ("severity", "issue", "result", "messages", "percent", "sources")),
        ("days", ("day", "messages", "aligned", "percent")),
    ):
        if rows[title]:
            click.echo()
            table(rows[title], columns, False)
    for advice in found.recommendations:
        click.echo()
        click.echo(advice)


def _list(
    tx: "Tx", domain: str | None, organization: str, days: int, page: int
) -> list[dict[str, Any]]:
    from pillarbox.domain.dmarc import received

    found = received.list_of(
        tx,
        _domain_id(tx, domain),
        organization=organization,
        since_ms=tx.now_ms - days * DAY_MS,
        most=PAGE,
        skipped=(page - 1) * PAGE,
    )
    return [_head(one) for one in found]


def _analysis(tx: "Tx", domain: str, days: int) -> "Analysis":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.dmarc import analysis, received

    of = domains.require(tx, domain).id
    return analysis.analyse(received.records_since(tx, of, tx.now_ms - days * DAY_MS))


def _domain_id(tx: "Tx", name: str | None) -> "DomainId | None":
    from pillarbox.domain.accounts import domains

    return None if name is None else domains.require(tx, name).id


def _one(invocation: Invocation, number: int) -> "tuple[StoredReport, Report]":
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.dmarc import received

    head = invocation.read(received.get, number)
    report = invocation.read(received.content, number)
    if head is None or report is None:
        raise NotFound(f"There is no report {number}; `pillarbox dmarc reports list` lists them")
    return head, report


def _head(one: "StoredReport") -> dict[str, Any]:
    return {
        "id": one.id,
        "domain": one.domain,
        "from": one.organization,
        "contact": one.contact,
        "vouched_by": one.voucher,
        "report_id": one.report_id,
        "start": when(one.start_ms),
        "end": when(one.end_ms),
        "received": when(one.received_ms),
        "messages": one.messages,
        "aligned": one.aligned,
        "dkim": one.dkim_pass,
        "spf": one.spf_pass,
    }


def _record(one: "Record") -> dict[str, Any]:
    return {
        "source_ip": one.source_ip or "(the rest)",
        "messages": one.count,
        "disposition": one.disposition,
        "dkim": "pass" if one.dkim else "fail",
        "spf": "pass" if one.spf else "fail",
        "header_from": one.header_from,
        "envelope_from": one.envelope_from,
        "envelope_to": one.envelope_to or "",
        "spf_result": " ".join(f"{r.domain}={r.result}" for r in one.spf_results),
        "dkim_result": " ".join(f"{r.domain}={r.result}" for r in one.dkim_results),
        "reasons": " ".join(reason.kind for reason in one.reasons),
    }


def _content(report: "Report") -> dict[str, Any]:
    import msgspec

    found = msgspec.to_builtins(report)
    return dict(found)


def _as_csv(report: "Report") -> str:
    """A line for each record; cells that a spreadsheet would take for formulas are marked."""
    out = io.StringIO()
    rows = [_record(one) for one in report.records]
    columns = list(rows[0]) if rows else list(_RECORD_COLUMNS)
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_plain(row[name]) for name in columns])
    return out.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@") else value


def _summary(found: "Analysis") -> dict[str, Any]:
    return {
        "messages": found.messages,
        "aligned": found.aligned,
        "spf": found.spf_pass,
        "dkim": found.dkim_pass,
        "aligned_percent": round(found.aligned_percent, 1),
        "spf_percent": round(found.spf_percent, 1),
        "dkim_percent": round(found.dkim_percent, 1),
        "issues": [
            {
                "issue": one.kind.value,
                "severity": one.severity.value,
                "result": one.result,
                "messages": one.messages,
                "percent": round(one.percent, 1),
                "sources": [f"{ip} ({count})" for ip, count in one.sources],
            }
            for one in found.issues
        ],
        "days": [
            {
                "day": _day(one.day),
                "messages": one.messages,
                "aligned": one.aligned,
                "percent": round(100 * one.aligned / one.messages, 1) if one.messages else 0.0,
            }
            for one in found.days
        ],
        "recommendations": list(found.recommendations),
    }


def _day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

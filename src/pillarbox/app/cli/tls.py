"""`pillarbox tls`: what TLS with other servers has to be like, and how it goes."""

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.base.clock import Clock
    from pillarbox.domain.transport.results import DaySummary
    from pillarbox.net.dns import Resolver
    from pillarbox.pipeline.outbound.model import DomainPolicy
    from pillarbox.pipeline.outbound.tls_policy import TlsPolicies


@click.group(help="TLS with other servers: what it has to be like, and how it goes.")
def tls() -> None:
    pass


@tls.command(help="Show how mail to DOMAIN would be secured now, host by host, and why.")
@click.argument("domain")
@json_option
@click.pass_obj
def policy(invocation: Invocation, domain: str, as_json: bool) -> None:
    from pillarbox.domain.accounts import names

    found = asyncio.run(_policy(invocation, names.domain_key(domain)))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name in ("domain", "dnssec", "mta_sts", "reports_to"):
        value = found[name]
        click.echo(f"{name.replace('_', ' ')}: {value}")
    for line in found["policy"]:
        click.echo(f"  {line}")
    if found["hosts"]:
        click.echo()
        table(found["hosts"], ("preference", "host", "security", "because", "remark"), False)


@tls.command(help="Forget the MTA-STS policy of DOMAIN; with the next mail it is fetched anew.")
@click.argument("domain")
@click.pass_obj
def forget(invocation: Invocation, domain: str) -> None:
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.accounts import names
    from pillarbox.domain.transport import sts

    key = names.domain_key(domain)
    if not invocation.write(sts.remove, key):
        raise NotFound(f"No MTA-STS policy of {key} is kept")
    click.echo(f"Forgot the MTA-STS policy of {key}; workers notice within five minutes.")


@tls.command(help="Show how sessions with other servers went, by day, domain and result.")
@click.option("--domain", metavar="DOMAIN", help="Only those with this domain's servers.")
@click.option("--days", type=click.IntRange(1, 30), default=7, help="How far back (7).")
@json_option
@click.pass_obj
def results(invocation: Invocation, domain: str | None, days: int, as_json: bool) -> None:
    from pillarbox.domain.accounts import names
    from pillarbox.domain.transport import results as counted

    since = int(datetime.now(UTC).timestamp()) // 86_400 - days + 1
    key = names.domain_key(domain) if domain else ""
    found = invocation.read(counted.summaries, since, key)
    columns = ("day", "domain", "policy", "result", "sessions", "report")
    table([_result_row(one) for one in found], columns, as_json)


@tls.command(help="List the reports that others sent about TLS with this server.")
@click.option("--domain", metavar="DOMAIN", help="Only those about this domain.")
@json_option
@click.pass_obj
def reports(invocation: Invocation, domain: str | None, as_json: bool) -> None:
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.transport import reports as received

    of = None if domain is None else invocation.read(domains.require, domain).id
    rows = [
        {
            "id": one.id,
            "domain": one.domain,
            "from": one.organization,
            "contact": one.contact,
            "report_id": one.report_id,
            "start": when(one.start_ms),
            "end": when(one.end_ms),
            "received": when(one.received_ms),
            "successes": one.successes,
            "failures": one.failures,
        }
        for one in invocation.read(received.list_of, of)
    ]
    table(rows, ("id", "domain", "from", "start", "successes", "failures"), as_json)


@tls.command(help="Print one of those reports, as JSON.")
@click.argument("report_id", type=int)
@click.pass_obj
def report(invocation: Invocation, report_id: int) -> None:
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.transport import reports as received

    content = invocation.read(received.content, report_id)
    if content is None:
        raise NotFound(f"There is no report {report_id}; `pillarbox tls reports` lists them")
    click.echo(content)


def _result_row(one: "DaySummary") -> dict[str, Any]:
    return {
        "day": f"{datetime.fromtimestamp(one.day * 86_400, UTC):%Y-%m-%d}",
        "domain": one.domain,
        "policy": one.policy_type,
        "result": one.result or "ok",
        "sessions": one.sessions,
        "report": one.state.name.lower().replace("_", " "),
        "note": one.note,
    }


async def _policy(invocation: Invocation, domain: str) -> dict[str, Any]:
    """What would be asked of TLS with a domain's hosts; looks things up as the server does."""
    from pillarbox.app.database import open_database
    from pillarbox.app.foundation import dns_options
    from pillarbox.base.clock import SystemClock
    from pillarbox.net.client_tls import ClientContexts
    from pillarbox.net.dns import SystemResolver
    from pillarbox.net.https import HttpsClient, HttpsOptions
    from pillarbox.pipeline.outbound.tls_policy import TlsPolicies, TlsPolicyOptions

    options: Options = invocation.configuration().options
    clock: Clock = SystemClock()
    resolver = SystemResolver(clock, dns_options(options))
    reach = HttpsOptions(allow_private=options.outbound_inside)
    https = HttpsClient(resolver, ClientContexts(options.tls_extra_ca), reach)
    database = open_database(options, publish=lambda topic: None, readers=1, writers=1)
    policies = TlsPolicies(resolver, https, database, clock, TlsPolicyOptions(count=False))
    try:
        return await _look(resolver, policies, domain, options.outbound_port)
    finally:
        await policies.close()
        await database.close()


async def _look(
    resolver: "Resolver", policies: "TlsPolicies", domain: str, port: int
) -> dict[str, Any]:
    mx = await resolver.mx(domain)
    asked = await policies.of_domain(domain, mx)
    preferences = [(one.preference, one.name) for one in mx.hosts] or [(0, domain)]
    hosts = [
        await _host(resolver, policies, asked, preference, name, port)
        for preference, name in preferences
        if name
    ]
    return {
        "domain": domain,
        "dnssec": "validated" if mx.secure else "not validated, so no DANE",
        "mta_sts": _sts_words(asked),
        "policy": list(asked.sts.lines) if asked.sts is not None else [],
        "reports_to": await _targets(resolver, domain),
        "hosts": hosts,
    }


async def _host(
    resolver: "Resolver",
    policies: "TlsPolicies",
    asked: "DomainPolicy",
    preference: int,
    name: str,
    port: int,
) -> dict[str, Any]:
    from pillarbox.base.errors import Unavailable
    from pillarbox.pipeline.outbound.model import HostFailure

    row: dict[str, Any] = {"preference": preference, "host": name}
    try:
        demand = await policies.demand(asked, name, await resolver.host(name), port=port)
    except HostFailure as failure:
        return row | {"security": "not used", "because": "", "remark": failure.reply.text}
    except Unavailable as failure:
        return row | {"security": "not used", "because": "", "remark": failure.cause}
    remark = f"certificate for {' or '.join(demand.names)}" if demand.names else ""
    if demand.tlsa:
        remark = f"{len(demand.tlsa)} TLSA records"
    return row | {"security": demand.security.value, "because": demand.policy, "remark": remark}


def _sts_words(asked: "DomainPolicy") -> str:
    if asked.sts is not None:
        return asked.sts.mode.value
    if asked.sts_failure:
        return f"announced, but can't be used: {asked.sts_failure} ({asked.sts_text})"
    return "none"


async def _targets(resolver: "Resolver", domain: str) -> str:
    from pillarbox.base.errors import GrammarError, Unavailable
    from pillarbox.formats.tls_report.record import Targets, parse_record

    try:
        found = parse_record(await resolver.txt(f"_smtp._tls.{domain}")) or Targets()
    except GrammarError as error:
        return f"nobody: the record is wrong ({error.text})"
    except Unavailable as failure:
        return f"unknown: {failure.cause or failure.public}"
    return ", ".join((*found.mail, *found.https)) or "nobody"

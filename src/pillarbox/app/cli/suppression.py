"""`pillarbox suppression`: addresses that nothing is sent to."""

import time
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import Span, json_option, table, when

if TYPE_CHECKING:
    from pillarbox.base.ids import DomainId
    from pillarbox.storage.tx import Tx

domain_option = click.option(
    "--domain", metavar="DOMAIN", help="For the senders of this domain; default: for everybody."
)


@click.group(help="Addresses that nothing is sent to.")
def suppression() -> None:
    pass


@suppression.command(help="Send nothing to ADDRESS, not even what waits already.")
@click.argument("address")
@domain_option
@click.option("--reason", default="", metavar="TEXT", help="Why; senders are told.")
@click.option("--for", "span_ms", type=Span(), metavar="TIME", help="How long; default: for good.")
@click.pass_obj
def add(
    invocation: Invocation, address: str, domain: str | None, reason: str, span_ms: int | None
) -> None:
    expires_ms = None if span_ms is None else time.time_ns() // 1_000_000 + span_ms
    reason = reason or "the administrator stopped mail to it"
    invocation.write(_add, address, domain, reason, expires_ms)
    until = "" if expires_ms is None else f" until {when(expires_ms)}"
    click.echo(f"Nothing is sent to {address} any more{_by(domain)}{until}.")


@suppression.command(help="Send to ADDRESS again.")
@click.argument("address")
@domain_option
@click.pass_obj
def remove(invocation: Invocation, address: str, domain: str | None) -> None:
    from pillarbox.base.errors import NotFound

    if not invocation.write(_remove, address, domain):
        raise NotFound(f"{address} is not suppressed{_by(domain)}; see `suppression list`")
    click.echo(f"Mail is sent to {address} again{_by(domain)}.")


@suppression.command("list", help="List the addresses.")
@click.option("--after", default="", metavar="ADDRESS", help="Go on behind this address.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="At most [100].")
@json_option
@click.pass_obj
def list_suppressions(invocation: Invocation, after: str, limit: int, as_json: bool) -> None:
    rows = invocation.read(_list, after, limit)
    table(rows, ("address", "senders", "reason", "since", "until"), as_json)
    if len(rows) == limit:
        click.echo(f"There may be more: add --after {rows[-1]['address']}.", err=True)


def _add(tx: "Tx", address: str, domain: str | None, reason: str, expires_ms: int | None) -> None:
    from pillarbox.domain.queue import suppression

    suppression.add(tx, _domain_id(tx, domain), address, reason, expires_ms)


def _remove(tx: "Tx", address: str, domain: str | None) -> bool:
    from pillarbox.domain.queue import suppression

    return suppression.remove(tx, _domain_id(tx, domain), address)


def _list(tx: "Tx", after: str, limit: int) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.queue import suppression

    names = {one.id: one.name for one in domains.all_of(tx)}
    return [
        {
            "address": one.address,
            "senders": "everybody" if one.domain_id is None else names.get(one.domain_id, "?"),
            "reason": one.reason,
            "since": when(one.created_ms),
            "until": when(one.expires_ms),
        }
        for one in suppression.list_of(tx, after, limit)
    ]


def _domain_id(tx: "Tx", name: str | None) -> "DomainId | None":
    from pillarbox.domain.accounts import domains

    return None if name is None else domains.require(tx, name).id


def _by(domain: str | None) -> str:
    return "" if domain is None else f" by senders of {domain}"

"""`pillarbox ban`: who may not log in, after failed logins, and who may not send mail here."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import Span, json_option, table, when
from pillarbox.base.errors import NotFound

if TYPE_CHECKING:
    from pillarbox.storage.tx import Tx


@click.group(help="Addresses and networks that may not log in, or send mail to us.")
def ban() -> None:
    pass


@ban.command("list", help="List what is barred now, from logging in or from sending mail.")
@json_option
@click.pass_obj
def list_bans(invocation: Invocation, as_json: bool) -> None:
    max_tries = invocation.configuration().options.brute_max_tries
    rows = invocation.read(_list, max_tries)
    table(rows, ("address", "barred_from", "why", "until"), as_json)


@ban.command(
    help="Take no mail from a network of other servers, such as 192.0.2.0/24, on port 25.\n\n"
    "TRUSTED_NETWORKS and private addresses are let in all the same. A ban of that network that"
    " exists already is replaced."
)
@click.argument("network")
@click.option(
    "--for", "for_ms", type=Span(), metavar="TIME", help="12h, 7d; else until it is released."
)
@click.option("--why", default="", help="A note for yourself.")
@click.pass_obj
def add(invocation: Invocation, network: str, for_ms: int | None, why: str) -> None:
    from pillarbox.domain.bans import bans

    added = invocation.write(bans.add, network, for_ms, why)
    until = f"until {when(added.expires_ms)}" if added.expires_ms else "until it is released"
    click.echo(f"No mail is taken from {added.network} {until}.")


@ban.command(help="Let an address or network log in and send mail again.")
@click.argument("address")
@click.pass_obj
def release(invocation: Invocation, address: str) -> None:
    invocation.write(_release, address)
    click.echo(f"Released {address}.")


def _list(tx: "Tx", max_tries: int) -> list[dict[str, Any]]:
    from pillarbox.domain.bans import bans
    from pillarbox.pipeline.throttle import ThrottleOptions, barred, barred_from_domains

    settings = ThrottleOptions(max_tries=max_tries)
    logins = [
        {
            "address": address,
            "barred_from": "logging in",
            "why": f"{count.hits} failed logins",
            "failures": count.hits,
            "until": when(count.expires_ms),
        }
        for address, count in barred(tx, settings).items()
    ]
    logins += [
        {
            "address": address,
            "barred_from": f"logging in at {domain}",
            "why": f"{count.hits} failed logins",
            "failures": count.hits,
            "until": when(count.expires_ms),
        }
        for address, domain, count in barred_from_domains(tx, settings)
    ]
    mail = [
        {
            "address": one.network,
            "barred_from": "sending mail",
            "why": one.why or "barred by hand",
            "automatic": one.automatic,
            "since": when(one.created_ms),
            "until": when(one.expires_ms),
        }
        for one in bans.running(tx)
    ]
    return logins + mail


def _release(tx: "Tx", address: str) -> None:
    from pillarbox.domain.bans import bans
    from pillarbox.domain.bans.index import BanIndex
    from pillarbox.pipeline import throttle

    network = bans.parse_network(address)
    logins = throttle.release(tx, address)
    if bans.release(tx, address) or logins:
        return
    found = BanIndex(bans.running(tx)).find(str(network.network_address), tx.now_ms)
    if found is not None:
        raise NotFound(f"{address} is barred with all of {found.network}; release that")
    raise NotFound(f"{address} is not barred")

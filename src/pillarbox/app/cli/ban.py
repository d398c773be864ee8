"""`pillarbox ban`: addresses barred after failed logins."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when
from pillarbox.base.errors import NotFound

if TYPE_CHECKING:
    from pillarbox.storage.counters import Count
    from pillarbox.storage.tx import Tx


@click.group(help="Addresses barred after failed logins.")
def ban() -> None:
    pass


@ban.command("list", help="List the addresses that can't log in now.")
@json_option
@click.pass_obj
def list_bans(invocation: Invocation, as_json: bool) -> None:
    max_tries = invocation.configuration().options.brute_max_tries
    rows = [
        {"address": address, "failures": count.hits, "until": when(count.expires_ms)}
        for address, count in invocation.read(_list, max_tries).items()
    ]
    table(rows, ("address", "failures", "until"), as_json)


@ban.command(help="Let an address log in again.")
@click.argument("address")
@click.pass_obj
def release(invocation: Invocation, address: str) -> None:
    from pillarbox.pipeline import throttle

    if not invocation.write(throttle.release, address):
        raise NotFound(f"{address} has no failed logins")
    click.echo(f"Released {address}.")


def _list(tx: "Tx", max_tries: int) -> "dict[str, Count]":
    from pillarbox.pipeline.throttle import ThrottleOptions, barred

    return barred(tx, ThrottleOptions(max_tries=max_tries))

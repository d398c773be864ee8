"""`pillarbox alias`: addresses that lead to others, here or outside."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table

if TYPE_CHECKING:
    from pillarbox.domain.accounts.model import Alias
    from pillarbox.storage.tx import Tx


@click.group(help="Addresses that lead to others, here or outside.")
def alias() -> None:
    pass


@alias.command(help="Let ADDRESS lead to every TARGET.")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.pass_obj
def add(invocation: Invocation, address: str, targets: tuple[str, ...]) -> None:
    from pillarbox.domain.accounts import aliases

    made = invocation.write(aliases.create, address, targets)
    click.echo(f"Added alias {made.address} to {', '.join(made.targets)}.")


@alias.command("set", help="Replace where ADDRESS leads.")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.pass_obj
def set_targets(invocation: Invocation, address: str, targets: tuple[str, ...]) -> None:
    invocation.write(_set_targets, address, targets)
    click.echo(f"Changed alias {address}.")


@alias.command("list", help="List aliases, of DOMAIN or all.")
@click.argument("domain", required=False)
@json_option
@click.pass_obj
def list_aliases(invocation: Invocation, domain: str | None, as_json: bool) -> None:
    rows = [
        {"address": one.address, "enabled": one.enabled, "targets": one.targets}
        for one in invocation.read(_list, domain)
    ]
    table(rows, ("address", "enabled", "targets"), as_json)


@alias.command(help="Remove an alias.")
@click.argument("address")
@click.pass_obj
def remove(invocation: Invocation, address: str) -> None:
    invocation.write(_remove, address)
    click.echo(f"Removed alias {address}.")


@alias.command(help="Take mail for an alias again.")
@click.argument("address")
@click.pass_obj
def enable(invocation: Invocation, address: str) -> None:
    invocation.write(_set_enabled, address, True)
    click.echo(f"Enabled alias {address}.")


@alias.command(help="Refuse mail for an alias.")
@click.argument("address")
@click.pass_obj
def disable(invocation: Invocation, address: str) -> None:
    invocation.write(_set_enabled, address, False)
    click.echo(f"Disabled alias {address}.")


def _list(tx: "Tx", domain: str | None) -> "list[Alias]":
    from pillarbox.domain.accounts import aliases, domains

    return aliases.list_of(tx, None if domain is None else domains.require(tx, domain))


def _set_targets(tx: "Tx", address: str, targets: tuple[str, ...]) -> None:
    from pillarbox.domain.accounts import aliases

    aliases.set_targets(tx, aliases.require(tx, address), targets)


def _remove(tx: "Tx", address: str) -> None:
    from pillarbox.domain.accounts import aliases

    aliases.delete(tx, aliases.require(tx, address))


def _set_enabled(tx: "Tx", address: str, enabled: bool) -> None:
    from pillarbox.domain.accounts import aliases

    aliases.set_enabled(tx, aliases.require(tx, address), enabled)

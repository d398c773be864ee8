"""`pillarbox resource`: rooms and things that are invited to meetings."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli import output
from pillarbox.app.cli.invocation import Invocation

if TYPE_CHECKING:
    from pillarbox.domain.accounts.resources import AutoAccept, Resource, ResourceKind
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

KINDS = ("room", "resource")
POLICIES = ("always", "when-free", "manual")

_kind = click.option("--kind", type=click.Choice(KINDS), help="What it is; default: room.")
_accept = click.option(
    "--accept",
    type=click.Choice(POLICIES),
    help="Invitations: accepted always, when it is free (else declined; the default), or left to"
    " managers.",
)
_capacity = click.option(
    "--capacity", type=click.IntRange(0, 1_000_000), help="How many people; 0: not said."
)


@click.group(help="Resources: rooms and things that are invited to meetings.")
def resource() -> None:
    pass


@resource.command(help="Add a resource with a calendar.")
@click.argument("address")
@click.argument("name")
@_kind
@_accept
@_capacity
@click.option("--manager", "managers", multiple=True, help="Who manages it; may be repeated.")
@click.pass_obj
def create(
    invocation: Invocation,
    address: str,
    name: str,
    kind: str | None,
    accept: str | None,
    capacity: int | None,
    managers: tuple[str, ...],
) -> None:
    chosen = (kind or "room", accept or "when-free", capacity or 0)
    made = invocation.write(_create, _keys(invocation), address, name, chosen, managers)
    click.echo(f"Added {made}. Everybody of its domain sees when it is free.")


@resource.command("list", help="List resources, of DOMAIN or all.")
@click.argument("domain", required=False)
@output.json_option
@click.pass_obj
def list_resources(invocation: Invocation, domain: str | None, as_json: bool) -> None:
    rows = invocation.read(_list, domain)
    output.table(rows, ("address", "name", "kind", "accept", "capacity"), as_json)


@resource.command(help="Show a resource and who manages it.")
@click.argument("address")
@output.json_option
@click.pass_obj
def show(invocation: Invocation, address: str, as_json: bool) -> None:
    row = invocation.write(_show, _keys(invocation), address)
    columns = ("address", "name", "kind", "accept", "capacity", "managers")
    output.table([row], columns, as_json)


@resource.command("set", help="Change a resource, or who manages it.")
@click.argument("address")
@click.option("--name", help="What it is called.")
@_kind
@_accept
@_capacity
@click.option("--manager", "managers", multiple=True, help="Let a user or group manage it.")
@click.option("--no-manager", "gone", multiple=True, help="Take it from a manager.")
@click.pass_obj
def set_resource(
    invocation: Invocation,
    address: str,
    name: str | None,
    kind: str | None,
    accept: str | None,
    capacity: int | None,
    managers: tuple[str, ...],
    gone: tuple[str, ...],
) -> None:
    wanted = (name, kind, accept, capacity)
    if wanted == (None,) * 4 and not managers and not gone:
        raise click.UsageError("Say what is to change; see --help.")
    key = invocation.write(_set, _keys(invocation), address, wanted, managers, gone)
    click.echo(f"Changed {key}.")


@resource.command(help="Remove a resource with its calendar and mail.")
@click.argument("address")
@output.yes_option
@click.pass_obj
def delete(invocation: Invocation, address: str, yes: bool) -> None:
    output.confirm(f"Remove the resource {address} with its calendar and mail?", yes)
    invocation.write(_delete, address)
    click.echo(f"Removed {address}.")


def _keys(invocation: Invocation) -> "KeyRing":
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def _create(
    tx: "Tx",
    keys: "KeyRing",
    address: str,
    name: str,
    chosen: tuple[str, str, int],
    managers: tuple[str, ...],
) -> str:
    from pillarbox.domain.calendars import resources

    kind, accept, capacity = chosen
    made = resources.create(tx, keys, address, name, _kind_of(kind), _policy_of(accept), capacity)
    for manager in managers:
        resources.add_manager(tx, keys, made, manager)
    return made.address


def _list(tx: "Tx", domain: str | None) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import domains, resources

    found = resources.list_of(tx, None if domain is None else domains.require(tx, domain))
    return [_row(one) for one in found]


def _show(tx: "Tx", keys: "KeyRing", address: str) -> dict[str, Any]:
    from pillarbox.domain.accounts.resources import require
    from pillarbox.domain.calendars import resources

    found = require(tx, address)
    managers = [one.address for one in resources.managers(tx, keys, found)]
    return {**_row(found), "managers": managers}


def _set(
    tx: "Tx",
    keys: "KeyRing",
    address: str,
    wanted: tuple[str | None, str | None, str | None, int | None],
    managers: tuple[str, ...],
    gone: tuple[str, ...],
) -> str:
    from pillarbox.domain.accounts.resources import change, require
    from pillarbox.domain.calendars import resources

    name, kind, accept, capacity = wanted
    found = change(
        tx,
        require(tx, address),
        name=name,
        kind=None if kind is None else _kind_of(kind),
        auto_accept=None if accept is None else _policy_of(accept),
        capacity=capacity,
    )
    for manager in managers:
        resources.add_manager(tx, keys, found, manager)
    for manager in gone:
        resources.remove_manager(tx, keys, found, manager)
    return found.address


def _delete(tx: "Tx", address: str) -> None:
    from pillarbox.domain.accounts import resources

    resources.remove(tx, resources.require(tx, address))


def _kind_of(word: str) -> "ResourceKind":
    from pillarbox.domain.accounts.resources import ResourceKind

    return ResourceKind[word.upper()]


def _policy_of(word: str) -> "AutoAccept":
    from pillarbox.domain.accounts.resources import AutoAccept

    return AutoAccept[word.upper().replace("-", "_")]


def _row(one: "Resource") -> dict[str, Any]:
    return {
        "address": one.address,
        "name": one.name,
        "kind": one.kind.name.lower(),
        "accept": one.auto_accept.name.lower().replace("_", "-"),
        "capacity": one.capacity or None,
    }

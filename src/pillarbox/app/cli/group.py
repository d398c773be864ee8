"""`pillarbox group`: users who share an address and mailboxes."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli import output
from pillarbox.app.cli.invocation import Invocation

if TYPE_CHECKING:
    from pillarbox.domain.sharing.groups import Group
    from pillarbox.storage.tx import Tx


@click.group(help="Groups: users who share an address and its mailboxes.")
def group() -> None:
    pass


@group.command(help="Add a group, with the MEMBERs that are users here.")
@click.argument("address")
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option("--quota", type=output.Size(), help="Room for mail, such as 5G; none: no limit.")
@click.pass_obj
def add(invocation: Invocation, address: str, members: tuple[str, ...], quota: int | None) -> None:
    if quota is None:
        quota = invocation.configuration().options.default_quota
    made = invocation.write(_add, address, quota, members)
    click.echo(f"Added group {made.address}. Members see its mailboxes as Shared/{made.address}/.")


@group.command("list", help="List groups and their members, of DOMAIN or all.")
@click.argument("domain", required=False)
@output.json_option
@click.pass_obj
def list_groups(invocation: Invocation, domain: str | None, as_json: bool) -> None:
    rows = invocation.read(_list, domain)
    output.table(rows, ("address", "members", "used", "quota"), as_json)


@group.command(help="Show or change a group's quota; none or 0 is no limit.")
@click.argument("address")
@click.argument("size", type=output.Size(), required=False)
@click.pass_obj
def quota(invocation: Invocation, address: str, size: int | None) -> None:
    row = invocation.write(_set_quota, address, size)
    click.echo(f"{row['address']}: {row['used']} of {row['quota']} used.")


@group.command(help="Remove a group with all its mail.")
@click.argument("address")
@output.yes_option
@click.pass_obj
def remove(invocation: Invocation, address: str, yes: bool) -> None:
    output.confirm(f"Remove the group {address} with all its mail?", yes)
    invocation.write(_remove, address)
    click.echo(f"Removed group {address}.")


@group.command("member-add", help="Let a user into a group.")
@click.argument("address")
@click.argument("member")
@click.pass_obj
def member_add(invocation: Invocation, address: str, member: str) -> None:
    invocation.write(_member, address, member, True)
    click.echo(f"{member} is a member of {address}.")


@group.command("member-remove", help="Take a user out of a group.")
@click.argument("address")
@click.argument("member")
@click.pass_obj
def member_remove(invocation: Invocation, address: str, member: str) -> None:
    invocation.write(_member, address, member, False)
    click.echo(f"{member} is no longer a member of {address}.")


def _add(tx: "Tx", address: str, quota: int, members: tuple[str, ...]) -> "Group":
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sharing import groups

    made = groups.create(tx, address, quota)
    for member in members:
        groups.add_member(tx, made, users.require(tx, member))
    return made


def _list(tx: "Tx", domain: str | None) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.sharing import groups

    found = groups.list_of(tx, None if domain is None else domains.require(tx, domain))
    return [_row(tx, one) for one in found]


def _row(tx: "Tx", one: "Group") -> dict[str, Any]:
    from pillarbox.app.config.kinds import show_size
    from pillarbox.domain.sharing import groups

    return {
        "address": one.address,
        "members": groups.members(tx, one),
        "used": show_size(one.used_bytes),
        "quota": show_size(one.quota_bytes) if one.quota_bytes else "no limit",
        "used_bytes": one.used_bytes,
        "used_messages": one.used_messages,
        "quota_bytes": one.quota_bytes,
    }


def _set_quota(tx: "Tx", address: str, size: int | None) -> dict[str, Any]:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sharing import groups

    if size is not None:
        users.set_quota(tx, groups.require(tx, address).account_id, size)
    return _row(tx, groups.require(tx, address))


def _remove(tx: "Tx", address: str) -> None:
    from pillarbox.domain.sharing import groups

    groups.delete_group(tx, groups.require(tx, address))


def _member(tx: "Tx", address: str, member: str, is_in: bool) -> None:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sharing import groups

    change = groups.add_member if is_in else groups.remove_member
    change(tx, groups.require(tx, address), users.require(tx, member))

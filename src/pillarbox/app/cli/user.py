"""`pillarbox user`: who has a mailbox and may log in."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli import output
from pillarbox.app.cli.invocation import Invocation

if TYPE_CHECKING:
    from pillarbox.domain.accounts.model import Role, User
    from pillarbox.pipeline.verifiers import Secrets
    from pillarbox.storage.tx import Tx


@click.group(help="Users: who has a mailbox and may log in.")
def user() -> None:
    pass


@user.command(help="Add a user. Without an option for it, the password is asked for.")
@click.argument("address")
@output.password_options
@click.option("--admin", is_flag=True, help="May administer everything.")
@click.option("--quota", type=output.Size(), help="Room for mail, such as 5G; none: no limit.")
@click.option("--name", default="", help="The name people see.")
@click.pass_obj
def add(
    invocation: Invocation,
    address: str,
    password: str | None,
    password_file: Path | None,
    admin: bool,
    quota: int | None,
    name: str,
) -> None:
    from pillarbox.domain.accounts.model import Role

    plain = output.read_password(password, password_file)
    options = invocation.configuration().options
    if quota is None:
        quota = options.default_quota
    invocation.read(_require_room, address)
    stored = output.password_secrets(options, address, plain)
    role = Role.ADMIN if admin else Role.USER
    made = invocation.write(_add, address, stored, name, role, quota)
    click.echo(f"Added user {made.address}.")


@user.command("list", help="List users, of DOMAIN or all.")
@click.argument("domain", required=False)
@output.json_option
@click.pass_obj
def list_users(invocation: Invocation, domain: str | None, as_json: bool) -> None:
    rows = [_row(one) for one in invocation.read(_list, domain)]
    output.table(rows, ("address", "name", "role", "enabled", "used", "quota"), as_json)


@user.command(help="Change a user's password.")
@click.argument("address")
@output.password_options
@click.pass_obj
def passwd(
    invocation: Invocation, address: str, password: str | None, password_file: Path | None
) -> None:
    plain = output.read_password(password, password_file)
    options = invocation.configuration().options
    invocation.write(_set_password, address, output.password_secrets(options, address, plain))
    click.echo(f"Changed the password of {address}.")


@user.command(help="Show or change a user's quota; none or 0 is no limit.")
@click.argument("address")
@click.argument("size", type=output.Size(), required=False)
@click.pass_obj
def quota(invocation: Invocation, address: str, size: int | None) -> None:
    row = _row(invocation.write(_set_quota, address, size))
    click.echo(f"{row['address']}: {row['used']} of {row['quota']} used.")


@user.command(help="Let a user log in and get mail again.")
@click.argument("address")
@click.pass_obj
def enable(invocation: Invocation, address: str) -> None:
    invocation.write(_set_enabled, address, True)
    click.echo(f"Enabled {address}.")


@user.command(help="Refuse a user's logins and mail; nothing is lost.")
@click.argument("address")
@click.pass_obj
def disable(invocation: Invocation, address: str) -> None:
    invocation.write(_set_enabled, address, False)
    click.echo(f"Disabled {address}.")


@user.command(help="Remove a user with all mail.")
@click.argument("address")
@output.yes_option
@click.pass_obj
def remove(invocation: Invocation, address: str, yes: bool) -> None:
    output.confirm(f"Remove {address} with all mail?", yes)
    invocation.write(_remove, address)
    click.echo(f"Removed {address}.")


def _row(one: "User") -> dict[str, Any]:
    from pillarbox.app.config.kinds import show_size

    return {
        "address": one.address,
        "name": one.display_name,
        "role": one.role.name.lower().replace("_", " "),
        "enabled": one.enabled,
        "used": show_size(one.used_bytes),
        "quota": show_size(one.quota_bytes) if one.quota_bytes else "no limit",
        "used_bytes": one.used_bytes,
        "used_messages": one.used_messages,
        "quota_bytes": one.quota_bytes,
    }


def _require_room(tx: "Tx", address: str) -> None:
    """Tell what is wrong with a new address before a password is hashed."""
    from pillarbox.base.errors import Exists, NotFound
    from pillarbox.domain.accounts import domains, names, users

    key, _, domain_name = names.mailbox_key(address)
    if domains.get(tx, domain_name) is None:
        raise NotFound(
            f"The domain {domain_name} is not served here; first run"
            f" `pillarbox domain add {domain_name}`"
        )
    if users.get(tx, key) is not None:
        raise Exists(f"The address {key} exists already")


def _add(tx: "Tx", address: str, stored: "Secrets", name: str, role: "Role", quota: int) -> "User":
    from pillarbox.domain.accounts import users

    return users.create(tx, address, stored.hash, name, role, quota, stored.scram)


def _list(tx: "Tx", domain: str | None) -> "list[User]":
    from pillarbox.domain.accounts import domains, users

    return users.list_of(tx, None if domain is None else domains.require(tx, domain))


def _set_password(tx: "Tx", address: str, stored: "Secrets") -> None:
    from pillarbox.domain.accounts import users

    user = users.require(tx, address)
    users.set_password(tx, user.account_id, stored.hash, stored.scram)


def _set_quota(tx: "Tx", address: str, size: int | None) -> "User":
    from pillarbox.domain.accounts import users

    if size is not None:
        users.set_quota(tx, users.require(tx, address).account_id, size)
    return users.require(tx, address)


def _set_enabled(tx: "Tx", address: str, enabled: bool) -> None:
    from pillarbox.domain.accounts import users

    users.set_enabled(tx, users.require(tx, address).account_id, enabled)


def _remove(tx: "Tx", address: str) -> None:
    from pillarbox.domain.accounts import users

    users.delete(tx, users.require(tx, address).account_id)

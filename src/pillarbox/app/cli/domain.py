"""`pillarbox domain`: domains whose mail is served here."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import confirm, json_option, table, yes_option

if TYPE_CHECKING:
    from pillarbox.domain.accounts.model import Domain
    from pillarbox.domain.signing.model import NewKey
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx


@click.group(help="Domains whose mail is served here.")
def domain() -> None:
    pass


@domain.command(help="Serve the mail of a domain.")
@click.argument("name")
@click.option(
    "--relay",
    is_flag=True,
    help="Accept mail for every address of it and pass it on: as its backup mail exchanger, or to "
    "the host of a route.",
)
@click.pass_obj
def add(invocation: Invocation, name: str, relay: bool) -> None:
    from pillarbox.app.foundation import key_ring
    from pillarbox.domain.signing.make import KeyChoice, first_keys
    from pillarbox.formats.dav_records import dav_records

    options = invocation.configuration().options
    choice = KeyChoice.NONE if relay else KeyChoice(options.dkim_algo)
    new = first_keys(choice, options.dkim_selector)
    made = invocation.write(_create, name, relay, key_ring(options), new)
    click.echo(f"Added {'relay ' if relay else ''}domain {made.name}.")
    if new:
        click.echo(
            f"Its mail is signed. DNS records to publish: pillarbox dkim show {made.name}", err=True
        )
    port = options.https_port if options.https_enabled else options.caldav_port
    if not relay and (options.https_enabled or options.caldav_enabled):
        click.echo("By these records programs find its calendars and contacts:", err=True)
        for record in dav_records(made.name, options.hostname, port):
            click.echo(record, err=True)


@domain.command("list", help="List the domains.")
@json_option
@click.pass_obj
def list_domains(invocation: Invocation, as_json: bool) -> None:
    from pillarbox.domain.accounts import domains

    rows = [
        {
            "name": one.name,
            "enabled": one.enabled,
            "relay": one.relay,
            "catch_all": one.catch_all,
        }
        for one in invocation.read(domains.all_of)
    ]
    table(rows, ("name", "enabled", "relay", "catch_all"), as_json)


@domain.command(
    help="Stop serving a domain. With --force its users, groups, their mail and aliases go too."
)
@click.argument("name")
@click.option(
    "--force", is_flag=True, help="Remove its users and groups, all their mail, and its aliases."
)
@yes_option
@click.pass_obj
def remove(invocation: Invocation, name: str, force: bool, yes: bool) -> None:
    what = f"{name}, its users and groups with all their mail, and its aliases" if force else name
    confirm(f"Remove {what}?", yes)
    invocation.write(_remove, name, force)
    click.echo(f"Removed domain {name}.")


@domain.command(help="Take mail for a domain and let its users log in again.")
@click.argument("name")
@click.pass_obj
def enable(invocation: Invocation, name: str) -> None:
    invocation.write(_set_enabled, name, True)
    click.echo(f"Enabled domain {name}.")


@domain.command(help="Refuse mail for a domain and logins of its users; nothing is lost.")
@click.argument("name")
@click.pass_obj
def disable(invocation: Invocation, name: str) -> None:
    invocation.write(_set_enabled, name, False)
    click.echo(f"Disabled domain {name}.")


@domain.command(
    "catch-all", help="Where mail for unknown users of a domain goes: ADDRESS, or --off."
)
@click.argument("name")
@click.argument("address", required=False)
@click.option("--off", is_flag=True, help="Refuse mail for unknown users.")
@click.pass_obj
def catch_all(invocation: Invocation, name: str, address: str | None, off: bool) -> None:
    if (address is None) != off:
        raise click.UsageError("Give an address, or --off.")
    invocation.write(_set_catch_all, name, address)
    click.echo(
        f"Mail for unknown users of {name} {f'goes to {address}' if address else 'is refused'}."
    )


def _create(
    tx: "Tx", name: str, relay: bool, ring: "KeyRing", new: "tuple[NewKey, ...]"
) -> "Domain":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.signing import keys

    made = domains.create(tx, name, relay)
    keys.add_first(tx, ring, made.id, new)
    return made


def _remove(tx: "Tx", name: str, force: bool) -> None:
    from pillarbox.domain.accounts import aliases, domains, users
    from pillarbox.domain.sharing import groups

    found = domains.require(tx, name)
    if force:
        for alias in aliases.list_of(tx, found):
            aliases.delete(tx, alias)
        for group in groups.list_of(tx, found):
            groups.delete_group(tx, group)
        for user in users.list_of(tx, found):
            users.delete(tx, user.account_id)
    domains.delete(tx, found)


def _set_enabled(tx: "Tx", name: str, enabled: bool) -> None:
    from pillarbox.domain.accounts import domains

    domains.set_enabled(tx, domains.require(tx, name), enabled)


def _set_catch_all(tx: "Tx", name: str, address: str | None) -> None:
    from pillarbox.domain.accounts import domains

    domains.set_catch_all(tx, domains.require(tx, name), address)

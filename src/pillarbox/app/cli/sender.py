"""`pillarbox sender`: senders who are let in, or kept out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when

if TYPE_CHECKING:
    from pillarbox.domain.sender_lists.model import Owner
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

F = TypeVar("F", bound=Callable[..., Any])


def owner_options(function: F) -> F:
    """`--user` and `--domain`: whose list."""
    function = click.option("--domain", metavar="DOMAIN", help="The list of this domain.")(function)
    return click.option(
        "--user",
        metavar="ADDRESS",
        help="The list of this user or group; default: the whole server's.",
    )(function)


subdomains_option = click.option(
    "--subdomains", is_flag=True, help="With all domains below it; as .example.org is, too."
)


@click.group(help="Senders who are let in or kept out: addresses, domains, networks.")
def sender() -> None:
    pass


@sender.command(help="Let SENDER in, whatever the points are.")
@click.argument("sender")
@owner_options
@subdomains_option
@click.option(
    "--even-unauthenticated",
    is_flag=True,
    help="Also where nobody vouches that the mail is from there: forgers are let in too.",
)
@click.pass_obj
def allow(
    invocation: Invocation,
    sender: str,
    user: str | None,
    domain: str | None,
    subdomains: bool,
    even_unauthenticated: bool,
) -> None:
    flags = (subdomains, even_unauthenticated)
    pattern = invocation.write(_add, _keys(invocation), user, domain, sender, "allow", flags)
    click.echo(f"{pattern} is let in{_whose(user, domain)}.")


@sender.command(help="Keep SENDER out: into Junk for a user, refused for a domain or the server.")
@click.argument("sender")
@owner_options
@subdomains_option
@click.option("--junk", "action", flag_value="junk", help="Into Junk.")
@click.option("--refuse", "action", flag_value="refuse", help="Refused; it can be rescued.")
@click.pass_obj
def block(
    invocation: Invocation,
    sender: str,
    user: str | None,
    domain: str | None,
    subdomains: bool,
    action: str | None,
) -> None:
    action = action or ("refuse" if user is None else "junk")
    flags = (subdomains, False)
    pattern = invocation.write(_add, _keys(invocation), user, domain, sender, action, flags)
    done = "refused" if action == "refuse" else "put into Junk"
    click.echo(f"Mail from {pattern} is {done}{_whose(user, domain)}.")


@sender.command("list", help="List who is on a list.")
@owner_options
@json_option
@click.pass_obj
def list_senders(
    invocation: Invocation, user: str | None, domain: str | None, as_json: bool
) -> None:
    rows = invocation.read(_list, _keys(invocation), user, domain)
    table(rows, ("sender", "action", "even_unauthenticated", "since"), as_json)


@sender.command(help="Take SENDER off a list.")
@click.argument("sender")
@owner_options
@click.pass_obj
def remove(invocation: Invocation, sender: str, user: str | None, domain: str | None) -> None:
    invocation.write(_remove, _keys(invocation), user, domain, sender)
    click.echo(f"{sender} is no longer on the list{_whose(user, domain)}.")


def _keys(invocation: Invocation) -> "KeyRing":
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def _whose(user: str | None, domain: str | None) -> str:
    return f" for {user or domain}" if user or domain else ""


def _owner(tx: "Tx", user: str | None, domain: str | None) -> "Owner":
    from pillarbox.domain.accounts import domains, names, users
    from pillarbox.domain.sender_lists.model import SERVER, Owner, Scope
    from pillarbox.domain.sharing import groups

    if user is not None and domain is not None:
        raise click.UsageError("Say --user or --domain, not both.")
    if domain is not None:
        return Owner(Scope.DOMAIN, domains.require(tx, domain).id)
    if user is None:
        return SERVER
    group = groups.get(tx, names.mailbox_key(user)[0])
    account_id = users.require(tx, user).account_id if group is None else group.account_id
    return Owner(Scope.USER, account_id)


def _add(
    tx: "Tx",
    keys: "KeyRing",
    user: str | None,
    domain: str | None,
    sender: str,
    action: str,
    flags: tuple[bool, bool],
) -> str:
    from pillarbox.domain.judgement.model import Action
    from pillarbox.domain.sender_lists import lists

    subdomains, even_unauthenticated = flags
    return lists.add(
        tx,
        keys,
        _owner(tx, user, domain),
        sender,
        Action(action),
        subdomains=subdomains,
        even_unauthenticated=even_unauthenticated,
    ).pattern


def _list(tx: "Tx", keys: "KeyRing", user: str | None, domain: str | None) -> list[dict[str, Any]]:
    from pillarbox.domain.sender_lists import lists

    return [
        {
            "sender": one.pattern,
            "action": one.action.value,
            "even_unauthenticated": one.even_unauthenticated,
            "since": when(one.created_ms),
        }
        for one in lists.all_of(tx, keys, _owner(tx, user, domain))
    ]


def _remove(tx: "Tx", keys: "KeyRing", user: str | None, domain: str | None, sender: str) -> None:
    from pillarbox.domain.sender_lists import lists

    lists.remove(tx, keys, _owner(tx, user, domain), sender)

"""`pillarbox route`: mail that goes another way than to its domain's mail exchangers."""

import sys
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import (
    MAX_PASSWORD_FILE_BYTES,
    confirm,
    json_option,
    table,
    yes_option,
)

if TYPE_CHECKING:
    from pillarbox.domain.routing.model import Match, Route, RouteSecrets
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

_TLS = ("off", "opportunistic", "required", "verified", "implicit")


@click.group(help="Ways for mail other than to its domain's mail exchangers.")
def route() -> None:
    pass


@route.command(
    help="Send mail another way: to HOST[:PORT], or without --host to the mail exchangers as ever "
    "but from --source or through --proxy. Without --to, --from or --user the route is for all "
    "mail that leaves; the closest route wins, --to before --user before --from."
)
@click.argument("name")
@click.option("--host", metavar="HOST[:PORT]", help="The host to hand mail to.")
@click.option("--to", "recipient_domain", metavar="DOMAIN", help="Recipients; *.DOMAIN: below it.")
@click.option("--from", "sender_domain", metavar="DOMAIN", help="Senders of this domain.")
@click.option("--user", metavar="ADDRESS", help="What this user sends.")
@click.option(
    "--fallback", is_flag=True, help="Only where the mail exchangers can't be reached or refuse us."
)
@click.option("--lmtp", is_flag=True, help="Speak LMTP.")
@click.option(
    "--tls",
    type=click.Choice(_TLS),
    help="implicit: TLS from the start (port 465). Default: verified with a login, else "
    "opportunistic.",
)
@click.option("--mx", "exchangers", is_flag=True, help="Use the mail exchangers of HOST.")
@click.option("--username", metavar="NAME", default="", help="Log in to the host.")
@click.option("--password-file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE")
@click.option("--source", "sources", multiple=True, metavar="IP", help="Send from this address.")
@click.option("--helo", metavar="NAME", default="", help="The name to greet with.")
@click.option("--proxy", metavar="HOST:PORT", default="", help="Go through this SOCKS5 proxy.")
@click.pass_obj
def add(invocation: Invocation, /, name: str, password_file: str | None, **given: Any) -> None:
    from pillarbox.app.foundation import key_ring

    if not any((given["host"], given["sources"], given["helo"], given["proxy"])):
        raise click.UsageError("Give --host, or --source, --helo or --proxy for direct delivery.")
    password = ""
    if given["username"]:
        password = _secret(password_file)
    options = invocation.configuration().options
    made = invocation.write(_add, key_ring(options), name, password, given)
    where = made.host or "the mail exchangers"
    click.echo(f"Added route {made.name}: {_matches(made.match)} to {where}.")


@route.command("list", help="List the routes.")
@json_option
@click.pass_obj
def list_routes(invocation: Invocation, as_json: bool) -> None:
    from pillarbox.app.foundation import key_ring
    from pillarbox.domain.routing import routes

    found = invocation.read(routes.all_of, key_ring(invocation.configuration().options))
    names = invocation.read(_users, found)
    rows = [_row(one, names) for one in found]
    columns = ("name", "to", "from", "user", "fallback", "host", "tls", "sources", "enabled")
    table(rows, columns, as_json)


@route.command(help="Use a route again.")
@click.argument("name")
@click.pass_obj
def enable(invocation: Invocation, name: str) -> None:
    from pillarbox.domain.routing import routes

    invocation.write(routes.set_enabled, name, True)
    click.echo(f"Enabled route {name}.")


@route.command(help="Leave a route aside.")
@click.argument("name")
@click.pass_obj
def disable(invocation: Invocation, name: str) -> None:
    from pillarbox.domain.routing import routes

    invocation.write(routes.set_enabled, name, False)
    click.echo(f"Disabled route {name}.")


@route.command(help="Forget a route; mail in the queue takes the way that is then right for it.")
@click.argument("name")
@yes_option
@click.pass_obj
def remove(invocation: Invocation, name: str, yes: bool) -> None:
    from pillarbox.domain.routing import routes

    confirm(f"Remove route {name}?", yes)
    invocation.write(routes.remove, name)
    click.echo(f"Removed route {name}.")


def _secret(password_file: str | None) -> str:
    if password_file is not None:
        with click.open_file(password_file, encoding="utf-8") as stream:
            lines = stream.read(MAX_PASSWORD_FILE_BYTES).splitlines()
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for a password; use --password-file.")
    return str(click.prompt("Password for the host", hide_input=True))


def _add(tx: "Tx", keys: "KeyRing", name: str, password: str, given: dict[str, Any]) -> "Route":
    from pillarbox.domain.accounts import users
    from pillarbox.domain.routing import routes
    from pillarbox.domain.routing.model import Match, Protocol, Route, RouteTls

    account = None
    if given["user"] is not None:
        account = users.require(tx, given["user"]).account_id
    login, lmtp = bool(given["username"]), bool(given["lmtp"])
    tls = given["tls"] or ("verified" if login else "off" if lmtp else "opportunistic")
    host, port = _host_and_port(given["host"], 465 if tls == "implicit" else 587 if login else 25)
    made = Route(
        name=name,
        match=Match(given["recipient_domain"], given["sender_domain"], account),
        fallback=given["fallback"],
        host=host,
        port=port,
        protocol=Protocol.LMTP if lmtp else Protocol.SMTP,
        tls=RouteTls[tls.upper()],
        exchangers=given["exchangers"],
        sources=tuple(given["sources"]),
        helo=given["helo"],
        secrets=_secrets(given, password),
    )
    return routes.add(tx, keys, made)


def _secrets(given: dict[str, Any], password: str) -> "RouteSecrets":
    from pillarbox.domain.routing.model import RouteSecrets

    proxy = given["proxy"]
    if proxy and not proxy.rpartition(":")[2].isdecimal():
        raise click.UsageError("Give the proxy as HOST:PORT.")
    return RouteSecrets(given["username"], password, "", proxy)


def _host_and_port(host: str | None, default_port: int) -> tuple[str | None, int]:
    """`HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address."""
    if host is None:
        return None, default_port
    name, colon, port = host.rpartition(":")
    if not colon or (":" in name and not name.endswith("]")):
        return host, default_port
    if not port.isdecimal():
        raise click.UsageError(f"{port!r} is no port.")
    return name, int(port)


def _users(tx: "Tx", found: "tuple[Route, ...]") -> dict[int, str]:
    from pillarbox.domain.accounts import users

    wanted = {one.match.account_id for one in found if one.match.account_id is not None}
    return {
        user.account_id: user.address
        for user in users.list_of(tx, None)
        if user.account_id in wanted
    }


def _row(one: "Route", names: dict[int, str]) -> dict[str, Any]:
    to, account = one.match.recipient_domain, one.match.account_id
    return {
        "name": one.name,
        "to": f"*{to}" if to is not None and to.startswith(".") else to,
        "from": one.match.sender_domain,
        "user": None if account is None else names.get(account, f"account {account}"),
        "fallback": one.fallback,
        "host": None if one.host is None else f"{one.host}:{one.port}",
        "protocol": one.protocol.name.lower(),
        "tls": one.tls.name.lower(),
        "exchangers": one.exchangers,
        "username": one.secrets.username or None,
        "proxy": one.secrets.proxy or None,
        "sources": list(one.sources),
        "helo": one.helo or None,
        "enabled": one.enabled,
    }


def _matches(match: "Match") -> str:
    parts = []
    if match.recipient_domain is not None:
        parts.append(f"mail to {match.recipient_domain}")
    if match.sender_domain is not None:
        parts.append(f"mail from {match.sender_domain}")
    if match.account_id is not None:
        parts.append("what that user sends")
    return " and ".join(parts) or "all mail that leaves"

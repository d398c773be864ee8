"""`pillarbox sieve site`: scripts of the server and of domains, around those of users."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, printable, table, when
from pillarbox.app.cli.sieve_source import (
    FILE,
    limits_for,
    read_script,
    show_content,
    tell_if_off,
    telling,
)

if TYPE_CHECKING:
    from pillarbox.domain.sieve.model import GlobalScript
    from pillarbox.storage.tx import Tx

PHASES = ("before", "after", "include")

_NAME = click.argument("name", metavar="NAME")
_DOMAIN = click.option(
    "--domain", metavar="DOMAIN", help="A script of this domain; default: of the whole server."
)


@click.group(
    help="Scripts of the site: they run before or after those of users, or where these include"
    " them (:global)."
)
def site() -> None:
    pass


@site.command("list", help="List the scripts of the site, in the order in which they run.")
@click.option("--domain", metavar="DOMAIN", help="Only those of this domain.")
@click.option("--phase", type=click.Choice(PHASES), help="Only those that run then.")
@json_option
@click.pass_obj
def list_scripts(
    invocation: Invocation, domain: str | None, phase: str | None, as_json: bool
) -> None:
    found = invocation.read(_list, domain)
    rows = [
        {
            "domain": one.domain or None,
            "phase": str(one.phase),
            "position": one.position,
            "name": one.name,
            "enabled": one.enabled,
            "bytes": len(one.content),
            "changed": when(one.changed_ms),
        }
        for one in sorted(found, key=lambda one: (PHASES.index(one.phase), one.domain))
        if phase in (None, one.phase)
    ]
    table(rows, ("domain", "phase", "position", "name", "enabled", "bytes", "changed"), as_json)


@site.command(help="Print a script.")
@_NAME
@_DOMAIN
@click.pass_obj
def show(invocation: Invocation, name: str, domain: str | None) -> None:
    show_content(invocation.read(_get, domain, name).content)


@site.command(help="Keep FILE as a script, instead of the one of that name; - is standard input.")
@_NAME
@click.argument("file", metavar="FILE", type=FILE)
@_DOMAIN
@click.option(
    "--phase",
    type=click.Choice(PHASES),
    help="Run it before users' scripts, after them, or where they include it; default: as it was,"
    " for a new one before.",
)
@click.option(
    "--position", type=click.IntRange(0, 1_000_000), help="Of one phase the lower run first."
)
@click.pass_obj
def put(
    invocation: Invocation,
    name: str,
    file: Path,
    domain: str | None,
    phase: str | None,
    position: int | None,
) -> None:
    from pillarbox.formats.sieve.compiling import compile_script

    options = invocation.configuration().options
    withheld = options.sieve_extensions_off
    content = read_script(file)
    telling(file, content, lambda: compile_script(content, name, limits_for(content), withheld))
    saved = invocation.write(_put, domain, phase, name, content, position)
    where = {
        "before": "runs before those of users",
        "after": "runs after those of users",
        "include": "can be included by those of users",
    }
    state = where[saved.phase] if saved.enabled else "is kept, but disabled"
    click.echo(f"The script {printable(saved.name)} of {_whose(saved.domain)} {state}.")
    if saved.enabled:
        tell_if_off(options)


@site.command(help="Have a script run again.")
@_NAME
@_DOMAIN
@click.pass_obj
def enable(invocation: Invocation, name: str, domain: str | None) -> None:
    whose = invocation.write(_enable, domain, name, True)
    click.echo(f"The script {printable(name)} of {_whose(whose)} is enabled.")
    tell_if_off(invocation.configuration().options)


@site.command(help="Have a script not run, but keep it.")
@_NAME
@_DOMAIN
@click.pass_obj
def disable(invocation: Invocation, name: str, domain: str | None) -> None:
    whose = invocation.write(_enable, domain, name, False)
    click.echo(f"The script {printable(name)} of {_whose(whose)} is disabled.")


@site.command(help="Remove a script.")
@_NAME
@_DOMAIN
@click.pass_obj
def delete(invocation: Invocation, name: str, domain: str | None) -> None:
    whose = invocation.write(_delete, domain, name)
    click.echo(f"The script {printable(name)} of {_whose(whose)} is removed.")


def _whose(domain: str) -> str:
    return domain or "the server"


def _key(tx: "Tx", domain: str | None) -> str:
    """Whose scripts: the name of a domain served here, empty for the server."""
    from pillarbox.domain.accounts import domains

    return "" if domain is None else domains.require(tx, domain).name


def _list(tx: "Tx", domain: str | None) -> "list[GlobalScript]":
    from pillarbox.domain.sieve import site as scripts

    return scripts.list_of(tx, None if domain is None else _key(tx, domain))


def _get(tx: "Tx", domain: str | None, name: str) -> "GlobalScript":
    from pillarbox.domain.sieve import site as scripts

    return scripts.get(tx, _key(tx, domain), name)


def _put(
    tx: "Tx", domain: str | None, phase: str | None, name: str, content: bytes, position: int | None
) -> "GlobalScript":
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.sieve import site as scripts
    from pillarbox.domain.sieve.model import Phase

    key = _key(tx, domain)
    if phase is None:
        try:
            phase = scripts.get(tx, key, name).phase
        except NotFound:
            phase = Phase.BEFORE
    return scripts.put(tx, key, Phase(phase), name, content, position)


def _enable(tx: "Tx", domain: str | None, name: str, enabled: bool) -> str:
    from pillarbox.domain.sieve import site as scripts

    key = _key(tx, domain)
    scripts.enable(tx, key, name, enabled)
    return key


def _delete(tx: "Tx", domain: str | None, name: str) -> str:
    from pillarbox.domain.sieve import site as scripts

    key = _key(tx, domain)
    scripts.delete(tx, key, name)
    return key

"""`pillarbox sieve`: filters of users and of the site, and trying them out."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, json_text, printable, table, when
from pillarbox.app.cli.sieve_rehearse import rehearse
from pillarbox.app.cli.sieve_site import site
from pillarbox.app.cli.sieve_source import (
    FILE,
    problem_rows,
    quota_of,
    read_file,
    read_script,
    show_content,
    tell_if_off,
    telling,
)
from pillarbox.app.cli.sieve_trial import test

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.accounts.model import Actor
    from pillarbox.pipeline.filtering.scripts import Scripts
    from pillarbox.storage.db import Database

R = TypeVar("R")
_ACCOUNT = click.argument("account", metavar="ACCOUNT")
_NAME = click.argument("name", metavar="NAME")
_FILE = click.argument("file", metavar="FILE", type=FILE)


@click.group(help="Filters that run over mail as it comes in: scripts of users, and of the site.")
def sieve() -> None:
    pass


sieve.add_command(site)
sieve.add_command(test)
sieve.add_command(rehearse)


@sieve.command(help="Say whether a script can run here; FILE - is standard input.")
@_FILE
@json_option
@click.pass_obj
def check(invocation: Invocation, file: Path, as_json: bool) -> None:
    from pillarbox.formats.sieve.compiling import compile_script
    from pillarbox.formats.sieve.errors import ScriptError
    from pillarbox.formats.sieve.limits import ScriptLimits

    options = invocation.configuration(write=False).options
    content = read_file(file)
    limits = ScriptLimits(script_bytes=options.sieve_max_script_size)

    def compiled() -> list[str]:
        program = compile_script(content, "", limits, options.sieve_extensions_off)
        return sorted(program.extensions)

    if as_json:
        try:
            compiled()
        except ScriptError as error:
            click.echo(json_text(problem_rows(error.problems)))
            raise click.exceptions.Exit(1) from error
        click.echo("[]")
        return
    extensions = telling(file, content, compiled)
    uses = f" It requires {', '.join(extensions)}." if extensions else ""
    click.echo(f"The script is good.{uses}")


@sieve.command("list", help="List the scripts of a user or group.")
@_ACCOUNT
@json_option
@click.pass_obj
def list_scripts(invocation: Invocation, account: str, as_json: bool) -> None:
    found = _work(invocation, account, lambda scripts, actor: scripts.list(actor))
    rows = [
        {
            "name": one.name,
            "active": one.active,
            "bytes": one.size_bytes,
            "changed": when(one.changed_ms),
        }
        for one in found
    ]
    table(rows, ("name", "active", "bytes", "changed"), as_json)


@sieve.command(help="Print a script.")
@_ACCOUNT
@_NAME
@click.pass_obj
def show(invocation: Invocation, account: str, name: str) -> None:
    script = _work(invocation, account, lambda scripts, actor: scripts.get(actor, name))
    show_content(script.content)


@sieve.command(help="Keep FILE as a script, instead of the one of that name; - is standard input.")
@_ACCOUNT
@_NAME
@_FILE
@click.option("--activate", is_flag=True, help="Have it run, and no other.")
@click.pass_obj
def put(invocation: Invocation, account: str, name: str, file: Path, activate: bool) -> None:
    content = read_script(file)

    def work() -> Any:
        return _work(
            invocation,
            account,
            lambda scripts, actor: scripts.put(actor, name, content, activate=activate),
        )

    saved = telling(file, content, work)
    for warning in saved.warnings:
        click.echo(f"Warning: {printable(warning)}", err=True)
    state = "runs" if saved.info.active else "is kept, but does not run; see `sieve activate`"
    click.echo(f"The script {printable(saved.info.name)} of {account} {state}.")
    if saved.info.active:
        tell_if_off(invocation.configuration().options)


@sieve.command(help="Have the script NAME run over mail to ACCOUNT, and no other.")
@_ACCOUNT
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--none", "nothing", is_flag=True, help="Have none run.")
@click.pass_obj
def activate(invocation: Invocation, account: str, name: str | None, nothing: bool) -> None:
    if (name is None) != nothing:
        raise click.UsageError("Give either NAME or --none.")
    _work(invocation, account, lambda scripts, actor: scripts.activate(actor, name))
    what = "No script" if name is None else f"The script {printable(name)}"
    click.echo(f"{what} runs over mail to {account}.")
    if name is not None:
        tell_if_off(invocation.configuration().options)


@sieve.command(help="Give a script another name.")
@_ACCOUNT
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.pass_obj
def rename(invocation: Invocation, account: str, old: str, new: str) -> None:
    _work(invocation, account, lambda scripts, actor: scripts.rename(actor, old, new))
    click.echo(f"The script {printable(old)} of {account} is called {printable(new)} now.")


@sieve.command(help="Remove a script; one that runs has to be stopped first.")
@_ACCOUNT
@_NAME
@click.pass_obj
def delete(invocation: Invocation, account: str, name: str) -> None:
    _work(invocation, account, lambda scripts, actor: scripts.delete(actor, name))
    click.echo(f"The script {printable(name)} of {account} is removed.")


def _work(
    invocation: Invocation, address: str, use: "Callable[[Scripts, Actor], Awaitable[R]]"
) -> R:
    """Do something with the scripts of a user or group."""
    from pillarbox.app.foundation import key_ring
    from pillarbox.domain.sharing import holders
    from pillarbox.pipeline.filtering.scripts import Scripts

    async def work(options: "Options", database: "Database", bus: "Bus") -> R:
        quota, withheld = quota_of(options), options.sieve_extensions_off
        scripts = Scripts(database, key_ring(options), quota, withheld)
        return await use(scripts, await database.read(holders.require, address))

    return invocation.work(work)

"""`pillarbox quarantine`: mail that was refused or put into quarantine, and can still be had."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import (
    confirm,
    json_option,
    printable,
    table,
    when,
    yes_option,
)

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.accounts.model import Actor
    from pillarbox.domain.quarantine.model import KeptMessage
    from pillarbox.pipeline.inbound.quarantine import Quarantine
    from pillarbox.storage.db import Database
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

user_option = click.option(
    "--user", metavar="ADDRESS", help="Only what this user may have; default: everybody's."
)


class KeptNumber(click.ParamType[int]):
    """A kept message as lists and letters name it."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from pillarbox.base.ids import parse_public_id

        if isinstance(value, int):
            return value
        number = parse_public_id("", value.lower())
        if number is None:
            self.fail(f"{value!r} is none; `pillarbox quarantine list` shows them.", param, ctx)
        return number


@click.group(help="Mail that was refused or put into quarantine; its recipients can have it.")
def quarantine() -> None:
    pass


@quarantine.command("list", help="List what is kept, oldest first.")
@user_option
@click.option("--after", type=KeptNumber(), default=0, metavar="NUMBER", help="Go on behind it.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="At most [100].")
@json_option
@click.pass_obj
def list_kept(
    invocation: Invocation, user: str | None, after: int, limit: int, as_json: bool
) -> None:
    rows = invocation.read(_list, _keys(invocation), user, after, limit)
    table(rows, ("number", "recipient", "from", "subject", "verdict", "until"), as_json)
    if len(rows) == limit:
        click.echo(f"There may be more: add --after {rows[-1]['number']}.", err=True)


@quarantine.command(help="Show a kept message and why it was kept.")
@click.argument("number", type=KeptNumber())
@user_option
@click.option("--raw", is_flag=True, help="Print the message itself and nothing else.")
@json_option
@click.pass_obj
def show(invocation: Invocation, number: int, user: str | None, raw: bool, as_json: bool) -> None:
    async def read(
        options: "Options", database: "Database", bus: "Bus"
    ) -> "tuple[KeptMessage, bytes]":
        parts, close = _parts(options, database, bus)
        try:
            actor = await database.read(_actor, user)
            return await parts.content(actor, number)
        finally:
            close()

    message, content = invocation.work(read)
    if raw:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    row = _row(message)
    if as_json:
        table([row], (), True)
        return
    for name, value in row.items():
        shown = "; ".join(value) if isinstance(value, list) else value
        click.echo(f"{name.replace('_', ' ')}: {'-' if shown in (None, '') else shown}")


@quarantine.command(help="Deliver kept messages after all.")
@click.argument("numbers", type=KeptNumber(), nargs=-1, required=True)
@user_option
@click.pass_obj
def release(invocation: Invocation, numbers: tuple[int, ...], user: str | None) -> None:
    from pillarbox.base.ids import public_id

    async def deliver(options: "Options", database: "Database", bus: "Bus") -> None:
        parts, close = _parts(options, database, bus)
        try:
            actor = await database.read(_actor, user)
            for number in dict.fromkeys(numbers):
                message = await parts.release(actor, number)
                click.echo(f"Delivered {public_id('', number)} to {message.kept.path}.")
        finally:
            close()

    invocation.work(deliver)


@quarantine.command(help="Throw kept messages away.")
@click.argument("numbers", type=KeptNumber(), nargs=-1, required=True)
@user_option
@yes_option
@click.pass_obj
def delete(invocation: Invocation, numbers: tuple[int, ...], user: str | None, yes: bool) -> None:
    from pillarbox.base.ids import public_id

    confirm(f"Throw {len(numbers)} away?", yes)

    async def remove(options: "Options", database: "Database", bus: "Bus") -> None:
        parts, close = _parts(options, database, bus)
        try:
            actor = await database.read(_actor, user)
            for number in dict.fromkeys(numbers):
                await parts.remove(actor, number)
                click.echo(f"Threw {public_id('', number)} away.")
        finally:
            close()

    invocation.work(remove)


def _parts(
    options: "Options", database: "Database", bus: "Bus"
) -> "tuple[Quarantine, Callable[[], None]]":
    from pillarbox.app.accepting import rescuing

    return rescuing(options, database, bus)


def _keys(invocation: Invocation) -> "KeyRing":
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def _actor(tx: "Tx", user: str | None) -> "Actor | None":
    from pillarbox.domain.accounts import users
    from pillarbox.domain.accounts.model import Actor

    if user is None:
        return None
    found = users.require(tx, user)
    return Actor(found.account_id, found.address, found.domain_id, found.role)


def _list(
    tx: "Tx", keys: "KeyRing", user: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    from pillarbox.domain.rescue import access

    return [_row(one) for one in access.list_of(tx, keys, _actor(tx, user), after, limit)]


def _row(message: "KeptMessage") -> dict[str, Any]:
    from pillarbox.base.ids import public_id

    kept = message.kept
    return {
        "number": public_id("", message.id),
        "recipient": printable(kept.path),
        "from": printable(kept.sender),
        "reverse_path": printable(kept.reverse_path),
        "subject": printable(kept.subject),
        "verdict": message.reason.name.lower(),
        "score": kept.score,
        "why": [printable(one) for one in kept.why],
        "because": list(kept.because),
        "size_bytes": message.size_bytes,
        "tries": message.tries,
        "client": kept.ip,
        "trace": kept.trace_id,
        "kept": when(message.kept_ms),
        "until": when(message.until_ms),
    }

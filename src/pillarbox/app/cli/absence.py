"""`pillarbox vacation` and `pillarbox forward`: what happens to mail while a user is away."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, json_text, printable
from pillarbox.app.cli.rules import account_argument, change_rules, with_rules
from pillarbox.base.errors import Invalid, NotFound

if TYPE_CHECKING:
    from pillarbox.formats.sieve.rules.model import Day, Forwarding, RuleSet, Vacation

TEXT_BYTES = 1 << 16
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(help="The reply to mail while a user is away.")
def vacation() -> None:
    pass


@vacation.command("show", help="Show the reply, and when it is given.")
@account_argument
@json_option
@click.pass_obj
def show_vacation(invocation: Invocation, account: str, as_json: bool) -> None:
    from pillarbox.formats.sieve.rules.model import to_json

    found = with_rules(invocation, account, lambda rules, actor: rules.vacation_get(actor))
    if as_json:
        click.echo(json_text(None if found is None else to_json(found)))
        return
    if found is None:
        click.echo(f"{account} has no vacation reply.")
        return
    state = _period(found) if found.enabled else "switched off"
    who = "contacts" if found.contacts_only else "everybody"
    click.echo(f"The vacation reply of {account} is {state}.")
    click.echo(f"It goes to {who}, once in {found.days} days.")
    if found.subject:
        click.echo(f"Subject: {printable(found.subject)}")
    click.echo()
    for line in found.text.split("\n"):
        click.echo(printable(line))


def _period(vacation: "Vacation") -> str:
    days = [
        f"{word} {day.date.isoformat()}{f' ({day.zone})' if day.zone else ''}"
        for word, day in (("from", vacation.first), ("until", vacation.last))
        if day is not None
    ]
    return " ".join(["given", *days]) if days else "given always"


@vacation.command(
    "set", help="Set the reply and switch it on; what is not said stays as it was before."
)
@account_argument
@click.argument("text", metavar="[TEXT]", required=False)
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="Read the text from FILE; - is standard input.",
)
@click.option("--subject", metavar="TEXT", help="Its subject.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="The first day, as 2026-07-01.")
@click.option("--until", "last", type=_DAY, metavar="DAY", help="The last day.")
@click.option("--always", is_flag=True, help="No first and no last day.")
@click.option(
    "--zone",
    default="",
    metavar="ZONE",
    help="The time zone of the days, as Europe/Berlin or +0100; default: the server's.",
)
@click.option("--days", type=int, help="Each sender gets it once in so many days; default: 7.")
@click.option("--contacts/--everybody", default=None, help="Who gets it; default: everybody.")
@click.option("--address", multiple=True, metavar="ADDRESS", help="Another address of the user.")
@click.pass_obj
def set_vacation(
    invocation: Invocation,
    /,
    account: str,
    text: str | None,
    file: Path | None,
    first: datetime | None,
    last: datetime | None,
    always: bool,
    zone: str,
    contacts: bool | None,
    address: tuple[str, ...],
    **plain: Any,
) -> None:
    if text is not None and file is not None:
        raise click.UsageError("Give TEXT or --file, not both.")
    if file is not None:
        with click.open_file(str(file), encoding="utf-8") as stream:
            text = stream.read(TEXT_BYTES)
    named = {**plain, "text": text, "contacts_only": contacts, "addresses": address or None}
    changes = {name: value for name, value in named.items() if value is not None}
    changes |= _days(first, last, always, zone)
    changed = change_rules(
        invocation, account, lambda rules: rules.with_vacation(_vacation(rules, changes))
    )
    if changed.vacation is not None:
        click.echo(f"The vacation reply of {account} is {_period(changed.vacation)}.")


def _days(
    first: datetime | None, last: datetime | None, always: bool, zone: str
) -> "dict[str, Day | None]":
    """What is said of the first and the last day."""
    from pillarbox.pipeline.filtering.rules import day_in

    if always and (first or last):
        raise click.UsageError("Say --always, or days.")
    if always:
        return {"first": None, "last": None}
    given = {"first": first, "last": last}
    return {name: day_in(zone, day.date()) for name, day in given.items() if day is not None}


def _vacation(rules: "RuleSet", changes: dict[str, Any]) -> "Vacation":
    from msgspec.structs import replace

    from pillarbox.formats.sieve.rules.model import Vacation

    if rules.vacation is not None:
        return replace(rules.vacation, **changes, enabled=True)
    if "text" not in changes:
        raise Invalid("There is no vacation reply yet: give its text")
    return Vacation(**changes)


@vacation.command("off", help="Switch the reply off.")
@account_argument
@click.option("--forget", is_flag=True, help="Its text is removed too.")
@click.pass_obj
def vacation_off(invocation: Invocation, account: str, forget: bool) -> None:
    from msgspec.structs import replace

    def change(rules: "RuleSet") -> "RuleSet":
        if rules.vacation is None:
            raise NotFound(f"{account} has no vacation reply")
        return rules.with_vacation(None if forget else replace(rules.vacation, enabled=False))

    change_rules(invocation, account, change)
    done = "removed" if forget else "switched off"
    click.echo(f"The vacation reply of {account} is {done}.")


@click.group(help="Sending all mail of a user on to other addresses.")
def forward() -> None:
    pass


@forward.command("show", help="Show where all mail goes.")
@account_argument
@json_option
@click.pass_obj
def show_forward(invocation: Invocation, account: str, as_json: bool) -> None:
    from pillarbox.formats.sieve.rules.model import to_json

    found = with_rules(invocation, account, lambda rules, actor: rules.forwarding_get(actor))
    if as_json:
        click.echo(json_text(None if found is None else to_json(found)))
    elif found is None or not found.enabled:
        click.echo(f"Mail to {account} is not forwarded.")
    else:
        click.echo(_forwarded(account, found))


def _forwarded(account: str, forwarding: "Forwarding") -> str:
    kept = "and stays here too" if forwarding.keep_copy else "and does not stay here"
    return f"All mail to {account} goes to {printable(', '.join(forwarding.addresses))}, {kept}."


@forward.command("set", help="Send all mail on to ADDRESSES.")
@account_argument
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--keep/--no-keep", default=True, help="Whether it stays here too; default: it does.")
@click.pass_obj
def set_forward(
    invocation: Invocation, account: str, addresses: tuple[str, ...], keep: bool
) -> None:
    from pillarbox.formats.sieve.rules.model import Forwarding

    forwarding = Forwarding(addresses=addresses, keep_copy=keep)
    change_rules(invocation, account, lambda rules: rules.with_forwarding(forwarding))
    click.echo(_forwarded(account, forwarding))


@forward.command("off", help="Send mail on no longer.")
@account_argument
@click.pass_obj
def forward_off(invocation: Invocation, account: str) -> None:
    def change(rules: "RuleSet") -> "RuleSet":
        if rules.forwarding is None:
            raise NotFound(f"Mail to {account} is not forwarded")
        return rules.with_forwarding(None)

    change_rules(invocation, account, change)
    click.echo(f"Mail to {account} is not forwarded.")

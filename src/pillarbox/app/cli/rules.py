"""`pillarbox rules`: what is done with a user's mail, rule by rule."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import Size, json_option, json_text, printable, table
from pillarbox.app.cli.sieve_source import tell_if_off

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.accounts.model import Actor
    from pillarbox.formats.sieve.rules.actions import Action
    from pillarbox.formats.sieve.rules.conditions import Condition
    from pillarbox.formats.sieve.rules.model import Rule, RuleSet
    from pillarbox.pipeline.filtering.rules import Rules
    from pillarbox.storage.db import Database

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
RULE_BYTES = 1 << 20
MARKS = {"read": "\\Seen", "starred": "\\Flagged"}

account_argument = click.argument("account", metavar="ACCOUNT")
_NUMBER = click.argument("number", metavar="NUMBER", type=int)


def with_rules(
    invocation: Invocation, address: str, use: "Callable[[Rules, Actor], Awaitable[R]]"
) -> R:
    """Do something with the rules of a user or group."""
    from pillarbox.app.cli.sieve_source import quota_of
    from pillarbox.app.foundation import key_ring
    from pillarbox.domain.sharing import holders
    from pillarbox.pipeline.filtering.rules import Rules
    from pillarbox.pipeline.filtering.scripts import Scripts

    async def work(options: "Options", database: "Database", bus: "Bus") -> R:
        scripts = Scripts(
            database, key_ring(options), quota_of(options), options.sieve_extensions_off
        )
        return await use(Rules(scripts), await database.read(holders.require, address))

    return invocation.work(work)


def change_rules(
    invocation: Invocation, address: str, change: "Callable[[RuleSet], RuleSet]"
) -> "RuleSet":
    """Change the rules of a user or group; tells of what may be a mistake, and gives them."""

    async def use(rules: "Rules", actor: "Actor") -> "RuleSet":
        await rules.change(actor, change)
        return (await rules.get(actor)).rules

    changed = with_rules(invocation, address, use)
    for doubt in changed.doubts():
        click.echo(f"Warning: {printable(doubt)}", err=True)
    tell_if_off(invocation.configuration().options)
    return changed


@click.group(help="What is done with mail as it comes in, rule by rule; see also `sieve`.")
def rules() -> None:
    pass


@rules.command("list", help="List the rules of a user or group, in order.")
@account_argument
@json_option
@click.pass_obj
def list_rules(invocation: Invocation, account: str, as_json: bool) -> None:
    from pillarbox.formats.sieve.rules.model import to_json
    from pillarbox.formats.sieve.rules.telling import then, when

    kept = with_rules(invocation, account, lambda rules, actor: rules.get(actor))
    if as_json:
        click.echo(json_text([to_json(rule) for rule in kept.rules.rules]))
        return
    rows = [
        {
            "number": number,
            "name": rule.name,
            "enabled": rule.enabled,
            "when": when(rule),
            "then": then(rule),
        }
        for number, rule in enumerate(kept.rules.rules, 1)
    ]
    table(rows, ("number", "name", "enabled", "when", "then"), False)


@rules.command(help="List the rules that can be added with `rules add --template`.")
@json_option
def templates(as_json: bool) -> None:
    from pillarbox.formats.sieve.rules.templates import TEMPLATES

    rows = [
        {
            "template": one.name,
            "for": one.title,
            "fill": [f"{blank}={usual}" for blank, usual in one.blanks.items()],
        }
        for one in TEMPLATES
    ]
    table(rows, ("template", "for", "fill"), as_json)


def _options(function: F) -> F:
    """What a rule looks at, and what it does."""
    texts = (
        ("--from", "from_", "Where the sender's address has TEXT in it."),
        ("--to", "to", "Where an address in To or Cc has TEXT in it."),
        ("--subject", "subject", "Where the subject has TEXT in it."),
        ("--body", "body", "Where the text of the message has TEXT in it."),
        ("--list", "list_id", "Where the List-Id has TEXT in it."),
    )
    options = [click.option(*one[:2], metavar="TEXT", help=one[2]) for one in texts]
    options += [
        click.option("--larger", type=Size(), metavar="SIZE", help="Larger than SIZE, as 5M."),
        click.option("--any", "any_of", is_flag=True, help="Where any of these holds, not all."),
        click.option("--into", metavar="MAILBOX", help="File it there."),
        click.option("--copy-into", metavar="MAILBOX", help="File a copy there."),
        click.option("--mark", multiple=True, metavar="FLAG", help="read, starred or a keyword."),
        click.option("--forward", metavar="ADDRESS", help="Send it on, and keep it."),
        click.option("--delete", is_flag=True, help="Into Trash."),
        click.option("--discard", is_flag=True, help="Drop it, tell nobody, and stop."),
        click.option("--reject", metavar="TEXT", help="Refuse it, and tell the sender TEXT."),
        click.option("--stop", is_flag=True, help="Look at no later rule."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@rules.command(
    help="Add a rule: from a template, from a JSON file as `rules list --json` prints it, or from"
    " options that say what it looks at and what it does."
)
@account_argument
@click.argument("name", metavar="[NAME]", required=False)
@_options
@click.option("--template", "template_name", metavar="TEMPLATE", help="See `rules templates`.")
@click.option("--fill", multiple=True, metavar="BLANK=TEXT", help="A blank of the template.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="A rule as JSON; - is standard input.",
)
@click.option("--at", type=int, metavar="NUMBER", help="Its place; default: the last.")
@click.option(
    "--replace", is_flag=True, help="Have rules run instead of a script that can't be rules."
)
@click.pass_obj
def add(
    invocation: Invocation,
    /,
    account: str,
    name: str | None,
    template_name: str | None,
    fill: tuple[str, ...],
    file: Path | None,
    at: int | None,
    replace: bool,
    **options: Any,
) -> None:
    rule = _rule(name, template_name, fill, file, options)

    async def put_alone(rules: "Rules", actor: "Actor") -> None:
        from pillarbox.formats.sieve.rules.arguments import NotSimple
        from pillarbox.formats.sieve.rules.model import RuleSet

        try:
            await rules.get(actor)
        except NotSimple:
            await rules.put(actor, RuleSet(), replace=True)

    if replace:
        with_rules(invocation, account, put_alone)
    changed = change_rules(invocation, account, lambda rules: rules.with_rule(rule, at))
    number = len(changed.rules) if at is None else at
    click.echo(f"Rule {number} of {account} is {printable(rule.name)}.")


def _rule(
    name: str | None,
    template_name: str | None,
    fill: tuple[str, ...],
    file: Path | None,
    options: dict[str, Any],
) -> "Rule":
    from msgspec.structs import replace as replaced

    given = any(options.values())
    if (template_name is not None) + (file is not None) + given != 1:
        raise click.UsageError("Give a --template, a --file, or what the rule looks at and does.")
    if fill and template_name is None:
        raise click.UsageError("--fill is for a --template.")
    if template_name is not None:
        from pillarbox.formats.sieve.rules.templates import template

        blanks = dict(_blank(one) for one in fill)
        made = template(template_name).filled(blanks)
    elif file is not None:
        made = _from_file(file)
    else:
        if name is None:
            raise click.UsageError("Give the rule a NAME.")
        return _from_options(name, options)
    return made if name is None else replaced(made, name=name)


def _blank(given: str) -> tuple[str, str]:
    name, sign, text = given.partition("=")
    if not sign:
        raise click.UsageError(f"{given!r} is not BLANK=TEXT.")
    return name, text


def _from_file(file: Path) -> "Rule":
    from pillarbox.base.errors import Invalid
    from pillarbox.formats.sieve.rules.model import Rule, from_json

    with click.open_file(str(file), encoding="utf-8") as stream:
        text = stream.read(RULE_BYTES)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file} is not JSON: {error}") from error
    return from_json(given, Rule)


def _from_options(name: str, options: dict[str, Any]) -> "Rule":
    from pillarbox.formats.sieve.rules.model import Combine, Rule

    return Rule(
        name=name,
        conditions=tuple(_conditions(options)),
        combine=Combine.ANY if options["any_of"] else Combine.ALL,
        actions=tuple(_actions(options)),
        # Dropped is dropped: no later rule is to answer, file or forward it.
        stop=options["stop"] or options["discard"],
    )


def _conditions(options: dict[str, Any]) -> "list[Condition]":
    from pillarbox.formats.sieve.rules.conditions import (
        AddressText,
        BodyText,
        HeaderText,
        MessageSize,
    )

    found: list[Condition] = []
    for option, headers in (("from_", ("from",)), ("to", ("to", "cc"))):
        if options[option]:
            found.append(AddressText(headers=headers, values=(options[option],)))
    for option, header in (("subject", "Subject"), ("list_id", "List-Id")):
        if options[option]:
            found.append(HeaderText(headers=(header,), values=(options[option],)))
    if options["body"]:
        found.append(BodyText(values=(options["body"],)))
    if options["larger"]:
        found.append(MessageSize(size_bytes=options["larger"]))
    return found


def _actions(options: dict[str, Any]) -> "list[Action]":
    from pillarbox.formats.sieve.rules.actions import Delete, Discard, File, Forward, Mark, Reject

    found: list[Action] = []
    if options["mark"]:
        found.append(Mark(flags=tuple(MARKS.get(flag, flag) for flag in options["mark"])))
    if options["copy_into"]:
        found.append(File(mailbox=options["copy_into"], copy=True))
    if options["into"]:
        found.append(File(mailbox=options["into"]))
    if options["forward"]:
        found.append(Forward(address=options["forward"]))
    if options["delete"]:
        found.append(Delete())
    if options["discard"]:
        found.append(Discard())
    if options["reject"]:
        found.append(Reject(text=options["reject"]))
    return found


@rules.command(help="Remove a rule, by its number in `rules list`.")
@account_argument
@_NUMBER
@click.pass_obj
def remove(invocation: Invocation, account: str, number: int) -> None:
    change_rules(invocation, account, lambda rules: rules.without_rule(number))
    click.echo(f"Rule {number} of {account} is removed.")


@rules.command(help="Give a rule another place: NUMBER becomes TO.")
@account_argument
@_NUMBER
@click.argument("to", metavar="TO", type=int)
@click.pass_obj
def move(invocation: Invocation, account: str, number: int, to: int) -> None:
    changed = change_rules(invocation, account, lambda rules: rules.moved(number, to))
    click.echo(f"Rule {to} of {account} is {printable(changed.rules[to - 1].name)}.")


@rules.command(help="Switch a rule on.")
@account_argument
@_NUMBER
@click.pass_obj
def enable(invocation: Invocation, account: str, number: int) -> None:
    _switch(invocation, account, number, True)


@rules.command(help="Switch a rule off; it stays in the list.")
@account_argument
@_NUMBER
@click.pass_obj
def disable(invocation: Invocation, account: str, number: int) -> None:
    _switch(invocation, account, number, False)


def _switch(invocation: Invocation, account: str, number: int, enabled: bool) -> None:
    from msgspec.structs import replace

    def change(rules: "RuleSet") -> "RuleSet":
        rule = rules.rule(number)
        return rules.with_rule_changed(number, replace(rule, enabled=enabled))

    change_rules(invocation, account, change)
    click.echo(f"Rule {number} of {account} is switched {'on' if enabled else 'off'}.")

"""`pillarbox policy`: how mail to a domain is checked and judged."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table

if TYPE_CHECKING:
    from pillarbox.domain.judgement.model import Kind
    from pillarbox.domain.policy.model import Wishes
    from pillarbox.storage.tx import Tx

_ACTIONS = ("none", "allow", "junk", "quarantine", "defer", "refuse")
_NAMED_BY_SETTINGS = ("dnsbl_", "dnswl_", "uribl_", "hashbl_")
_SCORE_MOST = 1000.0

domain_argument = click.argument("domain", metavar="DOMAIN|_default")


@click.group(help="How mail to a domain is checked and judged; _default is for all domains.")
def policy() -> None:
    pass


@policy.command(help="Show what holds for DOMAIN, or for all that have nothing of their own.")
@click.argument("domain", required=False, default="_default")
@json_option
@click.pass_obj
def show(invocation: Invocation, domain: str, as_json: bool) -> None:
    options = invocation.configuration().options
    settings = {
        "spam_junk_score": (float(options.spam_threshold), "SPAM_THRESHOLD"),
        "auth_brute_force_threshold": (options.brute_max_tries, "BRUTE_MAX_TRIES"),
        "auth_brute_force_window_minutes": (options.brute_window_min, "BRUTE_WINDOW_MIN"),
        "auth_brute_force_block_minutes": (options.brute_ban_hours * 60, "BRUTE_BAN_HOURS"),
    }
    rows = invocation.read(_rows, domain, settings)
    table(rows, ("name", "value", "set_by", "what"), as_json)


@policy.command("set", help="Set columns of DOMAIN's policy.")
@domain_argument
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.pass_obj
def set_values(invocation: Invocation, domain: str, values: tuple[str, ...]) -> None:
    wanted = {}
    for one in values:
        name, sign, value = one.partition("=")
        if not sign:
            raise click.UsageError(f"{one!r} is not NAME=VALUE.")
        wanted[name] = value
    name, found = invocation.write(_set, domain, wanted)
    for column, held in found.items():
        click.echo(f"{name}: {column} = {held}")


@policy.command(help="Let columns of DOMAIN's policy inherit again; without names with --all.")
@domain_argument
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.pass_obj
def unset(invocation: Invocation, domain: str, names: tuple[str, ...], everything: bool) -> None:
    if bool(names) == everything:
        raise click.UsageError("Name columns, or say --all.")
    name = invocation.write(_unset, domain, names)
    click.echo(f"{name} inherits {', '.join(names) if names else 'everything'} again.")


@policy.command(
    help="Show or change from which scores on mail to USER goes to Junk, into quarantine, or is "
    "refused: a number, 0 for never, or default for what the domain has."
)
@click.argument("user")
@click.option("--junk-score", metavar="SCORE")
@click.option("--quarantine-score", metavar="SCORE")
@click.option("--refuse-score", metavar="SCORE")
@json_option
@click.pass_obj
def user(
    invocation: Invocation,
    user: str,
    junk_score: str | None,
    quarantine_score: str | None,
    refuse_score: str | None,
    as_json: bool,
) -> None:
    given = {
        "junk_score": junk_score,
        "quarantine_score": quarantine_score,
        "refuse_score": refuse_score,
    }
    wanted = {name: _score(name, text) for name, text in given.items() if text is not None}
    if wanted:
        wishes = invocation.write(_set_wishes, user, wanted)
    else:
        wishes = invocation.read(_wishes, user)
    table([{name: getattr(wishes, name) for name in given}], tuple(given), as_json)


@policy.group(help="Points and actions that findings have here instead of their own.")
def weights() -> None:
    pass


@weights.command("list", help="List those of DOMAIN and of _default.")
@click.argument("domain", required=False, default="_default")
@json_option
@click.pass_obj
def list_weights(invocation: Invocation, domain: str, as_json: bool) -> None:
    rows = invocation.read(_weights, domain)
    table(rows, ("domain", "finding", "points", "action"), as_json)


@weights.command(help="List what checks can find, with the points and actions it has by itself.")
@json_option
def findings(as_json: bool) -> None:
    rows = [
        {
            "finding": one.name,
            "points": one.points,
            "action": None if one.action is None else one.action.value,
            "what": f"The message {one.text}.",
        }
        for one in known_kinds().values()
    ]
    table(rows, ("finding", "points", "action", "what"), as_json)


@weights.command("set", help="Give FINDING other points, another action, or both.")
@domain_argument
@click.argument("finding")
@click.option("--points", type=float, metavar="N", help="Negative ones speak for a message.")
@click.option("--action", type=click.Choice(_ACTIONS), help="What it does whatever the points are.")
@click.pass_obj
def set_weight(
    invocation: Invocation, domain: str, finding: str, points: float | None, action: str | None
) -> None:
    name = invocation.write(_set_weight, domain, finding, points, action)
    if finding not in known_kinds() and not finding.startswith(_NAMED_BY_SETTINGS):
        click.echo(f"No check here finds {finding}: see `policy weights findings`.", err=True)
    said = [] if points is None else [f"{points:g} points"]
    said += [] if action is None else [f"action {action}"]
    click.echo(f"{name}: {finding} has {' and '.join(said)}.")


@weights.command("unset", help="Let FINDING have its own points and action again.")
@domain_argument
@click.argument("finding")
@click.pass_obj
def unset_weight(invocation: Invocation, domain: str, finding: str) -> None:
    name = invocation.write(_unset_weight, domain, finding)
    click.echo(f"{name}: {finding} has its own points and action again.")


def known_kinds() -> "dict[str, Kind]":
    """What the checks can find, by name; lists that settings name have findings of their own."""
    import importlib
    import pkgutil

    from pillarbox.domain.judgement.model import Kind
    from pillarbox.pipeline.inbound import checks

    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(checks.__path__, checks.__name__ + "."):
        for value in vars(importlib.import_module(module.name)).values():
            several = value.values() if isinstance(value, Mapping) else (value,)
            found |= {one.name: one for one in several if isinstance(one, Kind)}
    return dict(sorted(found.items()))


def _score(name: str, text: str) -> float | None:
    if text.lower() == "default":
        return None
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= _SCORE_MOST:
        option = name.replace("_", "-")
        raise click.UsageError(f"--{option} is a number from 0 to {_SCORE_MOST:g}, or default.")
    return score


def _domain(tx: "Tx", name: str) -> str:
    """A domain that is served here, as the directory spells it, or `_default`."""
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.policy.model import DEFAULT

    return DEFAULT if name.lower() == DEFAULT else domains.require(tx, name).name


def _rows(tx: "Tx", name: str, settings: Mapping[str, tuple[float, str]]) -> list[dict[str, Any]]:
    from pillarbox.domain.policy import policies
    from pillarbox.domain.policy.columns import COLUMNS
    from pillarbox.domain.policy.model import DEFAULT

    domain = _domain(tx, name)
    own = policies.values(tx, domain)
    general = policies.values(tx, DEFAULT)
    rows = []
    for one in COLUMNS:
        value, by = settings.get(one.name, (one.default, ""))
        if one.name in general:
            value, by = general[one.name], DEFAULT
        if one.name in own:
            value, by = own[one.name], domain
        what = f"Not used: {one.unread}." if one.unread else one.text
        rows.append({"name": one.name, "value": value, "set_by": by or None, "what": what})
    return rows


def _set(tx: "Tx", name: str, wanted: dict[str, str]) -> tuple[str, dict[str, Any]]:
    from pillarbox.domain.policy import policies

    domain = _domain(tx, name)
    return domain, dict(policies.set_values(tx, domain, wanted))


def _unset(tx: "Tx", name: str, names: tuple[str, ...]) -> str:
    from pillarbox.domain.policy import policies

    domain = _domain(tx, name)
    policies.unset(tx, domain, names)
    return domain


def _wishes(tx: "Tx", address: str) -> "Wishes":
    from pillarbox.domain.accounts import users
    from pillarbox.domain.policy import policies

    return policies.wishes(tx, users.require(tx, address).account_id)


def _set_wishes(tx: "Tx", address: str, wanted: dict[str, float | None]) -> "Wishes":
    from dataclasses import replace

    from pillarbox.domain.accounts import users
    from pillarbox.domain.policy import policies

    account_id = users.require(tx, address).account_id
    wishes = replace(policies.wishes(tx, account_id), **wanted)
    policies.set_wishes(tx, account_id, wishes)
    return wishes


def _weights(tx: "Tx", name: str) -> list[dict[str, Any]]:
    from pillarbox.domain.policy import weights

    return [
        {
            "domain": domain,
            "finding": finding,
            "points": one.points,
            "action": ("none" if one.action is None else one.action.value)
            if one.replaces_action
            else None,
        }
        for domain, found in weights.list_of(tx, _domain(tx, name)).items()
        for finding, one in found.items()
    ]


def _set_weight(tx: "Tx", name: str, finding: str, points: float | None, action: str | None) -> str:
    from pillarbox.domain.policy import weights

    domain = _domain(tx, name)
    weights.set_weight(tx, domain, finding, points, action)
    return domain


def _unset_weight(tx: "Tx", name: str, finding: str) -> str:
    from pillarbox.domain.policy import weights

    domain = _domain(tx, name)
    weights.unset(tx, domain, finding)
    return domain

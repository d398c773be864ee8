"""`pillarbox sending`: what users sent, and who met a limit."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when

if TYPE_CHECKING:
    from pillarbox.storage.tx import Tx


@click.group(help="What users sent, and who met a limit.")
def sending() -> None:
    pass


@sending.command(help="List users who met a limit, the latest first: a password may be stolen.")
@json_option
@click.pass_obj
def alerts(invocation: Invocation, as_json: bool) -> None:
    rows = invocation.read(_alerts)
    table(rows, ("user", "what", "refused", "first", "last"), as_json)


@sending.command(help="Show what is counted of USER now; what has no limit is not counted.")
@click.argument("user")
@json_option
@click.pass_obj
def show(invocation: Invocation, user: str, as_json: bool) -> None:
    rows = invocation.read(_show, user)
    table(rows, ("period", "messages", "recipients", "newcomers"), as_json)


@sending.command(help="Count USER from nothing again, so that they can send at once.")
@click.argument("user")
@click.pass_obj
def reset(invocation: Invocation, user: str) -> None:
    invocation.write(_reset, user)
    click.echo(f"{user} can send again, up to the limits.")


def _alerts(tx: "Tx") -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sending import alerts

    rows = []
    for alert in alerts.list_of(tx):
        user = users.by_account(tx, alert.account_id)
        rows.append(
            {
                "user": "?" if user is None else user.address,
                "what": alert.what.value,
                "refused": alert.refused,
                "first": when(alert.first_ms),
                "last": when(alert.last_ms),
            }
        )
    return rows


def _show(tx: "Tx", address: str) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sending import counts
    from pillarbox.domain.sending.model import Scope

    counted = counts.counted(tx, Scope.USER, users.require(tx, address).account_id)
    return [
        {"period": period.name.lower(), **{unit.value: number for unit, number in numbers.items()}}
        for period, numbers in counted.items()
    ]


def _reset(tx: "Tx", address: str) -> None:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sending import counts
    from pillarbox.domain.sending.model import Scope

    counts.reset(tx, Scope.USER, users.require(tx, address).account_id)

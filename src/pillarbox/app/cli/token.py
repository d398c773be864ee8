"""`pillarbox token`: what programs log in with instead of a password."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli import output
from pillarbox.app.cli.invocation import Invocation

if TYPE_CHECKING:
    from pillarbox.domain.accounts.model import Token
    from pillarbox.storage.tx import Tx

DAY_MS = 86_400_000
MAX_DAYS = 36_500
SCOPES = ("mail", "send", "imap", "pop3", "dav")


@click.group(help="Tokens: what programs log in with instead of a password.")
def token() -> None:
    pass


@token.command(help="Make a token for a user and print it, this once.")
@click.argument("address")
@click.option("--label", default="", help="What it is for, as `token list` shows it.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("mail", "send"),
    show_default=True,
    help="What it is good for: all that reads mail, sending, IMAP or POP3 alone, calendars and"
    " contacts (dav). May be repeated.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    help="How long it is good; without, until it is revoked.",
)
@click.pass_obj
def mint(
    invocation: Invocation, address: str, label: str, scopes: tuple[str, ...], days: int | None
) -> None:
    made, text = invocation.write(_mint, address, label, scopes, days)
    click.echo(f"Made token {made.id}; it is not shown again:", err=True)
    click.echo(text)


@token.command("list", help="List a user's tokens.")
@click.argument("address")
@output.json_option
@click.pass_obj
def list_tokens(invocation: Invocation, address: str, as_json: bool) -> None:
    rows = invocation.read(_list, address)
    columns = ("id", "label", "scopes", "created", "expires", "expired", "last_used")
    output.table(rows, columns, as_json)


@token.command(help="End a token, and the sessions that it opened; --all ends every one.")
@click.argument("address")
@click.argument("token_id", type=int, required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="End all tokens of the user.")
@click.pass_obj
def revoke(invocation: Invocation, address: str, token_id: int | None, every: bool) -> None:
    if every == (token_id is not None):
        raise click.UsageError("Give the ID that `token list` shows, or --all.")
    count = invocation.write(_revoke, address, token_id)
    click.echo(f"Revoked {count} token{'' if count == 1 else 's'} of {address}.")


def _mint(
    tx: "Tx", address: str, label: str, scopes: tuple[str, ...], days: int | None
) -> "tuple[Token, str]":
    from pillarbox.domain.accounts import tokens, users
    from pillarbox.domain.accounts.model import Scope

    account_id = users.require(tx, address).account_id
    lifetime_ms = None if days is None else days * DAY_MS
    return tokens.mint(tx, account_id, label, map(Scope, scopes), lifetime_ms)


def _list(tx: "Tx", address: str) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import tokens, users

    return [
        {
            "id": one.id,
            "label": one.label,
            "scopes": sorted(one.scopes),
            "created": output.when(one.created_ms),
            "expires": output.when(one.expires_ms),
            "expired": one.expires_ms is not None and one.expires_ms <= tx.now_ms,
            "last_used": output.when(one.last_used_ms),
        }
        for one in tokens.list_of(tx, users.require(tx, address).account_id)
    ]


def _revoke(tx: "Tx", address: str, token_id: int | None) -> int:
    from pillarbox.domain.accounts import tokens, users

    account_id = users.require(tx, address).account_id
    if token_id is None:
        return tokens.delete_all(tx, account_id)
    tokens.revoke(tx, account_id, token_id)
    return 1

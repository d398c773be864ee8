"""`pillarbox acl`: who may do what with a mailbox."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table

if TYPE_CHECKING:
    from pillarbox.domain.mail.model import Mailbox
    from pillarbox.domain.sharing.acl import RightsChange
    from pillarbox.domain.sharing.rights import Right
    from pillarbox.storage.tx import Tx

_WHO = (
    " WHO is a user's address, group:ADDRESS, or anyone (every user of the owner's domain);"
    " with - in front, rights are taken away."
)


@click.group(
    help="Who may do what with a mailbox of ACCOUNT, a user or a group."
    + _WHO
    + " Put -- before arguments that begin with -."
)
def acl() -> None:
    pass


@acl.command("set", help="Let WHO have RIGHTS, such as lrs; +RIGHTS adds, -RIGHTS takes away.")
@click.argument("account")
@click.argument("mailbox")
@click.argument("who")
@click.argument("rights")
@click.pass_obj
def set_rights(invocation: Invocation, account: str, mailbox: str, who: str, rights: str) -> None:
    from pillarbox.base.errors import GrammarError
    from pillarbox.domain.sharing.acl import RightsChange
    from pillarbox.domain.sharing.rights import parse_rights

    sign = rights[:1] if rights[:1] in ("+", "-") else ""
    try:
        parsed = parse_rights(rights[len(sign) :])
    except GrammarError as error:
        raise click.UsageError(f"{error.text}; rights are letters of lrswipkxtea.") from error
    invocation.write(_change, account, mailbox, who, RightsChange(sign), parsed)
    click.echo(f"Changed what {who} may do with {mailbox} of {account}.")


@acl.command("list", help="List who may do what with MAILBOX, or with every mailbox of ACCOUNT.")
@click.argument("account")
@click.argument("mailbox", required=False)
@json_option
@click.pass_obj
def list_rights(invocation: Invocation, account: str, mailbox: str | None, as_json: bool) -> None:
    rows = invocation.read(_list, account, mailbox)
    table(rows, ("mailbox", "who", "rights"), as_json)


@acl.command(help="Take WHO out of the list of MAILBOX.")
@click.argument("account")
@click.argument("mailbox")
@click.argument("who")
@click.pass_obj
def remove(invocation: Invocation, account: str, mailbox: str, who: str) -> None:
    from pillarbox.domain.sharing.acl import RightsChange
    from pillarbox.domain.sharing.rights import ALL_RIGHTS

    invocation.write(_change, account, mailbox, who, RightsChange.REMOVE, ALL_RIGHTS)
    click.echo(f"Removed {who} from the list of {mailbox} of {account}.")


def _find(tx: "Tx", account: str, name: str) -> "Mailbox":
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.mail import mailboxes
    from pillarbox.domain.sharing import acl

    found = mailboxes.by_name(tx, acl.owner_named(tx, account), name)
    if found is None:
        raise NotFound(f"{account} has no mailbox {name}")
    return found


def _change(
    tx: "Tx", account: str, mailbox: str, who: str, how: "RightsChange", rights: "Right"
) -> None:
    from pillarbox.domain.sharing import acl

    acl.change(tx, _find(tx, account, mailbox), who, how, rights)


def _list(tx: "Tx", account: str, mailbox: str | None) -> list[dict[str, str]]:
    from pillarbox.domain.mail import mailboxes
    from pillarbox.domain.sharing import acl
    from pillarbox.domain.sharing.rights import RIGHT_LETTERS

    if mailbox is None:
        found = mailboxes.all_of(tx, acl.owner_named(tx, account))
    else:
        found = [_find(tx, account, mailbox)]
    return [
        {
            "mailbox": one.name,
            "who": line.identifier,
            "rights": "".join(letter for right, letter in RIGHT_LETTERS if right in line.rights),
        }
        for one in found
        for line in acl.list_of(tx, one)
    ]

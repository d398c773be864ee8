"""`pillarbox contacts`: address books of users and groups."""

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli import collections
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, yes_option

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group(help="Address books of ACCOUNT, a user or group.")
def contacts() -> None:
    pass


@contacts.command("list", help="List address books, with those of others that were accepted.")
@click.argument("account")
@json_option
@click.pass_obj
def list_books(invocation: Invocation, account: str, as_json: bool) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.list_collections(invocation, account, CollectionKind.ADDRESS_BOOK, as_json)


@contacts.command(help="Make an address book; NAME is the last part of its address.")
@click.argument("account")
@click.argument("name")
@click.option("--title", help="What people see; default: NAME.")
@click.pass_obj
def create(invocation: Invocation, account: str, name: str, title: str | None) -> None:
    from pillarbox.domain.collections.model import CollectionKind, Properties

    properties = Properties(display_name=title)
    collections.create_collection(
        invocation, account, CollectionKind.ADDRESS_BOOK, name, properties
    )


@contacts.command(help="Delete an address book with everything in it.")
@click.argument("account")
@click.argument("name")
@yes_option
@click.pass_obj
def delete(invocation: Invocation, account: str, name: str, yes: bool) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.delete_collection(invocation, account, CollectionKind.ADDRESS_BOOK, name, yes)


@contacts.command(
    help="Let WHO use an address book: a user, a group, or anyone (of the owner's domain); without"
    " WHO tell who may. RIGHTS are read if not said; none takes them away."
)
@click.argument("account")
@click.argument("name")
@click.argument("who", required=False)
@click.argument("rights", required=False, type=click.Choice(collections.RIGHTS[1:]))
@json_option
@click.pass_obj
def share(
    invocation: Invocation,
    account: str,
    name: str,
    who: str | None,
    rights: str | None,
    as_json: bool,
) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.share_collection(
        invocation, account, CollectionKind.ADDRESS_BOOK, name, who, rights, as_json
    )


@contacts.command(
    "import",
    help="Import a .vcf FILE of version 2.1, 3.0 or 4.0, - is standard input. What can't be stored"
    " is told, the rest is stored.",
)
@click.argument("account")
@click.argument("file", type=_FILE)
@click.option("--into", "name", default="contacts", show_default=True, help="The address book.")
@collections.import_options
@click.pass_obj
def import_(
    invocation: Invocation,
    /,
    account: str,
    file: Path,
    name: str,
    uids: tuple[str, ...],
    **options: Any,
) -> None:
    from pillarbox.domain.collections.model import CollectionKind
    from pillarbox.pipeline.collections.importing import Wanted

    collections.import_content(
        invocation,
        account,
        CollectionKind.ADDRESS_BOOK,
        name,
        collections.read_file(file),
        Wanted(frozenset(uids) or None),
        options,
    )


@contacts.command(
    help="Write address book NAME as one .vcf file, to standard output if not said otherwise;"
    " without NAME all address books into a folder."
)
@click.argument("account")
@click.argument("name", required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path, allow_dash=True), help="Where to.")
@click.pass_obj
def export(invocation: Invocation, account: str, name: str | None, output: Path | None) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.export_files(invocation, account, (CollectionKind.ADDRESS_BOOK,), name, output)


@contacts.command(
    help="Turn the calendar of birthdays on or off. It follows the cards of ACCOUNT's own address"
    " books; if it is on already, it is brought up to date."
)
@click.argument("account")
@click.argument("state", type=click.Choice(["on", "off"]))
@click.pass_obj
def birthdays(invocation: Invocation, account: str, state: str) -> None:
    collections.turn_birthdays(invocation, account, state == "on")

"""`pillarbox calendar`: calendars and task lists of users and groups."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli import calendar_web, collections
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, yes_option

_DAY = click.DateTime(["%Y-%m-%d"])
_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group(help="Calendars and task lists of ACCOUNT, a user, group or resource.")
def calendar() -> None:
    pass


@calendar.command("list", help="List calendars, with those of others that were accepted.")
@click.argument("account")
@json_option
@click.pass_obj
def list_calendars(invocation: Invocation, account: str, as_json: bool) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.list_collections(invocation, account, CollectionKind.CALENDAR, as_json)


@calendar.command(help="Make a calendar; NAME is the last part of its address.")
@click.argument("account")
@click.argument("name")
@click.option("--title", help="What people see; default: NAME.")
@click.option("--color", metavar="#RRGGBB", help="How it is painted.")
@click.option("--zone", metavar="ZONE", help="Its time zone, as Europe/Berlin.")
@click.option("--tasks", is_flag=True, help="Make a task list.")
@click.pass_obj
def create(
    invocation: Invocation,
    account: str,
    name: str,
    title: str | None,
    color: str | None,
    zone: str | None,
    tasks: bool,
) -> None:
    from pillarbox.domain.collections.model import CollectionKind, ComponentKind, Properties
    from pillarbox.formats.ical.zones import canonical_name

    if zone is not None and canonical_name(zone) is None:
        raise click.UsageError(f"{zone} is no time zone; say one such as Europe/Berlin.")
    if color is not None and not _is_color(color):
        raise click.UsageError(f"{color} is no colour; say one such as #1e90ff.")
    properties = Properties(display_name=title, color=color, timezone_id=zone)
    components = ComponentKind.VTODO if tasks else None
    collections.create_collection(
        invocation, account, CollectionKind.CALENDAR, name, properties, components
    )


@calendar.command(help="Delete a calendar with everything in it; nobody is told of its meetings.")
@click.argument("account")
@click.argument("name")
@yes_option
@click.pass_obj
def delete(invocation: Invocation, account: str, name: str, yes: bool) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    collections.delete_collection(invocation, account, CollectionKind.CALENDAR, name, yes)


@calendar.command(
    help="Let WHO use a calendar: a user, a group, or anyone (of the owner's domain); without WHO"
    " tell who may. RIGHTS are read if not said; none takes them away."
)
@click.argument("account")
@click.argument("name")
@click.argument("who", required=False)
@click.argument("rights", required=False, type=click.Choice(collections.RIGHTS))
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
        invocation, account, CollectionKind.CALENDAR, name, who, rights, as_json
    )


@calendar.command(
    "import",
    help="Import an .ics FILE, - is standard input. What can't be stored is told, the rest is"
    " stored; nobody is told of meetings.",
)
@click.argument("account")
@click.argument("file", type=_FILE)
@click.option("--into", "name", default="personal", show_default=True, help="The calendar.")
@click.option("--create", is_flag=True, help="Make that calendar, named as the file says.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="Only what is on or after DAY.")
@click.option("--until", "last", type=_DAY, metavar="DAY", help="Only what is until DAY.")
@click.option(
    "--only", multiple=True, type=click.Choice(["events", "tasks", "journals"]), help="Only these."
)
@collections.import_options
@click.pass_obj
def import_(
    invocation: Invocation,
    /,
    account: str,
    file: Path,
    name: str,
    create: bool,
    first: datetime | None,
    last: datetime | None,
    only: tuple[str, ...],
    uids: tuple[str, ...],
    **options: Any,
) -> None:
    from pillarbox.domain.collections.model import CollectionKind, ComponentKind
    from pillarbox.pipeline.collections.importing import Wanted, properties_of

    kinds = {
        "events": ComponentKind.VEVENT,
        "tasks": ComponentKind.VTODO,
        "journals": ComponentKind.VJOURNAL,
    }
    components = None
    for one in only:
        components = kinds[one] if components is None else components | kinds[one]
    window = collections.day_range(first, last)
    wanted = Wanted(frozenset(uids) or None, components, window)
    content = collections.read_file(file)
    if create and not options["dry_run"]:
        collections.create_collection(
            invocation, account, CollectionKind.CALENDAR, name, properties_of(content)
        )
    collections.import_content(
        invocation, account, CollectionKind.CALENDAR, name, content, wanted, options
    )


@calendar.command(
    help="Write calendar NAME as one .ics file, to standard output if not said otherwise; without"
    " NAME all calendars into a folder."
)
@click.argument("account")
@click.argument("name", required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path, allow_dash=True), help="Where to.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="Only what is on or after DAY.")
@click.option("--until", "last", type=_DAY, metavar="DAY", help="Only what is until DAY.")
@click.option("--with-contacts", is_flag=True, help="Address books too; not with a NAME.")
@click.pass_obj
def export(
    invocation: Invocation,
    account: str,
    name: str | None,
    output: Path | None,
    first: datetime | None,
    last: datetime | None,
    with_contacts: bool,
) -> None:
    from pillarbox.domain.collections.model import CollectionKind

    if with_contacts and name is not None:
        raise click.UsageError("--with-contacts exports all; don't name a calendar.")
    kinds = (CollectionKind.CALENDAR, CollectionKind.ADDRESS_BOOK)
    window = collections.day_range(first, last)
    collections.export_files(
        invocation, account, kinds if with_contacts else kinds[:1], name, output, window
    )


def _is_color(text: str) -> bool:
    return (
        text[:1] == "#" and len(text) == 7 and all(c in "0123456789abcdefABCDEF" for c in text[1:])
    )


for _command in (
    calendar_web.publish,
    calendar_web.unpublish,
    calendar_web.follow,
    calendar_web.followed,
):
    calendar.add_command(_command)

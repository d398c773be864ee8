"""What the commands for calendars and for address books have in common."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import confirm, json_text, printable, table, when
from pillarbox.base.errors import NotFound

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.accounts.model import Actor
    from pillarbox.domain.collections.model import (
        Access,
        Collection,
        CollectionKind,
        ComponentKind,
        Properties,
        Right,
    )
    from pillarbox.formats.ical.filter import TimeRange
    from pillarbox.pipeline.collections.importing import Imported, Wanted
    from pillarbox.storage.db import Database
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

F = TypeVar("F", bound=Callable[..., Any])
Rows = list[dict[str, Any]]

RIGHTS = ("busy", "read", "write", "admin", "none")
_FOLDER_SEPARATORS = str.maketrans({"/": "_", "\\": "_", "\0": "_"})


def import_options(function: F) -> F:
    """How a file is imported, for both commands that do."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Store nothing; tell what would be."),
        click.option(
            "--existing",
            type=click.Choice(["skip", "replace", "keep-both"]),
            default="skip",
            show_default=True,
            help="What becomes of those whose UID is there already.",
        ),
        click.option("--uid", "uids", multiple=True, metavar="UID", help="Only what has this UID."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    ):
        function = option(function)
    return function


def keys_of(invocation: Invocation) -> "KeyRing":
    """The keys of the settings."""
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def list_collections(
    invocation: Invocation, account: str, kind: "CollectionKind", as_json: bool
) -> None:
    """Print what is in a home, with what was accepted from others."""
    invocation.write(_ensure, account)
    rows = invocation.read(_list, keys_of(invocation), account, kind)
    table(rows, ("name", "title", "holds", "items", "size", "owner", "rights"), as_json)


def create_collection(
    invocation: Invocation,
    account: str,
    kind: "CollectionKind",
    name: str,
    properties: "Properties",
    components: "ComponentKind | None" = None,
) -> None:
    """Make a collection in the home of an account."""
    keys = keys_of(invocation)
    made = invocation.write(_create, keys, account, kind, name, properties, components)
    click.echo(f"Created {printable(made.name)} of {account}.")


def delete_collection(
    invocation: Invocation, account: str, kind: "CollectionKind", name: str, yes: bool
) -> None:
    """Remove a collection with everything in it."""
    keys = keys_of(invocation)
    invocation.write(_ensure, account)
    count = invocation.read(_count, keys, account, kind, name)
    confirm(f"Delete {name} of {account} with {count} objects?", yes)
    invocation.write(_delete, keys, account, kind, name)
    click.echo(f"Deleted {printable(name)} of {account}.")


def share_collection(
    invocation: Invocation,
    account: str,
    kind: "CollectionKind",
    name: str,
    who: str | None,
    rights: str | None,
    as_json: bool,
) -> None:
    """Share a collection with somebody, or print with whom it is."""
    keys = keys_of(invocation)
    invocation.write(_ensure, account)
    if who is None:
        rows = invocation.read(_shares, keys, account, kind, name)
        table(rows, ("who", "rights", "accepted"), as_json)
        return
    given = _rights(rights or "read")
    invocation.write(_share, keys, account, kind, name, who, given)
    if not given:
        click.echo(f"{printable(name)} of {account} is no longer shared with {who}.")
        return
    click.echo(f"{printable(name)} of {account} is shared with {who}: {rights or 'read'}.")
    if who.lower() != "anyone":
        click.echo("They find it among their invitations.")


def import_content(
    invocation: Invocation,
    account: str,
    kind: "CollectionKind",
    name: str,
    content: bytes,
    wanted: "Wanted",
    options: dict[str, Any],
) -> None:
    """Import the content of a file and print what came of it; fails where something was refused."""
    from pillarbox.pipeline.collections.importing import Existing, Importer
    from pillarbox.pipeline.collections.places import Place

    keys = keys_of(invocation)
    invocation.write(_ensure, account)

    async def work(settings: "Options", database: "Database", bus: "Bus") -> "Imported":
        actor = await database.read(_actor, account)
        return await Importer(database, keys).run(
            actor,
            Place(actor.account_id, kind, name),
            content,
            Existing(options["existing"]),
            wanted,
            options["dry_run"],
        )

    _tell(invocation.work(work), options["as_json"])


def export_files(
    invocation: Invocation,
    account: str,
    kinds: "tuple[CollectionKind, ...]",
    name: str | None,
    output: Path | None,
    window: "TimeRange | None" = None,
) -> None:
    """Write one collection to a file or standard output, or all of an account into a folder."""
    from pillarbox.domain.collections.model import CollectionKind
    from pillarbox.pipeline.collections.exporting import Exporter
    from pillarbox.pipeline.collections.places import Place

    if name is None and output is None:
        raise click.UsageError("Without a NAME, --output names the folder to write all into.")
    keys = keys_of(invocation)
    invocation.write(_ensure, account)

    async def work(settings: "Options", database: "Database", bus: "Bus") -> None:
        actor = await database.read(_actor, account)
        exporter = Exporter(database, keys)

        if name is not None:
            place = Place(actor.account_id, kinds[0], name)
            # Read before the file is opened: what is there stays if nothing can be.
            await database.read(_find, keys, account, kinds[0], name)
            parts = exporter.run(actor, place, window)
            if output is not None and str(output) != "-":
                await _to_file(output, parts)
                return
            async for part in parts:
                click.echo(part, nl=False)
            return
        folder = output or Path()
        folder.mkdir(parents=True, exist_ok=True)
        for access in await exporter.collections(actor, actor.account_id):
            kind = access.collection.kind
            if kind in kinds:
                ending = ".ics" if kind is CollectionKind.CALENDAR else ".vcf"
                file = folder / (access.name.translate(_FOLDER_SEPARATORS) + ending)
                place = Place(actor.account_id, kind, access.name)
                await _to_file(file, exporter.run(actor, place, window))
                click.echo(f"Wrote {printable(str(file))}.")

    invocation.work(work)


def turn_birthdays(invocation: Invocation, account: str, on: bool) -> None:
    """Make the calendar of birthdays and fill it, or remove it."""
    from pillarbox.pipeline.collections.birthdays import Birthdays

    keys = keys_of(invocation)
    invocation.write(_ensure, account)

    async def work(settings: "Options", database: "Database", bus: "Bus") -> str:
        actor = await database.read(_actor, account)
        calendars = Birthdays(database, keys)
        if on:
            made = await calendars.turn_on(actor)
            count, _ = await database.read(_usage, made)
            return f"Birthdays of {account} are in the calendar {made.name}: {count} events."
        if await calendars.turn_off(actor):
            return f"Birthdays of {account} are off; the calendar is gone."
        return f"Birthdays of {account} were off already."

    click.echo(printable(invocation.work(work)))


def day_range(first: datetime | None, last: datetime | None) -> "TimeRange | None":
    """From the first day on and until the end of the last one, in UTC."""
    from pillarbox.formats.ical.filter import TimeRange

    if first is None and last is None:
        return None
    start = None if first is None else int(first.replace(tzinfo=UTC).timestamp() * 1000)
    end = None if last is None else int(last.replace(tzinfo=UTC).timestamp() * 1000) + 86_400_000
    if start is not None and end is not None and end <= start:
        raise click.UsageError("--until is before --from.")
    return TimeRange(start, end)


def read_file(file: Path) -> bytes:
    """The content of a file to import; - is standard input."""
    from pillarbox.pipeline.collections.importing import MAX_BYTES

    with click.open_file(str(file), "rb") as stream:
        content: bytes = stream.read(MAX_BYTES + 1)
    return content


async def _to_file(file: Path, parts: AsyncIterator[bytes]) -> None:
    """Write a file that is there only once it is whole."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        async for piece in parts:
            stream.write(piece)
    part.replace(file)


def _tell(report: "Imported", as_json: bool) -> None:
    counts = {
        "added": report.added,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
        "passed over": report.passed_over,
        "refused": report.refused,
    }
    if as_json:
        refusals = [
            {"number": one.number, "uid": one.uid, "title": one.title, "why": one.why}
            for one in report.refusals
        ]
        whole = {name.replace(" ", "_"): count for name, count in counts.items()}
        click.echo(json_text({**whole, "dry_run": report.dry_run, "refusals": refusals}))
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        click.echo(("Would be: " if report.dry_run else "") + (told or "nothing to import") + ".")
        for one in report.refusals:
            what = " ".join(part for part in (one.title, f"({one.uid})" if one.uid else "") if part)
            click.echo(
                printable(f"Refused {one.number}: {what or 'no title'}: {one.why}"), err=True
            )
    if report.refused:
        click.get_current_context().exit(1)


def _rights(name: str) -> "Right":
    from pillarbox.domain.collections.model import NO_RIGHTS, READ_RIGHTS, WRITE_RIGHTS, Right

    named = {
        "busy": Right.FREE_BUSY,
        "read": READ_RIGHTS,
        "write": WRITE_RIGHTS,
        "admin": WRITE_RIGHTS | Right.PROPERTIES | Right.ADMIN,
        "none": NO_RIGHTS,
    }
    return named[name]


def _rights_name(rights: "Right") -> str:
    from pillarbox.domain.collections.model import Right

    for right, name in ((Right.ADMIN, "admin"), (Right.WRITE, "write"), (Right.READ, "read")):
        if right in rights:
            return name
    return "busy" if rights else "none"


# What runs in transactions.


def _actor(tx: "Tx", account: str) -> "Actor":
    from pillarbox.domain.sharing import principals

    return principals.require(tx, account).actor


def _ensure(tx: "Tx", account: str) -> None:
    from pillarbox.domain.collections import homes

    homes.ensure(tx, _actor(tx, account).account_id)


def _find(
    tx: "Tx", keys: "KeyRing", account: str, kind: "CollectionKind", name: str
) -> "tuple[Actor, Access]":
    from pillarbox.domain.collections import homes

    actor = _actor(tx, account)
    found = homes.find(tx, keys, actor, actor.account_id, kind, name)
    if found is None:
        known = homes.list_of(tx, keys, actor, actor.account_id, (kind,))
        names = ", ".join(sorted(one.name for one in known))
        raise NotFound(f"{account} has no {name}; there are: {names or 'none'}")
    return actor, found


def _list(tx: "Tx", keys: "KeyRing", account: str, kind: "CollectionKind") -> Rows:
    from pillarbox.app.config.kinds import show_size
    from pillarbox.domain.collections import homes, listing
    from pillarbox.domain.sharing import principals

    actor = _actor(tx, account)
    rows = []
    for access in homes.list_of(tx, keys, actor, actor.account_id, (kind,)):
        collection = access.collection
        count, size = listing.usage(tx, collection)
        owner = principals.by_account(tx, collection.account_id)
        rows.append(
            {
                "name": access.name,
                "title": access.properties.display_name or access.name,
                "holds": [one.name for one in collection.components],
                "items": count,
                "size": show_size(size),
                "owner": owner.address if owner is not None else "",
                "rights": _rights_name(access.rights),
                "default": collection.is_default,
                "source": collection.source.name.lower(),
                "size_bytes": size,
                "created": when(collection.created_ms),
            }
        )
    return rows


def _create(
    tx: "Tx",
    keys: "KeyRing",
    account: str,
    kind: "CollectionKind",
    name: str,
    properties: "Properties",
    components: "ComponentKind | None",
) -> "Collection":
    from pillarbox.domain.collections import collections, homes

    actor = _actor(tx, account)
    homes.ensure(tx, actor.account_id)
    return collections.create(tx, keys, actor, actor.account_id, kind, name, properties, components)


def _count(tx: "Tx", keys: "KeyRing", account: str, kind: "CollectionKind", name: str) -> int:
    from pillarbox.domain.collections import listing

    _, access = _find(tx, keys, account, kind, name)
    return listing.usage(tx, access.collection)[0]


def _delete(tx: "Tx", keys: "KeyRing", account: str, kind: "CollectionKind", name: str) -> None:
    from pillarbox.pipeline.collections.storing import remove_collection

    remove_collection(tx, keys, _find(tx, keys, account, kind, name)[1])


def _usage(tx: "Tx", collection: "Collection") -> tuple[int, int]:
    from pillarbox.domain.collections import listing

    return listing.usage(tx, collection)


def _share(
    tx: "Tx",
    keys: "KeyRing",
    account: str,
    kind: "CollectionKind",
    name: str,
    who: str,
    rights: "Right",
) -> None:
    from pillarbox.domain.collections import shares

    actor, access = _find(tx, keys, account, kind, name)
    if rights:
        shares.share(tx, keys, actor, access, who, rights)
    else:
        shares.unshare(tx, keys, actor, access, who)


def _shares(tx: "Tx", keys: "KeyRing", account: str, kind: "CollectionKind", name: str) -> Rows:
    from pillarbox.domain.collections import shares

    _, access = _find(tx, keys, account, kind, name)
    return [
        {"who": one.address, "rights": _rights_name(one.rights), "accepted": one.accepted}
        for one in shares.shares_of(tx, access)
    ]

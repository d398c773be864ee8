"""`pillarbox index`: what searches look things up in."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli import output
from pillarbox.app.cli.invocation import Invocation

if TYPE_CHECKING:
    from pillarbox.base.ids import AccountId
    from pillarbox.pipeline.jobs.indexing import Indexing
    from pillarbox.storage.db import Database
    from pillarbox.storage.tx import Tx

WAIT_S = 0.5


@click.group(help="The search index: how far it goes, and making it anew.")
def index() -> None:
    pass


@index.command(help="Show how far the mail of ACCOUNT, or of all, is indexed.")
@click.argument("account", required=False, metavar="[ACCOUNT]")
@output.json_option
@click.pass_obj
def status(invocation: Invocation, account: str | None, as_json: bool) -> None:
    rows = invocation.read(_status, account)
    output.table(rows, ("address", "indexed", "to_do", "segments", "size"), as_json)


@index.command(help="Make the index of ACCOUNT, the address of a user or group, anew.")
@click.argument("account", metavar="ACCOUNT")
@click.pass_obj
def rebuild(invocation: Invocation, account: str) -> None:
    account_id = invocation.read(_find, account)
    indexed = asyncio.run(_rebuild(invocation, account_id))
    click.echo(f"Indexed {indexed} messages of {account}.")


async def _rebuild(invocation: Invocation, account: "AccountId") -> int:
    """Drop and index, with a bar on a terminal; a server that runs meanwhile searches on."""
    import os

    from pillarbox.app.database import open_database
    from pillarbox.app.foundation import blob_store, key_ring
    from pillarbox.base.cache import ByteCache
    from pillarbox.domain.mail.content import ContentStore
    from pillarbox.pipeline.extraction import Extraction
    from pillarbox.pipeline.jobs.indexing import Indexing

    options = invocation.configuration().options
    database = open_database(options, publish=lambda topic: None, readers=2, writers=1)
    content = ContentStore(key_ring(options), blob_store(options))
    cache, extraction = ByteCache(options.search_cache), Extraction()
    owner = f"index rebuild {os.getpid()} {database.ids.next() & 0xFFFF:x}"
    indexing = Indexing(database, content, cache, extraction, owner)
    try:
        return await _with_bar(indexing, database, account)
    finally:
        await indexing.close()
        await extraction.close()
        await database.close()


async def _with_bar(indexing: "Indexing", database: "Database", account: "AccountId") -> int:
    from pillarbox.domain.mail.index import store

    await database.write(store.drop, account)
    length = await database.read(_behind, account)
    hidden = not sys.stdout.isatty()
    with click.progressbar(length=length, label="Indexing", show_pos=True, hidden=hidden) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, length)
            bar.update(max(0, done - bar.pos))

        while not await indexing.index(account, urgent=True, progress=tell):
            await asyncio.sleep(WAIT_S)  # another process is at it: look how far it is
            tell(length - await database.read(_behind, account), length)
        bar.update(max(0, (bar.length or 0) - bar.pos))
    return sum(one.emails for one in await database.read(store.segments, account))


def _behind(tx: "Tx", account: "AccountId") -> int:
    from pillarbox.domain.mail.index import store

    return sum(last - mark for _, mark, last in store.lag(tx, account))


def _find(tx: "Tx", address: str) -> "AccountId":
    from pillarbox.base.errors import NotFound
    from pillarbox.domain.accounts import names, users
    from pillarbox.domain.sharing import groups

    key = names.mailbox_key(address)[0]
    found = users.get(tx, key) or groups.get(tx, key)
    if found is None:
        raise NotFound(f"There is no user or group {address}")
    return found.account_id


def _status(tx: "Tx", address: str | None) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sharing import groups

    if address is not None:
        return [_row(tx, address, _find(tx, address))]
    everyone = [(one.address, one.account_id) for one in users.list_of(tx, None)]
    everyone += [(one.address, one.account_id) for one in groups.list_of(tx, None)]
    return [_row(tx, *one) for one in everyone]


def _row(tx: "Tx", address: str, account: "AccountId") -> dict[str, Any]:
    from pillarbox.app.config.kinds import show_size
    from pillarbox.domain.mail.index import store

    segments = store.segments(tx, account)
    size_bytes = sum(one.size_bytes for one in segments)
    return {
        "address": address,
        "indexed": sum(one.emails for one in segments),
        "to_do": _behind(tx, account),
        "segments": len(segments),
        "size": show_size(size_bytes),
        "size_bytes": size_bytes,
    }

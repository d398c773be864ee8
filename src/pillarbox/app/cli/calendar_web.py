"""`pillarbox calendar publish, unpublish, follow, followed`: calendars on the web."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from pillarbox.app.cli.collections import keys_of
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, printable, table, when
from pillarbox.base.errors import Failure, NotFound

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.accounts.model import Actor
    from pillarbox.domain.collections.links import Link
    from pillarbox.domain.collections.model import Access
    from pillarbox.storage.db import Database
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

_HOUR_S = 3600


@click.command(
    help="Let everybody who has the address read calendar NAME, and print the address; with --new a"
    " new one, so that the old ones end."
)
@click.argument("account")
@click.argument("name")
@click.option("--new", is_flag=True, help="End the addresses there are.")
@click.pass_obj
def publish(invocation: Invocation, account: str, name: str, new: bool) -> None:
    options: Options = invocation.configuration().options
    token = invocation.write(_publish, keys_of(invocation), account, name, new)
    address = f"{options.hostname}/calendars/public/{token}.ics"
    click.echo(f"https://{address}\nwebcal://{address}")


@click.command(help="End all public addresses of calendar NAME.")
@click.argument("account")
@click.argument("name")
@click.pass_obj
def unpublish(invocation: Invocation, account: str, name: str) -> None:
    if not invocation.write(_unpublish, keys_of(invocation), account, name):
        click.echo(f"{printable(name)} of {account} was not published.")
        return
    click.echo(f"{printable(name)} of {account} is no longer published.")


@click.command(
    help="Make a calendar that follows the one at URL (https: or webcal:), and fetch it now; to end"
    " it delete the calendar."
)
@click.argument("account")
@click.argument("url")
@click.option("--name", help="The last part of its address; default: the host of URL.")
@click.option("--title", help="What people see; default: NAME.")
@click.option("--every", "hours", default=6.0, show_default=True, help="Fetch it so many hours.")
@click.pass_obj
def follow(
    invocation: Invocation,
    account: str,
    url: str,
    name: str | None,
    title: str | None,
    hours: float,
) -> None:
    from pillarbox.domain.collections.model import Properties
    from pillarbox.pipeline.collections.feeds import web_address

    keys = keys_of(invocation)
    chosen = name or urlsplit(web_address(url)).hostname or "followed"

    async def work(settings: "Options", database: "Database", bus: "Bus") -> str:
        from pillarbox.app.foundation import dns_options
        from pillarbox.base.clock import SystemClock
        from pillarbox.net.client_tls import ClientContexts
        from pillarbox.net.dns import SystemResolver
        from pillarbox.net.https import HttpsClient, HttpsOptions
        from pillarbox.pipeline.collections.feeds import Feeds

        clock = SystemClock()
        resolver = SystemResolver(clock, dns_options(settings))
        reach = HttpsOptions(allow_private=settings.outbound_inside)
        https = HttpsClient(resolver, ClientContexts(settings.tls_extra_ca), reach)
        feeds = Feeds(database, keys, https, clock)
        actor = await database.write(_opened, account)
        every_s = int(min(max(hours, 0), 10_000) * _HOUR_S)
        await feeds.subscribe(actor, chosen, url, Properties(display_name=title), every_s)
        try:
            fetched = await feeds.refresh(actor, chosen)
        except Failure as failure:
            return f"{chosen} of {account} was made, but is empty: {failure.public}; tried again."
        refused = f", {fetched.refused} could not be kept" if fetched.refused else ""
        return f"{chosen} of {account} follows it: {fetched.put} objects{refused}."

    click.echo(printable(invocation.work(work)))


@click.command(help="List the calendars that follow others, with what went wrong last time.")
@click.argument("account")
@json_option
@click.pass_obj
def followed(invocation: Invocation, account: str, as_json: bool) -> None:
    rows = invocation.read(_followed, keys_of(invocation), account)
    table(rows, ("name", "title", "host", "hours", "fetched", "next", "problem"), as_json)


def _opened(tx: "Tx", account: str) -> "Actor":
    from pillarbox.domain.collections import homes
    from pillarbox.domain.sharing import principals

    actor = principals.require(tx, account).actor
    homes.ensure(tx, actor.account_id)
    return actor


def _access(tx: "Tx", keys: "KeyRing", account: str, name: str) -> "Access":
    from pillarbox.domain.collections import homes
    from pillarbox.domain.collections.model import CollectionKind

    actor = _opened(tx, account)
    found = homes.find(tx, keys, actor, actor.account_id, CollectionKind.CALENDAR, name)
    if found is None:
        raise NotFound(f"{account} has no calendar {name}")
    return found


def _publish(tx: "Tx", keys: "KeyRing", account: str, name: str, new: bool) -> str:
    from pillarbox.domain.collections import links

    access = _access(tx, keys, account, name)
    found: list[Link] = links.list_of(tx, keys, access)
    if new:
        for link in found:
            links.remove(tx, access, link.id)
        found = []
    return found[0].token if found else links.create(tx, keys, access).token


def _unpublish(tx: "Tx", keys: "KeyRing", account: str, name: str) -> int:
    from pillarbox.domain.collections import links

    access = _access(tx, keys, account, name)
    found = links.list_of(tx, keys, access)
    for link in found:
        links.remove(tx, access, link.id)
    return len(found)


def _followed(tx: "Tx", keys: "KeyRing", account: str) -> list[dict[str, Any]]:
    from pillarbox.domain.collections import feeds, homes
    from pillarbox.domain.sharing import principals

    rows = []
    for feed in feeds.list_of(tx, keys, principals.require(tx, account).account_id):
        calendar = homes.collection_by_id(tx, keys, feed.collection_id)
        if calendar is None:
            continue
        state = feed.state
        # The whole address often is all that keeps a calendar secret.
        rows.append(
            {
                "name": calendar.name,
                "title": calendar.properties.display_name or calendar.name,
                "host": urlsplit(state.url).hostname or "",
                "hours": round(feed.every_s / _HOUR_S, 2),
                "fetched": when(state.fetched_ms) if state.fetched_ms else "",
                "next": when(feed.due_ms),
                "problem": state.problem,
            }
        )
    return rows

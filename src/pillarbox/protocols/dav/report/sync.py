"""sync-collection: what changed in a collection since a token was given (RFC 6578)."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied
from pillarbox.domain.collections import items
from pillarbox.domain.collections.model import Changes, Right
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.vcard.filter import AddressData
from pillarbox.pipeline.collections.queries import Told, Work
from pillarbox.protocols.dav.call import Call, multistatus
from pillarbox.protocols.dav.paths import Path, Place
from pillarbox.protocols.dav.report.collections import (
    NAMED_AT_ONCE,
    TOO_MANY,
    Table,
    check_data,
    table_of,
    told_rows,
)
from pillarbox.protocols.dav.report.directory import synced_cards
from pillarbox.protocols.dav.resources import FOREIGN, find
from pillarbox.protocols.dav.telling import Answer, form_of
from pillarbox.protocols.dav.tokens import modseq_of, sync_token
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.reports import SyncCollection


async def sync_collection(call: Call, query: SyncCollection) -> Response:
    """Objects that changed, names of those that went, and the token to go on from."""
    if call.path.place is Place.DIRECTORY:
        table = await table_of(call, query.wanted)
        return await multistatus(synced_cards(call, table, query))
    data = query.calendar_data or query.address_data
    check_data(data)
    most = min(query.limit or call.services.options.page, call.services.options.page)
    table, found, token = await call.read(_changes, call.path, query, most)
    return await multistatus(_told(call, table, found, token, data))


async def _told(
    call: Call,
    table: Table,
    found: Changes,
    token: str,
    data: CalendarData | AddressData | None,
) -> AsyncIterator[bytes]:
    answer = Answer.begun(call.root, call.preferences.minimal)
    place = await call.place() if data is not None else None
    work = Work()
    left = found.changed
    while left:
        page = left[: NAMED_AT_ONCE if place is not None else table.form.at_once]
        rows, count = [Told(item, None) for item in page], len(page)
        if place is not None:
            names = [item.href for item in page]
            told, count = await call.services.queries.named(
                call.actor, place, names, data, call.with_timezones(), work
            )
            rows = [told[name] for name in names[:count] if name in told]
        left = left[count:]
        yield await told_rows(answer, table, rows)
    for href in found.removed:
        answer.body.status(table.base + href, HTTPStatus.NOT_FOUND)
    if found.truncated:
        answer.body.status(
            call.path.written(call.root), HTTPStatus.INSUFFICIENT_STORAGE, (TOO_MANY,)
        )
    answer.body.sync_token(token)
    yield answer.body.build()


def _changes(
    view: View, path: Path, query: SyncCollection, most: int
) -> tuple[Table, Changes, str]:
    resource = find(view, path)
    if Right.READ not in resource.rights:
        raise Denied(FOREIGN)
    collection = resource.collection
    since = modseq_of(query.token, collection) if query.token else 0
    found = items.changed_since(view.tx, view.keys, collection, since, most)
    form = form_of(view, resource, query.wanted)
    table = Table(resource.kind, form, path.written(view.root))
    return table, found, sync_token(collection, found.until)

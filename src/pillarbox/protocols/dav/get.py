"""GET and HEAD: an object, a whole collection as one file, or a small page for people."""

from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response

from pillarbox.base.errors import Denied, NotFound, TooLarge
from pillarbox.domain.collections import items
from pillarbox.domain.collections.model import Condition, Item, Properties, Right
from pillarbox.domain.contacts import directory
from pillarbox.formats.content_line import ContentLine, encode_text
from pillarbox.formats.ical.partial import with_zones
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.ical.split import joined_parts
from pillarbox.protocols.dav.call import Call, Pieces
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.notifications import notification_named
from pillarbox.protocols.dav.paths import ROOT, Path, Place
from pillarbox.protocols.dav.props.dav import (
    collection_tag,
    content_type,
    display_name,
    etag,
    http_date,
)
from pillarbox.protocols.dav.resources import (
    BOOKS,
    CALENDARS,
    FOREIGN,
    Kind,
    Resource,
    children,
    find,
)
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import quoted

OPENED_AT_ONCE_BYTES: Final = 64 * 1024
MAX_FILE_BYTES: Final = 128 << 20
"""Of a collection that is sent as one file."""
DRAFT_TYPE: Final = "application/davnotification+xml"
"""Who asks for this speaks draft-pot-webdav-resource-sharing."""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>Programs for calendars and contacts look here. Give yours this address
and your password.</p><ul>{links}</ul></body></html>
"""


async def get(call: Call) -> Response:
    """Answer a GET or HEAD."""
    if call.root != ROOT:
        return RedirectResponse(quoted(call.path.written()), HTTPStatus.MOVED_PERMANENTLY)
    if call.path.place is Place.ITEM:
        return await _item(call)
    resource = await call.resource()
    if resource.access is not None and Right.READ in resource.rights:
        tag = collection_tag(resource.collection)
        if {"*", tag} & set((await call.condition()).if_none_match or ()):
            return Response(b"", HTTPStatus.NOT_MODIFIED, {"etag": f'"{tag}"'})
    if resource.kind & CALENDARS:
        pieces, headers = await call.read(_calendar, call.path)
        return Pieces(pieces, HTTPStatus.OK, headers, "text/calendar; charset=utf-8")
    if resource.kind & BOOKS:
        pieces, headers = await call.read(_cards, call.path)
        return Pieces(pieces, HTTPStatus.OK, headers, "text/vcard; charset=utf-8")
    return await call.read(_page, call.path)


async def _item(call: Call) -> Response:
    if call.path.collection_place is Place.DIRECTORY:
        return await call.read(_directory_card, call.path)
    if call.path.collection_place is Place.NOTIFICATIONS:
        accepted = call.headers.get("accept", "")
        return await call.read(_notification, call.path, DRAFT_TYPE in accepted)
    item, content = await item_content(call)
    condition = await call.condition()
    headers = item_headers(item)
    if not _holds(condition, item):
        raise DavError(HTTPStatus.PRECONDITION_FAILED)
    if condition.if_none_match and ({"*", item.etag} & set(condition.if_none_match)):
        return Response(b"", HTTPStatus.NOT_MODIFIED, headers)
    if "calendar" not in headers["content-type"]:
        return Response(content, HTTPStatus.OK, headers)
    headers["vary"] = "CalDAV-Timezones"
    if call.with_timezones():
        content = with_zones(content)
    else:
        place = await call.place()
        told, _ = await call.services.queries.named(
            call.actor, place, [item.href], CalendarData(), with_timezones=False
        )
        content = next((one.data for one in told.values() if one.data is not None), content)
    return Response(content, HTTPStatus.OK, headers)


def _holds(condition: Condition, item: Item) -> bool:
    wanted = condition.if_match
    return wanted is None or "*" in wanted or item.etag in wanted


def item_headers(item: Item) -> dict[str, str]:
    """What is told of an item in header fields."""
    headers = {
        "etag": etag(item) or "",
        "last-modified": http_date(item.changed_ms),
        "content-type": content_type(item) or "application/octet-stream",
    }
    if item.schedule_tag is not None:
        headers["schedule-tag"] = f'"{item.schedule_tag}"'
    return headers


async def item_content(call: Call) -> tuple[Item, bytes]:
    """The object a request is about, and its content; a large one is opened in a thread."""
    item = (await call.resource()).item
    if item is None:
        raise NotFound("There is no such object")
    run = call.read if item.size_bytes > OPENED_AT_ONCE_BYTES else call.lookup
    return await run(_content, call.path)


def _content(view: View, path: Path) -> tuple[Item, bytes]:
    collection = find(view, path.parent).collection
    found = items.read(view.tx, view.keys, collection, [path.href])
    if not found:
        raise NotFound("There is no such object")
    return found[0]


def _directory_card(view: View, path: Path) -> Response:
    find(view, path.parent)
    card = directory.find(view.tx, view.actor, path.href)
    if card is None:
        raise NotFound("There is no such object")
    return Response(card.content, HTTPStatus.OK, item_headers(card.item))


def _notification(view: View, path: Path, in_draft: bool) -> Response:
    find(view, path.parent)
    told = notification_named(view, path.href)
    if told is None:
        raise NotFound("There is no such notification")
    content = told.draft if in_draft else told.content
    return Response(content, HTTPStatus.OK, item_headers(told.item))


def _calendar(view: View, path: Path) -> tuple[list[bytes], dict[str, str]]:
    calendar = _readable(view, path)
    properties = calendar.access.properties if calendar.access is not None else Properties()
    pieces = list(joined_parts(_contents(view, calendar), _described(properties)))
    return pieces, _saved_as(calendar, "ics")


def _cards(view: View, path: Path) -> tuple[list[bytes], dict[str, str]]:
    book = _readable(view, path)
    contents: Iterator[bytes] = (
        (card.content for card in view.directory())
        if book.kind is Kind.DIRECTORY
        else _contents(view, book)
    )
    pieces = [one if one.endswith(b"\n") else one + b"\r\n" for one in contents]
    return pieces, _saved_as(book, "vcf")


def _readable(view: View, path: Path) -> Resource:
    found = find(view, path)
    if Right.READ not in found.rights:
        raise Denied(FOREIGN)
    if found.access is not None:
        _, size_bytes = items.usage(view.tx, found.collection)
        if size_bytes > MAX_FILE_BYTES:
            raise TooLarge("This collection is too large for one file; export it on the server")
    return found


def _contents(view: View, collection: Resource) -> Iterator[bytes]:
    after = 0
    while page := items.contents(view.tx, view.keys, collection.collection, after):
        for _, content in page:
            yield content
        after = page[-1][0].id


def _described(properties: Properties) -> list[ContentLine]:
    lines = []
    if properties.display_name:
        name = encode_text(properties.display_name)
        lines += [ContentLine("NAME", name), ContentLine("X-WR-CALNAME", name)]
    if properties.description:
        lines.append(ContentLine("DESCRIPTION", encode_text(properties.description)))
    if properties.color and properties.color.isprintable():
        lines.append(ContentLine("X-APPLE-CALENDAR-COLOR", properties.color))
    return lines


def _saved_as(collection: Resource, ending: str) -> dict[str, str]:
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{_name(collection, ending)}"}
    if collection.access is not None:
        headers["etag"] = f'"{collection_tag(collection.collection)}"'
    return headers


def _name(collection: Resource, ending: str) -> str:
    return quote(f"{collection.path.name}.{ending}", safe="")


def _page(view: View, path: Path) -> Response:
    """A page with links, for people who open the address with a browser."""
    resource = find(view, path)
    links = "".join(
        f'<li><a href="{escape(quoted(one.path.written()))}">'
        f"{display_name(view, one) or escape(one.path.written())}</a></li>"
        for one in children(view, resource)
    )
    title = display_name(view, resource) or "pillarbox"
    return HTMLResponse(_PAGE.format(title=title, links=links))

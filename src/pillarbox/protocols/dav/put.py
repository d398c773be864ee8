"""PUT: an object is stored (RFC 4918 §9.7, RFC 4791 §5.3.2, RFC 6352 §6.3.2, RFC 8144 §3)."""

from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied, NotFound
from pillarbox.domain.collections.model import CollectionKind, PreconditionFailed
from pillarbox.formats.ical.partial import with_zones
from pillarbox.pipeline.collections.objects import Stored
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError, conflict, forbidden, method_not_allowed
from pillarbox.protocols.dav.get import item_content, item_headers
from pillarbox.protocols.dav.paths import Path
from pillarbox.protocols.dav.paths import Place as PathPlace
from pillarbox.wire.dav.names import A, C

_CALENDAR_TYPES = ("text/calendar", "application/octet-stream", "text/plain", "")
_CARD_TYPES = (
    "text/vcard",
    "text/x-vcard",
    "text/directory",
    "application/octet-stream",
    "text/plain",
    "",
)
"""What programs call objects; that they are none is found when they are read."""


async def put(call: Call) -> Response:
    """Answer a PUT."""
    path = call.path
    if path.place is not PathPlace.ITEM:
        raise method_not_allowed("Only objects of collections can be put")
    require_writable(path)
    _check_type(call, path)
    condition = await call.condition()
    place = await call.place()
    content = await call.body(call.services.options.item_bytes)
    try:
        stored = await call.services.objects.put(
            call.actor, place, path.href, content, condition, call.manner()
        )
    except NotFound as failure:
        raise conflict(*location_missing(path), text=failure.public) from None
    except PreconditionFailed:
        return await _precondition_failed(call)
    return stored_answer(call, stored, content)


async def _precondition_failed(call: Call) -> Response:
    """412, with the object as it is for who likes to see it (RFC 8144 §3.2)."""
    if call.preferences.representation:
        try:
            item, content = await item_content(call)
        except (Denied, NotFound):
            raise DavError(HTTPStatus.PRECONDITION_FAILED) from None
        headers = {**item_headers(item), "preference-applied": "return=representation"}
        return Response(content, HTTPStatus.PRECONDITION_FAILED, headers)
    raise DavError(HTTPStatus.PRECONDITION_FAILED)


def require_writable(path: Path) -> None:
    """Refuse what the server alone writes."""
    if path.collection_place is not PathPlace.COLLECTION:
        raise Denied("Only the server writes here")


def location_missing(path: Path) -> tuple[str, ...]:
    """The precondition that there is a calendar to put something in."""
    if path.kind is CollectionKind.ADDRESS_BOOK:
        return (A + "addressbook-collection-location-ok",)
    return (C + "calendar-collection-location-ok",)


def _check_type(call: Call, path: Path) -> None:
    said = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if path.kind is CollectionKind.ADDRESS_BOOK:
        if said not in _CARD_TYPES:
            raise forbidden(A + "supported-address-data", text="Only vCards can be put here")
    elif said not in _CALENDAR_TYPES:
        raise forbidden(C + "supported-calendar-data", text="Only iCalendar can be put here")
    if "content-range" in call.headers:
        raise DavError(HTTPStatus.BAD_REQUEST, text="Objects are put as a whole")


def stored_answer(
    call: Call, stored: Stored, content: bytes, location: Path | None = None
) -> Response:
    """201 or 204; an entity tag only where the client would be told just what it sent.

    That is not so where the server changed it, and where time zones are missing in it that it will
    be told with (RFC 4791 §5.3.4).
    """
    headers = {}
    if stored.item.schedule_tag is not None:
        headers["schedule-tag"] = f'"{stored.item.schedule_tag}"'
    if stored.as_sent and not (call.with_timezones() and with_zones(content) is not content):
        headers["etag"] = f'"{stored.item.etag}"'
    if location is not None:
        headers["location"] = call.url(location)
    if call.preferences.representation:
        headers |= item_headers(stored.item)
        headers["preference-applied"] = "return=representation"
        headers["content-location"] = call.url(call.path if location is None else location)
        status = HTTPStatus.CREATED if stored.created else HTTPStatus.OK
        return Response(content if stored.as_sent else stored.content, status, headers)
    status = HTTPStatus.CREATED if stored.created else HTTPStatus.NO_CONTENT
    return Response(b"", status, headers)

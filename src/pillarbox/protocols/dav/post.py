"""POST: new objects under names the server chooses (RFC 5995), what outboxes are asked, sharing."""

import secrets
from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import GrammarError, NotFound
from pillarbox.domain.collections.model import CollectionKind, Condition
from pillarbox.pipeline.collections.free_busy import Recipient
from pillarbox.protocols.dav.attachments import attach
from pillarbox.protocols.dav.call import Call, xml_answer
from pillarbox.protocols.dav.errors import DavError, conflict, forbidden, method_not_allowed
from pillarbox.protocols.dav.paths import Area, Path, Place
from pillarbox.protocols.dav.put import location_missing, stored_answer
from pillarbox.protocols.dav.share import sharing
from pillarbox.wire.dav.attachments import parse_attachment_query
from pillarbox.wire.dav.markup import document, element, text_element, uri_value
from pillarbox.wire.dav.names import A, C
from pillarbox.wire.dav.sharing import SHARING_TYPE

_NEW = Condition(if_none_match=("*",))
_XML = ("application/xml", "text/xml", SHARING_TYPE)


async def post(call: Call) -> Response:
    """Answer a POST."""
    said = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.path.place is Place.OUTBOX:
        return await _outbox(call, said)
    if call.path.place is Place.ITEM and call.path.area is Area.CALENDARS:
        return await _on_event(call)
    if said in _XML:
        return await sharing(call)
    if call.path.place is not Place.COLLECTION:
        await call.resource()
        raise method_not_allowed()
    return await _add_member(call, said)


async def _on_event(call: Call) -> Response:
    try:
        request = parse_attachment_query(call.request.url.query)
    except GrammarError as error:
        raise forbidden(C + "valid-action-parameter", text=error.text) from None
    if request is None:
        await call.resource()
        raise method_not_allowed()
    return await attach(call, request)


async def _add_member(call: Call, said: str) -> Response:
    path = call.path
    is_book = path.kind is CollectionKind.ADDRESS_BOOK
    if said not in ("text/vcard", "") if is_book else said not in ("text/calendar", ""):
        rule = A + "supported-address-data" if is_book else C + "supported-calendar-data"
        raise forbidden(rule, text="Objects of this type can't be added here")
    place = await call.place()
    content = await call.body(call.services.options.item_bytes)
    name = f"{secrets.token_urlsafe(18)}.{'vcf' if is_book else 'ics'}"
    try:
        stored = await call.services.objects.put(
            call.actor, place, name, content, _NEW, call.manner()
        )
    except NotFound as failure:
        raise conflict(*location_missing(path), text=failure.public) from None
    member = Path(path.area, path.address, path.name, name)
    return stored_answer(call, stored, content, member)


async def _outbox(call: Call, said: str) -> Response:
    """When others are busy (RFC 6638 §5)."""
    await call.resource()
    if said not in ("text/calendar", ""):
        raise forbidden(C + "supported-calendar-data", text="An outbox takes iCalendar")
    content = await call.body()
    if not content:
        raise DavError(HTTPStatus.BAD_REQUEST, text="The request is empty")
    found = await call.services.free_busy.free_busy(call.actor, content)
    return xml_answer(document(C + "schedule-response", "".join(map(_response, found))))


def _response(one: Recipient) -> str:
    inside = element(C + "recipient", uri_value(one.address))
    inside += text_element(C + "request-status", one.status)
    if one.calendar is not None:
        inside += text_element(C + "calendar-data", one.calendar.decode("utf-8", "replace"))
    return element(C + "response", inside)

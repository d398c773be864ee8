"""DELETE: an object, or a collection with everything in it (RFC 4918 §9.6)."""

from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied
from pillarbox.domain.collections import collections
from pillarbox.domain.collections.model import CollectionKind, DefaultStays, PreconditionFailed
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError, forbidden
from pillarbox.protocols.dav.paths import Path, Place
from pillarbox.protocols.dav.props.dav import collection_tag
from pillarbox.protocols.dav.resources import find
from pillarbox.protocols.dav.share import dismiss
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.names import A, C


async def delete(call: Call) -> Response:
    """Answer a DELETE."""
    match call.path.place:
        case Place.ITEM:
            await _item(call)
        case Place.COLLECTION:
            await _collection(call)
        case _:
            await call.resource()
            raise Denied("This can't be removed")
    return Response(b"", HTTPStatus.NO_CONTENT)


async def _item(call: Call) -> None:
    if call.path.collection_place is Place.NOTIFICATIONS:
        await call.write(dismiss, call.path)
        return
    if call.path.collection_place not in (Place.COLLECTION, Place.INBOX):
        await call.resource()
        raise Denied("Only the server writes here")
    condition = await call.condition()
    place = await call.place()
    try:
        await call.services.objects.delete(
            call.actor, place, call.path.href, condition, call.manner()
        )
    except PreconditionFailed:
        raise DavError(HTTPStatus.PRECONDITION_FAILED) from None


async def _collection(call: Call) -> None:
    resource = await call.resource()
    wanted = (await call.condition()).if_match
    if wanted is not None and not {"*", collection_tag(resource.collection)} & set(wanted):
        raise DavError(HTTPStatus.PRECONDITION_FAILED)
    if resource.access is not None and resource.access.mount is not None:
        await call.write(_leave, call.path)
        return
    place = await call.place()
    try:
        await call.services.objects.remove_collection(call.actor, place, call.manner())
    except DefaultStays as failure:
        is_book = place.kind is CollectionKind.ADDRESS_BOOK
        rule = A + "default-addressbook-needed" if is_book else C + "default-calendar-needed"
        raise forbidden(rule, text=failure.public) from None


def _leave(view: View, path: Path) -> None:
    """Take what somebody shared out of one's own home."""
    access = find(view, path).access
    if access is not None and access.mount is not None:
        collections.remove(view.tx, access)

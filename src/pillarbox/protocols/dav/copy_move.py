"""COPY and MOVE: objects between collections and homes, and collections within a home.

RFC 4918 §9.8, §9.9. Nobody is told of meetings that are moved.
"""

from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied, Exists, GrammarError, NotFound
from pillarbox.domain.collections import collections
from pillarbox.domain.collections.model import PreconditionFailed, Taken
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError, conflict, forbidden
from pillarbox.protocols.dav.get import item_headers
from pillarbox.protocols.dav.paths import Path, Place, read_path
from pillarbox.protocols.dav.put import location_missing, require_writable
from pillarbox.protocols.dav.resources import FOREIGN, find
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.headers import parse_overwrite
from pillarbox.wire.dav.hrefs import OtherHost, href_path


async def copy(call: Call) -> Response:
    """Answer a COPY."""
    target = _target(call)
    if call.path.place is Place.ITEM:
        return await _transfer(call, target, moving=False)
    await call.resource()
    raise forbidden(text="Only objects can be copied; make a collection and copy its objects")


async def move(call: Call) -> Response:
    """Answer a MOVE."""
    target = _target(call)
    if call.path.place is Place.ITEM:
        return await _transfer(call, target, moving=True)
    await call.resource()
    if call.path.place is not Place.COLLECTION:
        raise Denied("This can't be moved")
    return await _rename(call, target)


def _target(call: Call) -> Path:
    said = call.headers.get("destination")
    if said is None:
        raise DavError(HTTPStatus.BAD_REQUEST, text="The Destination is missing")
    try:
        return read_path(href_path(said, call.hosts))
    except OtherHost as error:
        raise DavError(HTTPStatus.BAD_GATEWAY, text=error.text) from None
    except GrammarError as error:
        raise DavError(HTTPStatus.BAD_REQUEST, text=error.text) from None
    except NotFound as failure:
        raise conflict(text=failure.public) from None


async def _transfer(call: Call, target: Path, *, moving: bool) -> Response:
    overwrite = parse_overwrite(call.headers.get("overwrite"))
    if target == call.path:
        raise forbidden(text="The Destination is the same object")
    if call.path.collection_place not in (Place.COLLECTION, Place.INBOX):
        raise Denied("Only the server writes here")
    if target.place is not Place.ITEM:
        raise forbidden(*_wrong_place(target), text="Objects can only be in collections")
    require_writable(target)
    condition = await call.condition()
    source = await call.place(), call.path.href
    await call.lookup(find, call.path)
    place = await call.place(target)
    objects = call.services.objects
    transfer = objects.move if moving else objects.copy
    try:
        put = await transfer(call.actor, source, (place, target.href), overwrite, condition)
    except (PreconditionFailed, Taken):
        raise DavError(HTTPStatus.PRECONDITION_FAILED) from None
    except NotFound as failure:
        raise conflict(*location_missing(target), text=failure.public) from None
    told = item_headers(put.item)
    headers = {"location": call.url(target)}
    headers |= {key: told[key] for key in ("etag", "schedule-tag") if key in told}
    return Response(b"", HTTPStatus.CREATED if put.created else HTTPStatus.NO_CONTENT, headers)


def _wrong_place(target: Path) -> tuple[str, ...]:
    try:
        return location_missing(target)
    except NotFound:
        return ()


async def _rename(call: Call, target: Path) -> Response:
    parse_overwrite(call.headers.get("overwrite"))
    if target.place is not Place.COLLECTION or target.parent != call.path.parent:
        raise forbidden(text="Collections can only get another name in their own home")
    if target != call.path:
        try:
            await call.write(_renamed, call.path, target)
        except Exists:
            # What would be lost with all its objects is not overwritten.
            raise DavError(HTTPStatus.PRECONDITION_FAILED) from None
    return Response(b"", HTTPStatus.CREATED, {"location": call.url(target)})


def _renamed(view: View, path: Path, target: Path) -> None:
    found = find(view, path)
    if found.access is None or not view.is_own(found.owner):
        raise Denied(FOREIGN)
    collections.rename(view.tx, found.access, target.name)

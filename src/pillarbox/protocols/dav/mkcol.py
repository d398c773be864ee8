"""MKCALENDAR and MKCOL: a new calendar, task list or address book (RFC 4791 §5.3.1, RFC 5689)."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied, Exists, NotFound
from pillarbox.domain.collections import collections
from pillarbox.domain.collections.model import CollectionKind, ComponentKind, Properties
from pillarbox.protocols.dav.call import Call, xml_answer
from pillarbox.protocols.dav.changing import changed
from pillarbox.protocols.dav.errors import DavError, conflict, forbidden, method_not_allowed
from pillarbox.protocols.dav.paths import Path, Place
from pillarbox.protocols.dav.props.caldav import read_components
from pillarbox.protocols.dav.resources import FOREIGN, Kind, find
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.multistatus import PropStatus, made_body
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.properties import SetProp, parse_mkcalendar, parse_mkcol

_COMPONENTS = C + "supported-calendar-component-set"
_NOTHING = Properties()


async def mkcalendar(call: Call) -> Response:
    """Answer a MKCALENDAR."""
    _require_free(call, D + "resource-must-be-null")
    if call.path.place is not Place.COLLECTION or call.path.kind is not CollectionKind.CALENDAR:
        raise forbidden(
            C + "calendar-collection-location-ok", text="Calendars are made in calendar homes"
        )
    props = (await call.parsed(parse_mkcalendar)).props
    return await _make(call, props, C + "mkcalendar-response")


async def mkcol(call: Call) -> Response:
    """Answer a MKCOL: with a body that says what is to be made, or of what the home has."""
    body = await call.body()
    said = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and said not in ("application/xml", "text/xml", ""):
        raise DavError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text="MKCOL takes XML")
    if call.path.place is not Place.COLLECTION:
        _require_free(call, None)
        try:
            await call.lookup(find, call.path.parent)
        except NotFound as failure:
            raise conflict(text=failure.public) from None
        raise forbidden(text="Only calendars and address books can be made, in their homes")
    wanted = await asyncio.to_thread(parse_mkcol, body)
    is_book = call.path.kind is CollectionKind.ADDRESS_BOOK
    special = A + "addressbook" if is_book else C + "calendar"
    types = wanted.resource_types - {D + "collection"}
    if wanted.resource_types and types != {special}:
        raise forbidden(D + "valid-resourcetype", text="That kind of collection can't be made here")
    return await _make(call, wanted.props, D + "mkcol-response")


def _require_free(call: Call, condition: str | None) -> None:
    """Refuse where there is something always."""
    if call.path.place in (Place.COLLECTION, Place.ITEM):
        return
    if condition is not None:
        raise forbidden(condition, text="There is something here already")
    raise method_not_allowed("There is something here already")


async def _make(call: Call, props: Iterable[SetProp], response: str) -> Response:
    try:
        statuses = await call.write(_made, call.path, tuple(props))
    except NotFound as failure:
        raise conflict(text=failure.public) from None
    except Exists as failure:
        if response == C + "mkcalendar-response":
            raise forbidden(D + "resource-must-be-null", text=failure.public) from None
        raise method_not_allowed(failure.public) from None
    if statuses is None:
        return Response(b"", HTTPStatus.CREATED, {"cache-control": "no-cache"})
    return xml_answer(made_body(response, statuses), HTTPStatus.FAILED_DEPENDENCY)


def _made(view: View, path: Path, props: tuple[SetProp, ...]) -> tuple[PropStatus, ...] | None:
    home = find(view, path.parent)
    if home.owner is None or not view.is_own(home.owner):
        raise Denied(FOREIGN)
    kind = Kind.ADDRESS_BOOK if path.kind is CollectionKind.ADDRESS_BOOK else Kind.CALENDAR
    components: ComponentKind | None = None
    refused: list[PropStatus] = []
    others: list[SetProp] = []
    for prop in props:
        if prop.name == _COMPONENTS and kind is Kind.CALENDAR:
            try:
                components = read_components(prop.element)
            except DavError as error:
                names = tuple(one for one in error.conditions if isinstance(one, str))
                refused.append(PropStatus(error.status, (prop.name,), names, error.text))
        else:
            others.append(prop)
    found = changed(_NOTHING, others, kind)
    if found.properties is None or refused:
        left = tuple(one.name for one in others)
        rest = found.statuses if found.properties is None else ()
        if found.properties is not None and left:
            rest = (PropStatus(HTTPStatus.FAILED_DEPENDENCY, left),)
        return (*refused, *rest)
    collections.create(
        view.tx,
        view.keys,
        view.actor,
        home.owner.account_id,
        path.kind,
        path.name,
        found.properties,
        components,
        view.options.limits,
    )
    return None

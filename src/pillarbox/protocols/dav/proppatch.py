"""PROPPATCH (RFC 4918 §9.2): properties are set and removed, all of them or none."""

from starlette.responses import Response

from pillarbox.base.errors import Denied, GrammarError, NotFound
from pillarbox.domain.collections import collections, homes
from pillarbox.domain.collections.model import Access, CollectionKind, Properties, Right
from pillarbox.protocols.dav.call import Call, xml_answer
from pillarbox.protocols.dav.changing import Changed, changed
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.paths import Area, Path, Place, read_path
from pillarbox.protocols.dav.resources import FOREIGN, Kind, Resource, find
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import href_path
from pillarbox.wire.dav.multistatus import MultiStatus, PropStatus
from pillarbox.wire.dav.names import C, D
from pillarbox.wire.dav.properties import Proppatch, RemoveProp, SetProp, parse_proppatch

_DEFAULT_CALENDAR = C + "schedule-default-calendar-URL"
_NOTHING = Properties()


async def proppatch(call: Call) -> Response:
    """Answer a PROPPATCH."""
    await call.condition()
    wanted = await call.parsed(parse_proppatch)
    statuses = await call.write(_patched, call.path, wanted)
    minimal = call.preferences.minimal and all(one.status == 200 for one in statuses)
    if minimal:
        return Response(b"", 200, {"preference-applied": "return=minimal"})
    body = MultiStatus()
    body.response(call.path.written(call.root), others=statuses)
    return xml_answer(body.build(), 207)


def _patched(view: View, path: Path, wanted: Proppatch) -> tuple[PropStatus, ...]:
    resource = find(view, path)
    _require(resource)
    access = _keeper(view, resource)
    default: Access | None = None
    changes: list[SetProp | RemoveProp] = []
    for change in wanted.changes:
        if change.name == _DEFAULT_CALENDAR and resource.kind is Kind.INBOX:
            default = _new_default(view, resource, change)
        else:
            changes.append(change)
    before = _NOTHING if access is None else access.properties
    found = changed(before, changes, resource.kind) if changes else Changed(before, ())
    if found.properties is None:
        return found.statuses
    if access is not None and found.properties != before:
        collections.change(view.tx, view.keys, access, found.properties, view.options.limits)
    if default is not None:
        homes.set_default(view.tx, default)
        return (*found.statuses, PropStatus(200, (_DEFAULT_CALENDAR,)))
    return found.statuses


def _require(resource: Resource) -> None:
    """Refuse whoever may not change properties; what they are can't change is told for each."""
    is_mount = resource.access is not None and resource.access.mount is not None
    if Right.PROPERTIES not in resource.rights and not is_mount:
        raise Denied(FOREIGN)


def _keeper(view: View, resource: Resource) -> Access | None:
    """What keeps the properties: a collection, for a calendar home its inbox."""
    if resource.kind is Kind.CALENDAR_HOME and resource.owner is not None:
        return view.inbox(resource.owner)
    return resource.access if resource.item is None else None


def _new_default(view: View, inbox: Resource, change: SetProp | RemoveProp) -> Access:
    """The calendar that new meetings shall come into (RFC 6638 §9.2)."""
    wrong = forbidden(
        C + "valid-schedule-default-calendar-URL", text="That is none of your own calendars"
    )
    href = change.element.first(D + "href") if isinstance(change, SetProp) else None
    if href is None or inbox.owner is None:
        raise wrong
    try:
        path = read_path(href_path(href.text))
    except (GrammarError, NotFound):
        raise wrong from None
    if path.place is not Place.COLLECTION or path.area is not Area.CALENDARS:
        raise wrong
    if path.address != inbox.owner.address:
        raise wrong
    account, kind = inbox.owner.account_id, CollectionKind.CALENDAR
    access = homes.find(view.tx, view.keys, view.actor, account, kind, path.name)
    if access is None or access.mount is not None:
        raise wrong
    return access

"""PROPFIND (RFC 4918 §9.1): properties of a resource, and with Depth 1 of what is in it."""

from starlette.responses import Response

from pillarbox.domain.collections import items
from pillarbox.domain.collections.model import Right
from pillarbox.protocols.dav.call import Call, Pieces
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.methods import DAV_CLASSES
from pillarbox.protocols.dav.notifications import notifications
from pillarbox.protocols.dav.paths import Path, Place
from pillarbox.protocols.dav.resources import STORED, Kind, Resource, children, find
from pillarbox.protocols.dav.telling import Answer, form_of
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.headers import Depth, Preferences
from pillarbox.wire.dav.names import D
from pillarbox.wire.dav.properties import Propfind, parse_propfind


async def propfind(call: Call) -> Response:
    """Answer a PROPFIND."""
    # Without a Depth it is infinity (§9.1), which many that mean 0 do not know.
    depth = call.depth(Depth.ZERO)
    if depth is Depth.INFINITY:
        raise forbidden(D + "propfind-finite-depth", text="Depth has to be 0 or 1")
    wanted = await call.parsed(parse_propfind)
    deep = depth is Depth.ONE
    # What is told of the directory depends on all of its cards.
    run = call.read if deep or call.path.place is Place.DIRECTORY else call.lookup
    pieces = await run(_told, call.path, wanted, deep, call.preferences)
    return Pieces(pieces, headers={"DAV": DAV_CLASSES, **_applied(call.preferences, deep)})


def _applied(preferences: Preferences, deep: bool) -> dict[str, str]:
    """Which preferences were honoured (RFC 8144 §2, §3)."""
    applied = ["return=minimal"] if preferences.minimal else []
    if preferences.depth_noroot and deep:
        applied.append("depth-noroot")
    return {"Preference-Applied": ", ".join(applied)} if applied else {}


def _told(
    view: View, path: Path, wanted: Propfind, deep: bool, preferences: Preferences
) -> list[bytes]:
    resource = find(view, path)
    answer = Answer.begun(view.root, preferences.minimal)
    if not (deep and preferences.depth_noroot):
        answer.resource(view, resource, wanted)
    if deep and resource.item is None:
        for child in children(view, resource):
            answer.resource(view, child, wanted)
        _items(view, resource, wanted, answer)
    return answer.end()


def _items(view: View, resource: Resource, wanted: Propfind, answer: Answer) -> None:
    base = resource.path.written(view.root)
    if resource.kind is Kind.DIRECTORY:
        form = form_of(view, resource, wanted)
        answer.items(base, form, [one.item for one in view.directory()])
    elif resource.kind is Kind.NOTIFICATIONS:
        form = form_of(view, resource, wanted)
        answer.items(base, form, [one.item for one in notifications(view)])
    elif resource.kind & STORED and Right.READ in resource.rights:
        form = form_of(view, resource, wanted)
        collection = resource.collection
        if form.is_etag_only:
            answer.marks(base, form, items.marks(view.tx, view.keys, collection))
        else:
            answer.items(base, form, items.list_of(view.tx, view.keys, collection))

"""Sharing: an owner invites, those invited answer, and links let everybody read.

As Apple's clients do it (calendarserver-sharing) and as draft-pot-webdav-resource-sharing has it.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from pillarbox.base.errors import Denied, Failure, GrammarError, Invalid, NotFound
from pillarbox.domain.collections import homes, links, replies, shares
from pillarbox.domain.collections.model import (
    READ_RIGHTS,
    WRITE_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    Mount,
    Properties,
    Right,
)
from pillarbox.domain.collections.shares import ANYONE
from pillarbox.domain.sharing import principals
from pillarbox.protocols.dav.call import Call, xml_answer
from pillarbox.protocols.dav.errors import conflict, forbidden, method_not_allowed
from pillarbox.protocols.dav.notifications import (
    invited_to,
    notification_named,
    reply_at,
)
from pillarbox.protocols.dav.paths import Area, Path, Place, read_path
from pillarbox.protocols.dav.props.sharing import ANYONE_URI, public_url
from pillarbox.protocols.dav.resources import FOREIGN, Kind, find
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import href_address, href_path
from pillarbox.wire.dav.markup import document, href_value, uri_value
from pillarbox.wire.dav.multistatus import MultiStatus
from pillarbox.wire.dav.names import CS
from pillarbox.wire.dav.sharing import (
    InviteReply,
    Publish,
    Share,
    ShareAccess,
    ShareChange,
    parse_sharing,
)

_RIGHTS: Final = {ShareAccess.READ: READ_RIGHTS, ShareAccess.READ_WRITE: WRITE_RIGHTS}
_NOTHING: Final = "Nothing of that kind was shared with you"
_NOT_SHARED: Final = "The collection is not shared with them"

Outcome = tuple[str, str]
"""The href of a sharee, and why they could not be invited, empty if they were."""


async def sharing(call: Call) -> Response:
    """Answer a POST of XML."""
    wanted = await call.parsed(parse_sharing)
    match call.path.place, wanted:
        case Place.COLLECTION, Share():
            return _shared(await call.write(_share, call.path, wanted))
        case Place.COLLECTION, Publish(on=True):
            url = await call.write(_publish, call.path)
            return xml_answer(document(CS + "publish-url", uri_value(url)), HTTPStatus.ACCEPTED)
        case Place.COLLECTION, Publish():
            await call.write(_unpublish, call.path)
            return Response(b"", HTTPStatus.OK)
        case ((Place.HOME | Place.NOTIFICATIONS | Place.ITEM), InviteReply()):
            return await _answered(call, wanted)
    await call.resource()
    raise method_not_allowed()


def _shared(outcomes: Sequence[Outcome]) -> Response:
    if not any(why for _, why in outcomes):
        return Response(b"", HTTPStatus.OK)
    body = MultiStatus()
    for href, why in outcomes:
        body.status(href, HTTPStatus.FORBIDDEN if why else HTTPStatus.OK)
    return xml_answer(body.build(), HTTPStatus.MULTI_STATUS)


def _share(view: View, path: Path, wanted: Share) -> list[Outcome]:
    """Change who may use a collection; those who can't be found are told, the others stay."""
    access = _administered(view, path)
    return [(one.href, _shared_with(view, access, one)) for one in wanted.changes]


def _shared_with(view: View, access: Access, change: ShareChange) -> str:
    try:
        address = sharee_of(view, change.href)
        rights = _RIGHTS.get(change.access)
        if rights is None:
            shares.unshare(view.tx, view.keys, view.actor, access, address)
            return ""
        shares.share(
            view.tx, view.keys, view.actor, access, address, _kept(view, access, address, rights),
            view.options.limits,
        )  # fmt: skip
    except NotFound:
        # Whom it is not shared with it is not to be shared with.
        return "" if change.access is ShareAccess.NO_ACCESS else _NOT_SHARED
    except (Invalid, GrammarError) as error:
        return error.public if isinstance(error, Failure) else error.text
    return ""


def _kept(view: View, access: Access, address: str, rights: Right) -> Right:
    """The rights a sharee gets: those beyond reading and writing, of which it knows none, stay."""
    if Right.WRITE not in rights:
        return rights
    for share in shares.shares_of(view.tx, access):
        if share.address == address:
            return rights | (share.rights & (Right.PROPERTIES | Right.ADMIN))
    return rights


def sharee_of(view: View, href: str) -> str:
    """The address of whom an href names, or `ANYONE`; `Invalid` or `GrammarError` for nobody."""
    href = href.strip()
    if href == ANYONE_URI:
        return ANYONE
    address = href_address(href)
    if address is None and "@" in href and ":" not in href and "/" not in href:
        address = href
    if address is None:
        found = read_path(href_path(href))
        if found.place is not Place.PRINCIPAL:
            raise Invalid("That is nobody's address")
        address = found.address
    principal = principals.behind(view.tx, address)
    if principal is None:
        raise Invalid(f"There is no user or group {address}")
    return principal.address


def _administered(view: View, path: Path) -> Access:
    found = find(view, path)
    access = found.access
    if found.kind not in (Kind.CALENDAR, Kind.ADDRESS_BOOK) or access is None:
        raise method_not_allowed()
    if Right.ADMIN not in access.rights:
        raise Denied(FOREIGN)
    return access


def _publish(view: View, path: Path) -> str:
    access = _administered(view, path)
    if access.collection.kind is not CollectionKind.CALENDAR:
        raise forbidden(text="Only calendars can be published")
    found = links.list_of(view.tx, view.keys, access)
    link = found[0] if found else links.create(view.tx, view.keys, access)
    return public_url(view.options.hostname, link.token)


def _unpublish(view: View, path: Path) -> None:
    access = _administered(view, path)
    for link in links.list_of(view.tx, view.keys, access):
        links.remove(view.tx, access, link.id)


async def _answered(call: Call, reply: InviteReply) -> Response:
    mount, area = await call.write(_answer, call.path, reply)
    if not mount.accepted:
        return Response(b"", HTTPStatus.NO_CONTENT)
    path = Path(area, call.actor.address, mount.name)
    body = document(CS + "shared-as", href_value(path.written(call.root)))
    return xml_answer(body, HTTPStatus.OK, {"location": call.url(path)})


def _answer(view: View, path: Path, reply: InviteReply) -> tuple[Mount, Area]:
    target = find(view, path)
    if not view.is_own(target.owner):
        raise Denied(FOREIGN)
    if path.place is Place.ITEM and target.kind is not Kind.NOTIFICATION:
        raise method_not_allowed()
    collection = _meant(view, path, reply)
    name = reply.slug if reply.accepted else None
    title = reply.summary.strip()
    properties = Properties()
    if title and title != (collection.properties.display_name or collection.name):
        properties = Properties(display_name=title)
    mount = shares.answer(
        view.tx, view.keys, view.actor, collection.id, reply.accepted, name, properties
    )
    is_book = collection.kind is CollectionKind.ADDRESS_BOOK
    return mount, Area.CONTACTS if is_book else Area.CALENDARS


def _meant(view: View, path: Path, reply: InviteReply) -> Collection:
    """The collection an answer is about; `NotFound` unless it was shared with the actor."""
    number = None
    if path.place is Place.ITEM:
        told = notification_named(view, path.href)
        number = None if told is None else told.collection.id
    elif reply.in_reply_to is not None:
        number = invited_to(reply.in_reply_to)
    if number is not None:
        found = homes.by_id(view.tx, view.keys, view.actor, number)
        if found is not None:
            return found.collection
    if reply.host_url is None:
        raise NotFound(_NOTHING)
    try:
        host = find(view, read_path(href_path(reply.host_url)))
    except (Denied, GrammarError):
        raise NotFound(_NOTHING) from None
    if host.access is None or host.item is not None:
        raise conflict(text=_NOTHING)
    return host.access.collection


def dismiss(view: View, path: Path) -> None:
    """Remove a notification: an invitation is declined by that, an answer taken note of."""
    find(view, path)
    mount = reply_at(path.href)
    if mount is not None:
        replies.take_note(view.tx, view.actor, mount)
        return
    told = notification_named(view, path.href)
    if told is not None:
        shares.answer(view.tx, view.keys, view.actor, told.collection.id, False)

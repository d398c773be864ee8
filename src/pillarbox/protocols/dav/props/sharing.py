"""Properties of shared and published collections, in the words of both protocols of sharing."""

from typing import Final
from urllib.parse import quote

from pillarbox.domain.collections import links, shares
from pillarbox.domain.collections.model import Access, CollectionKind, Item, Right, Share, Source
from pillarbox.protocols.dav.notifications import (
    access_of,
    host_path,
    is_reply,
)
from pillarbox.protocols.dav.paths import notifications_of, principal_path
from pillarbox.protocols.dav.props.table import ItemProp, Prop
from pillarbox.protocols.dav.resources import HOMES, Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import element, href_value, uri_value
from pillarbox.wire.dav.names import CS, D
from pillarbox.wire.dav.sharing import (
    Invitee,
    InviteStatus,
    ShareAccess,
    cs_invite_value,
    cs_notification_type_value,
    dav_invite_value,
)

PUBLIC: Final = "/calendars/public/"
ANYONE_URI: Final = "urn:pillarbox:everybody"
"""Stands for everybody of the owner's domain among those a collection is shared with."""
_SHARABLE: Final = Kind.CALENDAR | Kind.ADDRESS_BOOK
_STATUS: Final = {
    None: InviteStatus.WAITING,
    True: InviteStatus.ACCEPTED,
    False: InviteStatus.DECLINED,
}


def public_url(hostname: str, token: str) -> str:
    """Where everybody can read a published calendar."""
    return f"https://{hostname}{PUBLIC}{quote(token, safe='')}.ics"


def _modes(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or access.mount is not None or Right.ADMIN not in access.rights:
        return None
    if access.collection.source is Source.BIRTHDAYS:
        return None
    modes = element(CS + "can-be-shared")
    if access.collection.kind is CollectionKind.CALENDAR:
        modes += element(CS + "can-be-published")
    return modes


def _invitees(view: View, resource: Resource) -> list[Invitee]:
    """Everybody a collection is shared with, for those who may not share it only themselves."""
    access = resource.access
    if access is None:
        return []
    if Right.ADMIN in access.rights:
        return [_invitee(view, one) for one in shares.shares_of(view.tx, access)]
    accepted = None if access.mount is None else access.mount.accepted
    mine = Share(view.actor.account_id, view.actor.address, access.rights, accepted)
    return [_invitee(view, mine)]


def _invitee(view: View, share: Share) -> Invitee:
    access = access_of(share.rights)
    principal = view.principal_of(share.account_id) if share.account_id else None
    if principal is None:
        return Invitee("", "Everybody here", access, InviteStatus.ACCEPTED, uri=ANYONE_URI)
    # What a group is given its members have; each of them answers for their own home.
    is_group = principal.kind.value == "GROUP"
    status = InviteStatus.ACCEPTED if is_group else _STATUS[share.accepted]
    path = principal_path(principal.address)
    return Invitee(principal.address, principal.name, access, status, path)


def _is_shared(view: View, access: Access) -> bool:
    return access.mount is not None or bool(shares.shares_of(view.tx, access))


def _cs_invite(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or not _is_shared(view, access):
        return None
    owner = view.principal_of(access.collection.account_id)
    if owner is None:
        return None
    invitees = _invitees(view, resource)
    return cs_invite_value(invitees, principal_path(owner.address), owner.name)


def _dav_invite(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or not _is_shared(view, access):
        return None
    return dav_invite_value(_invitees(view, resource))


def _share_access(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None:
        return None
    if view.actor.account_id == access.collection.account_id:
        shared = ShareAccess.OWNER.value if _is_shared(view, access) else "not-shared"
        return element(D + shared)
    return element(D + access_of(access.rights).value)


def _shared_url(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or access.mount is None:
        return None
    return href_value(host_path(view, access.collection))


def _resource_uri(view: View, resource: Resource) -> str | None:
    return uri_value(f"urn:pillarbox:collection:{resource.collection.id}")


def _publish_url(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or Right.ADMIN not in access.rights:
        return None
    found = links.list_of(view.tx, view.keys, access)
    return uri_value(public_url(view.options.hostname, found[0].token)) if found else None


def _notifications(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    return href_value(notifications_of(resource.owner.address))


def _type(item: Item) -> str | None:
    return cs_notification_type_value(is_reply=is_reply(item.href))


PROPS: Final = (
    Prop(CS + "notification-URL", Kind.PRINCIPAL | HOMES, _notifications),
    Prop(CS + "allowed-sharing-modes", _SHARABLE, _modes),
    Prop(CS + "invite", _SHARABLE, _cs_invite),
    Prop(CS + "shared-url", _SHARABLE, _shared_url),
    Prop(CS + "publish-url", Kind.CALENDAR, _publish_url),
    Prop(D + "invite", _SHARABLE, _dav_invite),
    Prop(D + "share-access", _SHARABLE, _share_access),
    Prop(D + "share-resource-uri", _SHARABLE, _resource_uri),
)

ITEM_PROPS: Final = (ItemProp(CS + "notificationtype", Kind.NOTIFICATION, _type),)

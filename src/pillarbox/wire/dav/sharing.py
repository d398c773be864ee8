"""Sharing of collections: calendarserver-sharing, and draft-pot-webdav-resource-sharing-04.

Apple's clients speak the first, DAV's resource sharing has the same in other elements; both become
the same values here, and properties and notifications are written in both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.wire.dav.markup import (
    document,
    element,
    href_value,
    text_element,
    uri_value,
)
from pillarbox.wire.dav.names import CS, A, C, D
from pillarbox.wire.dav.xml import Element, XmlError, parse_body

MAX_SHAREES: Final = 500
MAX_SUMMARY_CHARACTERS: Final = 1024
SHARING_TYPE: Final = "application/davsharing+xml"
"""Content type of draft-pot's bodies; calendarserver's are application/xml."""


class ShareAccess(Enum):
    """What a sharee may do; the value is draft-pot's element."""

    NO_ACCESS = "no-access"
    READ = "read"
    READ_WRITE = "read-write"
    OWNER = "shared-owner"


class InviteStatus(Enum):
    """What a sharee said; the values are the ends of the elements' names."""

    WAITING = "noresponse"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class ShareChange:
    """What a sharee gets; NO_ACCESS ends the share. `href` as it came: `mailto:` or a path."""

    href: str
    access: ShareAccess
    summary: str = ""
    common_name: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A request to share a collection with some people and no longer with others."""

    changes: tuple[ShareChange, ...]


@dataclass(frozen=True, slots=True)
class InviteReply:
    """An answer to an invitation, posted to a home or (draft-pot) to the notification.

    `host_url` is the shared collection as the invitation named it, `in_reply_to` the invitation's
    UID; `create_in` and `slug` are where and under which name the share shall be.
    """

    accepted: bool
    host_url: str | None = None
    in_reply_to: str | None = None
    summary: str = ""
    create_in: str | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody a collection is shared with; `principal` is a decoded path, `None` for outsiders.

    `uri` stands for who has no address, such as everybody.
    """

    address: str
    name: str
    access: ShareAccess
    status: InviteStatus
    principal: str | None = None
    summary: str = ""
    uri: str | None = None

    @property
    def href(self) -> str:
        """The URI that names them."""
        return f"mailto:{self.address}" if self.uri is None else self.uri


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a sharee is told; paths are decoded ones. `is_calendar` else it is an address book."""

    uid: str
    sharee_address: str
    sharee_principal: str
    access: ShareAccess
    status: InviteStatus
    host_path: str
    owner_address: str
    owner_name: str
    owner_principal: str
    summary: str
    is_calendar: bool
    changed: str
    """When, as `20060104T000000Z`."""
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What an owner is told of an answer; `host_path` is the decoded path of what is shared."""

    in_reply_to: str
    sharee_address: str
    accepted: bool
    host_path: str
    summary: str
    is_calendar: bool
    changed: str
    """When, as `20060104T000000Z`."""


@dataclass(frozen=True, slots=True)
class Publish:
    """A request for a public link to a calendar, or with `on` false for its end."""

    on: bool


def parse_sharing(body: bytes) -> Share | InviteReply | Publish:
    """A body that shares, answers an invitation of either kind, or makes a link."""
    root = parse_body(body)
    if root.name in (CS + "publish-calendar", CS + "unpublish-calendar"):
        return Publish(root.name == CS + "publish-calendar")
    if root.name == CS + "share":
        return _share(root)
    if root.name == D + "share-resource":
        return _share_resource(root)
    if root.name in (CS + "invite-reply", D + "invite-reply"):
        return _invite_reply(root)
    raise XmlError("The XML body is none that shares a collection.")


def _share(root: Element) -> Share:
    changes: list[ShareChange] = []
    for node in root:
        if node.name not in (CS + "set", CS + "remove"):
            continue
        access = ShareAccess.NO_ACCESS
        if node.name == CS + "set":
            access = ShareAccess.READ
            if node.has(CS + "read-write") or node.has(CS + "read-write-schedule"):
                access = ShareAccess.READ_WRITE
        changes.append(
            ShareChange(
                _sharee(node),
                access,
                _short(node, CS + "summary"),
                _short(node, CS + "common-name"),
            )
        )
    return Share(_some(changes))


def _share_resource(root: Element) -> Share:
    changes: list[ShareChange] = []
    for node in root.of(D + "sharee"):
        said = node.first(D + "share-access")
        found = [] if said is None else [one for one in ShareAccess if said.has(D + one.value)]
        if len(found) != 1 or found[0] is ShareAccess.OWNER:
            raise XmlError("A share-access is read, read-write or no-access.")
        prop = node.first(D + "prop")
        name = "" if prop is None else _short(prop, D + "displayname")
        changes.append(ShareChange(_sharee(node), found[0], _short(node, D + "comment"), name))
    return Share(_some(changes))


def _some(changes: list[ShareChange]) -> tuple[ShareChange, ...]:
    if not changes or len(changes) > MAX_SHAREES:
        raise XmlError(f"A share names 1 to {MAX_SHAREES} people.")
    return tuple(changes)


def _sharee(node: Element) -> str:
    href = node.value(D + "href")
    if not href:
        raise XmlError("A sharee has no href.")
    return href[:1024]


def _short(node: Element, name: str) -> str:
    return (node.value(name) or "")[:MAX_SUMMARY_CHARACTERS]


def _invite_reply(root: Element) -> InviteReply:
    space = CS if root.name.startswith(CS) else D
    accepted, declined = (root.has(space + f"invite-{what}") for what in ("accepted", "declined"))
    if accepted == declined:
        raise XmlError("An invite-reply accepts or declines.")
    host, create_in = root.first(space + "hosturl"), root.first(D + "create-in")
    return InviteReply(
        accepted,
        None if host is None else host.value(D + "href"),
        root.value(space + "in-reply-to"),
        _short(root, space + "summary"),
        None if create_in is None else create_in.value(D + "href"),
        root.value(D + "slug"),
    )


def _cs_access(access: ShareAccess) -> str:
    name = "read-write" if access is ShareAccess.READ_WRITE else "read"
    return element(CS + "access", element(CS + name))


def cs_invite_value(
    invitees: Iterable[Invitee], organizer_principal: str, organizer_name: str
) -> str:
    """The value of CS:invite: the owner and who the collection is shared with."""
    organizer = element(
        CS + "organizer",
        href_value(organizer_principal) + text_element(CS + "common-name", organizer_name),
    )
    return organizer + "".join(
        element(
            CS + "user",
            uri_value(one.href)
            + text_element(CS + "common-name", one.name)
            + _cs_access(one.access)
            + element(CS + f"invite-{one.status.value}")
            + (text_element(CS + "summary", one.summary) if one.summary else ""),
        )
        for one in invitees
    )


def dav_invite_value(invitees: Iterable[Invitee]) -> str:
    """The value of DAV:invite (draft-pot §4.4.2)."""
    return "".join(
        element(
            D + "sharee",
            uri_value(one.href)
            + ("" if one.principal is None else element(D + "principal", href_value(one.principal)))
            + element(D + "prop", text_element(D + "displayname", one.name))
            + element(D + f"invite-{one.status.value}")
            + element(D + "share-access", element(D + one.access.value))
            + (text_element(D + "comment", one.summary) if one.summary else ""),
        )
        for one in invitees
    )


def cs_notification_type_value(*, is_reply: bool = False) -> str:
    """The value of CS:notificationtype of invitations or of answers to them."""
    return element(CS + ("invite-reply" if is_reply else "invite-notification"))


def cs_reply_body(reply: Reply) -> bytes:
    """A CS:notification document: what somebody answered to an invitation."""
    inside = (
        uri_value("mailto:" + reply.sharee_address)
        + element(CS + ("invite-accepted" if reply.accepted else "invite-declined"))
        + element(CS + "hosturl", href_value(reply.host_path))
        + text_element(CS + "in-reply-to", reply.in_reply_to)
        + text_element(CS + "summary", reply.summary)
    )
    attributes = [("shared-type", "calendar" if reply.is_calendar else "addressbook")]
    return document(
        CS + "notification",
        text_element(CS + "dtstamp", reply.changed)
        + element(CS + "invite-reply", inside, attributes),
    )


def cs_invitation_body(invitation: Invitation) -> bytes:
    """A CS:notification document: an invitation, or that it was taken back (NO_ACCESS)."""
    is_gone = invitation.access is ShareAccess.NO_ACCESS
    status = "deleted" if is_gone else f"invite-{invitation.status.value}"
    if invitation.is_calendar:
        components = "".join(
            element(C + "comp", attributes=[("name", name)]) for name in invitation.components
        )
        kind = element(C + "supported-calendar-component-set", components) if components else ""
    else:
        kind = element(D + "resourcetype", element(D + "collection") + element(A + "addressbook"))
    inside = (
        text_element(CS + "uid", invitation.uid)
        + uri_value("mailto:" + invitation.sharee_address)
        + element(CS + status)
        + ("" if is_gone else _cs_access(invitation.access))
        + element(CS + "hosturl", href_value(invitation.host_path))
        + element(
            CS + "organizer",
            href_value(invitation.owner_principal)
            + text_element(CS + "common-name", invitation.owner_name),
        )
        + (text_element(CS + "summary", invitation.summary) if invitation.summary else "")
        + kind
    )
    attributes = [
        ("shared-type", "calendar" if invitation.is_calendar else "addressbook"),
    ]
    return document(
        CS + "notification",
        text_element(CS + "dtstamp", invitation.changed)
        + element(CS + "invite-notification", inside, attributes),
    )


def dav_invitation_body(invitation: Invitation) -> bytes:
    """A DAV:notification document with a share-invite-notification (draft-pot §7)."""
    inside = (
        uri_value("mailto:" + invitation.sharee_address)
        + element(D + f"invite-{invitation.status.value}")
        + element(D + "sharer-resource-uri", href_value(invitation.host_path))
        + element(D + "share-access", element(D + invitation.access.value))
        + element(
            D + "principal",
            href_value(invitation.owner_principal),
        )
        + element(D + "prop", text_element(D + "displayname", invitation.summary))
    )
    return document(D + "notification", element(D + "share-invite-notification", inside))

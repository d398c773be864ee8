"""Notifications: invitations of others to share, and what others answered to one's own.

Nothing of it is stored: an invitation is there until it is answered, an answer until it is removed.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pillarbox.domain.collections import replies, shares
from pillarbox.domain.collections.model import (
    Collection,
    CollectionKind,
    ComponentKind,
    Item,
    ItemFacts,
    Right,
)
from pillarbox.domain.collections.shares import Invitation
from pillarbox.protocols.dav.paths import Area, Path, principal_path
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav import sharing
from pillarbox.wire.dav.sharing import InviteStatus, ShareAccess

NO_COMPONENT: Final = ComponentKind(0)
_REPLY: Final = "reply-"
_UID = re.compile(r"invite-([0-9a-f]{1,16})(?:-[0-9a-f]{1,16})?")
_REPLY_NAME = re.compile(r"reply-([0-9a-f]{1,16})-[0-9a-f]{1,16}\.xml")


@dataclass(frozen=True, slots=True)
class Notification:
    """One of them; `collection` is what it is about."""

    item: Item
    collection: Collection
    content: bytes
    draft: bytes
    """The same in the words of draft-pot-webdav-resource-sharing."""


def notifications(view: View) -> list[Notification]:
    """What the actor is told."""
    invited = shares.invitations(view.tx, view.keys, view.actor)
    found = [_invited(view, one) for one in invited if Right.READ in one.rights]
    found += [_replied(view, one) for one in replies.replies(view.tx, view.keys, view.actor)]
    return found


def notification_named(view: View, href: str) -> Notification | None:
    """The notification of a name."""
    return next((one for one in notifications(view) if one.item.href == href), None)


def notifications_tag(view: View) -> str:
    """What differs whenever a notification does."""
    tags = "".join(one.item.href + one.item.etag for one in notifications(view))
    return hashlib.sha256(tags.encode()).hexdigest()[:24]


def is_reply(href: str) -> bool:
    """Whether the notification of a name is an answer."""
    return href.startswith(_REPLY)


def reply_at(href: str) -> int | None:
    """The mount that an answer is about."""
    found = _REPLY_NAME.fullmatch(href)
    return None if found is None else int(found[1], 16)


def invited_to(uid: str) -> int | None:
    """The collection that an invitation with a UID is about."""
    found = _UID.fullmatch(uid)
    return None if found is None else int(found[1], 16)


def access_of(rights: Right) -> ShareAccess:
    """Rights in the words of sharing, which has no more than these."""
    if Right.WRITE in rights:
        return ShareAccess.READ_WRITE
    return ShareAccess.READ if Right.READ in rights else ShareAccess.NO_ACCESS


def host_path(view: View, collection: Collection) -> str:
    """The path of a collection in its owner's home, whoever looks."""
    owner = view.principal_of(collection.account_id)
    is_book = collection.kind is CollectionKind.ADDRESS_BOOK
    area = Area.CONTACTS if is_book else Area.CALENDARS
    return Path(area, "" if owner is None else owner.address, collection.name).written()


def _invited(view: View, one: Invitation) -> Notification:
    collection = one.collection
    owner = view.principal_of(collection.account_id)
    uid = f"invite-{collection.id:x}-{one.invited_ms:x}"
    told = sharing.Invitation(
        uid,
        view.actor.address,
        principal_path(view.actor.address),
        access_of(one.rights),
        InviteStatus.WAITING,
        host_path(view, collection),
        one.owner,
        one.owner if owner is None else owner.name,
        principal_path(one.owner),
        collection.properties.display_name or collection.name,
        collection.kind is not CollectionKind.ADDRESS_BOOK,
        _written(one.invited_ms),
        tuple(part.name or "" for part in collection.components),
    )
    content = sharing.cs_invitation_body(told)
    draft = sharing.dav_invitation_body(told)
    return _notification(f"{uid}.xml", one.invited_ms, collection, content, draft)


def _replied(view: View, one: replies.Reply) -> Notification:
    collection = one.collection
    told = sharing.Reply(
        f"invite-{collection.id:x}",
        one.address,
        one.accepted,
        host_path(view, collection),
        collection.properties.display_name or collection.name,
        collection.kind is not CollectionKind.ADDRESS_BOOK,
        _written(one.answered_ms),
    )
    content = sharing.cs_reply_body(told)
    href = f"{_REPLY}{one.mount:x}-{one.answered_ms:x}.xml"
    return _notification(href, one.answered_ms, collection, content, content)


def _notification(
    href: str, at_ms: int, collection: Collection, content: bytes, draft: bytes
) -> Notification:
    item = Item(
        id=collection.id,
        collection_id=0,
        href=href,
        facts=ItemFacts(href, NO_COMPONENT),
        modseq=0,
        size_bytes=len(content),
        etag=hashlib.sha256(content).hexdigest()[:24],
        schedule_tag=None,
        created_ms=at_ms,
        changed_ms=at_ms,
    )
    return Notification(item, collection, content, draft)


def _written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")

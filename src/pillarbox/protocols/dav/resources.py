"""What a path names for whoever asks: found in one transaction, with what they may do to it."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from pillarbox.base.errors import Denied, NotFound
from pillarbox.domain.collections import homes, items
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    NO_RIGHTS,
    READ_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    Item,
    Right,
)
from pillarbox.domain.contacts import directory
from pillarbox.domain.sharing.principals import Principal, PrincipalKind
from pillarbox.protocols.dav.notifications import notification_named
from pillarbox.protocols.dav.paths import DIRECTORY, INBOX, OUTBOX, Area, Path
from pillarbox.protocols.dav.paths import Place as PathPlace
from pillarbox.protocols.dav.view import View

FOREIGN: Final = "You have no rights here"


class Kind(IntFlag):
    """Kinds of resources; properties say which of them they are for."""

    ROOT = 1
    FOLDER = 2
    PRINCIPAL = 4
    CALENDAR_HOME = 8
    CONTACTS_HOME = 16
    NOTIFICATIONS = 32
    CALENDAR = 64
    INBOX = 128
    OUTBOX = 256
    ADDRESS_BOOK = 512
    DIRECTORY = 1024
    EVENT = 2048
    """An object of a calendar."""
    MESSAGE = 4096
    """An object in an inbox."""
    CARD = 8192
    DIRECTORY_CARD = 16384
    NOTIFICATION = 32768
    """An invitation to share, or an answer to one."""


HOMES: Final = Kind.CALENDAR_HOME | Kind.CONTACTS_HOME
ITEMS: Final = Kind.EVENT | Kind.MESSAGE | Kind.CARD | Kind.DIRECTORY_CARD | Kind.NOTIFICATION
CALENDARS: Final = Kind.CALENDAR | Kind.INBOX
BOOKS: Final = Kind.ADDRESS_BOOK | Kind.DIRECTORY
STORED: Final = Kind.CALENDAR | Kind.INBOX | Kind.ADDRESS_BOOK
"""Collections that have a row."""
EVERYTHING: Final = Kind(65535)
FOLDERS: Final = EVERYTHING & ~ITEMS
ITEM_KINDS: Final = {
    Kind.CALENDAR: Kind.EVENT,
    Kind.INBOX: Kind.MESSAGE,
    Kind.ADDRESS_BOOK: Kind.CARD,
    Kind.DIRECTORY: Kind.DIRECTORY_CARD,
    Kind.NOTIFICATIONS: Kind.NOTIFICATION,
}


_KINDS: Final = {
    PathPlace.ROOT: Kind.ROOT,
    PathPlace.FOLDER: Kind.FOLDER,
    PathPlace.PRINCIPAL: Kind.PRINCIPAL,
    PathPlace.NOTIFICATIONS: Kind.NOTIFICATIONS,
    PathPlace.INBOX: Kind.INBOX,
    PathPlace.OUTBOX: Kind.OUTBOX,
    PathPlace.DIRECTORY: Kind.DIRECTORY,
}


def kind_at(path: Path) -> Kind:
    """The kind of resource that a path names, if there is one."""
    is_card = path.area is Area.CONTACTS
    match path.place:
        case PathPlace.HOME:
            return Kind.CONTACTS_HOME if is_card else Kind.CALENDAR_HOME
        case PathPlace.COLLECTION:
            return Kind.ADDRESS_BOOK if is_card else Kind.CALENDAR
        case PathPlace.ITEM:
            return ITEM_KINDS.get(kind_at(path.parent), Kind.EVENT)
    return _KINDS[path.place]


@dataclass(slots=True)
class Resource:
    """A resource that the actor may know of; `rights` are theirs on it.

    `owner` is the principal that its path names; the owner of a mount's collection is another.
    """

    kind: Kind
    path: Path
    rights: Right = NO_RIGHTS
    owner: Principal | None = None
    access: Access | None = None
    item: Item | None = None

    @property
    def collection(self) -> Collection:
        """The collection that this is or is in; `NotFound` for other things."""
        if self.access is None:
            raise NotFound("There is nothing here")
        return self.access.collection


def find(view: View, path: Path) -> Resource:
    """The resource at a path.

    `Denied` below what belongs to somebody who gave the actor no rights, whether or not it exists;
    `NotFound` for what is not there.
    """
    place = path.place
    if place is PathPlace.ROOT:
        return Resource(Kind.ROOT, path, READ_RIGHTS)
    if place is PathPlace.FOLDER:
        return Resource(Kind.FOLDER, path, READ_RIGHTS)
    owner = owner_of(view, path)
    if place is PathPlace.PRINCIPAL:
        rights = ALL_RIGHTS if view.is_own(owner) else READ_RIGHTS
        return Resource(Kind.PRINCIPAL, path, rights, owner)
    if place is PathPlace.HOME:
        return _home(view, path, owner)
    collection = find_collection(view, path.parent if path.href else path, owner)
    return collection if not path.href else find_item(view, collection, path)


def owner_of(view: View, path: Path) -> Principal:
    """Whom a path names; `Denied` if there is nobody, or nobody the actor may know of.

    That there is nobody of an address in one's own domain is no secret: its users can be searched.
    """
    actor = view.actor
    is_principal = path.place is PathPlace.PRINCIPAL
    if path.address == actor.address and not is_principal:
        # The usual case; what else is to be known of a principal is told of itself alone.
        return Principal(
            actor.account_id, actor.domain_id, actor.address, actor.address, PrincipalKind.USER
        )
    owner = view.principal(path.address)
    if owner is None:
        domain = path.address.rpartition("@")[2].lower()
        if is_principal and view.actor.address.rpartition("@")[2] == domain:
            raise NotFound("There is nobody of this address")
        raise Denied(FOREIGN)
    if is_principal and owner.domain_id != view.actor.domain_id:
        raise Denied(FOREIGN)
    return owner


def find_collection(view: View, path: Path, owner: Principal) -> Resource:
    """The collection at a path; raises as `find`."""
    place = path.collection_place
    own = view.is_own(owner)
    if place is PathPlace.NOTIFICATIONS:
        if not own:
            raise Denied(FOREIGN)
        return Resource(Kind.NOTIFICATIONS, path, READ_RIGHTS, owner)
    if place is PathPlace.OUTBOX:
        if not own:
            raise Denied(FOREIGN)
        return Resource(Kind.OUTBOX, path, ALL_RIGHTS, owner)
    if place is PathPlace.DIRECTORY:
        if not own or not view.has_directory():
            raise NotFound("There is no directory") if own else Denied(FOREIGN)
        return Resource(Kind.DIRECTORY, path, READ_RIGHTS, owner)
    if place is PathPlace.INBOX:
        access = view.inbox(owner)
    else:
        access = homes.find(view.tx, view.keys, view.actor, owner.account_id, path.kind, path.name)
    if access is None:
        raise NotFound("There is no such collection") if own else Denied(FOREIGN)
    return Resource(kind_at(path), path, access.rights, owner, access)


def find_item(view: View, collection: Resource, path: Path) -> Resource:
    """An object of a collection; `NotFound` if there is none of this name."""
    if collection.kind not in ITEM_KINDS:
        raise NotFound("There is no such object")
    if not collection.rights & Right.READ:
        raise Denied(FOREIGN)
    if collection.kind is Kind.DIRECTORY:
        card = directory.find(view.tx, view.actor, path.href)
        item = None if card is None else card.item
    elif collection.kind is Kind.NOTIFICATIONS:
        told = notification_named(view, path.href)
        item = None if told is None else told.item
    else:
        item = items.get(view.tx, view.keys, collection.collection, path.href)
    if item is None:
        raise NotFound("There is no such object")
    return of_item(collection, item)


def of_item(collection: Resource, item: Item) -> Resource:
    """An object as a resource of its collection."""
    path = Path(collection.path.area, collection.path.address, collection.path.name, item.href)
    return Resource(
        ITEM_KINDS[collection.kind],
        path,
        collection.rights,
        collection.owner,
        collection.access,
        item,
    )


def children(view: View, resource: Resource) -> list[Resource]:
    """What is in a folder or home, objects of collections aside."""
    own = view.is_own(resource.owner)
    match resource.kind:
        case Kind.ROOT:
            return [Resource(Kind.FOLDER, Path(area), READ_RIGHTS) for area in Area]
        case Kind.FOLDER:
            mine = view.principal(view.actor.address)
            if mine is None or resource.path.area is None:
                return []
            return [find(view, Path(resource.path.area, mine.address))]
        case Kind.CALENDAR_HOME:
            found = _collections(view, resource, CollectionKind.CALENDAR)
            if own:
                home = resource.path
                inbox = Path(home.area, home.address, INBOX)
                outbox = Path(home.area, home.address, OUTBOX)
                found += [find(view, inbox), find(view, outbox)]
            return found
        case Kind.CONTACTS_HOME:
            found = _collections(view, resource, CollectionKind.ADDRESS_BOOK)
            if own and view.has_directory():
                found.append(find(view, Path(resource.path.area, resource.path.address, DIRECTORY)))
            return found
    return []


def _collections(view: View, home: Resource, kind: CollectionKind) -> list[Resource]:
    owner = _owner(home)
    found = homes.list_of(view.tx, view.keys, view.actor, owner.account_id, (kind,))
    which = Kind.CALENDAR if kind is CollectionKind.CALENDAR else Kind.ADDRESS_BOOK
    return [
        Resource(
            which,
            Path(home.path.area, home.path.address, access.name),
            access.rights,
            home.owner,
            access,
        )
        for access in found
    ]


def _home(view: View, path: Path, owner: Principal) -> Resource:
    kind = kind_at(path)
    if view.is_own(owner):
        return Resource(kind, path, ALL_RIGHTS, owner)
    if not homes.list_of(view.tx, view.keys, view.actor, owner.account_id, (path.kind,)):
        raise Denied(FOREIGN)
    return Resource(kind, path, READ_RIGHTS, owner)


def _owner(resource: Resource) -> Principal:
    if resource.owner is None:
        raise NotFound("There is nothing here")
    return resource.owner

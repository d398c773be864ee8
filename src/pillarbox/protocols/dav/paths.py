"""Paths of calendars, address books and principals: what a URL names, and how it is written."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from pillarbox.base.errors import NotFound
from pillarbox.domain.collections.model import NAME_CHARACTERS, CollectionKind

ROOT: Final = "/dav"
"""Where everything is; `PREFIXES` lead to the same."""
PREFIXES: Final = (ROOT, "/caldav", "/carddav")
INBOX: Final = "inbox"
OUTBOX: Final = "outbox"
DIRECTORY: Final = "directory"
NOTHING: Final = "There is nothing here"


class Area(StrEnum):
    """What the first segment says."""

    PRINCIPALS = "principals"
    CALENDARS = "calendars"
    CONTACTS = "contacts"
    NOTIFICATIONS = "notifications"


class Place(Enum):
    """What kind of thing a path names, whether or not it exists."""

    ROOT = "root"
    FOLDER = "folder"
    PRINCIPAL = "principal"
    HOME = "home"
    NOTIFICATIONS = "notifications"
    COLLECTION = "collection"
    INBOX = "inbox"
    OUTBOX = "outbox"
    DIRECTORY = "directory"
    ITEM = "item"


_HOMES = (Area.CALENDARS, Area.CONTACTS)
_KINDS = {Area.CALENDARS: CollectionKind.CALENDAR, Area.CONTACTS: CollectionKind.ADDRESS_BOOK}
_MOST = {Area.PRINCIPALS: 1, Area.NOTIFICATIONS: 2, Area.CALENDARS: 3, Area.CONTACTS: 3}
"""Segments behind the area."""
_NAMED = {
    (Area.CALENDARS, INBOX): Place.INBOX,
    (Area.CALENDARS, OUTBOX): Place.OUTBOX,
    (Area.CONTACTS, DIRECTORY): Place.DIRECTORY,
}


@dataclass(frozen=True, slots=True)
class Path:
    """A path below the root, its segments decoded; each needs those before it.

    Notifications have no collection between them and the address: an `href` without a `name`.
    """

    area: Area | None = None
    address: str = ""
    name: str = ""
    href: str = ""

    @property
    def place(self) -> Place:
        """What it names."""
        if self.area is None:
            return Place.ROOT
        if not self.address:
            return Place.FOLDER
        if not self.name:
            if self.area is Area.PRINCIPALS:
                return Place.PRINCIPAL
            if self.area in _HOMES:
                return Place.HOME
            return Place.ITEM if self.href else Place.NOTIFICATIONS
        return Place.ITEM if self.href else self.collection_place

    @property
    def collection_place(self) -> Place:
        """What the collection is that it names or is in."""
        if self.area is None:
            return Place.ROOT
        if self.area is Area.NOTIFICATIONS:
            return Place.NOTIFICATIONS
        return _NAMED.get((self.area, self.name), Place.COLLECTION)

    @property
    def kind(self) -> CollectionKind:
        """The kind of the collection named, or of those in the home; `NotFound` elsewhere."""
        if self.collection_place is Place.INBOX:
            return CollectionKind.INBOX
        if self.area is None or self.area not in _KINDS:
            raise NotFound(NOTHING)
        return _KINDS[self.area]

    @property
    def parent(self) -> "Path":
        """The path that this one is in; that of the root is itself."""
        if self.href:
            return Path(self.area, self.address, self.name)
        if self.name:
            return Path(self.area, self.address)
        return Path(self.area) if self.address else Path()

    def written(self, root: str = ROOT) -> str:
        """The path, not percent-encoded; of all but items with a slash at its end."""
        if self.area is None:
            return f"{root}/"
        parts = [root, self.area.value]
        parts += [one for one in (self.address, self.name, self.href) if one]
        return "/".join(parts) + ("" if self.href else "/")


def principal_path(address: str) -> str:
    """The URL path of a principal."""
    return Path(Area.PRINCIPALS, address).written()


def calendar_home(address: str) -> str:
    """The URL path of somebody's calendars."""
    return Path(Area.CALENDARS, address).written()


def contacts_home(address: str) -> str:
    """The URL path of somebody's address books."""
    return Path(Area.CONTACTS, address).written()


def notifications_of(address: str) -> str:
    """The URL path of what somebody is told about sharing."""
    return Path(Area.NOTIFICATIONS, address).written()


def read_path(path: str) -> Path:
    """What a decoded path names; a slash at its end means nothing.

    Raises `NotFound` for what can't be a path here.
    """
    prefix = _prefix(path)
    if prefix is None:
        raise NotFound(NOTHING)
    inside = path[len(prefix) :].strip("/")
    area, *rest = inside.split("/")
    if not inside:
        return Path()
    if area not in _MOST or len(rest) > _MOST[Area(area)]:
        raise NotFound(NOTHING)
    if any(len(one) > NAME_CHARACTERS for one in rest):
        raise NotFound(NOTHING)
    if area == Area.NOTIFICATIONS and len(rest) > 1:
        return Path(Area.NOTIFICATIONS, rest[0], "", rest[1])
    return Path(Area(area), *rest)


def prefix_of(path: str) -> str:
    """The prefix that a path begins with."""
    return _prefix(path) or ROOT


def _prefix(path: str) -> str | None:
    return next((one for one in PREFIXES if path == one or path.startswith(f"{one}/")), None)

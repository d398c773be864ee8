"""Values of collections and their items, and the rights on them."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.base.errors import Conflict, Denied, Exists, Invalid
from pillarbox.base.ids import AccountId

MAX_ITEM_BYTES = 10 << 20
"""The largest calendar object or card."""
NAME_CHARACTERS = 255
"""Of the last segment of a collection's or item's path."""


class CollectionKind(IntEnum):
    """What a collection holds. An account has one INBOX, of messages about meetings."""

    CALENDAR = 1
    ADDRESS_BOOK = 2
    INBOX = 3


class Source(IntEnum):
    """Where a collection's items come from; of those not OWN the server alone writes the items."""

    OWN = 0
    FEED = 1
    BIRTHDAYS = 2


class ComponentKind(IntFlag):
    """What items are made of; a collection has those it takes, an item the one it is."""

    VEVENT = 1
    VTODO = 2
    VJOURNAL = 4
    VFREEBUSY = 8
    VAVAILABILITY = 16
    VCARD = 32


class Right(IntFlag):
    """Rights on a collection. The owner has all; READ includes FREE_BUSY."""

    FREE_BUSY = 1
    READ = 2
    WRITE = 4
    """Adding, changing and removing items."""
    PROPERTIES = 8
    """Changing the collection's own properties."""
    ADMIN = 16
    """Sharing it, and removing it."""


ALL_RIGHTS = Right(31)
NO_RIGHTS = Right(0)
READ_RIGHTS = Right.FREE_BUSY | Right.READ
WRITE_RIGHTS = READ_RIGHTS | Right.WRITE


class Properties(Struct, frozen=True, omit_defaults=True):
    """What a collection tells of itself; sealed at rest. Instances are stored as msgpack.

    `timezone` is a whole VCALENDAR with one VTIMEZONE, `timezone_id` a name of the time zone
    database (RFC 7809). `alarms` are default alarms by property name. `dead` holds properties the
    server does not know: `{namespace}name` to the element as XML text.
    """

    display_name: str | None = None
    description: str | None = None
    color: str | None = None
    order: int | None = None
    timezone: str | None = None
    timezone_id: str | None = None
    is_transparent: bool = False
    alarms: dict[str, str] = {}
    availability: str | None = None
    dead: dict[str, str] = {}


def overlaid(below: Properties, above: Properties) -> Properties:
    """`below` with everything that `above` sets; of `alarms` and `dead` name by name."""
    unset = Properties()
    names = [n for n in Properties.__struct_fields__ if getattr(above, n) != getattr(unset, n)]
    found = {name: getattr(above, name) for name in names}
    for name in ("alarms", "dead"):
        if name in found:
            found[name] = {**getattr(below, name), **found[name]}
    return replace(below, **found)


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar, task list, address book or scheduling inbox of one owner.

    `modseq` is that of its newest change, of items or of itself: CTag and sync token come of it.
    `name` is the last segment of its path, unique among the owner's of a kind.
    """

    id: int
    account_id: AccountId
    kind: CollectionKind
    name: str
    components: ComponentKind
    source: Source
    is_default: bool
    modseq: int
    properties: Properties
    created_ms: int


@dataclass(frozen=True, slots=True)
class Mount:
    """A collection of somebody else that has a place in one's own home, once it is accepted."""

    id: int
    account_id: AccountId
    """Of whom it was shared with."""
    collection_id: int
    name: str
    accepted: bool | None
    """`None` until the invitation is answered."""
    properties: Properties
    """What they call and paint it; what is not set is as the owner has it."""


@dataclass(frozen=True, slots=True)
class Access:
    """A collection, what the actor may do with it, and under which name in whose home."""

    collection: Collection
    rights: Right
    mount: Mount | None = None

    @property
    def name(self) -> str:
        """The last segment of its path as the actor sees it."""
        return self.collection.name if self.mount is None else self.mount.name

    @property
    def properties(self) -> Properties:
        """Its properties as the actor sees them: what the mount sets, else what the owner set."""
        own = self.collection.properties
        if self.mount is None:
            return own
        return overlaid(own, self.mount.properties)


class ItemFacts(Struct, frozen=True, gc=False):
    """What is known of an object's content, found before the transaction.

    `first_ms` and `last_ms` bound all of its occurrences (`None`: no bound; both `None` for cards).
    `addresses` are those of a card, for looking up who is a contact.
    """

    uid: str
    component: ComponentKind
    first_ms: int | None = None
    last_ms: int | None = None
    addresses: tuple[str, ...] = ()


class Item(Struct, frozen=True, gc=False):
    """One object of a collection, without its content.

    `etag` is strong and without quotes; `schedule_tag` likewise, `None` for what is not scheduled.
    """

    id: int
    collection_id: int
    href: str
    facts: ItemFacts
    modseq: int
    size_bytes: int
    etag: str
    schedule_tag: str | None
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold for a change (RFC 9110 §13.1); entity tags without quotes.

    `if_match` and `if_none_match`: `None` is no condition, `("*",)` any item at all.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_schedule_tag: str | None = None


NO_CONDITION = Condition()
NOTHING_THERE = Condition(if_none_match=("*",))


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a collection after a modseq: items as they are now, and hrefs that are gone.

    `until` is the modseq to ask from next; with `truncated` there is more after it.
    """

    changed: list[Item]
    removed: list[str]
    until: int
    truncated: bool


class ScheduleTag(IntEnum):
    """What a change does to an object's schedule tag (RFC 6638 §3.2.10)."""

    NONE = 0
    """It has none: nothing is scheduled."""
    KEEP = 1
    """It stays, or is made where there is none: others answered."""
    NEW = 2


class PreconditionFailed(Conflict):
    """A condition of the request does not hold."""


class ComponentNotTaken(Invalid):
    """The collection does not take objects of this component."""


class ItemInvalid(Invalid):
    """Content that can't be stored; `rule` is the precondition it breaks (RFC 4791 §5.3.2.1).

    `rule` is a name such as `valid-calendar-data`, without a namespace.
    """

    def __init__(self, public: str, rule: str) -> None:
        super().__init__(public)
        self.rule = rule


class UidTaken(Exists):
    """Another item of the collection has this UID; `href` is its name."""

    def __init__(self, public: str, href: str) -> None:
        super().__init__(public)
        self.href = href


class Taken(Exists):
    """There is something of that name, which was not to be overwritten."""


class DefaultStays(Denied):
    """The default calendar or address book, or the inbox, can't be removed."""


class TokenForgotten(Invalid):
    """Changes since then are no longer known: everything has to be read again."""


class CollectionReadOnly(Denied):
    """The server alone writes this collection's items."""


@dataclass(frozen=True, slots=True)
class Share:
    """Who a collection is shared with and what they may do; of groups every member may.

    `accepted` is the user's answer; of a group each member has a mount of their own.
    """

    account_id: AccountId
    """Of the user or group; 0 for everybody of the owner's domain."""
    address: str
    rights: Right
    accepted: bool | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an account may keep of calendars and contacts."""

    collections: int = 200
    items: int = 100_000
    shares: int = 500
    properties_bytes: int = 256 * 1024
    item_bytes: int = field(default=MAX_ITEM_BYTES)

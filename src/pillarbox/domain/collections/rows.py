"""Rows of collections and mounts as values, and the sealing of their properties."""

from types import MappingProxyType

from msgspec import msgpack

from pillarbox.base.errors import Invalid, TooLarge
from pillarbox.base.ids import AccountId
from pillarbox.domain.collections.model import (
    NAME_CHARACTERS,
    Collection,
    CollectionKind,
    ComponentKind,
    Limits,
    Mount,
    Properties,
    Source,
)
from pillarbox.domain.collections.tables import collection_mounts, collections
from pillarbox.storage.blobs.sealed import row_name
from pillarbox.storage.keys import KeyRing, Sealer
from pillarbox.storage.tx import Row

RESERVED = MappingProxyType(
    {
        CollectionKind.CALENDAR: ("inbox", "outbox", "notifications"),
        CollectionKind.ADDRESS_BOOK: ("directory",),
        CollectionKind.INBOX: (),
    }
)
"""Names in a home that are no user's to give."""
DEFAULT_NAMES = MappingProxyType(
    {"personal": "Calendar", "tasks": "Tasks", "contacts": "Contacts", "inbox": "Inbox"}
)
"""What collections are called that every account begins with, until somebody renames them."""

c, m = collections.c, collection_mounts.c
COLUMNS = (
    c.id,
    c.account_id,
    c.kind,
    c.name,
    c.components,
    c.source,
    c.is_default,
    c.modseq,
    c.created_ms,
    c.properties,
)
MOUNT_COLUMNS = (m.id, m.account_id, m.collection_id, m.name, m.accepted, m.properties)
_DECODER = msgpack.Decoder(Properties)


def require_name(kind: CollectionKind, name: str) -> None:
    """Raise `Invalid` or `TooLarge` for what can't be the name of a collection in its path."""
    if len(name) > NAME_CHARACTERS:
        raise TooLarge(f"A name has {NAME_CHARACTERS} characters at most")
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise Invalid("A name can't be empty or hold slashes or control characters")
    if name.lower() in RESERVED[kind]:
        raise Invalid(f"The name {name} is kept for the server")


def seal_properties(sealer: Sealer, row_id: int, properties: Properties, limits: Limits) -> bytes:
    """Properties as they are stored; raises `TooLarge`."""
    packed = msgpack.encode(properties)
    if len(packed) > limits.properties_bytes:
        raise TooLarge(
            f"The properties of a collection have {limits.properties_bytes} bytes at most"
        )
    return sealer.seal(packed, row_name(row_id))


def collection_of(row: Row, keys: KeyRing, salt: bytes) -> Collection:
    """The collection of a row of `COLUMNS`; `salt` is its owner's."""
    sealed = row[9]
    if sealed is None:
        properties = Properties(display_name=DEFAULT_NAMES.get(row[3]))
    else:
        properties = _DECODER.decode(keys.account(salt).open(bytes(sealed), row_name(row[0])))
    return Collection(
        row[0],
        AccountId(row[1]),
        CollectionKind(row[2]),
        row[3],
        ComponentKind(row[4]),
        Source(row[5]),
        bool(row[6]),
        row[7],
        properties,
        row[8],
    )


def mount_of(row: Row, keys: KeyRing, salt: bytes) -> Mount:
    """The mount of a row of `MOUNT_COLUMNS`; `salt` is that of whose home it is in."""
    number, account, collection, name, accepted, sealed = row
    properties = Properties()
    if sealed is not None:
        properties = _DECODER.decode(keys.account(salt).open(bytes(sealed), row_name(number)))
    return Mount(number, AccountId(account), collection, name, bool(accepted), properties)

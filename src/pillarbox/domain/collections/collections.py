"""Collections: made, changed, renamed and removed."""

from sqlalchemy import bindparam, func, select, update

from pillarbox.base.errors import Denied, Exists, Invalid, NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collection_rows.forget import forget_collection
from pillarbox.domain.collections import rows
from pillarbox.domain.collections.homes import KIND_NOTED
from pillarbox.domain.collections.model import (
    Access,
    Collection,
    CollectionKind,
    ComponentKind,
    DefaultStays,
    Limits,
    Mount,
    Properties,
    Right,
    Source,
)
from pillarbox.domain.collections.rows import c, m
from pillarbox.domain.collections.tables import collection_mounts, collections
from pillarbox.domain.owners.quota import charge, lock_salt
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

LIMITS = Limits()
NO_PROPERTIES = Properties()
CALENDAR_COMPONENTS = ComponentKind.VEVENT | ComponentKind.VTODO | ComponentKind.VJOURNAL
"""What a calendar takes where nothing else is asked for."""

_NAMED = Statement(
    select(c.id).where(
        c.account_id == bindparam("owner"),
        c.kind == bindparam("of_kind"),
        c.name == bindparam("named"),
    )
)
_MOUNT_NAMED = Statement(
    select(m.id)
    .select_from(collection_mounts.join(collections, c.id == m.collection_id))
    .where(
        m.account_id == bindparam("owner"),
        m.accepted == 1,
        c.kind == bindparam("of_kind"),
        m.name == bindparam("named"),
    )
)
_COUNT = Statement(
    select(func.count()).select_from(collections).where(c.account_id == bindparam("owner"))
)
_INSERT = insert_row(collections)
_CHANGE = Statement(
    update(collections)
    .where(c.id == bindparam("collection"))
    .values(properties=bindparam("sealed"), modseq=bindparam("new_modseq"))
)
_COMPONENTS = Statement(
    update(collections)
    .where(c.id == bindparam("collection"))
    .values(components=bindparam("new_components"))
)
_RENAME = Statement(
    update(collections)
    .where(c.id == bindparam("collection"))
    .values(name=bindparam("new_name"), modseq=bindparam("new_modseq"))
)
_CHANGE_MOUNT = Statement(
    update(collection_mounts)
    .where(m.id == bindparam("mount"))
    .values(properties=bindparam("sealed"))
)
_RENAME_MOUNT = Statement(
    update(collection_mounts).where(m.id == bindparam("mount")).values(name=bindparam("new_name"))
)
_LEAVE = Statement(
    update(collection_mounts)
    .where(m.id == bindparam("mount"))
    .values(accepted=0, name="", answered_ms=bindparam("now"), is_noted=0)
)
_SIZE = Statement(select(c.size_bytes, c.is_default).where(c.id == bindparam("collection")))
_TOUCH = Statement(
    update(collections)
    .where(c.id == bindparam("collection"))
    .values(modseq=bindparam("new_modseq"))
)


def create(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    owner: AccountId,
    kind: CollectionKind,
    name: str,
    properties: Properties = NO_PROPERTIES,
    components: ComponentKind | None = None,
    limits: Limits = LIMITS,
    *,
    source: Source = Source.OWN,
) -> Collection:
    """Make a collection in the actor's own home; `components` of a calendar default to all usual.

    Raises `Denied` in another's home, `Exists`, `Invalid` or `TooLarge` for a name or properties
    that can't be, `OverQuota` where there are too many.
    """
    if owner != actor.account_id or kind is CollectionKind.INBOX:
        raise Denied("Collections can be made in one's own home only")
    rows.require_name(kind, name)
    if kind is CollectionKind.ADDRESS_BOOK:
        components = ComponentKind.VCARD
    elif not components:
        components = CALENDAR_COMPONENTS
    elif ComponentKind.VCARD in components:
        raise Invalid("A calendar takes no cards")
    salt = lock_salt(tx, owner)
    require_free(tx, owner, kind, name)
    if tx.scalar(_COUNT, owner=owner) >= limits.collections:
        raise OverQuota(f"There may be {limits.collections} collections at most; remove one first")
    number = tx.next_id()
    sealed = rows.seal_properties(keys.account(salt), number, properties, limits)
    modseq = changes.next_modseq(tx, owner)
    tx.run(
        _INSERT,
        id=number,
        account_id=owner,
        kind=int(kind),
        name=name,
        components=int(components),
        source=int(source),
        is_default=None,
        properties=sealed,
        modseq=modseq,
        total=0,
        size_bytes=0,
        forgotten_modseq=0,
        created_ms=tx.now_ms,
    )
    changes.note(tx, owner, modseq, KIND_NOTED[kind], number)
    return Collection(
        number, owner, kind, name, components, source, False, modseq, properties, tx.now_ms
    )


def change(
    tx: Tx, keys: KeyRing, access: Access, properties: Properties, limits: Limits = LIMITS
) -> Access:
    """Give a collection these properties, all of them.

    Through a mount whoever mounted it changes what they alone see. Raises `Denied`, `NotFound`,
    `TooLarge`.
    """
    if access.mount is not None:
        return _change_mount(tx, keys, access, access.mount, properties, limits)
    if Right.PROPERTIES not in access.rights:
        raise Denied("You may not change the properties of this collection")
    collection = access.collection
    salt = lock_salt(tx, collection.account_id)
    sealed = rows.seal_properties(keys.account(salt), collection.id, properties, limits)
    modseq = changes.next_modseq(tx, collection.account_id)
    if not tx.run(_CHANGE, collection=collection.id, sealed=sealed, new_modseq=modseq):
        raise NotFound("There is no such collection")
    _note(tx, collection, modseq)
    return Access(_with(collection, modseq=modseq, properties=properties), access.rights)


def set_components(tx: Tx, access: Access, components: ComponentKind) -> None:
    """Change which objects a calendar takes from now on. Raises `Denied`, `Invalid`."""
    collection = access.collection
    if Right.ADMIN not in access.rights:
        raise Denied("You may not change this collection")
    if collection.kind is not CollectionKind.CALENDAR or ComponentKind.VCARD in components:
        raise Invalid("A calendar takes calendar objects only")
    modseq = changes.next_modseq(tx, collection.account_id)
    tx.run(_COMPONENTS, collection=collection.id, new_components=int(components))
    tx.run(_TOUCH, collection=collection.id, new_modseq=modseq)
    _note(tx, collection, modseq)


def rename(tx: Tx, access: Access, name: str) -> None:
    """Give a collection another name in its path, or a mount another in whose home it is.

    Raises `Denied`, `Exists`, `DefaultStays` for the inbox, `NotFound`, `Invalid`.
    """
    collection, mount = access.collection, access.mount
    rows.require_name(collection.kind, name)
    owner = collection.account_id if mount is None else mount.account_id
    if mount is None and Right.ADMIN not in access.rights:
        raise Denied("You may not rename this collection")
    if collection.kind is CollectionKind.INBOX:
        raise DefaultStays("The inbox can't be renamed")
    modseq = changes.next_modseq(tx, owner)
    require_free(tx, owner, collection.kind, name)
    if mount is not None:
        done = tx.run(_RENAME_MOUNT, mount=mount.id, new_name=name)
    else:
        done = tx.run(_RENAME, collection=collection.id, new_name=name, new_modseq=modseq)
    if not done:
        raise NotFound("There is no such collection")
    changes.note(tx, owner, modseq, KIND_NOTED[collection.kind], collection.id)


def remove(tx: Tx, access: Access) -> None:
    """Remove a collection with everything in it; a mount is only taken out of the actor's home.

    Raises `Denied`, `DefaultStays` for defaults and the inbox, `NotFound`.
    """
    if access.mount is not None:
        leave(tx, access.mount, access.collection.kind)
        return
    collection = access.collection
    if Right.ADMIN not in access.rights:
        raise Denied("You may not remove this collection")
    if collection.kind is CollectionKind.INBOX:
        raise DefaultStays("The inbox can't be removed")
    lock_salt(tx, collection.account_id)
    row = tx.one(_SIZE, collection=collection.id)
    if row is None:
        raise NotFound("There is no such collection")
    if row[1]:
        raise DefaultStays("The default can't be removed; make another one the default first")
    modseq = charge(tx, collection.account_id, -row[0], 0).modseq
    forget_collection(tx, collection.id)
    _note(tx, collection, modseq)


def leave(tx: Tx, mount: Mount, kind: CollectionKind) -> None:
    """Take a collection of somebody else out of one's home, as if declined; raises `NotFound`."""
    modseq = changes.next_modseq(tx, mount.account_id)
    if not tx.run(_LEAVE, mount=mount.id, now=tx.now_ms):
        raise NotFound("There is no such collection")
    changes.note(tx, mount.account_id, modseq, KIND_NOTED[kind], mount.collection_id)


def require_free(tx: Tx, owner: AccountId, kind: CollectionKind, name: str) -> None:
    """Raise `Exists` where a home has a collection or mount of that name; under the lock."""
    where = {"owner": owner, "of_kind": int(kind), "named": name}
    if tx.one(_NAMED, **where) is not None or tx.one(_MOUNT_NAMED, **where) is not None:
        raise Exists(f"There is a collection {name} already")


def _change_mount(
    tx: Tx, keys: KeyRing, access: Access, mount: Mount, properties: Properties, limits: Limits
) -> Access:
    """Keep for the sharee what differs from how the owner has it."""
    below = access.collection.properties
    own = Properties(
        **{
            name: getattr(properties, name)
            for name in Properties.__struct_fields__
            if getattr(properties, name) != getattr(below, name)
        }
    )
    salt = lock_salt(tx, mount.account_id)
    sealed = rows.seal_properties(keys.account(salt), mount.id, own, limits)
    modseq = changes.next_modseq(tx, mount.account_id)
    if not tx.run(_CHANGE_MOUNT, mount=mount.id, sealed=sealed):
        raise NotFound("There is no such collection")
    changes.note(
        tx, mount.account_id, modseq, KIND_NOTED[access.collection.kind], mount.collection_id
    )
    changed = Mount(mount.id, mount.account_id, mount.collection_id, mount.name, True, own)
    return Access(access.collection, access.rights, changed)


def _note(tx: Tx, collection: Collection, modseq: int) -> None:
    changes.note(tx, collection.account_id, modseq, KIND_NOTED[collection.kind], collection.id)


def _with(collection: Collection, modseq: int, properties: Properties) -> Collection:
    return Collection(
        collection.id,
        collection.account_id,
        collection.kind,
        collection.name,
        collection.components,
        collection.source,
        collection.is_default,
        modseq,
        properties,
        collection.created_ms,
    )

"""Whose collections somebody sees and what they may do: where a path becomes an `Access`.

Owners may do everything with their own, others what shares give them, as users, members of groups
or users of the owner's domain. Members of a group may change what is in the group's own home.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select, update

from pillarbox.base.errors import Denied, NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import group_members
from pillarbox.domain.collections import rows
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    NAME_CHARACTERS,
    NO_RIGHTS,
    READ_RIGHTS,
    WRITE_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    CollectionReadOnly,
    ComponentKind,
    Right,
    Source,
)
from pillarbox.domain.collections.rows import COLUMNS, MOUNT_COLUMNS, c, m
from pillarbox.domain.collections.tables import collection_mounts, collection_shares, collections
from pillarbox.domain.owners.quota import lock, lock_salt
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

CALENDAR, TASKS, CONTACTS, INBOX = "personal", "tasks", "contacts", "inbox"
"""Names of the collections every account begins with."""
CALENDAR_KINDS = (CollectionKind.CALENDAR, CollectionKind.INBOX)
"""What is in a calendar home."""
CARD_KINDS = (CollectionKind.ADDRESS_BOOK,)
"""What is in an address book home."""
KIND_NOTED = {
    CollectionKind.CALENDAR: changes.Kind.CALENDAR,
    CollectionKind.INBOX: changes.Kind.CALENDAR,
    CollectionKind.ADDRESS_BOOK: changes.Kind.ADDRESS_BOOK,
}

_MEETINGS = ComponentKind.VEVENT | ComponentKind.VTODO
_DEFAULTS: tuple[tuple[CollectionKind, str, ComponentKind, int | None], ...] = (
    (CollectionKind.CALENDAR, CALENDAR, ComponentKind.VEVENT, 1),
    (CollectionKind.CALENDAR, TASKS, ComponentKind.VTODO, None),
    (CollectionKind.ADDRESS_BOOK, CONTACTS, ComponentKind.VCARD, 1),
    (CollectionKind.INBOX, INBOX, _MEETINGS | ComponentKind.VFREEBUSY, None),
)
_DENIED = "You may not do that with this collection"
_MISSING = "There is no such collection"
_MEMBER_RIGHTS = WRITE_RIGHTS | Right.PROPERTIES

_BASE = select(*COLUMNS, accounts.c.salt).select_from(
    collections.join(accounts, accounts.c.id == c.account_id)
)
_HAS_INBOX = Statement(
    select(c.id).where(c.account_id == bindparam("owner"), c.kind == int(CollectionKind.INBOX))
)
_OF_OWNER = Statement(
    _BASE.where(c.account_id == bindparam("owner")).order_by(c.kind, c.created_ms, c.id)
)
_NAMED = Statement(
    _BASE.where(
        c.account_id == bindparam("owner"),
        c.kind == bindparam("of_kind"),
        c.name == bindparam("named"),
    )
)
_BY_ID = Statement(_BASE.where(c.id == bindparam("collection")))
_DEFAULT = Statement(
    _BASE.where(
        c.account_id == bindparam("owner"),
        c.kind == bindparam("of_kind"),
        c.is_default == 1,
    )
)
_own = accounts.alias("own")
_MOUNTED = (
    select(*COLUMNS, accounts.c.salt, *MOUNT_COLUMNS, _own.c.salt)
    .select_from(
        collection_mounts.join(collections, c.id == m.collection_id)
        .join(accounts, accounts.c.id == c.account_id)
        .join(_own, _own.c.id == m.account_id)
    )
    .where(m.account_id == bindparam("actor"), m.accepted == 1)
)
_MOUNTS = Statement(_MOUNTED.order_by(c.kind, m.name))
_MOUNT_NAMED = Statement(
    _MOUNTED.where(c.kind == bindparam("of_kind"), m.name == bindparam("named"))
)
_GROUPS = select(group_members.c.group_id).where(group_members.c.account_id == bindparam("actor"))
APPLIES = or_(
    collection_shares.c.holder_id == bindparam("actor"),
    collection_shares.c.holder_id == bindparam("domain"),
    collection_shares.c.holder_id.in_(_GROUPS),
)
"""Which shares are somebody's, by `actor` and `domain`."""
_RIGHTS = Statement(
    select(collection_shares.c.rights).where(
        collection_shares.c.collection_id == bindparam("collection"), APPLIES
    )
)
_RIGHTS_WITH = Statement(
    select(collection_shares.c.collection_id, collection_shares.c.rights)
    .select_from(collection_shares.join(collections, c.id == collection_shares.c.collection_id))
    .where(c.account_id == bindparam("owner"), APPLIES)
)
_RIGHTS_ANYWHERE = Statement(
    select(collection_shares.c.collection_id, collection_shares.c.rights).where(APPLIES)
)
_IS_MEMBER = Statement(
    select(group_members.c.group_id).where(
        group_members.c.group_id == bindparam("owner"),
        group_members.c.account_id == bindparam("actor"),
    )
)
_INSERT = insert_row(collections)
_NO_DEFAULT = Statement(
    update(collections)
    .where(c.account_id == bindparam("owner"), c.kind == bindparam("of_kind"))
    .values(is_default=None)
)
_SET_DEFAULT = Statement(
    update(collections)
    .where(c.id == bindparam("collection"))
    .values(is_default=1, modseq=bindparam("new_modseq"))
)


def is_open(tx: Tx, account: AccountId) -> bool:
    """Whether `ensure` has nothing to do; for readers."""
    return tx.one(_HAS_INBOX, owner=account) is not None


def ensure(tx: Tx, account: AccountId) -> None:
    """Make the collections every account begins with; what was removed since stays so.

    Calendar, task list, address book and the inbox of scheduling. Raises `NotFound` for an unknown
    account.
    """
    if is_open(tx, account):
        return
    lock(tx, account)
    if is_open(tx, account):
        return
    for kind, name, components, is_default in _DEFAULTS:
        modseq = changes.next_modseq(tx, account)
        collection = tx.next_id()
        tx.run(
            _INSERT,
            id=collection,
            account_id=account,
            kind=int(kind),
            name=name,
            components=int(components),
            source=int(Source.OWN),
            is_default=is_default,
            properties=None,
            modseq=modseq,
            total=0,
            size_bytes=0,
            forgotten_modseq=0,
            created_ms=tx.now_ms,
        )
        changes.note(tx, account, modseq, KIND_NOTED[kind], collection)


def list_of(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    owner: AccountId,
    kinds: Sequence[CollectionKind] = CALENDAR_KINDS,
) -> list[Access]:
    """What the actor sees in a home.

    In their own: all of theirs and what they accepted; in another's: what they have rights on.
    """
    collected = [
        rows.collection_of(row, keys, bytes(row[10]))
        for row in tx.all(_OF_OWNER, owner=owner)
        if row[2] in kinds
    ]
    if owner == actor.account_id:
        own = [Access(one, _own_rights(one)) for one in collected]
        return own + mounted(tx, keys, actor, kinds)
    member = _member_rights(tx, actor, owner)
    given: dict[int, Right] = {}
    for collection, rights in tx.all(
        _RIGHTS_WITH, owner=owner, actor=actor.account_id, domain=actor.domain_id
    ):
        given[collection] = given.get(collection, NO_RIGHTS) | Right(rights)
    found = ((one, _limited(one, member | given.get(one.id, NO_RIGHTS))) for one in collected)
    return [Access(one, rights) for one, rights in found if rights]


def mounted(
    tx: Tx, keys: KeyRing, actor: Actor, kinds: Sequence[CollectionKind] = CALENDAR_KINDS
) -> list[Access]:
    """Collections of others in the actor's home; those they have no rights on now are left out."""
    found = [row for row in tx.all(_MOUNTS, actor=actor.account_id) if row[2] in kinds]
    if not found:
        return []
    given: dict[int, Right] = {}
    for collection, rights in tx.all(
        _RIGHTS_ANYWHERE, actor=actor.account_id, domain=actor.domain_id
    ):
        given[collection] = given.get(collection, NO_RIGHTS) | Right(rights)
    accesses = (_mounted(row, keys, given.get(row[0], NO_RIGHTS)) for row in found)
    return [one for one in accesses if one.rights]


def find(
    tx: Tx, keys: KeyRing, actor: Actor, owner: AccountId, kind: CollectionKind, name: str
) -> Access | None:
    """The collection of a name in a home; `None` where there is none, or none to be known of.

    The inbox is among the calendars.
    """
    if len(name) > NAME_CHARACTERS or "\0" in name:
        return None
    if kind is CollectionKind.CALENDAR and name == INBOX:
        kind = CollectionKind.INBOX
    row = tx.one(_NAMED, owner=owner, of_kind=int(kind), named=name)
    if owner != actor.account_id:
        # Asked for in any case, so that it takes as long where there is none.
        rights = rights_on(tx, actor, owner, 0 if row is None else row[0])
        if row is None or not rights:
            return None
        found = rows.collection_of(row, keys, bytes(row[10]))
        return Access(found, _limited(found, rights))
    if row is not None:
        found = rows.collection_of(row, keys, bytes(row[10]))
        return Access(found, _own_rights(found))
    row = tx.one(_MOUNT_NAMED, actor=actor.account_id, of_kind=int(kind), named=name)
    if row is None:
        return None
    rights = rights_on(tx, actor, AccountId(row[1]), row[0])
    return _mounted(row, keys, rights) if rights else None


def require(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    owner: AccountId,
    kind: CollectionKind,
    name: str,
    right: Right = Right.READ,
) -> Access:
    """The collection of a name in a home, which the actor has these rights on.

    Raises `NotFound` in the actor's own home, in another's `Denied` whether or not it exists.
    """
    access = find(tx, keys, actor, owner, kind, name)
    if access is None:
        if owner == actor.account_id:
            raise NotFound(_MISSING)
        raise Denied(_DENIED)
    if right not in access.rights:
        raise Denied(_DENIED)
    return access


def by_id(tx: Tx, keys: KeyRing, actor: Actor, collection: int) -> Access | None:
    """The collection of an id where the actor has any right on it, as its owner sees it."""
    found = collection_by_id(tx, keys, collection)
    if found is None:
        return None
    rights = rights_on(tx, actor, found.account_id, collection)
    return Access(found, _limited(found, rights)) if rights else None


def collection_by_id(tx: Tx, keys: KeyRing, collection: int) -> Collection | None:
    """The collection of an id, whoever asks; for what the server does by itself."""
    row = tx.one(_BY_ID, collection=collection)
    return None if row is None else rows.collection_of(row, keys, bytes(row[10]))


def of_owner(
    tx: Tx, keys: KeyRing, owner: AccountId, kinds: Sequence[CollectionKind] = CALENDAR_KINDS
) -> list[Collection]:
    """An account's own collections, whoever asks; for what the server does by itself."""
    found = tx.all(_OF_OWNER, owner=owner)
    return [rows.collection_of(row, keys, bytes(row[10])) for row in found if row[2] in kinds]


def default_of(tx: Tx, keys: KeyRing, owner: AccountId, kind: CollectionKind) -> Collection | None:
    """The default calendar or address book of an account (RFC 6638 §9.2)."""
    row = tx.one(_DEFAULT, owner=owner, of_kind=int(kind))
    return None if row is None else rows.collection_of(row, keys, bytes(row[10]))


def inbox_of(tx: Tx, keys: KeyRing, owner: AccountId) -> Collection | None:
    """The scheduling inbox of an account, once it has one."""
    row = tx.one(_NAMED, owner=owner, of_kind=int(CollectionKind.INBOX), named=INBOX)
    return None if row is None else rows.collection_of(row, keys, bytes(row[10]))


def set_default(tx: Tx, access: Access) -> None:
    """Make a collection the default of its kind; only the owner's own may be.

    Raises `Denied`, `CollectionReadOnly` for what the server keeps.
    """
    collection = access.collection
    if Right.ADMIN not in access.rights or access.mount is not None:
        raise Denied(_DENIED)
    if collection.source is not Source.OWN or collection.kind is CollectionKind.INBOX:
        raise CollectionReadOnly("The server keeps this collection; it can't be the default")
    owner = collection.account_id
    modseq = changes.next_modseq(tx, owner)
    tx.run(_NO_DEFAULT, owner=owner, of_kind=int(collection.kind))
    if not tx.run(_SET_DEFAULT, collection=collection.id, new_modseq=modseq):
        raise NotFound(_MISSING)
    changes.note(tx, owner, modseq, KIND_NOTED[collection.kind], collection.id)


def rights_on(tx: Tx, actor: Actor, owner: AccountId, collection: int) -> Right:
    """What the actor may do with a collection of `owner`; no query for their own."""
    if owner == actor.account_id:
        return ALL_RIGHTS
    rights = _member_rights(tx, actor, owner) if collection else NO_RIGHTS
    for (given,) in tx.all(
        _RIGHTS, collection=collection, actor=actor.account_id, domain=actor.domain_id
    ):
        rights |= Right(given)
    return rights


def locked(tx: Tx, keys: KeyRing, collection: int) -> Collection:
    """A collection as it is once no other writer of its owner's can change it.

    Raises `NotFound`.
    """
    row = tx.one(_BY_ID, collection=collection)
    if row is None:
        raise NotFound(_MISSING)
    lock_salt(tx, AccountId(row[1]))
    row = tx.one(_BY_ID, collection=collection)
    if row is None:
        raise NotFound(_MISSING)
    return rows.collection_of(row, keys, bytes(row[10]))


def _own_rights(collection: Collection) -> Right:
    return _limited(collection, ALL_RIGHTS)


def _limited(collection: Collection, rights: Right) -> Right:
    """What is left of rights on a collection that the server keeps."""
    if collection.source is Source.OWN:
        return rights
    return rights & ~Right.WRITE


def _member_rights(tx: Tx, actor: Actor, owner: AccountId) -> Right:
    found = tx.one(_IS_MEMBER, owner=owner, actor=actor.account_id)
    return NO_RIGHTS if found is None else _MEMBER_RIGHTS | READ_RIGHTS


def _mounted(row: Row, keys: KeyRing, rights: Right) -> Access:
    collection = rows.collection_of(row, keys, bytes(row[10]))
    mount = rows.mount_of(row[11:17], keys, bytes(row[17]))
    return Access(collection, _limited(collection, rights), mount)

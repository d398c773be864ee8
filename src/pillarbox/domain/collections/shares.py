"""Sharing collections with users, groups and everybody of a domain, and what these answer.

A share gives rights at once; a place in the sharee's home (a mount) comes with their answer.
"""

import re
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from pillarbox.base.errors import Denied, Exists, Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain import changes
from pillarbox.domain.accounts import names
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import group_members, resources, user_groups, users
from pillarbox.domain.collections import collections as made
from pillarbox.domain.collections import homes, rows
from pillarbox.domain.collections.homes import KIND_NOTED
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    Limits,
    Mount,
    Properties,
    Right,
    Share,
)
from pillarbox.domain.collections.rows import MOUNT_COLUMNS, m
from pillarbox.domain.collections.tables import collection_mounts, collection_shares
from pillarbox.domain.owners.quota import lock, salt_of
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

ANYONE = "anyone"
"""In the place of an address: everybody of the owner's domain."""
LIMITS = Limits()
_NAMES_TRIED = 1000

_s = collection_shares.c
_THIS = (_s.collection_id == bindparam("collection"), _s.holder_id == bindparam("holder"))
_GET = Statement(select(_s.rights).where(*_THIS))
_COUNT = Statement(
    select(func.count())
    .select_from(collection_shares)
    .where(_s.collection_id == bindparam("collection"))
)
_INSERT = insert_row(collection_shares)
_CHANGE = Statement(update(collection_shares).where(*_THIS).values(rights=bindparam("new_rights")))
_REMOVE = Statement(delete(collection_shares).where(*_THIS))
_LIST = Statement(
    select(_s.holder_id, _s.rights, users.c.address, user_groups.c.address, m.accepted)
    .select_from(
        collection_shares.outerjoin(users, users.c.account_id == _s.holder_id)
        .outerjoin(user_groups, user_groups.c.account_id == _s.holder_id)
        .outerjoin(
            collection_mounts,
            (m.account_id == _s.holder_id) & (m.collection_id == _s.collection_id),
        )
    )
    .where(_s.collection_id == bindparam("collection"))
    .order_by(_s.created_ms, _s.holder_id)
)
_USER = Statement(select(users.c.account_id).where(users.c.address == bindparam("address")))
_GROUP = Statement(
    select(user_groups.c.account_id).where(user_groups.c.address == bindparam("address"))
)
_DOMAIN_OF_USER = Statement(
    select(users.c.domain_id, users.c.address).where(users.c.account_id == bindparam("account"))
)
_DOMAIN_OF_GROUP = Statement(
    select(user_groups.c.domain_id, user_groups.c.address).where(
        user_groups.c.account_id == bindparam("account")
    )
)
_DOMAIN_OF_RESOURCE = Statement(
    select(resources.c.domain_id, resources.c.address).where(
        resources.c.account_id == bindparam("account")
    )
)
_MEMBERS = Statement(
    select(group_members.c.account_id).where(group_members.c.group_id == bindparam("holder"))
)
_INVITED = Statement(
    select(_s.collection_id, func.max(_s.created_ms))
    .select_from(
        collection_shares.outerjoin(
            collection_mounts,
            (m.collection_id == _s.collection_id) & (m.account_id == bindparam("actor")),
        )
    )
    .where(
        m.id.is_(None),
        (_s.holder_id == bindparam("actor"))
        | _s.holder_id.in_(
            select(group_members.c.group_id).where(group_members.c.account_id == bindparam("actor"))
        ),
    )
    .group_by(_s.collection_id)
    .order_by(_s.collection_id)
)
_MOUNT = Statement(
    select(*MOUNT_COLUMNS).where(
        m.account_id == bindparam("actor"), m.collection_id == bindparam("collection")
    )
)
_MOUNTS = Statement(
    select(m.id, m.account_id, users.c.domain_id)
    .select_from(collection_mounts.outerjoin(users, users.c.account_id == m.account_id))
    .where(m.collection_id == bindparam("collection"))
)
_INSERT_MOUNT = insert_row(collection_mounts)
_ANSWER = Statement(
    update(collection_mounts)
    .where(m.id == bindparam("mount"))
    .values(
        accepted=bindparam("is_accepted"),
        name=bindparam("new_name"),
        answered_ms=bindparam("now"),
        is_noted=0,
    )
)
_REMOVE_MOUNT = Statement(delete(collection_mounts).where(m.id == bindparam("mount")))


@dataclass(frozen=True, slots=True)
class Invitation:
    """A collection somebody may use and has not answered for; `owner` is an address."""

    collection: Collection
    owner: str
    rights: Right
    invited_ms: int


def share(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    access: Access,
    address: str,
    rights: Right,
    limits: Limits = LIMITS,
) -> Share:
    """Let a user, a group or `ANYONE` use a collection, or change what they may.

    Raises `Denied`, `Invalid` for an unknown address or no rights, `TooLarge` for too many.
    """
    collection = _require_admin(tx, keys, actor, access)
    holder, key = _holder(tx, collection, address)
    if rights not in ALL_RIGHTS or not rights:
        raise Invalid("A share gives some of the rights there are")
    if rights & ~Right.FREE_BUSY:
        rights |= Right.FREE_BUSY | Right.READ
    had = tx.scalar(_GET, collection=collection.id, holder=holder)
    if had is None:
        if tx.scalar(_COUNT, collection=collection.id) >= limits.shares:
            raise TooLarge(f"A collection can be shared with {limits.shares} at most")
        tx.run(
            _INSERT,
            collection_id=collection.id,
            holder_id=holder,
            rights=int(rights),
            created_ms=tx.now_ms,
        )
    elif had != rights:
        tx.run(_CHANGE, collection=collection.id, holder=holder, new_rights=int(rights))
    _changed(tx, collection, holder)
    return next(one for one in shares_of(tx, access) if one.address == key)


def unshare(tx: Tx, keys: KeyRing, actor: Actor, access: Access, address: str) -> None:
    """Take a collection from whom it was shared with; raises `Denied`, `NotFound`, `Invalid`."""
    collection = _require_admin(tx, keys, actor, access)
    holder, _ = _holder(tx, collection, address)
    if not tx.run(_REMOVE, collection=collection.id, holder=holder):
        raise NotFound(f"This collection is not shared with {address}")
    for mount, account, domain in tx.all(_MOUNTS, collection=collection.id):
        whose = Actor(AccountId(account), "", DomainId(domain or 0), actor.role)
        if not homes.rights_on(tx, whose, collection.account_id, collection.id):
            tx.run(_REMOVE_MOUNT, mount=mount)
            changes.hint(tx, AccountId(account))
    _changed(tx, collection, holder)


def shares_of(tx: Tx, access: Access) -> list[Share]:
    """Whom a collection is shared with, the oldest share first.

    Those without the right to administer it see what concerns nobody else: nothing.
    """
    if Right.ADMIN not in access.rights:
        return []
    found = []
    for holder, rights, user, group, accepted in tx.all(_LIST, collection=access.collection.id):
        if user is None and group is None:
            found.append(Share(AccountId(0), ANYONE, Right(rights)))
            continue
        answer = None if accepted is None else bool(accepted)
        found.append(Share(AccountId(holder), user or group, Right(rights), answer))
    return found


def invitations(tx: Tx, keys: KeyRing, actor: Actor) -> list[Invitation]:
    """What was shared with the actor or groups of theirs, and not answered yet."""
    found = []
    for number, invited_ms in tx.all(_INVITED, actor=actor.account_id):
        collection = homes.collection_by_id(tx, keys, number)
        if collection is None or collection.account_id == actor.account_id:
            continue
        rights = homes.rights_on(tx, actor, collection.account_id, number)
        owner = _owner(tx, collection)[1]
        found.append(Invitation(collection, owner, rights, int(invited_ms)))
    return found


def answer(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    collection: int,
    accept: bool,
    name: str | None = None,
    properties: Properties | None = None,
) -> Mount:
    """Take a collection of somebody else into the actor's home, or decline it; either may change.

    Without a `name` one is found that is free. Raises `NotFound` where nothing was shared, `Exists`
    and `Invalid` for a name.
    """
    lock(tx, actor.account_id)
    found = homes.collection_by_id(tx, keys, collection)
    if found is None or found.account_id == actor.account_id:
        raise NotFound("Nothing of that kind was shared with you")
    if not homes.rights_on(tx, actor, found.account_id, collection):
        raise NotFound("Nothing of that kind was shared with you")
    row = tx.one(_MOUNT, actor=actor.account_id, collection=collection)
    salt = salt_of(tx, actor.account_id)
    before = None if row is None else rows.mount_of(row, keys, salt)
    chosen = _name(tx, actor, found, name, before) if accept else ""
    number = tx.next_id() if before is None else before.id
    if before is None:
        sealed = rows.seal_properties(
            keys.account(salt), number, properties or Properties(), LIMITS
        )
        tx.run(
            _INSERT_MOUNT,
            id=number,
            account_id=actor.account_id,
            collection_id=collection,
            name=chosen,
            accepted=int(accept),
            answered_ms=tx.now_ms,
            is_noted=0,
            properties=sealed,
        )
    else:
        tx.run(_ANSWER, mount=number, is_accepted=int(accept), new_name=chosen, now=tx.now_ms)
    modseq = changes.next_modseq(tx, actor.account_id)
    changes.note(tx, actor.account_id, modseq, KIND_NOTED[found.kind], collection)
    kept = (properties or Properties()) if before is None else before.properties
    return Mount(number, actor.account_id, collection, chosen, accept, kept)


def _require_admin(tx: Tx, keys: KeyRing, actor: Actor, access: Access) -> Collection:
    """The collection as it is now, under its owner's lock, which the actor may administer."""
    collection = homes.locked(tx, keys, access.collection.id)
    rights = homes.rights_on(tx, actor, collection.account_id, collection.id)
    if Right.ADMIN not in rights:
        raise Denied("You may not share this collection")
    if collection.kind is CollectionKind.INBOX:
        raise Invalid("The inbox can't be shared")
    return collection


def _owner(tx: Tx, collection: Collection) -> Row:
    """Domain and address of the owner."""
    account = collection.account_id
    for statement in (_DOMAIN_OF_USER, _DOMAIN_OF_GROUP, _DOMAIN_OF_RESOURCE):
        row = tx.one(statement, account=account)
        if row is not None:
            return row
    raise NotFound("There is no such collection")


def _holder(tx: Tx, collection: Collection, address: str) -> tuple[int, str]:
    if address.lower() == ANYONE:
        return _owner(tx, collection)[0], ANYONE
    key = names.mailbox_key(address)[0]
    found = tx.scalar(_USER, address=key) or tx.scalar(_GROUP, address=key)
    if found is None:
        raise Invalid(f"There is no user or group {address}")
    if found == collection.account_id:
        raise Invalid("The owner has all rights already")
    return int(found), key


def _changed(tx: Tx, collection: Collection, holder: int) -> None:
    """Log that who may use a collection changed, and hint at it to those concerned."""
    owner = collection.account_id
    modseq = changes.next_modseq(tx, owner)
    changes.note(tx, owner, modseq, KIND_NOTED[collection.kind], collection.id)
    changes.hint(tx, AccountId(holder))
    for (member,) in tx.all(_MEMBERS, holder=holder):
        changes.hint(tx, AccountId(member))


def _name(
    tx: Tx, actor: Actor, collection: Collection, wanted: str | None, before: Mount | None
) -> str:
    """The name of a mount: the one wanted, the one it has, or one that is free."""
    kind = collection.kind
    if wanted is None and before is not None and before.accepted:
        return before.name
    if wanted is not None:
        rows.require_name(kind, wanted)
        if before is None or before.name != wanted:
            made.require_free(tx, actor.account_id, kind, wanted)
        return wanted
    owner = re.sub(r"[^\w.-]", "-", _owner(tx, collection)[1].partition("@")[0])[:60]
    base = collection.name[:180]
    for number in range(_NAMES_TRIED):
        tail = "" if number == 0 else f"-{owner}" if number == 1 else f"-{owner}-{number}"
        try:
            made.require_free(tx, actor.account_id, kind, base + tail)
        except Exists:
            continue
        return base + tail
    raise Exists("No name is free; choose one")

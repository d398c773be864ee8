"""Objects of calendars and address books: put, removed, copied and moved.

Whoever changes something finds the `Access` in the same transaction; conditions are looked at under
the lock of the owner's account. Reading is in `listing`, whose functions are named here too.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, literal, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Denied, Invalid, NotFound, OverQuota, TooLarge
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain import changes
from pillarbox.domain.collections import addresses, item_rows
from pillarbox.domain.collections.item_rows import COLUMNS, Head, NewRow, Stored, i
from pillarbox.domain.collections.listing import (
    PAGE,
    by_uid,
    changed_since,
    contents,
    everywhere,
    get,
    list_of,
    marks,
    read,
    usage,
    within,
)
from pillarbox.domain.collections.model import (
    NAME_CHARACTERS,
    NO_CONDITION,
    NOTHING_THERE,
    Access,
    Collection,
    CollectionKind,
    CollectionReadOnly,
    ComponentNotTaken,
    Condition,
    Item,
    ItemFacts,
    Limits,
    PreconditionFailed,
    Right,
    ScheduleTag,
    Source,
    Taken,
    UidTaken,
)
from pillarbox.domain.collections.prepare import Prepared, prepare
from pillarbox.domain.collections.tables import (
    collection_items,
    collections,
    item_contents,
    item_tombstones,
)
from pillarbox.domain.owners.quota import charge, lock_salt
from pillarbox.storage.blobs.sealed import unseal
from pillarbox.storage.keys import KeyRing, Sealer
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

__all__ = [
    "PAGE",
    "Gone",
    "Prepared",
    "Put",
    "by_uid",
    "changed_since",
    "check",
    "contents",
    "copy",
    "delete",
    "everywhere",
    "get",
    "list_of",
    "marks",
    "move",
    "prepare",
    "put",
    "read",
    "require_href",
    "usage",
    "within",
]

LIMITS = Limits()

_HERE = i.collection_id == bindparam("collection")
_THIS = (_HERE, i.id == bindparam("item"))
# Two searches, each by its index: an OR makes the whole collection be read. So does SQLite for the
# second one without `+ 0`, since it takes any table for a small one.
_FIND = Statement(
    select(*COLUMNS)
    .where(_HERE, i.href_digest == bindparam("of_href"))
    .union_all(
        select(*COLUMNS).where(
            i.collection_id + 0 == bindparam("collection"),
            i.uid_digest == bindparam("of_uid"),
            i.href_digest != bindparam("of_href"),
        )
    )
)
_BY_HREF = Statement(select(*COLUMNS).where(_HERE, i.href_digest == bindparam("of_href")))
_INSERT = insert_row(collection_items)
_CHANGED = (
    "component",
    "modseq",
    "first_ms",
    "last_ms",
    "size_bytes",
    "content_id",
    "schedule_tag",
    "changed_ms",
    "uid_digest",
    "head",
)
_REPLACE = Statement(
    update(collection_items)
    .where(*_THIS)
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_REMOVE = Statement(sql_delete(collection_items).where(*_THIS))
_CONTENT = Statement(select(item_contents.c.data).where(item_contents.c.id == bindparam("content")))
_INSERT_CONTENT = insert_row(item_contents)
_REPLACE_CONTENT = Statement(
    update(item_contents)
    .where(item_contents.c.id == bindparam("content"))
    .values(id=bindparam("new_id"), data=bindparam("new_data"))
)
_COPY_CONTENT = Statement(
    insert(item_contents).from_select(
        ["id", "data"],
        select(bindparam("new_id", type_=Big), item_contents.c.data).where(
            item_contents.c.id == bindparam("content")
        ),
    )
)
_REMOVE_CONTENT = Statement(
    sql_delete(item_contents).where(item_contents.c.id == bindparam("content"))
)
_BURY = insert_row(item_tombstones)
_TOUCH = Statement(
    update(collections)
    .where(collections.c.id == bindparam("collection"))
    .values(
        modseq=bindparam("new_modseq"),
        total=collections.c.total + bindparam("added"),
        size_bytes=collections.c.size_bytes + bindparam("added_bytes"),
    )
    .returning(collections.c.total)
)
_TOTAL = Statement(
    select(func.coalesce(func.sum(collections.c.total), literal(0))).where(
        collections.c.account_id == bindparam("account")
    )
)


@dataclass(frozen=True, slots=True)
class Put:
    """An object that was put; `before` is what was there under its name.

    `replaced` is the content of that, where it was asked for.
    """

    item: Item
    before: Item | None
    replaced: bytes | None = None

    @property
    def created(self) -> bool:
        """Whether there was nothing of that name."""
        return self.before is None


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that was removed, and its content."""

    item: Item
    content: bytes


def put(
    tx: Tx,
    keys: KeyRing,
    access: Access,
    href: str,
    prepared: Prepared,
    condition: Condition = NO_CONDITION,
    *,
    tag: ScheduleTag = ScheduleTag.NONE,
    want_replaced: bool = False,
    by_server: bool = False,
    limits: Limits = LIMITS,
) -> Put:
    """Store an object under a name, instead of the one there if there is one.

    With `by_server` nobody's rights are looked at: for feeds, inboxes and birthdays. Raises
    `Denied`, `CollectionReadOnly`, `ComponentNotTaken`, `PreconditionFailed`, `UidTaken`,
    `OverQuota`, `Invalid` for a name that can't be, `NotFound` where the collection has gone; the
    transaction must not go on then.
    """
    collection, facts = access.collection, prepared.facts
    _require_change(access, by_server)
    if collection.kind is CollectionKind.INBOX and not by_server:
        raise CollectionReadOnly("Messages about meetings are put into the inbox by the server")
    _require_fit(collection, href, prepared, limits)
    owner = collection.account_id
    salt = lock_salt(tx, owner)
    here = _take_place(tx, keys, salt, collection, href, facts.uid, condition)
    before_bytes = 0 if here is None else here.item.size_bytes
    added = prepared.size_bytes - before_bytes
    charged = charge(tx, owner, added, 0)
    replaced = _content(tx, here) if want_replaced and here is not None else None
    content_id = tx.next_id()
    sealed = prepared.sealed
    row = NewRow(
        id=tx.next_id() if here is None else here.item.id,
        href=href,
        facts=facts,
        head=Head(href, facts.uid, sealed.content_key, sealed.id, facts.addresses),
        modseq=charged.modseq,
        size_bytes=prepared.size_bytes,
        content_id=content_id,
        tag=_tag(tag, here, content_id),
        created_ms=tx.now_ms if here is None else here.item.created_ms,
        changed_ms=tx.now_ms,
    )
    if here is None:
        _insert(tx, keys, salt, collection, row)
        tx.run(_INSERT_CONTENT, id=content_id, data=sealed.data)
    else:
        values = row.values(keys, salt)
        changed = {f"new_{name}": values[name] for name in _CHANGED}
        tx.run(_REPLACE, collection=collection.id, item=row.id, **changed)
        tx.run(_REPLACE_CONTENT, content=here.content_id, new_id=content_id, new_data=sealed.data)
    _touch(tx, collection, charged.modseq, int(here is None), added, limits)
    before = None if here is None else here.item
    had = () if before is None else before.facts.addresses
    addresses.follow(tx, keys, owner, (collection.id, row.id), had, facts.addresses)
    return Put(row.item(collection), before, replaced)


def delete(
    tx: Tx,
    keys: KeyRing,
    access: Access,
    href: str,
    condition: Condition = NO_CONDITION,
    *,
    by_server: bool = False,
) -> Gone:
    """Remove an object. Raises `NotFound`, `Denied`, `CollectionReadOnly`, `PreconditionFailed`."""
    collection = access.collection
    _require_change(access, by_server)
    owner = collection.account_id
    salt = lock_salt(tx, owner)
    found = _require(tx, keys, salt, collection, href)
    check(condition, found.item)
    content = _content(tx, found)
    charged = charge(tx, owner, -found.item.size_bytes, 0)
    _remove(tx, keys, collection, found)
    tx.run(_REMOVE_CONTENT, content=found.content_id)
    _bury(tx, keys.account(salt), collection, found, charged.modseq)
    _touch(tx, collection, charged.modseq, -1, -found.item.size_bytes)
    return Gone(found.item, content)


def copy(
    tx: Tx,
    keys: KeyRing,
    source: Access,
    href: str,
    target: Access,
    new_href: str,
    overwrite: bool = True,
    condition: Condition = NO_CONDITION,
    *,
    limits: Limits = LIMITS,
) -> Put:
    """Store a copy of an object; `condition` is on the source. A copy is not scheduled.

    Raises as `put`, and `Taken` where there is something and `overwrite` is not set.
    """
    _require_read(source)
    transfer = _Transfer(tx, keys, source, href, target, new_href, limits)
    found = transfer.begin(condition, overwrite)
    content_id = tx.next_id()
    tx.run(_COPY_CONTENT, content=found.content_id, new_id=content_id)
    charged = charge(tx, target.collection.account_id, transfer.added_bytes, 0)
    return transfer.arrive(charged.modseq, tx.next_id(), content_id, None)


def move(
    tx: Tx,
    keys: KeyRing,
    source: Access,
    href: str,
    target: Access,
    new_href: str,
    overwrite: bool = True,
    condition: Condition = NO_CONDITION,
    *,
    limits: Limits = LIMITS,
) -> Put:
    """Give an object another name or collection: it is removed here and added there.

    Its entity tag and schedule tag stay. Raises as `copy`.
    """
    _require_change(source, False)
    _require_read(source)
    transfer = _Transfer(tx, keys, source, href, target, new_href, limits)
    found = transfer.begin(condition, overwrite, moved=True)
    here, there = source.collection, target.collection
    size = found.item.size_bytes
    within_account = here.account_id == there.account_id
    added = transfer.added_bytes - (size if within_account else 0)
    charged = charge(tx, there.account_id, added, 0)
    left = charged if within_account else charge(tx, here.account_id, -size, 0)
    _remove(tx, keys, here, found)
    _bury(tx, keys.account(transfer.salts[here.account_id]), here, found, left.modseq)
    _touch(tx, here, left.modseq, -1, -size)
    return transfer.arrive(charged.modseq, found.item.id, found.content_id, found.tag)


def check(condition: Condition, item: Item | None) -> None:
    """Raise `PreconditionFailed` where a condition does not hold for what is there, if anything."""
    match, none_match = condition.if_match, condition.if_none_match
    if match is not None and (item is None or not (match == ("*",) or item.etag in match)):
        raise PreconditionFailed("The object was changed by somebody else, or is not there")
    if none_match and item is not None and (none_match == ("*",) or item.etag in none_match):
        raise PreconditionFailed("There is such an object already")
    wanted = condition.if_schedule_tag
    if wanted is not None and (item is None or item.schedule_tag != wanted):
        raise PreconditionFailed("The meeting was changed by somebody else, or is not there")


def require_href(href: str) -> None:
    """Raise `Invalid` or `TooLarge` for what can't be the last segment of a path."""
    if len(href) > NAME_CHARACTERS:
        raise TooLarge(f"A name has {NAME_CHARACTERS} characters at most")
    if href in ("", ".", "..") or "/" in href or not href.isprintable():
        raise Invalid("A name can't be empty or hold slashes or control characters")


class _Transfer:
    """One object on its way to another place: what copying and moving have in common."""

    __slots__ = (
        "_found",
        "_href",
        "_keys",
        "_limits",
        "_new_href",
        "_replaced",
        "_source",
        "_target",
        "_tx",
        "salts",
    )

    def __init__(
        self,
        tx: Tx,
        keys: KeyRing,
        source: Access,
        href: str,
        target: Access,
        new_href: str,
        limits: Limits,
    ) -> None:
        _require_change(target, False)
        require_href(new_href)
        if target.collection.kind is CollectionKind.INBOX:
            raise CollectionReadOnly("Nothing can be moved into the inbox")
        if source.collection.id == target.collection.id and href == new_href:
            raise Denied("Source and target are the same")
        self._tx, self._keys, self._limits = tx, keys, limits
        self._source, self._href = source.collection, href
        self._target, self._new_href = target.collection, new_href
        # In the order of ids, so that two who move things across never wait for one another.
        accounts = sorted({self._source.account_id, self._target.account_id})
        self.salts: dict[AccountId, bytes] = {one: lock_salt(tx, one) for one in accounts}
        self._replaced: Stored | None = None
        self._found: Stored

    def begin(self, condition: Condition, overwrite: bool, moved: bool = False) -> Stored:
        """Find the source, and take away what is in the target's place."""
        tx, keys, target = self._tx, self._keys, self._target
        salt = self.salts[self._source.account_id]
        found = self._found = _require(tx, keys, salt, self._source, self._href)
        check(condition, found.item)
        _require_component(target, found.item.facts)
        salt = self.salts[target.account_id]
        leaving = found.item.id if moved and self._source.id == target.id else 0
        new_href, uid = self._new_href, found.item.facts.uid
        wanted = NO_CONDITION if overwrite else NOTHING_THERE
        try:
            here = _take_place(tx, keys, salt, target, new_href, uid, wanted, leaving)
        except PreconditionFailed:
            raise Taken("There is an object of that name already") from None
        if here is not None:
            _remove(tx, keys, target, here)
            tx.run(_REMOVE_CONTENT, content=here.content_id)
        self._replaced = here
        return found

    @property
    def added_bytes(self) -> int:
        """What comes to the target less what it took the place of."""
        replaced = 0 if self._replaced is None else self._replaced.item.size_bytes
        return self._found.item.size_bytes - replaced

    def arrive(self, modseq: int, item_id: int, content_id: int, tag: int | None) -> Put:
        """Put the object into its new place."""
        tx, keys, found, before = self._tx, self._keys, self._found, self._replaced
        old, target = found.item, self._target
        row = NewRow(
            id=item_id,
            href=self._new_href,
            facts=old.facts,
            head=Head(
                self._new_href,
                old.facts.uid,
                found.head.key,
                found.head.sealed_as,
                old.facts.addresses,
            ),
            modseq=modseq,
            size_bytes=old.size_bytes,
            content_id=content_id,
            tag=tag,
            created_ms=tx.now_ms,
            changed_ms=tx.now_ms,
        )
        salt = self.salts[target.account_id]
        if before is not None:
            # Whoever knows the name from before has to hear of it should it go again.
            _bury(tx, keys.account(salt), target, before, modseq)
        _insert(tx, keys, salt, target, row)
        _touch(tx, target, modseq, int(before is None), self.added_bytes, self._limits)
        addresses.follow(tx, keys, target.account_id, (target.id, item_id), (), old.facts.addresses)
        return Put(row.item(target), None if before is None else before.item)


def _require_change(access: Access, by_server: bool) -> None:
    if by_server:
        return
    if Right.WRITE not in access.rights:
        raise Denied("You may not change what is in this collection")
    if access.collection.source is not Source.OWN:
        raise CollectionReadOnly("The server keeps this collection; it can't be changed")


def _require_read(access: Access) -> None:
    if Right.READ not in access.rights:
        raise Denied("You may not read this collection")


def _require_component(collection: Collection, facts: ItemFacts) -> None:
    if facts.component not in collection.components:
        names = ", ".join(one.name or "" for one in collection.components)
        raise ComponentNotTaken(f"This collection takes {names} only")


def _require_fit(collection: Collection, href: str, prepared: Prepared, limits: Limits) -> None:
    require_href(href)
    _require_component(collection, prepared.facts)
    if prepared.size_bytes > limits.item_bytes:
        raise TooLarge(f"An object has {limits.item_bytes} bytes at most")


def _take_place(
    tx: Tx,
    keys: KeyRing,
    salt: bytes,
    collection: Collection,
    href: str,
    uid: str,
    condition: Condition,
    leaving: int = 0,
) -> Stored | None:
    """What is under a name, to be replaced; raises where conditions or the UID don't allow it.

    `leaving` is the id of an object that makes room for it.
    """
    sealer = keys.account(salt)
    found: dict[int, Stored] = {}
    names, uids = item_rows.href_digests(keys, salt, href), item_rows.uid_digests(keys, salt, uid)
    for of_href, of_uid in zip(names, uids, strict=True):
        for row in tx.all(_FIND, collection=collection.id, of_href=of_href, of_uid=of_uid):
            found[row[0]] = item_rows.stored(row, sealer)
    here = next((one for one in found.values() if one.item.href == href), None)
    check(condition, None if here is None else here.item)
    if collection.kind is not CollectionKind.INBOX:
        for one in found.values():
            if one is not here and one.item.facts.uid == uid and one.item.id != leaving:
                raise UidTaken("Another object of this collection has this UID", one.item.href)
        if here is not None and here.item.facts.uid != uid:
            raise UidTaken("An object can't be replaced by one with another UID", href)
    return here


def _require(tx: Tx, keys: KeyRing, salt: bytes, collection: Collection, href: str) -> Stored:
    sealer = keys.account(salt)
    for of_href in item_rows.href_digests(keys, salt, href):
        for row in tx.all(_BY_HREF, collection=collection.id, of_href=of_href):
            found = item_rows.stored(row, sealer)
            if found.item.href == href:
                return found
    raise NotFound("There is no such object")


def _content(tx: Tx, found: Stored) -> bytes:
    data = bytes(tx.scalar(_CONTENT, content=found.content_id))
    return unseal(BlobId(found.head.sealed_as), found.head.key, data)


def _tag(wanted: ScheduleTag, here: Stored | None, content_id: int) -> int | None:
    if wanted is ScheduleTag.NONE:
        return None
    if wanted is ScheduleTag.KEEP and here is not None and here.tag is not None:
        return here.tag
    return content_id


def _insert(tx: Tx, keys: KeyRing, salt: bytes, collection: Collection, row: NewRow) -> None:
    tx.run(_INSERT, collection_id=collection.id, **row.values(keys, salt))


def _remove(tx: Tx, keys: KeyRing, collection: Collection, found: Stored) -> None:
    """Remove the row of an object, not its content."""
    item = found.item
    tx.run(_REMOVE, collection=collection.id, item=item.id)
    place = collection.id, item.id
    addresses.follow(tx, keys, collection.account_id, place, item.facts.addresses, ())


def _bury(tx: Tx, sealer: Sealer, collection: Collection, found: Stored, modseq: int) -> None:
    item = found.item
    tx.run(
        _BURY,
        collection_id=collection.id,
        modseq=modseq,
        item_id=item.id,
        created_modseq=found.created_modseq,
        href_digest=found.href_digest,
        href=item_rows.seal_href(sealer, item.id, item.href),
        gone_ms=tx.now_ms,
    )


def _touch(
    tx: Tx,
    collection: Collection,
    modseq: int,
    added: int,
    added_bytes: int,
    limits: Limits = LIMITS,
) -> None:
    """Give the collection its new modseq and sizes, and hint at it."""
    touched = tx.scalar(
        _TOUCH,
        collection=collection.id,
        new_modseq=modseq,
        added=added,
        added_bytes=added_bytes,
    )
    if touched is None:
        raise NotFound("There is no such collection")
    if added > 0 and tx.scalar(_TOTAL, account=collection.account_id) > limits.items:
        raise OverQuota(f"There may be {limits.items} objects at most; remove some first")
    changes.hint(tx, collection.account_id)

"""Reading objects of collections: by name, by UID, by time, all of them, and what changed.

Called by `items`, under whose name others know these, by `domain/calendars` and by feeds. Rights
are the caller's to look at, in the same transaction.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.collections import item_rows
from pillarbox.domain.collections.item_rows import COLUMNS, NO_FIRST, NO_LAST, WITH_CONTENT, i
from pillarbox.domain.collections.model import (
    Changes,
    Collection,
    CollectionKind,
    ComponentKind,
    Item,
    TokenForgotten,
)
from pillarbox.domain.collections.tables import collection_items, collections, item_tombstones
from pillarbox.domain.owners.quota import salt_of
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.keys import KeyRing, Sealer
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

PAGE = 200
"""Objects of a page that are read with their content."""
PAGE_BYTES = 16 << 20
"""Of a page's content: with the object that passes this it ends, see `more_follow`."""
_FEW = 4
"""Objects read at once where they may be large."""
EVERYTHING = ComponentKind(63)

_t = item_tombstones.c
_COLLECTION = i.collection_id == bindparam("collection")
_BY_HREF = Statement(select(*COLUMNS).where(_COLLECTION, i.href_digest == bindparam("digest")))
# With `+ 0` SQLite, which takes any table for a small one, looks into the index that is meant
# instead of reading the whole collection.
_BY_UID = Statement(
    select(*COLUMNS)
    .where(i.collection_id + 0 == bindparam("collection"), i.uid_digest == bindparam("digest"))
    .order_by(i.id)
)
_EVERYWHERE = Statement(
    select(*COLUMNS)
    .select_from(collections.join(collection_items, collections.c.id == i.collection_id + 0))
    .where(
        collections.c.account_id + 0 == bindparam("account"),
        collections.c.kind == bindparam("of_kind"),
        i.uid_digest == bindparam("digest"),
    )
    .order_by(i.id)
)
_LIST = Statement(select(*COLUMNS).where(_COLLECTION).order_by(i.id))
_MARKS = Statement(select(i.id, i.content_id, i.head).where(_COLLECTION).order_by(i.id))
_CONTENTS = Statement(
    WITH_CONTENT.where(_COLLECTION, i.id > bindparam("after"))
    .order_by(i.id)
    .limit(bindparam("most"))
)
_IS_KIND = i.component.op("&")(bindparam("kinds")) != 0
_CONTENTS_OF = Statement(
    WITH_CONTENT.where(_COLLECTION, i.id > bindparam("after"), _IS_KIND)
    .order_by(i.id)
    .limit(bindparam("most"))
)
_other = collection_items.alias()
# Which fit is found in the index alone; only those of the page are read.
_FITTING = select(_other.c.id).where(
    _other.c.collection_id == bindparam("collection"),
    _other.c.last_ms >= bindparam("start"),
    _other.c.first_ms < bindparam("end"),
    _other.c.id + 0 > bindparam("after"),
)
_WITHIN = Statement(
    WITH_CONTENT.where(_COLLECTION, i.id.in_(_FITTING), _IS_KIND)
    .order_by(i.id)
    .limit(bindparam("most"))
)
_SIZES = Statement(
    select(i.size_bytes)
    .where(_COLLECTION, i.id > bindparam("after"))
    .order_by(i.id)
    .limit(bindparam("most"))
)
_SIZES_OF = Statement(
    select(i.size_bytes)
    .where(_COLLECTION, i.id > bindparam("after"), _IS_KIND)
    .order_by(i.id)
    .limit(bindparam("most"))
)
_SIZES_WITHIN = Statement(
    select(i.size_bytes)
    .where(_COLLECTION, i.id.in_(_FITTING), _IS_KIND)
    .order_by(i.id)
    .limit(bindparam("most"))
)
_STATE = Statement(
    select(collections.c.modseq, collections.c.forgotten_modseq, accounts.c.salt)
    .select_from(collections.join(accounts, accounts.c.id == collections.c.account_id))
    .where(collections.c.id == bindparam("collection"))
)
_CHANGED = Statement(
    select(*COLUMNS)
    .where(_COLLECTION, i.modseq > bindparam("since"), i.modseq <= bindparam("until"))
    .order_by(i.modseq)
    .limit(bindparam("most"))
)
# What was made after `since` and has gone again was never known to who asks. What is there again
# under its name is left out later, if it is told of in the same answer: else it may have gone anew
# before the next one, and nobody would say so.
_REMOVED = Statement(
    select(_t.modseq, _t.item_id, _t.href)
    .where(
        _t.collection_id == bindparam("collection"),
        _t.modseq > bindparam("since"),
        _t.modseq <= bindparam("until"),
        _t.created_modseq <= bindparam("since"),
    )
    .order_by(_t.modseq)
    .limit(bindparam("most"))
)
_USAGE = Statement(
    select(collections.c.total, collections.c.size_bytes).where(
        collections.c.id == bindparam("collection")
    )
)


def get(tx: Tx, keys: KeyRing, collection: Collection, href: str) -> Item | None:
    """The object of a name."""
    salt = salt_of(tx, collection.account_id)
    sealer = keys.account(salt)
    for digest in item_rows.href_digests(keys, salt, href):
        row = tx.one(_BY_HREF, collection=collection.id, digest=digest)
        if row is not None:
            item = item_rows.item_of(row, sealer)
            return item if item.href == href else None
    return None


def by_uid(tx: Tx, keys: KeyRing, collection: Collection, uid: str) -> Item | None:
    """The object with a UID; of an inbox, which may have several, the oldest."""
    salt = salt_of(tx, collection.account_id)
    sealer = keys.account(salt)
    for digest in item_rows.uid_digests(keys, salt, uid):
        for row in tx.all(_BY_UID, collection=collection.id, digest=digest):
            item = item_rows.item_of(row, sealer)
            if item.facts.uid == uid:
                return item
    return None


def everywhere(
    tx: Tx, keys: KeyRing, account: AccountId, kind: CollectionKind, uid: str
) -> list[Item]:
    """The objects with a UID in all collections of an account, the oldest first."""
    salt = salt_of(tx, account)
    found = []
    for digest in item_rows.uid_digests(keys, salt, uid):
        rows = tx.all(_EVERYWHERE, account=account, of_kind=int(kind), digest=digest)
        found += item_rows.opened(rows, keys.account(salt))
    return [one for one in found if one.facts.uid == uid]


def read(
    tx: Tx, keys: KeyRing, collection: Collection, hrefs: Sequence[str]
) -> list[tuple[Item, bytes]]:
    """Those of the objects named that there are, with their content, in the order asked for."""
    if not hrefs:
        return []
    salt = salt_of(tx, collection.account_id)
    sealer = keys.account(salt)
    wanted = dict.fromkeys(hrefs)
    digests = [one for href in wanted for one in item_rows.href_digests(keys, salt, href)]
    found: dict[str, tuple[Item, bytes]] = {}
    for statement, named in item_rows.steps(digests):
        for row in tx.all(statement, collection=collection.id, **named):
            one = item_rows.with_content(row, sealer)
            found[one[0].href] = one
    return [found[href] for href in wanted if href in found]


def read_some(
    tx: Tx, keys: KeyRing, collection: Collection, hrefs: Sequence[str]
) -> tuple[list[tuple[Item, bytes]], int]:
    """As `read`, of the first of these names as far as memory allows; and of how many that is."""
    if usage(tx, collection)[1] <= PAGE_BYTES:
        return read(tx, keys, collection, hrefs), len(hrefs)
    found: list[tuple[Item, bytes]] = []
    size_bytes = at = 0
    while at < len(hrefs) and size_bytes < PAGE_BYTES:
        more = read(tx, keys, collection, hrefs[at : at + _FEW])
        at += _FEW
        found += more
        size_bytes += sum(len(content) for _, content in more)
    return found, min(at, len(hrefs))


def list_of(tx: Tx, keys: KeyRing, collection: Collection) -> list[Item]:
    """Every object, the oldest first."""
    sealer = keys.account(salt_of(tx, collection.account_id))
    return item_rows.opened(tx.all(_LIST, collection=collection.id), sealer)


def marks(tx: Tx, keys: KeyRing, collection: Collection) -> list[tuple[str, str]]:
    """Name and entity tag of every object, the oldest first: `list_of` in half the time."""
    sealer = keys.account(salt_of(tx, collection.account_id))
    return [
        (item_rows.open_head(sealer, row[0], row[2]).href, f"{row[1]:x}")
        for row in tx.all(_MARKS, collection=collection.id)
    ]


def contents(
    tx: Tx, keys: KeyRing, collection: Collection, after: int = 0, most: int = PAGE
) -> list[tuple[Item, bytes]]:
    """A page of all objects with content, by id: those behind the id `after`."""
    sealer = keys.account(salt_of(tx, collection.account_id))
    where = {"collection": collection.id, "after": after}
    most = _most(tx, collection, _SIZES, most, where)
    rows = tx.all(_CONTENTS, most=most, **where)
    return [item_rows.with_content(row, sealer) for row in rows]


def within(
    tx: Tx,
    keys: KeyRing,
    collection: Collection,
    start_ms: int | None,
    end_ms: int | None,
    components: ComponentKind = EVERYTHING,
    after: int = 0,
    most: int = PAGE,
) -> list[tuple[Item, bytes]]:
    """A page of the objects that may have an occurrence from `start_ms` to before `end_ms`.

    By id: those behind the id `after`. `None` is no bound. Whether there is one is the caller's to
    find out: known are the bounds over all occurrences of an object.
    """
    sealer = keys.account(salt_of(tx, collection.account_id))
    where = {"collection": collection.id, "kinds": int(components), "after": after}
    sizes, contents_of = _SIZES_OF, _CONTENTS_OF
    if start_ms is not None or end_ms is not None:
        sizes, contents_of = _SIZES_WITHIN, _WITHIN
        where["start"] = NO_FIRST if start_ms is None else start_ms
        where["end"] = NO_LAST if end_ms is None else end_ms
    rows = tx.all(contents_of, most=_most(tx, collection, sizes, most, where), **where)
    return [item_rows.with_content(row, sealer) for row in rows]


def more_follow(page: Sequence[tuple[Item, bytes]]) -> bool:
    """Whether there may be more behind a page of `contents` or `within` of the usual length."""
    return len(page) >= PAGE or sum(len(content) for _, content in page) >= PAGE_BYTES


def _most(
    tx: Tx, collection: Collection, sizes: Statement, most: int, where: dict[str, int]
) -> int:
    """How many objects a page may have, so that its content is not too much for the memory."""
    if usage(tx, collection)[1] <= PAGE_BYTES:
        return most
    size_bytes = 0
    for number, row in enumerate(tx.all(sizes, most=most, **where), 1):
        size_bytes += row[0]
        if size_bytes >= PAGE_BYTES:
            return number
    return most


def changed_since(tx: Tx, keys: KeyRing, collection: Collection, modseq: int, most: int) -> Changes:
    """What changed after a modseq, the oldest change first; 0 asks for all that is there.

    About `most` objects: what one change did is never told in parts. Raises `TokenForgotten` where
    that is no longer known, or the modseq was never given out; `NotFound`.
    """
    state = tx.one(_STATE, collection=collection.id)
    if state is None:
        raise NotFound("There is no such collection")
    newest, forgotten, salt = state
    if modseq > newest or 0 < modseq < forgotten or modseq < 0:
        raise TokenForgotten("What changed since then is not known any more; read it all again")
    sealer = keys.account(bytes(salt))
    where = {"collection": collection.id, "since": modseq}
    rows = tx.all(_CHANGED, until=newest, most=most + 1, **where)
    gone = tx.all(_REMOVED, until=newest, most=most + 1, **where) if modseq else []
    at = sorted([row[2] for row in rows] + [row[0] for row in gone])
    until = newest
    if len(at) > most:
        whole = [one for one in at if one < at[most]]
        until = whole[-1] if whole else at[most]
        if not whole:
            rows = tx.all(_CHANGED, until=until, most=NO_LAST, **where)
            gone = tx.all(_REMOVED, until=until, most=NO_LAST, **where) if modseq else []
    changed = [item_rows.item_of(row, sealer) for row in rows if row[2] <= until]
    there = {one.href for one in changed}
    removed = (_href(sealer, row[1], row[2]) for row in gone if row[0] <= until)
    names = [href for href in dict.fromkeys(removed) if href not in there]
    return Changes(changed, names, until, until < newest)


def usage(tx: Tx, collection: Collection) -> tuple[int, int]:
    """How many objects a collection has, and how many bytes they are."""
    row = tx.one(_USAGE, collection=collection.id)
    if row is None:
        raise NotFound("There is no such collection")
    return row[0], row[1]


def _href(sealer: Sealer, item_id: int, sealed: bytes) -> str:
    return item_rows.open_href(sealer, item_id, bytes(sealed))

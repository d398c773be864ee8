"""Managed attachments: files that events refer to, sealed, charged to who has the calendar.

Whoever knows the address of one may read it, as those who were invited by mail must. It goes when
no object of the owner's refers to it (`pipeline/collections/attachments` looks).
"""

import hashlib
import secrets
from dataclasses import dataclass

from msgspec import Struct, msgpack
from sqlalchemy import bindparam, delete, select

from pillarbox.base.errors import Denied, NotFound
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.collection_rows.attachment_table import attachments
from pillarbox.domain.collections import homes, listing
from pillarbox.domain.collections.model import Access, CollectionKind, Right
from pillarbox.domain.collections.tables import item_contents
from pillarbox.domain.owners.quota import charge, lock_salt, salt_of
from pillarbox.storage.blobs.sealed import SealedBlob, row_name
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

MAX_BYTES = 10 << 20
MAX_OF_OBJECT = 20
FILENAME_CHARACTERS = 255
TOKEN_BYTES = 24
STEP = 50

_a = attachments.c
_COLUMNS = (_a.id, _a.account_id, _a.size_bytes, _a.created_ms, _a.head)
_INSERT = insert_row(attachments)
_INSERT_CONTENT = insert_row(item_contents)
_FIND = Statement(
    select(*_COLUMNS, item_contents.c.data)
    .select_from(attachments.join(item_contents, item_contents.c.id == _a.id))
    .where(_a.digest == bindparam("of_digest"))
)
_OLD = Statement(
    select(*_COLUMNS)
    .where(_a.id > bindparam("after"), _a.created_ms < bindparam("before"))
    .order_by(_a.id)
    .limit(STEP)
)
_REMOVE = Statement(
    delete(attachments).where(_a.id == bindparam("attachment")).returning(_a.size_bytes)
)
_REMOVE_CONTENT = Statement(
    delete(item_contents).where(item_contents.c.id == bindparam("attachment"))
)


class _Head(Struct, frozen=True, array_like=True):
    """What is sealed; `key` and `sealed_as` open the content."""

    token: str
    uid: str
    filename: str
    media_type: str
    key: bytes
    sealed_as: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A managed attachment of the object with a UID; `key` and `sealed_as` open its content."""

    id: int
    account_id: AccountId
    size_bytes: int
    created_ms: int
    token: str
    uid: str
    filename: str
    media_type: str
    key: bytes
    sealed_as: BlobId

    @property
    def managed_id(self) -> str:
        """Its name in the object."""
        return f"{self.id:x}"


def add(
    tx: Tx,
    keys: KeyRing,
    access: Access,
    uid: str,
    sealed: SealedBlob,
    filename: str,
    media_type: str,
) -> Attachment:
    """Store an attachment for an object of a calendar, which is still to refer to it.

    Raises `Denied`, `NotFound`, `OverQuota`.
    """
    if Right.WRITE not in access.rights or access.collection.kind is not CollectionKind.CALENDAR:
        raise Denied("You may not change what is in this collection")
    owner = access.collection.account_id
    salt = lock_salt(tx, owner)
    if homes.collection_by_id(tx, keys, access.collection.id) is None:
        raise NotFound("There is no such collection")
    charge(tx, owner, sealed.size_bytes, 0)
    token, number = secrets.token_urlsafe(TOKEN_BYTES), tx.next_id()
    head = _Head(token, uid, filename, media_type, sealed.content_key, sealed.id)
    tx.run(
        _INSERT,
        id=number,
        account_id=owner,
        digest=_digest(token),
        size_bytes=sealed.size_bytes,
        created_ms=tx.now_ms,
        head=keys.account(salt).seal(msgpack.encode(head), _row(number)),
    )
    tx.run(_INSERT_CONTENT, id=number, data=sealed.data)
    return _attachment((number, owner, sealed.size_bytes, tx.now_ms), head)


def find(tx: Tx, keys: KeyRing, token: str) -> tuple[Attachment, bytes] | None:
    """The attachment a token leads to, and its sealed content."""
    row = tx.one(_FIND, of_digest=_digest(token))
    return None if row is None else (_opened(tx, keys, row), bytes(row[5]))


def remove(tx: Tx, attachment: int, owner: AccountId) -> None:
    """Remove an attachment, if it is there still."""
    size_bytes = tx.scalar(_REMOVE, attachment=attachment)
    if size_bytes is not None:
        tx.run(_REMOVE_CONTENT, attachment=attachment)
        charge(tx, owner, -int(size_bytes), 0)


def unused(
    tx: Tx, keys: KeyRing, after: int, before_ms: int
) -> tuple[list[Attachment], int | None]:
    """Of some attachments made before a time those nothing refers to, and the id to go on behind.

    That is `None` at the end. Only objects of the owner's count, with the UID it was made for.
    """
    rows = tx.all(_OLD, after=after, before=before_ms)
    found = [_opened(tx, keys, row) for row in rows]
    gone = [one for one in found if not _is_used(tx, keys, one)]
    return gone, rows[-1][0] if len(rows) == STEP else None


def _is_used(tx: Tx, keys: KeyRing, attachment: Attachment) -> bool:
    token, owner = attachment.token.encode(), attachment.account_id
    kind = CollectionKind.CALENDAR
    for item in listing.everywhere(tx, keys, owner, kind, attachment.uid):
        collection = homes.collection_by_id(tx, keys, item.collection_id)
        if collection is None:
            continue
        for _, content in listing.read(tx, keys, collection, [item.href]):
            if token in content.replace(b"\r\n ", b"").replace(b"\n ", b""):
                return True
    return False


def _opened(tx: Tx, keys: KeyRing, row: Row) -> Attachment:
    sealer = keys.account(salt_of(tx, AccountId(row[1])))
    return _attachment(row, msgpack.decode(sealer.open(bytes(row[4]), _row(row[0])), type=_Head))


def _attachment(row: Row, head: _Head) -> Attachment:
    return Attachment(
        row[0],
        AccountId(row[1]),
        row[2],
        row[3],
        head.token,
        head.uid,
        head.filename,
        head.media_type,
        head.key,
        BlobId(head.sealed_as),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _row(number: int) -> bytes:
    return row_name(number) + b"attachment"

"""Opening messages as documents, one at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId, BlobId, EmailId
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.mail.index.document import Document, document
from pillarbox.domain.mail.model import ContentRef
from pillarbox.domain.mail.tables import emails
from pillarbox.domain.owners.quota import salt_of
from pillarbox.formats.mime.searchable import AttachmentPart, searchable
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_CONTENT = Statement(
    select(emails.c.blob_id, emails.c.wrapped_key, blobs.c.data, emails.c.parts)
    .select_from(emails.outerjoin(blobs, blobs.c.id == emails.c.blob_id))
    .where(emails.c.id == bindparam("email"))
)
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Attached:
    """The attachments of an email whose text is not known yet."""

    email: EmailId
    parts: tuple[AttachmentPart, ...]


class Documents:
    """Opens messages of one account within a transaction; small ones stay in the cache."""

    def __init__(self, tx: Tx, store: ContentStore, cache: ByteCache, account: AccountId) -> None:
        """Raises `NotFound` where there is no such account."""
        self._tx = tx
        self._store = store
        self._cache = cache
        self._salt = salt_of(tx, account)
        self.sealer = store.keys.account(self._salt)
        self.account = account

    def of(self, email: EmailId) -> Document | None:
        """The document of an email, `None` where it is gone.

        Raises `Unavailable` where its content can't be read.
        """
        key = ("document", email)
        found: Document | None = self._cache.get(key)
        if found is not None:
            return found
        made, _ = self.read(email)
        if made is not None and made.complete:
            self._cache.put(key, made, made.size_bytes)
        return made

    def read(self, email: EmailId) -> tuple[Document | None, Attached | None]:
        """The same past the cache, and the attachments that the text is missing of."""
        row = self._tx.one(_CONTENT, email=email)
        if row is None:
            return None, None
        blob_id, wrapped_key, data, parts = row
        ref = ContentRef(email, BlobId(blob_id), wrapped_key, data)
        content = self._store.open_content(self._salt, ref)
        found = searchable(content, self._store.open_parts(self._salt, email, parts))
        if not found.attachments:
            return document(found, None), None
        text = index.attached(self._tx, self.sealer, email)
        missing = None if text is not None else Attached(email, found.attachments)
        return document(found, text), missing


def without_text(
    tx: Tx, store: ContentStore, cache: ByteCache, account: AccountId, wanted: Iterable[EmailId]
) -> list[Attached]:
    """The attachments of some emails whose text is not known yet."""
    documents = Documents(tx, store, cache, account)
    found: list[Attached] = []
    for email in wanted:
        try:
            _, missing = documents.read(email)
        except Unavailable:
            continue
        if missing is not None:
            found.append(missing)
    return found


def alive(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Those of some emails that still exist."""
    found: set[int] = set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        found.update(row[0] for row in tx.select(select(emails.c.id).where(emails.c.id.in_(some))))
    return found

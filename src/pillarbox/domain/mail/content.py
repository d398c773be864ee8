"""From the bytes of a message to what is stored of it, and back.

`prepare` does all that costs CPU before the transaction: scan, summarize, compress, seal. One
prepared email serves every account the message goes to.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.base.ids import BlobId, EmailId
from pillarbox.domain.mail.model import ContentRef
from pillarbox.domain.mail.threads import NO_IDS, MessageIds, message_ids_of
from pillarbox.formats.mime.crlf import line_end_bytes
from pillarbox.formats.mime.part import Part, decode_parts, encode_parts
from pillarbox.formats.mime.summary import summarize
from pillarbox.storage.blobs.sealed import SealedBlob, row_name, seal, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing

# Content up to this size is prepared on the event loop: a hop to a thread would cost more.
PREPARE_INLINE_BYTES = 64 * 1024
_ALWAYS_QUICK_BYTES = 8 * 1024
_QUICK_HEADER_BYTES = 16 * 1024
_QUICK_DELIMITERS = 64


@dataclass(frozen=True, slots=True)
class PreparedEmail:
    """A message ready to be placed: its sealed content and its plain summary and part index."""

    blob: SealedBlob
    summary: bytes
    parts: bytes
    sent_ms: int | None
    has_attachment: bool
    sent_offset_min: int = 0
    message_ids: MessageIds = NO_IDS
    line_end_bytes: int = 0
    """Octets that its lines lack to end with CRLF each (`formats.mime.crlf`)."""

    @property
    def size_bytes(self) -> int:
        """Octets of the message (RFC822.SIZE)."""
        return self.blob.size_bytes


@dataclass(frozen=True, slots=True)
class SealedRow:
    """The sealed columns of one `emails` row."""

    wrapped_key: bytes
    summary: bytes
    parts: bytes


@dataclass(frozen=True, slots=True)
class ContentStore:
    """What is needed to seal and open content: the key ring and the blob store."""

    keys: KeyRing
    blobs: BlobStore

    def save_file(self, email: PreparedEmail) -> None:
        """Write large content to its file; blocks, so call it in a thread before the write.

        Does nothing for content that lies in the database.
        """
        if self.blobs.in_file(email.blob):
            self.blobs.put(email.blob)

    def seal_row(self, salt: bytes, email_id: EmailId, email: PreparedEmail) -> SealedRow:
        """The columns of an `emails` row, sealed for the account with that salt."""
        row = row_name(email_id)
        sealed = self.keys.account(salt).seal_all(
            (
                (email.blob.content_key, b"k" + row),
                (email.summary, b"s" + row),
                (email.parts, b"p" + row),
            )
        )
        return SealedRow(*sealed)

    def open_content(self, salt: bytes, ref: ContentRef) -> bytes:
        """The bytes of a message; reads a file where they lie in one."""
        return self.opener(salt)(ref.email_id, ref.blob_id, ref.wrapped_key, ref.data)

    def opener(self, salt: bytes) -> Callable[[EmailId, BlobId, bytes, bytes | None], bytes]:
        """What opens the content of many messages of an account, from what `ContentRef` holds."""
        unwrap, open_file = self.keys.account(salt).open, self.blobs.open_file

        def opened(
            email_id: EmailId, blob_id: BlobId, wrapped_key: bytes, data: bytes | None
        ) -> bytes:
            key = unwrap(wrapped_key, b"k" + email_id.to_bytes(8, "big"))
            return open_file(blob_id, key) if data is None else unseal(blob_id, key, data)

        return opened

    def open_parts(self, salt: bytes, email_id: EmailId, sealed: bytes) -> Part:
        """The part index of a message."""
        return decode_parts(self.keys.account(salt).open(sealed, b"p" + row_name(email_id)))


def is_quick(content: bytes) -> bool:
    """Whether `prepare` may run on the event loop: it then takes a few milliseconds at most.

    What takes long are addresses and parts, of which 64 KiB can hold thousands.
    """
    size = len(content)
    if size <= _ALWAYS_QUICK_BYTES:
        return True
    return (
        size <= PREPARE_INLINE_BYTES
        and 0 <= content.find(b"\r\n\r\n") <= _QUICK_HEADER_BYTES
        and content.count(b"\n--") <= _QUICK_DELIMITERS
        and b"message/" not in content.lower()
    )


def prepare(content: bytes, blob_id: BlobId, blobs: BlobStore | None = None) -> PreparedEmail:
    """Scan, summarize and seal a message; never fails, whatever the bytes are.

    CPU only. Call it on the loop where the content `is_quick`, else in a thread. With `blobs` large
    content is written to its file as it is sealed, so that it is not in memory twice: that blocks,
    and raises `Unavailable`.
    """
    summary, root = summarize(content)
    if blobs is not None and blobs.takes_content(len(content)):
        blob = blobs.put_content(blob_id, content)
    else:
        blob = seal(blob_id, content)
    return PreparedEmail(
        blob=blob,
        summary=summary.to_bytes(),
        parts=encode_parts(root),
        sent_ms=summary.fields.sent_at_ms,
        has_attachment=summary.fields.has_attachment,
        sent_offset_min=summary.fields.sent_offset_min,
        message_ids=message_ids_of(summary.fields),
        line_end_bytes=line_end_bytes(content),
    )

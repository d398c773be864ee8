"""Content made ready for storing, with a bound on how much of that happens at once.

Small content is prepared on the event loop, all else in a thread. Called by `inbound/deliver` and
IMAP's APPEND; calls `domain/mail/content`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from pillarbox.base.ids import BlobId, IdSource
from pillarbox.domain.mail.content import (
    PREPARE_INLINE_BYTES,
    ContentStore,
    PreparedEmail,
    is_quick,
    prepare,
)
from pillarbox.storage.blobs.sealed import SealedBlob, seal

LARGE_AT_ONCE = 2
"""Large messages prepared at the same time: each needs several times its size in memory."""


class Preparation:
    """Prepares content; one object per process, since it bounds the memory of large ones."""

    def __init__(self, store: ContentStore, ids: IdSource, large_at_once: int = LARGE_AT_ONCE):
        self.store = store
        self._ids = ids
        self._large = asyncio.Semaphore(large_at_once)

    @asynccontextmanager
    async def place(self, size_bytes: int) -> AsyncIterator[None]:
        """Hold this from before content is prepared until it is stored; large content waits."""
        if size_bytes <= PREPARE_INLINE_BYTES:
            yield
            return
        async with self._large:
            yield

    async def email(self, *pieces: bytes) -> PreparedEmail:
        """The message these pieces make, its file written where it gets one."""
        blob_id = BlobId(self._ids.next())
        if sum(map(len, pieces)) > PREPARE_INLINE_BYTES:
            return await asyncio.to_thread(self._in_thread, pieces, blob_id)
        content = b"".join(pieces)
        if not is_quick(content):
            return await asyncio.to_thread(self._in_thread, (content,), blob_id)
        email = prepare(content, blob_id)
        if self.store.blobs.in_file(email.blob):
            await asyncio.to_thread(self.store.save_file, email)
        return email

    async def blob(self, *pieces: bytes) -> SealedBlob:
        """The content these pieces make alone, for the queue; its file written where it gets one.

        What lies in a file is no longer in memory.
        """
        blob_id = BlobId(self._ids.next())
        if sum(map(len, pieces)) > PREPARE_INLINE_BYTES:
            return await asyncio.to_thread(self._sealed_in_thread, pieces, blob_id)
        blob = seal(blob_id, b"".join(pieces))
        if self.store.blobs.in_file(blob):
            await asyncio.to_thread(self.store.blobs.put, blob)
        return blob

    def _sealed_in_thread(self, pieces: tuple[bytes, ...], blob_id: BlobId) -> SealedBlob:
        content, blobs = b"".join(pieces), self.store.blobs
        if blobs.takes_content(len(content)):
            return blobs.put_content(blob_id, content)
        blob = seal(blob_id, content)
        if not blobs.in_file(blob):
            return blob
        blobs.put(blob)
        return replace(blob, data=b"", filed_bytes=blob.stored_bytes)

    def _in_thread(self, pieces: tuple[bytes, ...], blob_id: BlobId) -> PreparedEmail:
        email = prepare(b"".join(pieces), blob_id, self.store.blobs)
        self.store.save_file(email)
        return email

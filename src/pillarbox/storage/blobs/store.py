"""Where sealed blobs lie: small ones in the database, large ones in files.

A small blob's bytes are written in the transaction that refers to them. A large one is first put
into its file (temporary name, fsync, rename, fsync of the folder) with `put`, then `insert`ed; a
file nobody came to refer to is swept later.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import bindparam, delete, select

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import BlobId
from pillarbox.storage.blobs.sealed import SealedBlob, seal_in_chunks, unseal_file
from pillarbox.storage.blobs.tables import blobs
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

_INSERT = insert_row(blobs)
_DATA = Statement(select(blobs.c.data).where(blobs.c.id == bindparam("id")))
_DELETE = Statement(delete(blobs).where(blobs.c.id == bindparam("id")))


CHUNKED_FROM_BYTES = 1024 * 1024
"""Content from this size on is sealed into its file in chunks, and never there twice in memory."""
SEALING_BYTES = 64
"""What sealing adds to small content, at most."""

_FILE_NAME = re.compile(r"([0-9a-f]{16})(\.tmp)?")


class BlobStore:
    """The hybrid store; `threshold_bytes` is the sealed size from which content goes to a file.

    A threshold of 0 keeps everything in files, `None` everything in the database.
    """

    def __init__(self, folder: Path, threshold_bytes: int | None) -> None:
        self._folder = folder
        self._threshold_bytes = threshold_bytes

    def in_file(self, blob: SealedBlob) -> bool:
        """Whether `put` has to be called (off the event loop) before `insert`."""
        if blob.filed_bytes:
            return True
        return self._threshold_bytes is not None and len(blob.data) >= self._threshold_bytes

    def takes_content(self, size_bytes: int) -> bool:
        """Whether content of this size is for `put_content`."""
        threshold_bytes = self._threshold_bytes
        return threshold_bytes is not None and size_bytes >= max(
            threshold_bytes, CHUNKED_FROM_BYTES
        )

    def may_be_in_file(self, size_bytes: int) -> bool:
        """Whether content of this size can have a file; compression only makes it smaller."""
        threshold_bytes = self._threshold_bytes
        return threshold_bytes is not None and size_bytes + SEALING_BYTES >= threshold_bytes

    def put_content(self, blob_id: BlobId, content: bytes) -> SealedBlob:
        """Seal large content into its file a chunk at a time; else as `put`."""

        def fill(file: BinaryIO) -> SealedBlob:
            return seal_in_chunks(blob_id, content, file.write)

        return self._put(blob_id, fill)

    def put(self, blob: SealedBlob) -> None:
        """Write a large blob's file so that it survives a power cut; blocks on the disk.

        Never writes over a file that is there, or that somebody is writing: `Unavailable` then, as
        for any fault of the disk. Whoever tries again does so with a new id.
        """
        if blob.filed_bytes:
            return

        def fill(file: BinaryIO) -> SealedBlob:
            file.write(blob.data)
            return blob

        self._put(blob.id, fill)

    def _put(self, blob_id: BlobId, fill: Callable[[BinaryIO], SealedBlob]) -> SealedBlob:
        path = self.path(blob_id)
        temporary = path.with_suffix(".tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _cannot_store(error) from error
        try:
            blob = _fill(descriptor, fill)
            # Nobody else can come to have the name meanwhile: they would need the temporary one.
            if path.exists():
                raise FileExistsError(f"{path} is there already")
            temporary.rename(path)
            for folder in (path.parent, path.parent.parent, self._folder):
                _sync_folder(folder)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise _cannot_store(error) from error
        return blob

    def insert(self, tx: Tx, blob: SealedBlob) -> None:
        """Add the blob's row, and its bytes where they lie in the database."""
        in_file = self.in_file(blob)
        tx.run(
            _INSERT,
            id=blob.id,
            size_bytes=blob.size_bytes,
            stored_bytes=blob.stored_bytes,
            store="fs" if in_file else "db",
            created_ms=tx.now_ms,
            data=None if in_file else blob.data,
        )

    def load(self, tx: Tx, blob_id: BlobId) -> bytes:
        """The sealed bytes of a blob, from wherever it lies; `Unavailable` if they are gone."""
        data = tx.scalar(_DATA, id=blob_id)
        return self.load_file(blob_id) if data is None else bytes(data)

    def load_file(self, blob_id: BlobId) -> bytes:
        """The sealed bytes of a blob that lies in a file."""
        try:
            return self.path(blob_id).read_bytes()
        except OSError as error:
            raise Unavailable("Stored content can't be read", str(error)) from error

    def open_file(self, blob_id: BlobId, content_key: bytes) -> bytes:
        """The content of a blob that lies in a file."""
        try:
            with self.path(blob_id).open("rb") as file:
                return unseal_file(blob_id, content_key, file, os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise Unavailable("Stored content can't be read", str(error)) from error

    def delete(self, tx: Tx, blob_id: BlobId) -> None:
        """Remove a blob's rows; its file, if any, goes with `remove_file` after the commit."""
        tx.run(_DELETE, id=blob_id)

    def remove_file(self, blob_id: BlobId) -> None:
        """Remove a blob's file, if there is one."""
        self.path(blob_id).unlink(missing_ok=True)

    def path(self, blob_id: BlobId) -> Path:
        """The file of a blob."""
        name = f"{blob_id:016x}"
        # The low bits are the busiest: they spread files evenly over 4,096 folders.
        return self._folder / name[-2:] / name[-4:-2] / name

    def files(self) -> Iterator[tuple[BlobId | None, Path]]:
        """Every file of the store with its blob's id (`None` for one left half-written).

        Files that the store did not make are passed over.
        """
        for path in self._folder.glob("??/??/*"):
            named = _FILE_NAME.fullmatch(path.name)
            if named is not None:
                yield (None if named[2] else BlobId(int(named[1], 16))), path


def _fill(descriptor: int, fill: Callable[[BinaryIO], SealedBlob]) -> SealedBlob:
    """Write a new file to the disk and close it."""
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            blob = fill(file)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return blob


def _cannot_store(error: OSError) -> Unavailable:
    return Unavailable("The message can't be stored just now", str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A blob's form at rest: compressed with zstd where that helps, then sealed with its own key.

One format byte (0 as it came, 1 zstd), a nonce (12), ciphertext and tag. The associated data is
the format byte and the blob's id, so a blob can't stand in for another.

Large content is sealed in chunks (2 as it came, 3 zstd), so that neither way more than one of them
is in memory beside the content: the format byte, a random prefix (7), and for each 256 KiB the
ciphertext and tag. A chunk's nonce is the prefix, its number (4) and whether it is the last (1):
chunks can't be exchanged, left out or cut off.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import BlobId
from pillarbox.storage.keys import KEY_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What fits a database page is left as it is: expanding it would cost more than reading it.
COMPRESS_FROM_BYTES = 4096
MAX_CONTENT_BYTES = 1 << 30
# Level 3 packs mail 1 to 8 % smaller than level 1 and takes up to twice the time.
_LEVEL = 1
_PLAIN, _ZSTD, _PLAIN_CHUNKS, _ZSTD_CHUNKS = b"\x00", b"\x01", b"\x02", b"\x03"
_CHUNK_BYTES = 256 * 1024
_TAG_BYTES = 16
_PREFIX_BYTES = 7
# What does not get a tenth smaller here (base64 does by a quarter) is left as it is.
_SAMPLE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """Content ready for a store; `content_key` has to be wrapped by each account that keeps it."""

    id: BlobId
    content_key: bytes
    size_bytes: int
    data: bytes
    """The sealed bytes; nothing where they are in a file already."""
    filed_bytes: int = 0
    """How long the file is, if it was written as the content was sealed."""

    @property
    def stored_bytes(self) -> int:
        """The size of its form at rest."""
        return self.filed_bytes or len(self.data)


def seal(blob_id: BlobId, content: bytes) -> SealedBlob:
    """Compress and seal content under a new random key. CPU only; large content off the loop."""
    packed, form = content, _PLAIN
    if len(content) >= COMPRESS_FROM_BYTES:
        smaller = _compress(content)
        if len(smaller) < len(content):
            packed, form = smaller, _ZSTD
    # One call for both: each gives the interpreter away and has to win it back.
    random = os.urandom(KEY_BYTES + 12)
    key, nonce = random[:KEY_BYTES], random[KEY_BYTES:]
    data = form + nonce + AESGCM(key).encrypt(nonce, packed, form + row_name(blob_id))
    return SealedBlob(blob_id, key, len(content), data)


class _Compressors(threading.local):
    """A compressor for each thread: to set one up costs more than a small message."""

    def __init__(self) -> None:
        self.own = zstd.ZstdCompressor(_LEVEL)


_COMPRESSORS = _Compressors()


def _compress(content: bytes) -> bytes:
    compressor = _COMPRESSORS.own
    compressor.set_pledged_input_size(len(content))  # written into the frame; `unseal` relies on it
    return compressor.compress(content, compressor.FLUSH_FRAME)


def seal_in_chunks(blob_id: BlobId, content: bytes, write: Callable[[bytes], object]) -> SealedBlob:
    """Compress and seal content under a new random key, handing each chunk to `write`."""
    random = os.urandom(KEY_BYTES + _PREFIX_BYTES)
    key, prefix = random[:KEY_BYTES], random[KEY_BYTES:]
    sample = content[:_SAMPLE_BYTES]
    small = len(_compress(sample)) < len(sample) * 9 // 10
    form = _ZSTD_CHUNKS if small else _PLAIN_CHUNKS
    chunks = _packed_chunks(content) if small else _chunks(content)
    encrypt, row = AESGCM(key).encrypt, form + row_name(blob_id)
    write(form + prefix)
    filed_bytes = 1 + _PREFIX_BYTES
    chunk, number = next(chunks, b""), 0
    while True:
        after = next(chunks, None)
        sealed = encrypt(_nonce(prefix, number, after is None), chunk, row)
        write(sealed)
        filed_bytes += len(sealed)
        if after is None:
            return SealedBlob(blob_id, key, len(content), b"", filed_bytes)
        chunk, number = after, number + 1


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _chunks(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), _CHUNK_BYTES):
        yield view[start : start + _CHUNK_BYTES]


def _packed_chunks(content: bytes) -> Iterator[bytes]:
    """The content compressed, in chunks of one size but for the last."""
    compressor = zstd.ZstdCompressor(_LEVEL)
    compressor.set_pledged_input_size(len(content))
    pending = bytearray()
    for piece in _chunks(content):
        pending += compressor.compress(piece)
        while len(pending) > _CHUNK_BYTES:
            yield bytes(pending[:_CHUNK_BYTES])
            del pending[:_CHUNK_BYTES]
    pending += compressor.flush()
    while pending:
        yield bytes(pending[:_CHUNK_BYTES])
        del pending[:_CHUNK_BYTES]


def unseal(blob_id: BlobId, content_key: bytes, data: bytes) -> bytes:
    """The content of a stored blob; `Unavailable` if it was damaged."""
    form = data[:1]
    if form != _PLAIN and form in (_PLAIN_CHUNKS, _ZSTD_CHUNKS):
        return unseal_file(blob_id, content_key, BytesIO(data), len(data))
    try:
        # A view of large content, since a slice would be another copy.
        sealed = data[13:] if len(data) <= _CHUNK_BYTES else memoryview(data)[13:]
        row = form + blob_id.to_bytes(8, "big")
        packed = AESGCM(content_key).decrypt(data[1:13], sealed, row)
    except (InvalidTag, ValueError) as error:
        raise Unavailable("Stored content can't be read", f"blob {blob_id} is damaged") from error
    if form != _ZSTD:
        return packed
    try:
        return _expand(packed)
    except (zstd.ZstdError, ValueError) as error:
        raise Unavailable("Stored content can't be read", f"blob {blob_id}: {error}") from error


def unseal_file(blob_id: BlobId, content_key: bytes, file: BinaryIO, size_bytes: int) -> bytes:
    """The content of a blob that lies in a file of this size; `Unavailable` if it was damaged."""
    form = file.read(1)
    if form not in (_PLAIN_CHUNKS, _ZSTD_CHUNKS):
        return unseal(blob_id, content_key, form + file.read())
    try:
        chunks = _opened_chunks(AESGCM(content_key), form + row_name(blob_id), file, size_bytes)
        if form == _PLAIN_CHUNKS:
            overhead = -(-(size_bytes - 8) // (_CHUNK_BYTES + _TAG_BYTES)) * _TAG_BYTES
            return _gathered(chunks, size_bytes - 1 - _PREFIX_BYTES - overhead)
        return _expand_chunks(chunks)
    except (InvalidTag, zstd.ZstdError, ValueError) as error:
        raise Unavailable("Stored content can't be read", f"blob {blob_id} is damaged") from error


def _opened_chunks(aead: AESGCM, row: bytes, file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    prefix = file.read(_PREFIX_BYTES)
    left, number = size_bytes - 1 - len(prefix), 0
    while True:
        sealed = file.read(min(_CHUNK_BYTES + _TAG_BYTES, max(left, 0)))
        left -= len(sealed)
        last = left <= 0 or not sealed
        yield aead.decrypt(_nonce(prefix, number, last), sealed, row)
        if last:
            return
        number += 1


def _gathered(pieces: Iterator[bytes], size_bytes: int) -> bytes:
    """The pieces as one, written into memory of that size: joining would take them twice."""
    if not 0 <= size_bytes <= MAX_CONTENT_BYTES:
        raise ValueError("its size is missing or beyond reason")
    buffer = BytesIO(bytes(size_bytes))
    for piece in pieces:
        if buffer.tell() + len(piece) > size_bytes:
            raise ValueError("it holds more than it says")
        buffer.write(piece)
    if buffer.tell() != size_bytes:
        raise ValueError("it holds less than it says")
    return buffer.getvalue()


def _expand_chunks(chunks: Iterator[bytes]) -> bytes:
    first = next(chunks)
    size_bytes = zstd.get_frame_info(first).decompressed_size
    if size_bytes is None:
        raise ValueError("its size is missing or beyond reason")
    reader = zstd.ZstdDecompressor()

    def pieces() -> Iterator[bytes]:
        piece: bytes | None = first
        while piece is not None:
            yield reader.decompress(piece, max_length=_CHUNK_BYTES)
            while not reader.needs_input and not reader.eof:
                yield reader.decompress(b"", max_length=_CHUNK_BYTES)
            piece = next(chunks, None)
            if reader.eof and (piece is not None or reader.unused_data):
                raise ValueError("it is not one whole frame")

    content = _gathered(pieces(), size_bytes)
    if not reader.eof:
        raise ValueError("it is not one whole frame")
    return content


def _expand(packed: bytes) -> bytes:
    """The content of one frame that says how much it holds, and holds no more than that."""
    size_bytes = zstd.get_frame_info(packed).decompressed_size
    if size_bytes is None or size_bytes > MAX_CONTENT_BYTES:
        raise ValueError("its size is missing or beyond reason")
    reader = zstd.ZstdDecompressor()
    content: bytes = reader.decompress(packed, max_length=size_bytes)
    if not reader.eof:
        content += reader.decompress(b"", max_length=1)
    if len(content) != size_bytes or not reader.eof or reader.unused_data:
        raise ValueError("it is not one whole frame")
    return content


def row_name(row_id: int) -> bytes:
    """An id as associated data: 8 bytes, big-endian."""
    return row_id.to_bytes(8, "big")

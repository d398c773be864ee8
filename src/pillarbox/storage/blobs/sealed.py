"""A blob's form at rest: compressed with zstd where that helps, then sealed with its own key.

One format byte (0 as it came, 1 zstd), a nonce (12), ciphertext and tag. The associated data is
the format byte and the blob's id, so a blob can't stand in for another.
"""

import os
import sys
import threading
from dataclasses import dataclass

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
_PLAIN, _ZSTD = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """Content ready for a store; `content_key` has to be wrapped by each account that keeps it."""

    id: BlobId
    content_key: bytes
    size_bytes: int
    data: bytes


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


def unseal(blob_id: BlobId, content_key: bytes, data: bytes) -> bytes:
    """The content of a stored blob; `Unavailable` if it was damaged."""
    form = data[:1]
    try:
        packed = AESGCM(content_key).decrypt(data[1:13], data[13:], form + row_name(blob_id))
    except (InvalidTag, ValueError) as error:
        raise Unavailable("Stored content can't be read", f"blob {blob_id} is damaged") from error
    if form != _ZSTD:
        return packed
    try:
        return _expand(packed)
    except (zstd.ZstdError, ValueError) as error:
        raise Unavailable("Stored content can't be read", f"blob {blob_id}: {error}") from error


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

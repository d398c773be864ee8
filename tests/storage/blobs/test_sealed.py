"""Blobs at rest: what was sealed comes back, anything else is refused within bounds."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import BlobId
from pillarbox.storage.blobs import sealed
from pillarbox.storage.blobs.sealed import row_name, seal, unseal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOB = BlobId(42)
KEY = bytes(range(32))


def sealed_with(form: bytes, packed: bytes) -> bytes:
    """What a store would hold whose packed content was made by someone else."""
    nonce = os.urandom(12)
    return form + nonce + AESGCM(KEY).encrypt(nonce, packed, form + row_name(BLOB))


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"a" * 255, b"a" * 256, os.urandom(300), b"word " * 100_000, os.urandom(1 << 20)],
    ids=len,
)
def test_round_trip(content: bytes) -> None:
    blob = seal(BLOB, content)
    assert (blob.id, blob.size_bytes) == (BLOB, len(content))
    assert unseal(BLOB, blob.content_key, blob.data) == content
    assert len(blob.data) <= len(content) + 29


def test_text_is_compressed_and_keys_are_fresh() -> None:
    one, other = seal(BLOB, b"word " * 1000), seal(BLOB, b"word " * 1000)
    assert len(one.data) < 200
    assert one.content_key != other.content_key
    assert one.data != other.data


def test_threads_do_not_disturb_each_other() -> None:
    contents = [bytes([n]) * 1000 + os.urandom(n * 100) for n in range(60)]

    def there_and_back(content: bytes) -> bytes:
        blob = seal(BLOB, content)
        return unseal(BLOB, blob.content_key, blob.data)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(there_and_back, contents)) == contents


@pytest.mark.parametrize("content", [b"short", b"long " * 200])
def test_damage_is_told(content: bytes) -> None:
    blob = seal(BLOB, content)
    for at in range(len(blob.data)):
        damaged = bytearray(blob.data)
        damaged[at] ^= 0x55
        with pytest.raises(Unavailable):
            unseal(BLOB, blob.content_key, bytes(damaged))
    for length in range(len(blob.data)):
        with pytest.raises(Unavailable):
            unseal(BLOB, blob.content_key, blob.data[:length])


def test_wrong_blob_or_key_is_refused() -> None:
    blob = seal(BLOB, b"content")
    with pytest.raises(Unavailable):
        unseal(BlobId(43), blob.content_key, blob.data)
    with pytest.raises(Unavailable):
        unseal(BLOB, KEY, blob.data)


@given(st.binary(max_size=200))
def test_hostile_bytes(data: bytes) -> None:
    with pytest.raises(Unavailable):
        unseal(BLOB, KEY, data)


@given(st.binary(max_size=200))
def test_hostile_frames(packed: bytes) -> None:
    with pytest.raises(Unavailable):
        unseal(BLOB, KEY, sealed_with(b"\x01", packed))


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zstd.compress(bytes(64 << 20))
    assert len(bomb) < 1 << 16
    monkeypatch.setattr(sealed, "MAX_CONTENT_BYTES", 1 << 20)
    with pytest.raises(Unavailable):
        unseal(BLOB, KEY, sealed_with(b"\x01", bomb))
    unsized = zstd.ZstdCompressor()
    stream = unsized.compress(b"x" * 5000) + unsized.flush()
    assert zstd.get_frame_info(stream).decompressed_size is None
    small = zstd.compress(b"x" * 5000)
    for packed in (stream, small + small, small + b"x", small[:-1]):
        with pytest.raises(Unavailable):
            unseal(BLOB, KEY, sealed_with(b"\x01", packed))
    assert unseal(BLOB, KEY, sealed_with(b"\x01", small)) == b"x" * 5000
    assert unseal(BLOB, KEY, sealed_with(b"\x01", zstd.compress(b""))) == b""

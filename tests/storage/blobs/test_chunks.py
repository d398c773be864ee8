"""Large blobs, sealed in chunks: what was sealed comes back, anything else is refused."""

import os
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import BlobId
from pillarbox.storage.blobs import sealed, store
from pillarbox.storage.blobs.sealed import seal, seal_in_chunks, unseal, unseal_file
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOB = BlobId(42)
CHUNK = 64


def there(content: bytes) -> tuple[bytes, bytes]:
    """A key, and what is stored under it."""
    out = BytesIO()
    blob = seal_in_chunks(BLOB, content, out.write)
    stored = out.getvalue()
    assert (blob.size_bytes, blob.stored_bytes, blob.data) == (len(content), len(stored), b"")
    return blob.content_key, stored


def back(key: bytes, stored: bytes, blob_id: BlobId = BLOB) -> bytes:
    return unseal_file(blob_id, key, BytesIO(stored), len(stored))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_CHUNK_BYTES", CHUNK)


CONTENTS = [
    b"",
    b"x",
    *(os.urandom(size) for size in (CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 1000)),
    b"words " * 10_000,
    b"".join(b"%d words\r\n" % number for number in range(9_000)),
]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_round_trip(content: bytes) -> None:
    key, stored = there(content)
    assert back(key, stored) == unseal(BLOB, key, stored) == content
    assert there(content)[0] != key


@pytest.mark.parametrize("content", [os.urandom(3_000_000), b"word %d " * 500_000], ids=len)
def test_round_trip_of_large_content(content: bytes) -> None:
    key, stored = there(content)
    assert back(key, stored) == content
    assert len(stored) < len(content) + 400


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("content", [os.urandom(200), b"word " * 400], ids=["plain", "packed"])
def test_damage_is_told(content: bytes) -> None:
    key, stored = there(content)
    for at in range(len(stored)):
        damaged = bytearray(stored)
        damaged[at] ^= 0x55
        with pytest.raises(Unavailable):
            back(key, bytes(damaged))
    for length in range(len(stored)):
        with pytest.raises(Unavailable):
            back(key, stored[:length])
    with pytest.raises(Unavailable):
        back(key, stored + b"x")
    with pytest.raises(Unavailable):
        back(key, stored, BlobId(43))
    with pytest.raises(Unavailable):
        back(bytes(32), stored)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_keep_their_places() -> None:
    key, stored = there(os.urandom(CHUNK * 3))
    size = CHUNK + 16
    head, chunks = stored[:8], [stored[at : at + size] for at in range(8, len(stored), size)]
    assert len(chunks) == 3
    for order in ([1, 0, 2], [0, 2], [0, 1], [0, 1, 2, 2], [0, 0, 2], [2]):
        with pytest.raises(Unavailable):
            back(key, head + b"".join(chunks[at] for at in order))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([b"\2", b"\3", b""]), st.binary(max_size=300))
def test_hostile_bytes(form: bytes, data: bytes) -> None:
    with pytest.raises(Unavailable):
        back(bytes(32), form + data)


@pytest.mark.usefixtures("small_chunks")
def test_frames_that_lie_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    unsized = zstd.ZstdCompressor()
    stream = unsized.compress(b"x" * 5000) + unsized.flush()
    small = zstd.compress(b"x" * 5000)
    for packed in (stream, small + small, small + b"x", small[:-1], b"", b"noise"):
        monkeypatch.setattr(sealed, "_packed_chunks", lambda _, packed=packed: iter([packed]))
        key, stored = there(b"word " * 1000)
        with pytest.raises(Unavailable):
            back(key, stored)
    monkeypatch.setattr(sealed, "_packed_chunks", lambda _: iter([zstd.compress(bytes(2 << 20))]))
    monkeypatch.setattr(sealed, "MAX_CONTENT_BYTES", 1 << 20)
    key, stored = there(b"word " * 1000)
    with pytest.raises(Unavailable):
        back(key, stored)


async def test_large_content_is_sealed_into_its_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHUNKED_FROM_BYTES", 2000)
    blobs = BlobStore(tmp_path, 1000)
    assert not blobs.takes_content(1999)
    assert blobs.takes_content(2000)
    assert not BlobStore(tmp_path, None).takes_content(1 << 30)
    assert not BlobStore(tmp_path, 4000).takes_content(3999)
    content = b"word " * 1000  # sealed it is shorter than the threshold, but it is in a file now
    blob = blobs.put_content(BLOB, content)
    assert blobs.in_file(blob)
    blobs.put(blob)
    await database.write(blobs.insert, blob)
    assert blobs.open_file(BLOB, blob.content_key) == content
    data = await database.read(blobs.load, BLOB)
    assert unseal(BLOB, blob.content_key, data) == content
    with pytest.raises(Unavailable):
        blobs.put_content(BLOB, content)
    assert blobs.open_file(BLOB, blob.content_key) == content


def test_files_of_the_old_form_are_read(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path, 0)
    for content in (os.urandom(5000), b"word " * 100_000):
        blob = seal(BLOB, content)
        blobs.put(blob)
        assert blobs.open_file(BLOB, blob.content_key) == content
        blobs.remove_file(BLOB)
    with pytest.raises(Unavailable):
        blobs.open_file(BLOB, bytes(32))

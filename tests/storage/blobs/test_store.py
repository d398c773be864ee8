"""Where blobs lie: small ones in the database, large ones in files that are whole or not there."""

import os
from pathlib import Path

import pytest

from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import BlobId
from pillarbox.storage.blobs import store as store_module
from pillarbox.storage.blobs.sealed import SealedBlob, seal, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database

SMALL = seal(BlobId(0x1234), b"small")
LARGE = seal(BlobId(0x7FFF_0000_0000_ABCD), os.urandom(5000))


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs", 1000)


async def test_small_in_the_database_large_in_files(database: Database, store: BlobStore) -> None:
    assert (store.in_file(SMALL), store.in_file(LARGE)) == (False, True)
    store.put(LARGE)
    for blob in (SMALL, LARGE):
        await database.write(store.insert, blob)
        data = await database.read(store.load, blob.id)
        assert unseal(blob.id, blob.content_key, data) is not None
        assert data == blob.data
    assert [blob for blob, _ in store.files()] == [LARGE.id]
    for blob in (SMALL, LARGE):
        await database.write(store.delete, blob.id)
        store.remove_file(blob.id)
        with pytest.raises(Unavailable):
            await database.read(store.load, blob.id)
    store.remove_file(LARGE.id)
    assert list(store.files()) == []


@pytest.mark.parametrize(("threshold", "expected"), [(0, True), (None, False)])
def test_everything_in_one_place(tmp_path: Path, threshold: int | None, expected: bool) -> None:
    store = BlobStore(tmp_path, threshold)
    assert store.in_file(SMALL) == store.in_file(LARGE) == expected


def test_threshold_is_of_the_sealed_size(tmp_path: Path) -> None:
    size = len(LARGE.data)
    assert BlobStore(tmp_path, size).in_file(LARGE)
    assert not BlobStore(tmp_path, size + 1).in_file(LARGE)


def test_files_are_private_and_spread(store: BlobStore) -> None:
    store.put(LARGE)
    path = store.path(LARGE.id)
    assert path.parts[-3:] == ("cd", "ab", "7fff00000000abcd")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_is_never_written_over(store: BlobStore) -> None:
    other = SealedBlob(LARGE.id, b"", 0, b"other")
    store.put(LARGE)
    with pytest.raises(Unavailable) as refused:
        store.put(other)
    assert refused.value.temporary
    assert store.load_file(LARGE.id) == LARGE.data
    assert [path for _, path in store.files()] == [store.path(LARGE.id)]


def test_what_somebody_else_is_writing_is_left_alone(store: BlobStore) -> None:
    half = store.path(LARGE.id).with_suffix(".tmp")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    with pytest.raises(Unavailable):
        store.put(LARGE)
    assert half.read_bytes() == b"half"
    assert not store.path(LARGE.id).exists()


@pytest.mark.parametrize("broken", ["write", "fsync", "rename"])
def test_failed_put_leaves_no_file(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if broken == "rename":
            patch.setattr(Path, "rename", fail)
        else:
            patch.setattr(store_module.os, "fdopen" if broken == "write" else "fsync", fail)
        with pytest.raises(Unavailable):
            store.put(LARGE)
    assert list(store.files()) == []
    assert not store.path(LARGE.id).exists()
    store.put(LARGE)
    assert store.load_file(LARGE.id) == LARGE.data


def test_file_has_its_name_only_once_it_is_on_disk(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.path(LARGE.id)
    steps: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        steps.append((os.readlink(f"/proc/self/fd/{descriptor}"), path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(store_module.os, "fsync", watch)
    store.put(LARGE)
    assert steps[0] == (str(path.with_suffix(".tmp")), False)
    synced = {name for name, there in steps[1:] if there}
    assert synced >= {str(path.parent), str(path.parent.parent), str(path.parent.parent.parent)}


def test_no_room_for_folders(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file in the way")
    with pytest.raises(Unavailable):
        BlobStore(tmp_path / "blobs", 0).put(SMALL)


def test_listing(store: BlobStore) -> None:
    assert list(store.files()) == []
    blobs = [SealedBlob(BlobId(number), b"", 0, b"data") for number in (1, 0x1_0001, 7 << 60)]
    for blob in blobs:
        store.put(blob)
    torn = store.path(BlobId(5)).with_suffix(".tmp")
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"half")
    for alien in (".nfs0001", "README", "0000000000000005.bak"):
        (torn.parent / alien).write_text("not ours")
    assert sorted(store.files(), key=str) == sorted(
        [(None, torn), *((blob.id, store.path(blob.id)) for blob in blobs)], key=str
    )

"""Where the queue's content lies."""

from pathlib import Path

import pytest

from pillarbox.storage.blobs.store import BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path, None)

"""An account with mail, and what learns from it."""

from pathlib import Path

import pytest

from kit.mail import MailAccount, content_store
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.pipeline.learning.training import Training
from pillarbox.storage.db import Database


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return content_store(tmp_path / "blobs")


@pytest.fixture
async def account(database: Database, store: ContentStore) -> MailAccount:
    return await MailAccount.open(database, store)


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def training(database: Database, store: ContentStore, bus: LocalBus) -> Training:
    return Training(database, store, bus, "a process")

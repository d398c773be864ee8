"""An account on each kind of database."""

from pathlib import Path

import pytest

from kit.mail import MailAccount, content_store
from pillarbox.domain.mail.content import ContentStore
from pillarbox.storage.db import Database


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return content_store(tmp_path / "blobs")


@pytest.fixture
async def account(database: Database, store: ContentStore) -> MailAccount:
    return await MailAccount.open(database, store)

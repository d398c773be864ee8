"""Mail that was sealed with another key is noticed before more is sealed."""

import os

import pytest

from kit.mail import MailAccount
from pillarbox.base.errors import Invalid
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.key_check import require_keys
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

OTHER = KeyRing({1: os.urandom(32)})


async def test_any_key_will_do_where_there_is_no_mail(database: Database) -> None:
    await database.read(require_keys, OTHER)


async def test_the_key_of_the_mail_will_do(
    database: Database, account: MailAccount, store: ContentStore
) -> None:
    await account.fill(2)
    await database.read(require_keys, store.keys)


@pytest.mark.parametrize("keys", [OTHER, KeyRing({2: bytes(range(32))})], ids=["other", "missing"])
async def test_another_key_is_refused(
    database: Database, account: MailAccount, keys: KeyRing
) -> None:
    await account.fill(2)
    with pytest.raises(Invalid, match="another ENCRYPTION_KEY"):
        await database.read(require_keys, keys)

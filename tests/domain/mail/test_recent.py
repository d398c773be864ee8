"""Who claims messages first has them as \\Recent."""

import asyncio

import pytest

from kit.mail import MailAccount
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import MailboxId
from pillarbox.domain.mail import recent


async def test_messages_are_claimed_once(account: MailAccount) -> None:
    inbox, database = await account.box(), account.database
    assert not await database.read(recent.is_unclaimed, inbox.id)
    await account.fill(2)
    assert await database.read(recent.is_unclaimed, inbox.id)
    assert await database.write(recent.claim, inbox.id) == (1, 3)
    assert not await database.read(recent.is_unclaimed, inbox.id)
    assert await database.write(recent.claim, inbox.id) == (3, 3)
    await account.fill(1)
    assert await database.write(recent.claim, inbox.id) == (3, 4)
    with pytest.raises(NotFound):
        await database.write(recent.claim, MailboxId(3))


async def test_of_many_at_once_one_gets_them(account: MailAccount) -> None:
    inbox, database = await account.box(), account.database
    await account.fill(3)
    claims = await asyncio.gather(*(database.write(recent.claim, inbox.id) for _ in range(9)))
    assert sorted(end - first for first, end in claims) == [0] * 8 + [3]

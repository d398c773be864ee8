"""Lists that scripts ask for: whom a user knows, and single address books."""

import pytest

from kit.collections import KEYS, Home, put_card
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role, User
from pillarbox.formats.sieve.questions import ListQuestion, ValidListQuestion
from pillarbox.pipeline.filtering.answers import answer
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _ann(tx: Tx) -> User:
    domains.create(tx, "example.org")
    return users.create(tx, "ann@example.org", "", "", Role.USER, 0)


@pytest.mark.parametrize("prefix", [":addrbook:", "urn:ietf:params:sieve:addrbook:"])
async def test_address_books(database: Database, prefix: str) -> None:
    user = await database.write(_ann)
    home = Home(database, user)

    async def told(question: ListQuestion | ValidListQuestion) -> object:
        return await database.read(answer, KEYS, home.actor, question)

    assert not await told(ListQuestion(prefix + "default", "eve@far.test"))
    assert await told(ValidListQuestion(prefix + "default"))
    assert not await told(ValidListQuestion(prefix + "contacts"))
    await database.write(put_card, KEYS, user.account_id, "e", "Eve@far.test")
    assert await told(ListQuestion(prefix + "default", " EVE@far.test"))
    assert await told(ListQuestion(prefix + "Contacts", "eve@far.test"))
    assert not await told(ListQuestion(prefix + "contacts", "fay@far.test"))
    assert not await told(ListQuestion(prefix + "club", "eve@far.test"))
    assert await told(ValidListQuestion(prefix + "contacts"))
    assert not await told(ValidListQuestion(prefix + "club"))
    assert not await told(ValidListQuestion(prefix))
    assert not await told(ListQuestion(prefix, "eve@far.test"))
    assert not await told(ValidListQuestion("urn:other:contacts"))

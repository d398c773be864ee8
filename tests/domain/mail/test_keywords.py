"""The keywords of a mailbox: noted when messages get them, limited in number."""

import pytest

from kit.mail import EVERYTHING, MailAccount
from pillarbox.base.errors import TooLarge
from pillarbox.domain.mail import keywords
from pillarbox.domain.mail.copy import copy
from pillarbox.domain.mail.expunge import remove
from pillarbox.domain.mail.flags import FlagChange, change_flags
from pillarbox.domain.mail.mailboxes import delete
from pillarbox.domain.mail.model import FlagSet


async def names(account: MailAccount, name: str = "INBOX") -> list[str]:
    return await account.database.read(keywords.names, (await account.box(name)).id)


async def add(account: MailAccount, *words: str) -> None:
    await account.do(change_flags, "INBOX", EVERYTHING, FlagChange.ADD, FlagSet(0, words), None)


async def test_noted_however_messages_get_them(account: MailAccount) -> None:
    await account.put(flags=FlagSet(0, ("Work",)))
    await add(account, "work", "Home")
    assert await names(account) == ["Home", "Work"]
    await account.do(copy, "INBOX", EVERYTHING, (await account.box("Trash")).id)
    assert await names(account, "Trash") == ["Home", "Work"]


async def test_a_limit_that_counts_what_is_in_use(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywords, "MAX_KEYWORDS_PER_MAILBOX", 3)
    await account.put(flags=FlagSet(0, ("a", "b")))
    await account.put(flags=FlagSet(0, ("c",)))
    with pytest.raises(TooLarge):
        await add(account, "d")
    with pytest.raises(TooLarge):
        await account.put(flags=FlagSet(0, ("e",)))
    await add(account, "A", "c")
    await account.do(remove, "INBOX", ((2, 2),))
    only_b = FlagSet(0, ("b",))
    await account.do(change_flags, "INBOX", EVERYTHING, FlagChange.SET, only_b, None)
    await add(account, "d", "z")
    assert await names(account) == ["b", "d", "z"]


async def test_go_with_the_mailbox(account: MailAccount) -> None:
    await account.put(name="Trash", flags=FlagSet(0, ("a",)))
    box = (await account.box("Trash")).id
    await account.database.write(delete, account.id, "Trash")
    assert await account.database.read(keywords.names, box) == []

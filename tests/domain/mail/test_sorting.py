"""What users do with mail that is noted to be learnt, and what is not."""

import pytest

from kit.mail import EVERYTHING, MailAccount
from pillarbox.base.ids import BlobId, IdSource
from pillarbox.domain.mail import append, copy, expunge, flags, mailboxes, sorting, sweep
from pillarbox.domain.mail.content import prepare
from pillarbox.domain.mail.copy import Box
from pillarbox.domain.mail.flags import EVERY_FLAG, FlagChange
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.spam import training
from pillarbox.domain.spam.model import Category
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

SPAM, HAM = Category.SPAM, Category.HAM
NO_FLAGS = FlagSet()
Noted = list[tuple[Category, bool, bool]]


async def noted(database: Database) -> Noted:
    """Category, whether implied, whether a mistake; of everything noted, which goes."""
    tasks = await database.read(training.waiting, 5000)
    for task in tasks:
        await database.write(training.drop, task)
    return [(task.category, task.implied, task.sorted) for task in tasks]


async def deliver(account: MailAccount, name: str) -> None:
    """Place a message as delivery does."""
    email = prepare(b"Subject: x\r\n\r\nx\r\n", BlobId(IdSource().next()))
    box = await account.box(name)

    def unit(tx: Tx) -> None:
        append.store_blob(tx, account.store, email)
        append.place(tx, account.store, account.id, box.id, email, NO_FLAGS, 0)

    await account.database.write(unit)


async def test_delivery_teaches_nothing(account: MailAccount, database: Database) -> None:
    await deliver(account, "Junk")
    await deliver(account, "INBOX")
    assert await noted(database) == []


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("INBOX", "Junk", (SPAM, False, True)),
        ("Archive", "Junk", (SPAM, False, True)),
        ("Trash", "Junk", (SPAM, False, False)),
        ("Junk", "INBOX", (HAM, False, True)),
        ("Junk", "Archive", (HAM, False, True)),
        ("Junk", "Trash", None),
        ("INBOX", "Trash", None),
        ("INBOX", "Archive", (HAM, True, False)),
        ("INBOX", "Drafts", None),
        ("Sent", "Archive", None),
        ("INBOX", "Junk/old", (SPAM, False, True)),
        ("Junk", "Junk/old", None),
        ("Junk", "Trash/2026", None),
        ("Junk/old", "Work", (HAM, False, True)),
        ("INBOX", "Archive/2026", (HAM, True, False)),
        ("INBOX", "Work", None),
    ],
)
async def test_moves_say_what_mail_is(
    account: MailAccount,
    database: Database,
    published: list[str],
    source: str,
    target: str,
    said: tuple[Category, bool, bool] | None,
) -> None:
    for name in {source, target} & {"Junk/old", "Trash/2026", "Archive/2026", "Work"}:
        await database.write(mailboxes.create, account.id, name)
    await deliver(account, source)
    published.clear()
    box = await account.box(target)
    await account.do(copy.move, source, EVERYTHING, box.id)
    assert await noted(database) == ([] if said is None else [said])
    assert (training.TOPIC in published) is (said is not None)


async def test_a_copy_says_as_much_and_expunging_the_rest_nothing(
    account: MailAccount, database: Database
) -> None:
    await deliver(account, "INBOX")
    junk, inbox = await account.box("Junk"), await account.box("INBOX")
    await account.do(copy.copy, "INBOX", EVERYTHING, junk.id)
    assert await noted(database) == [(SPAM, False, True)]
    await account.do(expunge.remove, "INBOX", EVERYTHING)
    assert await noted(database) == []
    await account.do(copy.copy, "Junk", EVERYTHING, inbox.id)
    assert await noted(database) == [(HAM, False, True)]
    archive = await account.box("Archive")
    await account.do(copy.copy, "INBOX", EVERYTHING, archive.id)
    assert await noted(database) == []


@pytest.mark.parametrize(
    ("flagset", "said"),
    [
        (FlagSet(Flag.JUNK), (SPAM, False, False)),
        (FlagSet(Flag.NOT_JUNK), (HAM, False, False)),
        (FlagSet(0, ("Junk",)), (SPAM, False, False)),
        (FlagSet(0, ("NonJunk",)), (HAM, False, False)),
        (FlagSet(0, ("NotJunk",)), (HAM, False, False)),
        (FlagSet(Flag.JUNK | Flag.NOT_JUNK), None),
        (FlagSet(Flag.ANSWERED), (HAM, True, False)),
        (FlagSet(Flag.FLAGGED), (HAM, True, False)),
        (FlagSet(Flag.SEEN), None),
        (FlagSet(0, ("todo",)), None),
    ],
)
@pytest.mark.parametrize("how", [FlagChange.ADD, FlagChange.SET])
async def test_flags_say_what_mail_is_and_once(
    account: MailAccount,
    database: Database,
    how: FlagChange,
    flagset: FlagSet,
    said: tuple[Category, bool, bool] | None,
) -> None:
    await deliver(account, "INBOX")
    for expected in ([] if said is None else [said], []):
        await account.do(flags.change_flags, "INBOX", EVERYTHING, how, flagset, None)
        assert await noted(database) == expected
    await account.do(flags.change_flags, "INBOX", EVERYTHING, FlagChange.REMOVE, flagset, None)
    assert await noted(database) == []


async def test_a_flag_in_junk_is_no_praise(account: MailAccount, database: Database) -> None:
    await deliver(account, "Junk")
    flagged = FlagSet(Flag.FLAGGED)
    await account.do(flags.change_flags, "Junk", EVERYTHING, FlagChange.ADD, flagged, None)
    assert await noted(database) == []


async def test_what_a_client_appends(account: MailAccount, database: Database) -> None:
    await account.put(name="INBOX")
    assert await noted(database) == []
    await account.put(name="Junk")
    assert await noted(database) == [(SPAM, False, False)]
    await account.put(name="INBOX", flags=FlagSet(Flag.JUNK))
    assert await noted(database) == [(SPAM, False, False)]
    await account.put(name="Junk", flags=FlagSet(Flag.NOT_JUNK))
    assert await noted(database) == [(HAM, False, False)]


async def test_what_goes_into_anothers_junk_is_spam_to_them(
    account: MailAccount, database: Database
) -> None:
    other = await MailAccount.open(database, account.store)
    await deliver(account, "INBOX")
    source = await account.box("INBOX")
    target = await other.box("Junk")
    opened = await database.read(copy.open_emails, account.store, account.id, source.id, EVERYTHING)
    await database.write(
        copy.copy_across,
        account.store,
        Box(account.id, source.id),
        EVERYTHING,
        Box(other.id, target.id),
        opened,
        EVERY_FLAG,
        None,
        True,
    )
    (task,) = await database.read(training.waiting, 10)
    assert (task.account_id, task.category) == (other.id, SPAM)


async def test_few_of_many_that_are_archived_count(
    account: MailAccount, database: Database
) -> None:
    for _ in range(sorting.IMPLIED_MOST + 5):
        await deliver(account, "INBOX")
    archive = await account.box("Archive")
    await account.do(copy.move, "INBOX", EVERYTHING, archive.id)
    assert len(await noted(database)) == sorting.IMPLIED_MOST


async def test_what_was_noted_goes_with_the_email(account: MailAccount, database: Database) -> None:
    await deliver(account, "INBOX")
    junk = await account.box("Junk")
    await account.do(copy.move, "INBOX", EVERYTHING, junk.id)
    await account.do(expunge.remove, "Junk", EVERYTHING)
    assert await database.read(training.count_waiting) == 1

    def later(tx: Tx) -> None:
        sweep.sweep(tx, account.store.blobs, tx.now_ms + 1, 100)

    await database.write(later)
    assert await noted(database) == []

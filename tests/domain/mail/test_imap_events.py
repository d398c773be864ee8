"""Which messages a script is to run for: what is noted, by whom, and what is not."""

import pytest

from kit.mail import EVERYTHING, MailAccount
from pillarbox.base.ids import AccountId, BlobId, IdSource
from pillarbox.domain.accounts import owned
from pillarbox.domain.mail import annotations, append, copy, flags, imap_events
from pillarbox.domain.mail.annotations import SCRIPT, SERVER, Annotated
from pillarbox.domain.mail.content import prepare
from pillarbox.domain.mail.copy import Box
from pillarbox.domain.mail.flags import EVERY_FLAG, FlagChange
from pillarbox.domain.mail.imap_events import Cause, Event
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

OTHER = AccountId(77)
Told = list[tuple[Cause, int, tuple[str, ...]]]


async def script(account: MailAccount, name: str | None, mailbox: str = "INBOX") -> None:
    """Name the script of a mailbox, of the server where that is empty."""
    at = (await account.box(mailbox)).id if mailbox else SERVER
    where = Annotated(at, account.id, account.id)
    values = [(SCRIPT, None if name is None else name.encode())]
    await account.database.write(annotations.put, account.store.keys, where, values)


async def events(account: MailAccount) -> list[Event]:
    """Everything noted, which goes."""
    found = await account.database.read(imap_events.waiting, 5000)
    for event in found:
        assert await account.database.write(imap_events.done, event)
    return found


async def told(account: MailAccount) -> Told:
    return [(event.cause, event.uid, event.changed) for event in await events(account)]


async def store(
    account: MailAccount, how: FlagChange, which: FlagSet, name: str = "INBOX", **more: bool
) -> None:
    box = await account.box(name)

    def unit(tx: Tx) -> None:
        flags.change_flags(tx, account.id, box.id, EVERYTHING, how, which, None, **more)

    await account.database.write(unit)


async def test_without_a_script_nothing_is_noted(
    account: MailAccount, published: list[str]
) -> None:
    await account.put()
    await store(account, FlagChange.ADD, FlagSet(Flag.SEEN))
    await account.do(copy.copy, "INBOX", EVERYTHING, (await account.box("Trash")).id)
    assert await told(account) == []
    assert imap_events.TOPIC not in published


async def test_of_a_mailbox_with_one_each_message_is(
    account: MailAccount, published: list[str]
) -> None:
    await script(account, "mine")
    await account.put(flags=FlagSet(Flag.SEEN))
    await account.put()
    assert published.count(imap_events.TOPIC) == 2
    assert await told(account) == [(Cause.APPEND, 1, ()), (Cause.APPEND, 2, ())]
    archive = (await account.box("Archive")).id
    await account.do(copy.move, "INBOX", EVERYTHING, archive)
    assert await told(account) == []
    inbox = (await account.box()).id
    await account.do(copy.move, "Archive", EVERYTHING, inbox)
    await account.do(copy.copy, "INBOX", ((3, 3),), inbox)
    assert await told(account) == [(Cause.COPY, uid, ()) for uid in (3, 4, 5)]


async def test_flags_that_changed_are_named_and_others_are_no_event(account: MailAccount) -> None:
    await account.put(flags=FlagSet(Flag.SEEN, ("work",)))
    await account.put()
    await script(account, "mine")
    await store(account, FlagChange.ADD, FlagSet(Flag.SEEN))
    assert await told(account) == [(Cause.FLAG, 2, ("\\Seen",))]
    await store(account, FlagChange.ADD, FlagSet(Flag.SEEN))
    await store(account, FlagChange.ADD, FlagSet(0, ("WORK",)))
    assert await told(account) == [(Cause.FLAG, 2, ("WORK",))]
    await store(account, FlagChange.SET, FlagSet(Flag.FLAGGED | Flag.FORWARDED, ("Work",)))
    changed = ("\\Flagged", "\\Seen", "$Forwarded")
    assert await told(account) == [(Cause.FLAG, 1, changed), (Cause.FLAG, 2, changed)]
    await store(account, FlagChange.REMOVE, FlagSet(0, ("none",)))
    assert await told(account) == []


async def test_what_a_script_does_runs_none(account: MailAccount) -> None:
    await account.put()
    await script(account, "mine")
    await store(account, FlagChange.ADD, FlagSet(Flag.DELETED), by_script=True)
    email = prepare(b"Subject: x\r\n\r\nx\r\n", BlobId(IdSource().next()))
    box = await account.box()

    def deliver(tx: Tx) -> None:
        append.store_blob(tx, account.store, email)
        append.place(tx, account.store, account.id, box.id, email, FlagSet(), 0)

    await account.database.write(deliver)
    assert await told(account) == []


async def test_the_servers_is_for_mailboxes_without_their_own(account: MailAccount) -> None:
    await script(account, "mine", "")
    await account.put(name="Drafts")
    keys, drafts = account.store.keys, (await account.box("Drafts")).id
    assert [event.mailbox_id for event in await events(account)] == [drafts]
    name = (imap_events.script_name, keys, account.id, drafts)
    assert await account.database.read(*name) == "mine"
    # One that is empty stands for none, and not for the server's.
    await script(account, "", "Drafts")
    assert await account.database.read(*name) == ""
    await script(account, None, "Drafts")
    await script(account, None, "")
    assert await account.database.read(*name) == ""
    await account.put(name="Drafts")
    assert await told(account) == []


async def test_another_users_server_script_is_for_the_own_mailboxes_alone(
    account: MailAccount, database: Database
) -> None:
    other = await MailAccount.open(database, account.store)
    await script(other, "theirs", "")
    await account.put()
    assert await told(account) == []
    await other.put()
    assert [event.account_id for event in await events(other)] == [other.id]


async def test_who_did_it(account: MailAccount, database: Database) -> None:
    other = await MailAccount.open(database, account.store)
    await script(account, "mine")
    await other.put()
    inbox, source = (await account.box()).id, Box(other.id, (await other.box()).id)
    opened = await database.read(
        copy.open_emails, account.store, source.account, source.mailbox, EVERYTHING
    )
    await database.write(
        copy.copy_across,
        *(account.store, source, EVERYTHING, Box(account.id, inbox), opened),
        *(EVERY_FLAG, None, False, other.id),
    )
    email = prepare(b"Subject: x\r\n\r\nx\r\n", BlobId(IdSource().next()))
    await database.write(
        append.append, account.store, account.id, inbox, email, FlagSet(), 0, OTHER
    )
    await account.put()
    found = await events(account)
    assert [(event.cause, event.actor_id) for event in found] == [
        (Cause.COPY, other.id),
        (Cause.APPEND, OTHER),
        (Cause.APPEND, account.id),
    ]


async def test_each_account_has_its_turn_and_the_oldest_come_first(
    account: MailAccount, database: Database
) -> None:
    other = await MailAccount.open(database, account.store)
    for one in (account, other):
        await script(one, "mine")
        await one.fill(3)
    first, second = sorted((account.id, other.id))
    after, seen = -1, []
    for _ in range(3):
        found = await database.read(imap_events.waiting, 2, after)
        assert [event.uid for event in found] == [1, 2]
        after = found[0].account_id
        seen.append(after)
    assert seen == [first, second, first]
    assert await database.read(imap_events.count_waiting) == 6
    assert await database.write(imap_events.done, found[0])
    assert not await database.write(imap_events.done, found[0])


async def test_there_is_a_limit(account: MailAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    await script(account, "mine")
    monkeypatch.setattr(imap_events, "EVENTS_MOST", 2)
    await account.fill(3)
    assert [uid for _, uid, _ in await told(account)] == [1, 2]


async def test_events_go_with_the_account(account: MailAccount) -> None:
    await script(account, "mine")
    await account.put()
    await account.database.write(owned.close_account, account.id)
    assert await told(account) == []
    await account.database.write(imap_events.forget_all)

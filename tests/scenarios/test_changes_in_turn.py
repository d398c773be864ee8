"""A change that had to wait for another's: what that one did is told, on every database."""

import asyncio
import threading

import psycopg

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import flags, mailboxes
from pillarbox.domain.mail.flags import FlagChange
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.owners.quota import lock
from pillarbox.storage.tx import Tx

ALICE = "alice@example.test"
CONTENT = b"Subject: one\r\n\r\nText.\r\n"
PATIENCE_S = 10.0


async def test_a_store_that_waits_sees_what_it_waited_for(
    server: AppUnderTest, database_settings: dict[str, str]
) -> None:
    database = server.services.database
    user = await database.read(users.get, ALICE)
    assert user is not None
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    for _ in range(2):
        await imap.append("INBOX", CONTENT)
    await imap.ok("SELECT INBOX")
    entered, release = threading.Event(), threading.Event()
    other = asyncio.create_task(database.write(_flag_second, user.account_id, entered, release))
    assert await asyncio.to_thread(entered.wait, PATIENCE_S)
    store = asyncio.create_task(imap.ok(r"STORE 1 +FLAGS (\Flagged)"))
    if "DB_DSN" in database_settings:
        await asyncio.to_thread(_until_one_waits, database_settings["DB_DSN"])
    release.set()
    await other
    told = [pieces[0] for pieces in await store]
    told += [pieces[0] for pieces in await imap.ok("NOOP")]
    assert any(b"* 2 FETCH" in line and rb"\Answered" in line for line in told), told
    await imap.wire.close()


def _flag_second(
    tx: Tx, account: AccountId, entered: threading.Event, release: threading.Event
) -> None:
    """Change another message, and take one's time about it."""
    lock(tx, account)
    entered.set()
    assert release.wait(PATIENCE_S)
    mailbox = mailboxes.by_name(tx, account, "INBOX")
    assert mailbox is not None
    answered = FlagSet(Flag.ANSWERED)
    flags.change_flags(tx, account, mailbox.id, ((2, 2),), FlagChange.ADD, answered, None)


def _until_one_waits(dsn: str) -> None:
    """Return once a connection to this database waits for a lock."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(10_000):
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if found and found[0]:
                return
    raise AssertionError("nobody waits")

"""NOTIFY on two workers of one server: what one does is told by the other at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.database import KINDS
from kit.wire import ImapWire, SmtpWire

CONTENT = b"From: carol@example.org\r\nSubject: Hello\r\n\r\nAre you there?\r\n"
ALICE = "Other Users/alice@example.test"


@pytest.fixture(params=KINDS)
async def workers(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[AppUnderTest, AppUnderTest]]:
    settings = {}
    if request.param != "sqlite":
        make = request.getfixturevalue("new_postgres_dsn")
        settings = {"DB_DRIVER": "postgresql", "DB_DSN": make()}
    async with (
        AppUnderTest(tmp_path, settings) as one,
        AppUnderTest(tmp_path, settings, index=1) as other,
    ):
        await one.add_users("alice", "bob")
        yield one, other


async def log_in(app: AppUnderTest, name: str, select: str = "") -> ImapWire:
    return await ImapWire.open(app.ports["imap"], f"{name}@example.test", PASSWORD, select=select)


async def send(app: AppUnderTest, name: str) -> None:
    smtp = await SmtpWire.open(app.ports["smtp"])
    code, text = await smtp.data("carol@example.org", (f"{name}@example.test",), CONTENT)
    assert code == 250, text
    await smtp.wire.close()


async def heard(imap: ImapWire, start: bytes) -> list[bytes]:
    """The next response that starts so."""
    while not (pieces := await imap.line())[0].startswith(start):
        pass
    return pieces


async def test_the_selected_mailbox(workers: tuple[AppUnderTest, AppUnderTest]) -> None:
    one, other = workers
    bob = await log_in(other, "bob", "INBOX")
    await bob.ok("NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
    await send(one, "bob")
    assert await heard(bob, b"* 1 EXISTS")
    assert b"UID 1" in (await heard(bob, b"* 1 FETCH"))[0]
    elsewhere = await log_in(one, "bob", "INBOX")
    await elsewhere.ok("STORE 1 +FLAGS (\\Deleted)")
    assert b"\\Deleted" in (await heard(bob, b"* 1 FETCH"))[0]
    await elsewhere.ok("EXPUNGE")
    assert await heard(bob, b"* 1 EXPUNGE")
    for imap in (bob, elsewhere):
        await imap.wire.close()


async def test_other_mailboxes(workers: tuple[AppUnderTest, AppUnderTest]) -> None:
    one, other = workers
    bob = await log_in(other, "bob")
    await bob.ok("NOTIFY SET (PERSONAL (MessageNew MessageExpunge MailboxName))")
    await send(one, "bob")
    assert await heard(bob, b'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2)')
    elsewhere = await log_in(one, "bob")
    await elsewhere.ok("CREATE New")
    assert await heard(bob, b'* LIST (\\HasNoChildren) "/" "New"')
    for imap in (bob, elsewhere):
        await imap.wire.close()


async def test_mailboxes_of_others(workers: tuple[AppUnderTest, AppUnderTest]) -> None:
    one, other = workers
    alice = await log_in(one, "alice")
    await alice.ok("SETACL INBOX bob@example.test lr")
    await alice.ok("SETACL Archive bob@example.test l")
    bob = await log_in(other, "bob")
    found = await bob.ok(
        f'NOTIFY SET STATUS (SUBTREE "{ALICE}" (MessageNew MessageExpunge MailboxName))'
    )
    lines = [pieces[0] for pieces in found]
    assert any(line.startswith(b"* LIST (\\NoAccess") for line in lines), lines
    assert any(f'* STATUS "{ALICE}/INBOX" (MESSAGES 0'.encode() in line for line in lines), lines
    await send(one, "alice")
    assert await heard(bob, f'* STATUS "{ALICE}/INBOX" (MESSAGES 1 UIDNEXT 2)'.encode())
    await alice.ok("DELETEACL INBOX bob@example.test")
    await alice.ok("CREATE Wake")
    assert b"\\NonExistent" in (await heard(bob, b"* LIST"))[0]
    for imap in (alice, bob):
        await imap.wire.close()

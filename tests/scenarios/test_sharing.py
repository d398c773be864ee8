"""Shared mailboxes and groups on the composed server: what one does another sees at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.database import KINDS
from kit.wire import ImapWire, SmtpWire
from pillarbox.domain.accounts import users
from pillarbox.domain.sharing import groups
from pillarbox.storage.tx import Tx

CONTENT = b"From: carol@example.org\r\nSubject: Hello\r\n\r\nAre you there?\r\n"
ALICE = "Other Users/alice@example.test"
TEAM = "Shared/team@example.test"


@pytest.fixture(params=KINDS)
async def app(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AppUnderTest]:
    settings = {}
    if request.param != "sqlite":
        make = request.getfixturevalue("new_postgres_dsn")
        settings = {"DB_DRIVER": "postgresql", "DB_DSN": make()}
    async with AppUnderTest(tmp_path, settings) as running:
        await running.add_users("alice", "bob")
        await running.services.database.write(_add_team)
        yield running


def _add_team(tx: Tx) -> None:
    team = groups.create(tx, "team@example.test")
    for name in ("alice", "bob"):
        groups.add_member(tx, team, users.require(tx, f"{name}@example.test"))


async def open_box(app: AppUnderTest, name: str, select: str = "") -> ImapWire:
    return await ImapWire.open(app.ports["imap"], f"{name}@example.test", PASSWORD, select=select)


async def send(app: AppUnderTest, *recipients: str) -> None:
    smtp = await SmtpWire.open(app.ports["smtp"])
    everyone = tuple(f"{name}@example.test" for name in recipients)
    code, text = await smtp.data("carol@example.org", everyone, CONTENT)
    assert code == 250, text
    await smtp.wire.close()


async def idle(imap: ImapWire) -> bytes:
    tag = imap.next_tag()
    await imap.wire.send(tag + b" IDLE\r\n")
    assert (await imap.line())[0].startswith(b"+")
    return tag


async def heard(imap: ImapWire, word: bytes) -> None:
    """Wait until a response with this word comes."""
    while word not in (await imap.line())[0]:
        pass


async def done(imap: ImapWire, tag: bytes) -> None:
    await imap.wire.send(b"DONE\r\n")
    await imap.until_tag(tag)


async def test_mail_to_a_group_comes_once(app: AppUnderTest) -> None:
    bob = await open_box(app, "bob", f"{TEAM}/INBOX")
    tag = await idle(bob)
    await send(app, "team", "Team", "alice")
    await heard(bob, b"EXISTS")
    await done(bob, tag)
    answer, *_ = await bob.ok("FETCH 1 BODY[]")
    assert answer[1].endswith(CONTENT)
    for name, count in ((f"{TEAM}/INBOX", 1), ("INBOX", 0)):
        answer = await bob.ok(f'STATUS "{name}" (MESSAGES)')
        assert answer[0][0].endswith(b"(MESSAGES %d)" % count)
    # Seen by one, seen by all.
    alice = await open_box(app, "alice", f"{TEAM}/INBOX")
    answer = await alice.ok("FETCH 1 FLAGS")
    assert b"\\Seen" in answer[0][0]
    for imap in (alice, bob):
        await imap.wire.close()


async def test_a_shared_mailbox(app: AppUnderTest) -> None:
    await send(app, "alice")
    alice, bob = await open_box(app, "alice", "INBOX"), await open_box(app, "bob")
    _, status = await bob.do(f'SELECT "{ALICE}/INBOX"')
    assert status.startswith(b"NO [NONEXISTENT]")
    await alice.ok("SETACL INBOX bob@example.test lrswi")
    await bob.ok(f'SELECT "{ALICE}/INBOX"')
    tag = await idle(bob)
    await send(app, "alice")
    await heard(bob, b"2 EXISTS")
    await alice.ok("STORE 1 +FLAGS (\\Flagged)")
    await heard(bob, b"\\Flagged")
    await alice.ok("STORE 1 +FLAGS (\\Deleted)")
    await alice.ok("EXPUNGE")
    await heard(bob, b"1 EXPUNGE")
    await done(bob, tag)

    # Both directions, while the other waits.
    tag = await idle(alice)
    await bob.ok("STORE 1 +FLAGS (Work)")
    await heard(alice, b"Work")
    await bob.ok("COPY 1 INBOX")
    _, status = await bob.do("MOVE 1 INBOX")
    assert status.startswith(b"NO [NOPERM]")
    await bob.ok("SELECT INBOX")
    (answer,) = await bob.ok("FETCH 1 (FLAGS BODY.PEEK[])")
    assert b"Work" in answer[0]
    assert answer[1].endswith(CONTENT)
    await bob.ok(f'UID MOVE 1 "{ALICE}/INBOX"')
    await heard(alice, b"2 EXISTS")
    await done(alice, tag)
    (_, answer) = await alice.ok("FETCH 1:2 BODY.PEEK[TEXT]")
    assert answer[1] == b"Are you there?\r\n"

    # What is given can be taken back at any time.
    await bob.ok(f'SELECT "{ALICE}/INBOX"')
    tag = await idle(bob)
    await alice.ok("DELETEACL INBOX bob@example.test")
    await heard(bob, b"EXPUNGE")
    await heard(bob, b"EXPUNGE")
    await done(bob, tag)
    _, status = await bob.do("FETCH 1:* BODY[]")
    assert status.startswith(b"NO [NOPERM]")
    for imap in (alice, bob):
        await imap.wire.close()


async def test_a_search_in_a_shared_mailbox(app: AppUnderTest) -> None:
    await send(app, "team")
    bob = await open_box(app, "bob", f"{TEAM}/INBOX")
    assert (await bob.ok('SEARCH TEXT "you there"'))[0][0] == b"* SEARCH 1"
    assert (await bob.ok("SEARCH SUBJECT nothing"))[0][0] == b"* SEARCH"
    await bob.wire.close()

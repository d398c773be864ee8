"""The composed server in one process: mail comes in, goes around and is read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.database import KINDS
from kit.wire import ImapWire, SmtpWire

CONTENT = b"From: carol@example.org\r\nSubject: Hello\r\n\r\nAre you there?\r\n"


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings for each kind of database."""
    if request.param == "sqlite":
        return {}
    make = request.getfixturevalue("new_postgres_dsn")
    return {"DB_DRIVER": "postgresql", "DB_DSN": make()}


@pytest.fixture
async def app(tmp_path: Path, settings: dict[str, str]) -> AsyncIterator[AppUnderTest]:
    async with AppUnderTest(tmp_path, settings, trap="alice@example.test") as running:
        await running.add_users("alice", "bob")
        yield running


async def open_inbox(app: AppUnderTest, name: str, listener: str = "imap") -> ImapWire:
    return await ImapWire.open(
        app.ports[listener],
        f"{name}@example.test",
        PASSWORD,
        tls=listener == "imaps",
        select="INBOX",
    )


def exists(responses: list[list[bytes]]) -> bool:
    return any(pieces[0].endswith(b"EXISTS") for pieces in responses)


async def test_mail_from_outside_is_read_over_imap(app: AppUnderTest) -> None:
    smtp = await SmtpWire.open(app.ports["smtp"])
    code, text = await smtp.data("carol@example.org", ("alice@example.test",), CONTENT)
    assert code == 250, text
    imap = await open_inbox(app, "alice", "imaps")
    responses = await imap.ok("FETCH 1 BODY[]")
    literal = responses[0][1]
    assert literal.startswith(b"Return-Path: <carol@example.org>\r\nReceived: ")
    assert literal.endswith(CONTENT)
    await smtp.wire.close()
    await imap.wire.close()


async def test_submitted_mail_wakes_an_idle_client(app: AppUnderTest) -> None:
    imap = await open_inbox(app, "bob")
    tag = imap.next_tag()
    await imap.wire.send(tag + b" IDLE\r\n")
    assert (await imap.line())[0].startswith(b"+")
    smtp = await SmtpWire.open(app.ports["smtps"], tls=True)
    await smtp.login("alice@example.test", PASSWORD)
    code, text = await smtp.data("alice@example.test", ("bob@example.test",), CONTENT_OF_ALICE)
    assert code == 250, text
    assert exists([await imap.line()])
    await imap.wire.send(b"DONE\r\n")
    await imap.until_tag(tag)
    await smtp.wire.close()
    await imap.wire.close()


CONTENT_OF_ALICE = CONTENT.replace(b"carol@example.org", b"alice@example.test")


async def test_trap_catches_mail_for_elsewhere(app: AppUnderTest) -> None:
    smtp = await SmtpWire.open(app.ports["smtps"], tls=True)
    await smtp.login("bob@example.test", PASSWORD)
    content = CONTENT.replace(b"carol@example.org", b"bob@example.test")
    code, text = await smtp.data("bob@example.test", ("someone@example.org",), content)
    assert code == 250, text
    imap = await open_inbox(app, "alice")
    assert await imap.ok("FETCH 1 FLAGS")
    await smtp.wire.close()
    await imap.wire.close()


async def test_draining_says_goodbye(app: AppUnderTest) -> None:
    imap = await open_inbox(app, "alice")
    smtp = await SmtpWire.open(app.ports["smtp"])
    draining = asyncio.create_task(app.drain())
    assert (await imap.line())[0].startswith(b"* BYE")
    code, _ = await smtp.reply()
    assert code == 421
    await draining
    await smtp.wire.close()
    await imap.wire.close()


async def test_workers_of_one_server_hear_of_each_other(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    async with (
        AppUnderTest(tmp_path, settings) as one,
        AppUnderTest(tmp_path, settings, index=1) as other,
    ):
        await one.add_users("alice", "bob")
        imap = await open_inbox(other, "bob")
        tag = imap.next_tag()
        await imap.wire.send(tag + b" IDLE\r\n")
        assert (await imap.line())[0].startswith(b"+")
        smtp = await SmtpWire.open(one.ports["smtp"])
        code, text = await smtp.data("", ("bob@example.test",), CONTENT)
        assert code == 250, text
        assert exists([await imap.line()])
        await smtp.wire.close()
        await imap.wire.close()

"""What the whole server does with mail it accepts: limits, signatures, forwards, reports."""

import asyncio
from pathlib import Path

import dkim
import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire, SmtpWire, dotted
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ALICE, BOB, ANN = "alice@example.test", "bob@example.test", "ann@elsewhere.test"
LETTER = b"From: alice@example.test\r\nSubject: hello\r\nBcc: bob@example.test\r\n\r\nWords.\r\n"


async def logged_in(server: AppUnderTest) -> SmtpWire:
    smtp = await SmtpWire.open(server.ports["submission"])
    await smtp.login(ALICE, PASSWORD)
    return smtp


async def inbox(server: AppUnderTest, user: str) -> list[bytes]:
    imap = await ImapWire.open(server.ports["imap"], user, PASSWORD, select="INBOX")
    async with imap.wire:
        return list((await imap.bodies()).values())


async def queued(server: AppUnderTest) -> list[tuple[QueuedMessage, bytes]]:
    services = server.services

    def whole(tx: Tx) -> list[tuple[QueuedMessage, bytes]]:
        content = services.content
        return [
            (one, inspect.content(tx, content.keys, content.blobs, one.id))
            for one in inspect.list_of(tx)
        ]

    return await services.database.read(whole)


def keep_keys(tx: Tx, ring: KeyRing) -> None:
    domain = require(tx, "example.test")
    signing_keys.add_first(tx, ring, domain.id, first_keys(KeyChoice.ED25519, "mail"))


async def with_keys(server: AppUnderTest) -> None:
    services = server.services
    await services.database.write(keep_keys, services.keys)
    services.bus.publish(TOPIC)


async def test_workers_share_the_limits(tmp_path: Path, database_settings: dict[str, str]) -> None:
    settings = database_settings | {"SENDING_USER_MESSAGES_HOUR": "5"}
    folder = tmp_path / "data"
    async with (
        AppUnderTest(folder, settings) as first,
        AppUnderTest(folder, settings, index=1) as second,
    ):
        await first.add_users("alice", "bob")
        sessions = [await logged_in(one) for one in (first, second) for _ in range(4)]
        for smtp in sessions:
            await smtp.begin(ALICE, (BOB,))
            await smtp.say("DATA", 354)

        async def finish(smtp: SmtpWire) -> tuple[int, str]:
            await smtp.wire.send(dotted(LETTER))
            return await smtp.reply()

        replies = await asyncio.gather(*(finish(smtp) for smtp in sessions))
        for smtp in sessions:
            smtp.wire.abort()
        assert sorted(code for code, _ in replies) == [250] * 5 + [450] * 3
        refused = next(text for code, text in replies if code == 450)
        assert refused.startswith("4.7.1 You can send 5 messages within an hour")
        assert len(await inbox(first, BOB)) == 5


async def test_mail_leaves_signed_and_without_bcc(server: AppUnderTest) -> None:
    await with_keys(server)
    smtp = await logged_in(server)
    async with smtp.wire:
        code, text = await smtp.data(ALICE, (ANN, BOB), LETTER)
        assert code == 250, text
    ((message, content),) = await queued(server)
    (seen,) = await inbox(server, BOB)
    for one in (content, seen):
        assert b"\r\nDKIM-Signature: v=1; a=ed25519-sha256; " in one
        assert b" d=example.test;" in one
        assert b"Bcc" not in one
        assert one.endswith(b"Subject: hello\r\n\r\nWords.\r\n")
    assert message.reverse_path == ALICE


async def test_forwarded_mail_is_sealed_and_its_reports_find_back(server: AppUnderTest) -> None:
    await with_keys(server)
    services = server.services
    await services.database.write(aliases.create, "away@example.test", [ANN])
    smtp = await SmtpWire.open(server.ports["smtp"])
    letter = LETTER.replace(ALICE.encode(), b"sue@sender.test")
    async with smtp.wire:
        assert (await smtp.data("sue@sender.test", ("away@example.test",), letter))[0] == 250
        ((message, content),) = await queued(server)
        assert message.reverse_path.startswith("SRS0=")
        assert content.startswith(b"Delivered-To: away@example.test\r\nARC-Seal: i=1;")
        await smtp.say("MAIL FROM:<mallory@evil.test>", 250)
        await smtp.say(f"RCPT TO:<{message.reverse_path}>", 550)
        await smtp.say("RSET", 250)
        report = b"From: mailer-daemon@elsewhere.test\r\nSubject: failed\r\n\r\nSorry.\r\n"
        assert (await smtp.data("", (message.reverse_path,), report))[0] == 250
        back = [one for one, _ in await queued(server) if one.id != message.id]
        assert [one.recipients[0].address for one in back] == ["sue@sender.test"]
        assert back[0].reverse_path == ""
        code, _ = await smtp.data("sue@sender.test", ("away@example.test",), content)
        assert code == 554


@pytest.mark.parametrize("notify", ["SUCCESS", "FAILURE"])
async def test_deliveries_here_are_reported_on_request(server: AppUnderTest, notify: str) -> None:
    smtp = await logged_in(server)
    async with smtp.wire:
        await smtp.say(f"MAIL FROM:<{ALICE}> RET=HDRS ENVID=my-42", 250)
        await smtp.say(f"RCPT TO:<{BOB}> NOTIFY={notify} ORCPT=rfc822;Bob@example.test", 250)
        await smtp.say("DATA", 354)
        await smtp.wire.send(dotted(LETTER))
        await smtp.expect(250)
    found = await inbox(server, ALICE)
    assert len(found) == (notify == "SUCCESS")
    if found:
        assert b"Action: delivered\r\n" in found[0]
        assert b"Original-Envelope-Id: my-42\r\n" in found[0]
        assert b"Original-Recipient: rfc822; Bob@example.test\r\n" in found[0].replace(
            b"rfc822;Bob", b"rfc822; Bob"
        )


async def test_other_software_finds_the_signature_good(server: AppUnderTest) -> None:
    await with_keys(server)
    services = server.services

    def record(tx: Tx) -> str:
        (key,) = signing_keys.of_domain(tx, require(tx, "example.test").id)
        return key.record

    published = (await services.database.read(record)).encode()
    smtp = await logged_in(server)
    content = b"Subject: =?x\r\n folded\r\n\r\n8-bit \xc3\xb6  \r\n\r\n.dot\r\n\r\n"
    async with smtp.wire:
        assert (await smtp.data(ALICE, (ANN, BOB), content))[0] == 250
    ((_, leaving),) = await queued(server)
    for seen in (leaving, *await inbox(server, BOB)):
        assert dkim.verify(seen, dnsfunc=lambda name, timeout=5: published)


async def test_held_mail_is_let_go_in_time(server: AppUnderTest) -> None:
    running = asyncio.create_task(server.services.sending.run())
    smtp = await logged_in(server)
    begun = asyncio.get_running_loop().time()
    async with smtp.wire:
        await smtp.say(f"MAIL FROM:<{ALICE}> HOLDFOR=2", 250)
        await smtp.say(f"RCPT TO:<{BOB}>", 250)
        await smtp.say("DATA", 354)
        await smtp.wire.send(dotted(LETTER))
        await smtp.expect(250)
    assert await inbox(server, BOB) == []
    try:
        async with asyncio.timeout(30):
            while not (found := await inbox(server, BOB)):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert asyncio.get_running_loop().time() - begun >= 1.9
    assert found[0].startswith(b"Return-Path: <alice@example.test>\r\nReceived: ")

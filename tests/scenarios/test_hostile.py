"""Bad input over real connections: an answer in order, or the end, and the server goes on."""

import asyncio
import base64
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire, SmtpWire, Wire, dotted

SENDER, ALICE = "someone@outside.test", "alice@example.test"
PATIENCE_S = 20.0
SETTINGS = {
    "MAX_MESSAGE_SIZE": "16M",
    "SMTP_COMMAND_TIMEOUT": "1s",
    "IMAP_IDLE_TIMEOUT": "1s",
}
CONTENT = b"Subject: whole\r\n\r\n.one\r\n..two\r\n"


@pytest.fixture
async def server(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> AsyncIterator[AppUnderTest]:
    """A server with one user; no session may fail by a defect or outlive its client."""
    async with AppUnderTest(tmp_path, SETTINGS) as running:
        await running.add_users("alice")
        before = len(asyncio.all_tasks())
        yield running
        until = asyncio.get_running_loop().time() + PATIENCE_S
        while len(asyncio.all_tasks()) > before:
            assert asyncio.get_running_loop().time() < until, asyncio.all_tasks()
            await asyncio.sleep(0.02)
        assert running.services.smtp.in_flight.used_bytes == 0
    written = "".join(capfd.readouterr())
    assert "Traceback" not in written
    assert "command failed" not in written


async def inbox(server: AppUnderTest) -> ImapWire:
    return await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select="INBOX")


async def still_serves(server: AppUnderTest, count: int) -> None:
    """The server takes a message, and now has so many."""
    smtp = await SmtpWire.open(server.ports["smtp"])
    async with smtp.wire:
        assert (await smtp.data(SENDER, (ALICE,), CONTENT))[0] == 250
    imap = await inbox(server)
    async with imap.wire:
        assert len(await imap.bodies()) == count


SMTP_TALK = b"EHLO c.test\r\nMAIL FROM:<someone@outside.test>\r\nRCPT TO:<alice@example.test>\r\n"
VANISHING = {
    "smtp": [
        SMTP_TALK + b"DATA\r\n" + dotted(CONTENT)[:-1],
        SMTP_TALK + b"BDAT 10\r\nSubject: x" + b"BDAT 20 LAST\r\n\r\n\r\nnot whol",
    ],
    "imap": [
        b'a LOGIN alice@example.test "correct horse battery"\r\nb SELECT INBOX\r\n'
        b"c APPEND INBOX (\\Seen) {40+}\r\nSubject: x\r\n\r\nnot whole",
        b'a LOGIN alice@example.test "correct horse battery"\r\nb SELECT INBOX\r\nc IDLE\r\n',
    ],
    "managesieve": [
        b'AUTHENTICATE "PLAIN" {56+}\r\n'
        + base64.b64encode(b"\0alice@example.test\0correct horse battery")
        + b'\r\nPUTSCRIPT "a" {40+}\r\n# not whole',
        b'AUTHENTICATE "PLAIN"\r\n',
    ],
    "smtps": [os.urandom(600)],
    "imaps": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)],
}


async def test_clients_that_vanish(server: AppUnderTest) -> None:
    for listener, talks in VANISHING.items():
        for talk in talks:
            cuts = sorted({*range(0, len(talk), 7), len(talk)})
            await asyncio.gather(*(_vanish(server.ports[listener], talk[:cut]) for cut in cuts))
    await still_serves(server, 1)


async def _vanish(port: int, data: bytes) -> None:
    wire = await Wire.open(port)
    await wire.send(data)
    await asyncio.sleep(random.uniform(0, 0.05))
    if len(data) % 2:
        wire.abort()
    else:
        await wire.close()


async def test_garbage_on_every_port(server: AppUnderTest) -> None:
    dice = random.Random(7)
    for listener, port in server.ports.items():
        for kind in range(6):
            noise = dice.randbytes(40_000)
            if kind % 2:
                noise = b"\r\n".join(noise[at : at + 50] for at in range(0, len(noise), 50))
            for tls in (False, *((True,) if listener in ("smtps", "imaps") else ())):
                await _drown(port, noise, tls)
    await still_serves(server, 1)


async def _drown(port: int, noise: bytes, tls: bool) -> None:
    """Send noise, and read until the server has had enough or nothing more comes."""
    async with await Wire.open(port, tls=tls) as wire:
        try:
            await wire.send(noise)
            wire.writer.write(b"\r\n.\r\n")
            if not tls:
                wire.writer.write_eof()
            await asyncio.wait_for(wire.rest(), PATIENCE_S)
        except OSError:
            return


async def test_silent_clients_are_sent_away(server: AppUnderTest) -> None:
    async def smtp(talk: bytes) -> None:
        async with await Wire.open(server.ports["smtp"]) as wire:
            await wire.send(talk)
            assert b"\r\n421 4.4.2" in await asyncio.wait_for(wire.rest(), PATIENCE_S)

    async def imap() -> None:
        client = await inbox(server)
        async with client.wire:
            assert b"* BYE" in await asyncio.wait_for(client.wire.rest(), PATIENCE_S)

    stages = (b"EHLO c.test\r\n", SMTP_TALK, SMTP_TALK + b"DATA\r\nSubject: x\r\n")
    begun = SMTP_TALK + b"BDAT 100\r\nSubject: x"
    await asyncio.gather(*(smtp(talk) for talk in (*stages, begun)), imap())
    await still_serves(server, 1)


@pytest.mark.parametrize("listener", ["smtp", "submission", "lmtp", "imap", "managesieve"])
@pytest.mark.parametrize("line", [b"NONSENSE\r\n", b"\xff\xfe\x00 \x80\r\n", b"a b c {x}\r\n"])
async def test_errors_without_end(server: AppUnderTest, listener: str, line: bytes) -> None:
    async with await Wire.open(server.ports[listener]) as wire:
        wire.writer.write(line * 2000)
        try:
            while not (await wire.line()).startswith((b"* BYE", b"421", b"BYE")):
                pass
        except ConnectionResetError as error:
            raise AssertionError("ended without a word") from error


async def test_bad_logins(server: AppUnderTest) -> None:
    for answer in ("====", "AAA", "!", "=", base64.b64encode(b"\xff\0\xff\0\xff").decode()):
        smtp = await SmtpWire.open(server.ports["smtps"], tls=True)
        async with smtp.wire:
            await smtp.wire.send(f"AUTH PLAIN {answer}\r\n".encode())
            assert (await smtp.reply())[0] in (501, 535)
    async with await Wire.open(server.ports["imap"]) as wire:
        await wire.line()
        await wire.send(b'a LOGIN "\xff\xfe" "\x80"\r\nb AUTHENTICATE PLAIN ====\r\n')
        for tag in (b"a ", b"b "):
            line = await wire.line()
            assert line.startswith((tag + b"BAD", tag + b"NO")), line
    await still_serves(server, 1)


async def test_bad_imap_arguments(server: AppUnderTest) -> None:
    imap = await inbox(server)
    async with imap.wire:
        for command, answer in (
            ("SEARCH CHARSET x-unknown TEXT a", b"NO [BADCHARSET"),
            ('SELECT "&bad-utf7"', b"NO"),
            ("FETCH 1:* (BODY[999999999999.MIME])", b""),
            ("FETCH 99999999999 FLAGS", b"BAD"),
            ("SEARCH " + "NOT " * 20_000 + "ALL", b""),
            ("SEARCH " + "(" * 20_000, b"BAD"),
            ("UID FETCH " + ",".join(map(str, range(1, 4000, 2))) + " FLAGS", b""),
        ):
            _, status = await imap.do(command)
            assert status.startswith(answer), (command[:60], status)
            assert status.startswith((b"OK", b"NO", b"BAD"))
    await still_serves(server, 1)


async def test_too_much(server: AppUnderTest) -> None:
    limit = 16 << 20
    imap = await inbox(server)
    async with imap.wire:
        for size in (limit + 1, 1 << 32, 10**15):
            tag = imap.next_tag()
            await imap.wire.send(tag + b" APPEND INBOX {%d}\r\n" % size)
            _, status = await imap.until_tag(tag)
            assert status.startswith((b"NO [TOOBIG]", b"BAD")), status
        _, status = await imap.do("NOOP")
        assert status.startswith(b"OK")
    smtp = await SmtpWire.open(server.ports["smtp"])
    async with smtp.wire:
        await smtp.say(f"MAIL FROM:<> SIZE={limit + 1}", 552)
        code, _ = await smtp.data(SENDER, (ALICE,), b"S: x\r\n\r\n" + b"y\r\n" * (limit // 3 + 9))
        assert code == 552
        code, _ = await smtp.data(SENDER, (ALICE,), b"S: x\r\n\r\n" + b"y" * (1 << 20) + b"\r\n")
        assert code in (500, 554)
        await smtp.wire.send(b"NOOP " + b"x" * 100_000 + b"\r\n")
        assert (await smtp.reply())[0] == 500
    await still_serves(server, 1)


def parts(count: int) -> bytes:
    head = b'Subject: wide\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


BOMBS = {
    "nested": b"".join(
        [
            b"Subject: deep\r\n",
            *(
                b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (at, at)
                for at in range(10_000)
            ),
            b"\r\ninnermost\r\n",
        ]
    ),
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * 10_000 + b"Subject: in\r\n\r\nx\r\n",
    "parts": parts(100_000),
    "same boundary": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' * 10_000,
    "header": b"".join(b"X-%d: %s\r\n" % (at, b"y" * 900) for at in range(1100)) + b"\r\nx\r\n",
    "one field": b"Subject: " + b"y\r\n " * 250_000 + b"\r\n\r\nx\r\n",
    "addresses": b"To: "
    + b",\r\n ".join(b"a%d@b.test" % at for at in range(10_000))
    + b"\r\n\r\nx",
    "comments": b"To: " + b"(" * 50_000 + b"\r\n\r\nx\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?=C3?=\r\n " * 20_000 + b"\r\n\r\nx\r\n",
    "parameters": b"Content-Type: text/plain"
    + b"".join(b";\r\n a*%d*=x" % at for at in range(20_000))
    + b"\r\n\r\nx\r\n",
    "charset": b"Content-Type: text/plain; charset=x-none\r\n"
    b"Subject: =?x-none?b?//8=?=\r\n\r\n\xff\r\n",
    "base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=!\xff\r\n" * 50_000,
    "references": b"References: " + b"<a@b> " * 10_000 + b"\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_bombs_are_mail_like_any_other(server: AppUnderTest, name: str) -> None:
    content = BOMBS[name]
    smtp = await SmtpWire.open(server.ports["smtp"])
    async with smtp.wire, asyncio.timeout(PATIENCE_S):
        code, text = await smtp.bdat(SENDER, (ALICE,), [content])
        assert code == 250, text
    imap = await inbox(server)
    async with imap.wire, asyncio.timeout(PATIENCE_S):
        (answer,) = await imap.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)")
        assert sum(map(len, answer)) < 8 * len(content) + 2000
        (stored,) = (await imap.bodies()).values()
        assert stored.endswith(content)
        await imap.ok("FETCH 1 (BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (TO)])")
        for key in ("TEXT innermost", "SUBJECT y", "TO b.test", "BODY x"):
            await imap.ok(f"SEARCH {key}")

"""The composed server of a test that sends to hosts of the test's choice, and what came of it."""

import asyncio
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from kit.app import PASSWORD, AppUnderTest
from kit.nameserver import NameServer
from kit.wire import ImapWire, SmtpWire, dotted
from pillarbox.domain.accounts import domains
from pillarbox.domain.queue import inspect, log
from pillarbox.domain.queue.log import LogFilter
from pillarbox.domain.queue.model import LogLine, Outcome, QueuedRecipient, Status
from pillarbox.storage.tx import Tx

ALICE = "alice@example.test"
BOB = "bob@example.test"
PATIENCE_S = 30.0

_SOURCE = Path(__file__).resolve().parents[2] / "src"


class Sender:
    """A server with the users alice and bob whose queue is worked on.

    `settings` are keys of its configuration, for the next start. It sends to mail exchangers at
    `port`, and takes mail from outside at `home_port` (0: any).
    """

    def __init__(
        self,
        folder: Path,
        names: NameServer,
        port: int,
        settings: Mapping[str, str],
        home_port: int = 0,
    ) -> None:
        self.folder = folder
        self.names = names
        self.settings = {
            "HOSTNAME": "mx.example.test",
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(port),
            "QUEUE_RETRY_MINS": "1s",
            **settings,
        }
        self._home_port = home_port
        self._running: AsyncExitStack | None = None
        self.app = self._new()

    async def start(self) -> None:
        """Start it."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.app)
            if await self.app.services.database.read(_is_new):
                await self.app.add_users("alice", "bob")
            task = asyncio.create_task(self.app.services.sending.run())
            stack.push_async_callback(_end, task)
            self._running = stack.pop_all()

    async def stop(self) -> None:
        """End it, with what it is at."""
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()

    async def restart(self) -> None:
        """Begin anew with what was kept, and nothing of what was in memory."""
        await self.stop()
        self.app = self._new()
        await self.start()

    def _new(self) -> AppUnderTest:
        return AppUnderTest(self.folder, self.settings, ports={"smtp": self._home_port})

    async def send(
        self,
        *recipients: str,
        content: bytes | None = None,
        sender: str = ALICE,
        mail: str = "",
        rcpt: str = "",
    ) -> None:
        """Submit a message from Alice, with parameters of MAIL and of each RCPT."""
        code, text = await self.say(
            *recipients, content=content, sender=sender, mail=mail, rcpt=rcpt
        )
        assert code == 250, (code, text)

    async def say(
        self,
        *recipients: str,
        content: bytes | None = None,
        sender: str = ALICE,
        mail: str = "",
        rcpt: str = "",
    ) -> tuple[int, str]:
        """As `send`; gives the reply to the first command that is refused, or to the content."""
        smtp = await SmtpWire.open(self.app.ports["smtps"], tls=True)
        async with smtp.wire:
            await smtp.login(ALICE, PASSWORD)
            lines = [f"MAIL FROM:<{sender}> {mail}".rstrip()]
            lines += [f"RCPT TO:<{recipient}> {rcpt}".rstrip() for recipient in recipients]
            for line in lines:
                await smtp.wire.send(line.encode() + b"\r\n")
                code, text = await smtp.reply()
                if code != 250:
                    return code, text
            await smtp.say("DATA", 354)
            await smtp.wire.send(dotted(content or letter()))
            return await smtp.reply()

    async def take(self, sender: str, *recipients: str, content: bytes | None = None) -> None:
        """Hand in mail from outside."""
        smtp = await SmtpWire.open(self.app.ports["smtp"])
        async with smtp.wire:
            code, text = await smtp.data(sender, recipients, content or letter())
            assert code == 250, text

    async def log(self) -> list[LogLine]:
        """The delivery log."""
        return await self.app.services.database.read(_log)

    async def line(self, outcome: Outcome, recipient: str = "") -> LogLine:
        """Wait for a line of the log with this outcome; gives the oldest one."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while True:
            found = await self.log()
            for line in reversed(found):
                if line.outcome is outcome and recipient in ("", line.address):
                    return line
            assert loop.time() < until_s, found
            await asyncio.sleep(0.02)

    async def delivered(self, recipient: str = "") -> LogLine:
        """Wait until a recipient is delivered to; nothing of another kind came before."""
        line = await self.line(Outcome.DELIVERED, recipient)
        mine = [one for one in await self.log() if one.address == line.address]
        assert [one.outcome for one in mine] == [Outcome.DELIVERED], mine
        return line

    async def deferred(self, recipient: str = "") -> LogLine:
        """Wait until a recipient was put off, with nothing handed over before."""
        line = await self.line(Outcome.DEFERRED, recipient)
        mine = [one for one in await self.log() if one.address == line.address]
        assert {one.outcome for one in mine} == {Outcome.DEFERRED}, mine
        return line

    async def recipient(self, address: str) -> QueuedRecipient:
        """How a recipient in the queue stands."""
        found = await self.app.services.database.read(inspect.list_of)
        (one,) = (one for message in found for one in message.recipients if one.address == address)
        return one

    async def stands(self, address: str, status: Status) -> QueuedRecipient:
        """Wait until a recipient stands so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.recipient(address)
                if found.status is status:
                    return found
                await asyncio.sleep(0.02)

    async def inbox(self, user: str = ALICE) -> list[bytes]:
        """What a user reads over IMAP."""
        imap = await ImapWire.open(self.app.ports["imap"], user, PASSWORD, select="INBOX")
        async with imap.wire:
            return list((await imap.bodies()).values())

    async def mail(self, user: str = ALICE) -> bytes:
        """Wait for the only message in a user's inbox."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if found := await self.inbox(user):
                    (message,) = found
                    return message
                await asyncio.sleep(0.02)

    async def command(self, *arguments: str) -> str:
        """Run a command of pillarbox on this server's data; gives what it printed."""
        return await asyncio.to_thread(self._command, arguments)

    def _command(self, arguments: tuple[str, ...]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pillarbox", "--data", str(self.folder), *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(_SOURCE),
                **{f"PILLARBOX_{key}": value for key, value in self.settings.items()},
            },
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


EIGHT_BITS = (
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
)
"""Fields of a message whose words are beyond ASCII, as they should be declared."""


def letter(
    subject: str = "hello", body: str = "Words.", sender: str = ALICE, fields: str = ""
) -> bytes:
    """A message as a simple client writes it."""
    return (
        f"From: {sender}\r\nTo: undisclosed-recipients:;\r\nSubject: {subject}\r\n"
        f"Message-ID: <{zlib.crc32(subject.encode())}@example.test>\r\n"
        f"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\n{fields}\r\n{body}\r\n"
    ).encode()


def _log(tx: Tx) -> list[LogLine]:
    return log.search(tx, LogFilter())


def _is_new(tx: Tx) -> bool:
    return not domains.all_of(tx)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

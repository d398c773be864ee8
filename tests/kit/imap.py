"""IMAP sessions over a connection in memory, in front of a real database."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kit.clock import FakeClock
from pillarbox.base.clock import Clock
from pillarbox.base.errors import Denied
from pillarbox.base.ids import BlobId, IdSource
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Actor, Role, User
from pillarbox.domain.mail import append, mailboxes
from pillarbox.domain.mail.content import ContentStore, prepare
from pillarbox.domain.mail.model import Appended, FlagSet
from pillarbox.pipeline.client import ClientFacts
from pillarbox.protocols.imap.conversation import Conversation
from pillarbox.protocols.imap.options import ImapOptions, ImapServices
from pillarbox.protocols.imap.registry import CORE
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.stream.connection import Connection, Draining
from pillarbox.protocols.stream.tls import TlsFacts
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

if TYPE_CHECKING:
    from pillarbox.pipeline.login import Login

PASSWORD = "correct horse"
USER = "alice@example.test"
HEAR_S = 5.0


class FakeConnection:
    """A connection in memory; the test has its other end."""

    def __init__(self, *, tls: bool = True, can_start_tls: bool = False) -> None:
        self.id = "s1"
        self.peer_ip = "192.0.2.7"
        self.peer_port = 40000
        self.local_port = 143
        self.trusted = False
        self.can_start_tls = can_start_tls
        self.tls = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", None) if tls else None
        self._input: list[bytes | Exception] = []
        self._output: list[bytes] = []
        self._came = asyncio.Event()
        self._idle = asyncio.Event()
        self._wrote = asyncio.Event()

    async def read(self, timeout_s: float, *, at_rest: bool = False) -> bytes:
        while not self._input:
            self._idle.set()
            self._came.clear()
            await self._came.wait()
        item = self._input.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    async def read_or(self, wake: asyncio.Event, timeout_s: float) -> bytes | None:
        if wake.is_set():
            return None
        reading = asyncio.ensure_future(self.read(timeout_s, at_rest=True))
        waking = asyncio.ensure_future(wake.wait())
        await asyncio.wait({reading, waking}, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        if reading.done():
            return reading.result()
        reading.cancel()
        return None

    def write(self, data: bytes) -> None:
        self._output.append(data)
        self._wrote.set()

    async def drain(self) -> None:
        pass

    async def start_tls(self) -> None:
        self.can_start_tls = False
        self.tls = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", None)

    def give(self, item: bytes | Exception) -> None:
        """Input, `b""` for its end, or what the next read raises."""
        self._input.append(item)
        self._idle.clear()
        self._came.set()

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._output)
        self._output.clear()
        self._wrote.clear()
        return data

    async def settled(self, task: "asyncio.Task[None]") -> None:
        """Wait until the session waits for input or has ended."""
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait({task, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()

    async def written(self) -> None:
        """Wait until something was written."""
        await asyncio.wait_for(self._wrote.wait(), HEAR_S)


class Talk:
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, services: ImapServices) -> None:
        self.connection = connection
        self.fake_login = cast(FakeLogin, services.login)
        self.session = ImapSession(cast(Connection, connection), services)
        talk = Conversation(self.session, CORE)
        self.task: asyncio.Task[None] = asyncio.ensure_future(talk.run())

    async def hear(self) -> bytes:
        """What the session says until it waits for more."""
        await self.connection.settled(self.task)
        return self.connection.taken()

    async def hear_unasked(self) -> bytes:
        """What the session says by itself."""
        await self.connection.written()
        return self.connection.taken()

    async def say(self, data: bytes) -> bytes:
        """Send bytes; gives the answer."""
        self.connection.give(data)
        return await self.hear()

    async def ask(self, command: str) -> list[str]:
        """Send one command without tag; gives the lines of the answer."""
        answer = await self.say(f"t {command}\r\n".encode())
        return answer.decode("utf-8", "replace").splitlines()

    async def login(self, *commands: str) -> "Talk":
        """Log in and run commands, whose answers don't matter."""
        await self.hear()
        for command in (f'LOGIN {USER} "{PASSWORD}"', *commands):
            answer = await self.ask(command)
            assert answer[-1].startswith("t OK"), answer
        return self

    async def hang_up(self) -> None:
        """Close the client's side and wait for the session's end."""
        self.connection.give(b"")
        await self.task

    async def stop(self) -> bytes:
        """Let the server stop; gives what the session says to that."""
        self.connection.give(Draining())
        await self.task
        return self.connection.taken()


class FakeLogin:
    """Knows one user."""

    def __init__(self, user: User) -> None:
        self._user = user
        self.asked: list[ClientFacts] = []
        self.holds = True

    async def password(self, username: str, password: str, client: ClientFacts) -> Actor:
        self.asked.append(client)
        user = self._user
        if username != user.address or password != PASSWORD:
            raise Denied("Wrong user or password")
        return Actor(user.account_id, user.address, user.domain_id, user.role)

    async def still_holds(self, actor: Actor) -> bool:
        return self.holds


@dataclass
class MailHouse:
    """One user with mail, and sessions for them."""

    database: Database
    content: ContentStore
    bus: LocalBus
    clock: Clock
    ids: IdSource
    user: User

    def services(self, options: ImapOptions | None = None) -> ImapServices:
        """What a session works with."""
        return ImapServices(
            self.database,
            cast("Login", FakeLogin(self.user)),
            self.bus,
            self.content,
            self.clock,
            self.ids,
            options or ImapOptions("mx.example.test"),
        )

    def talk(
        self, *, tls: bool = True, can_start_tls: bool = False, options: ImapOptions | None = None
    ) -> Talk:
        """A new session."""
        connection = FakeConnection(tls=tls, can_start_tls=can_start_tls)
        return Talk(connection, self.services(options))

    async def deliver(self, content: bytes, name: str = "INBOX", bits: int = 0) -> Appended:
        """Put a message into a mailbox, as delivery does."""
        email = prepare(content, BlobId(self.ids.next()))

        def unit(tx: Tx) -> Appended:
            mailbox = mailboxes.by_name(tx, self.user.account_id, name)
            assert mailbox is not None
            return append.append(
                tx, self.content, mailbox.account_id, mailbox.id, email, FlagSet(bits), tx.now_ms
            )

        return await self.database.write(unit)


async def open_mail_house(
    database: Database, bus: LocalBus, folder: Path, clock: FakeClock
) -> MailHouse:
    """A house with one user, whose database publishes to `bus`."""
    content = ContentStore(KeyRing({1: bytes(32)}), BlobStore(folder / "blobs", 1 << 20))

    def unit(tx: Tx) -> User:
        domains.create(tx, "example.test")
        return users.create(tx, USER, "x", "Alice", Role.USER, 0)

    user = await database.write(unit)
    return MailHouse(database, content, bus, clock, IdSource(), user)


# Dialogs


@dataclass(frozen=True)
class Turn:
    """Lines one side of a session says without the other in between."""

    session: str
    client: bool
    lines: tuple[str, ...]


def read_dialog(path: Path) -> tuple[dict[str, str], list[Turn]]:
    """A dialog's settings (`tls: no`) and its turns.

    `C:` and `S:` are the client and server of the first session, `C2:` and `S2:` of a second. In
    server lines `...` stands for any text.
    """
    settings: dict[str, str] = {}
    turns: list[Turn] = []
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"([CS])(\d?): ?(.*)", line)
        if found is None:
            name, _, value = line.partition(":")
            settings[name.strip()] = value.strip()
            continue
        session, client = found.group(2) or "1", found.group(1) == "C"
        if turns and (turns[-1].session, turns[-1].client) == (session, client):
            turns[-1] = Turn(session, client, (*turns[-1].lines, found.group(3)))
        else:
            turns.append(Turn(session, client, (found.group(3),)))
    return settings, turns


async def play(house: MailHouse, path: Path) -> None:
    """Play a dialog against sessions of a house; fails at the first turn that differs."""
    settings, turns = read_dialog(path)
    tls = settings.get("tls", "yes") == "yes"
    talks: dict[str, Talk] = {}
    spoken: dict[str, bool] = {}
    for turn in turns:
        if turn.session not in talks:
            talks[turn.session] = house.talk(tls=tls, can_start_tls=not tls)
            spoken[turn.session] = True
            if settings.get("login") == "yes":
                await talks[turn.session].login()
                spoken[turn.session] = False
        talk = talks[turn.session]
        if turn.client:
            talk.connection.give("".join(line + "\r\n" for line in turn.lines).encode())
            spoken[turn.session] = True
            continue
        heard = await (talk.hear() if spoken[turn.session] else talk.hear_unasked())
        spoken[turn.session] = False
        lines = heard.decode("utf-8", "replace").split("\r\n")[:-1]
        wanted = [re.escape(line).replace(r"\.\.\.", ".*") for line in turn.lines]
        same = len(lines) == len(wanted) and all(map(re.fullmatch, wanted, lines))
        assert same, "\n".join([f"{path.name}:", *lines, "instead of:", *turn.lines])
    for talk in talks.values():
        if not talk.task.done():
            await talk.hang_up()

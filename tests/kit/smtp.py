"""SMTP sessions over a connection in memory, in front of a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kit.clock import FakeClock
from pillarbox.base.errors import Denied
from pillarbox.base.ids import AccountId, IdSource
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.model import TOPIC, Actor, User
from pillarbox.domain.accounts.model import Role as UserRole
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.protocols.smtp.policy import InFlight, Role, SmtpOptions
from pillarbox.protocols.smtp.receive import SmtpServices
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.protocols.stream.connection import Connection, Draining
from pillarbox.protocols.stream.tls import TlsFacts
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

if TYPE_CHECKING:
    from pillarbox.pipeline.login import Login

HOSTNAME = "mx.example.test"
PASSWORD = "correct horse"


class FakeConnection:
    """A connection in memory; `peer` is the test's end of it."""

    def __init__(self, *, tls: bool = False, can_start_tls: bool = False) -> None:
        self.id = "s1"
        self.peer_ip = "192.0.2.7"
        self.peer_port = 40000
        self.local_port = 25
        self.trusted = False
        self.can_start_tls = can_start_tls
        self.tls = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", None) if tls else None
        self.was_at_rest = False
        self.aborts_in_drain = False
        self._input: list[bytes | Exception] = []
        self._output: list[bytes] = []
        self._came = asyncio.Event()
        self._idle = asyncio.Event()

    async def read(self, timeout_s: float, *, at_rest: bool = False) -> bytes:
        self.was_at_rest = at_rest
        while not self._input:
            self._idle.set()
            self._came.clear()
            await self._came.wait()
        item = self._input.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def write(self, data: bytes) -> None:
        self._output.append(data)

    async def drain(self) -> None:
        if self.aborts_in_drain:
            raise ConnectionResetError("gone")

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
        return data

    async def settled(self, task: "asyncio.Task[None]") -> None:
        """Wait until the session waits for input or has ended."""
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait({task, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()


class FakeLogin:
    """Knows one password for every user of a house."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self.asked: list[ClientFacts] = []
        self.holds = True

    async def password(self, username: str, password: str, client: ClientFacts) -> Actor:
        self.asked.append(client)
        user = self._house.users.get(username)
        if user is None or password != PASSWORD:
            raise Denied("Wrong user or password")
        return Actor(user.account_id, user.address, user.domain_id, user.role)

    async def still_holds(self, actor: Actor) -> bool:
        return self.holds


@dataclass
class House:
    """Two users at example.test and everything that takes mail for them."""

    database: Database
    store: ContentStore
    bus: LocalBus
    clock: FakeClock
    users: dict[str, User]
    inbound: Inbound
    submission: Submission

    def services(
        self, options: SmtpOptions | None = None, in_flight: int = 1 << 26
    ) -> SmtpServices:
        """What a session works with."""
        return SmtpServices(
            options or SmtpOptions(HOSTNAME),
            InFlight(in_flight),
            self.inbound,
            self.submission,
            cast("Login", FakeLogin(self)),
        )

    def actor(self, name: str = "alice@example.test") -> Actor:
        user = self.users[name]
        return Actor(user.account_id, user.address, user.domain_id, user.role)

    async def change(self, fn: Callable[..., object], *args: object) -> None:
        """Change the directory and let everybody know."""
        await self.database.write(fn, *args)
        self.bus.publish(TOPIC)

    async def contents(self, name: str, mailbox: str = "INBOX") -> list[bytes]:
        """The messages in a user's mailbox."""
        return await self.database.read(_contents, self.store, self.users[name].account_id, mailbox)

    async def queued(self) -> list[QueuedMessage]:
        return await self.database.read(inspect.list_of)

    async def queued_content(self, message: QueuedMessage) -> bytes:
        return await self.database.read(
            inspect.content, self.store.keys, self.store.blobs, message.id
        )


def _contents(tx: Tx, store: ContentStore, account: AccountId, name: str) -> list[bytes]:
    mailbox = mailboxes.by_name(tx, account, name)
    assert mailbox is not None
    found = read.contents(tx, store, account, mailbox.id, [(1, 1 << 31)], False)
    return [content for _, content, _ in found]


async def open_house(database: Database, folder: Path, clock: FakeClock) -> House:
    """A house with alice and bob, the alias team@ for both, and away@ that leads outside."""
    bus = LocalBus()
    ids = IdSource()
    store = ContentStore(KeyRing({1: bytes(32)}), BlobStore(folder / "blobs", 1 << 20))
    people = await database.write(_people)
    recipients = Recipients(database, bus, clock, "example.test")
    delivery = Delivery(database, store, ids, 72 * 3_600_000)
    return House(
        database,
        store,
        bus,
        clock,
        {user.address: user for user in people},
        Inbound(HOSTNAME, recipients, delivery, clock, ids),
        Submission(HOSTNAME, recipients, delivery, clock, ids),
    )


def _people(tx: Tx) -> list[User]:
    domain = domains.create(tx, "example.test")
    people = [
        users.create(tx, f"{name}@example.test", "x", name, UserRole.USER, 0)
        for name in ("alice", "bob")
    ]
    for name, targets in (
        ("team", ("alice@example.test", "bob@example.test")),
        ("away", ("ann@elsewhere.test",)),
        ("both", ("bob@example.test", "ann@elsewhere.test")),
    ):
        aliases.create(tx, f"{name}@{domain.name}", targets)
    return people


class Talk:
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, role: Role, services: SmtpServices) -> None:
        self.connection = connection
        self.login = cast(FakeLogin, services.login)
        session = SmtpSession(cast(Connection, connection), role, services)
        self.task: asyncio.Task[None] = asyncio.ensure_future(session.run())

    async def hear(self) -> bytes:
        """What the session says until it waits for more."""
        await self.connection.settled(self.task)
        return self.connection.taken()

    async def say(self, data: bytes) -> bytes:
        """Send bytes; gives the answer."""
        self.connection.give(data)
        return await self.hear()

    async def lines(self, *lines: str) -> list[str]:
        """Send lines together; gives the lines of the answer."""
        answer = await self.say("".join(line + "\r\n" for line in lines).encode())
        return answer.decode().splitlines()

    async def hang_up(self) -> None:
        """Close the client's side and wait for the session's end."""
        self.connection.give(b"")
        await self.task

    async def stop(self) -> None:
        """Let the server stop."""
        self.connection.give(Draining())
        await self.task


TalkTo = Callable[..., Awaitable[Talk]]

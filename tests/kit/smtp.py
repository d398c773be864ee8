"""SMTP sessions over a connection in memory, in front of a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select

from kit.clock import FakeClock
from kit.connection import ClientSide, FakeConnection
from kit.login import NONCE, FakeLogin, actor_of
from kit.mail import content_store
from pillarbox.base.ids import AccountId, IdSource
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.model import TOPIC, Actor, User
from pillarbox.domain.accounts.model import Role as UserRole
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.domain.queue.tables import queue_messages, queue_recipients
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.prepare import Preparation
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.protocols.smtp.conversation import Conversation
from pillarbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbox.protocols.smtp.receive import SmtpServices
from pillarbox.protocols.smtp.registry import HANDLERS
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

if TYPE_CHECKING:
    from pillarbox.pipeline.login import Login

HOSTNAME = "mx.example.test"


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
        login = cast("Login", FakeLogin(self.users))
        return SmtpServices(
            options or SmtpOptions(HOSTNAME),
            InFlight(in_flight),
            self.inbound,
            self.submission,
            login,
            authentication=Authentication(login, lambda: NONCE),
            clock=self.clock,
        )

    def actor(self, name: str = "alice@example.test") -> Actor:
        return actor_of(self.users[name])

    async def change(self, fn: Callable[..., object], *args: object) -> None:
        """Change the directory and let everybody know."""
        await self.database.write(fn, *args)
        self.bus.publish(TOPIC)

    async def contents(self, name: str, mailbox: str = "INBOX") -> list[bytes]:
        """The messages in a user's mailbox."""
        return await self.database.read(_contents, self.store, self.users[name].account_id, mailbox)

    async def queued(self) -> list[QueuedMessage]:
        return await self.database.read(inspect.list_of)

    async def queue_rows(self) -> list[dict[str, Any]]:
        """Each recipient in the queue with its message, by the names of their columns."""
        return await self.database.read(_queue_rows)

    async def queued_content(self, message: QueuedMessage) -> bytes:
        return await self.database.read(
            inspect.content, self.store.keys, self.store.blobs, message.id
        )


def _queue_rows(tx: Tx) -> list[dict[str, Any]]:
    message, recipient = queue_messages, queue_recipients
    rows = tx.select(
        select(*message.c, *recipient.c)
        .join_from(message, recipient, recipient.c.message_id == message.c.id)
        .order_by(recipient.c.id)
    )
    names = [column.name for column in (*message.c, *recipient.c)]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _contents(tx: Tx, store: ContentStore, account: AccountId, name: str) -> list[bytes]:
    mailbox = mailboxes.by_name(tx, account, name)
    assert mailbox is not None
    found = read.contents(tx, store, account, mailbox.id, [(1, 1 << 31)], False)
    return [content for _, content, _ in found]


async def open_house(database: Database, folder: Path, clock: FakeClock) -> House:
    """A house with alice and bob, the alias team@ for both, and away@ that leads outside."""
    bus = LocalBus()
    ids = IdSource()
    store = content_store(folder / "blobs", 1 << 20)
    people = await database.write(_people)
    recipients = Recipients(database, bus, clock, "example.test")
    delivery = Delivery(database, Preparation(store, ids), 72 * 3_600_000)
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


class Talk(ClientSide):
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, role: Role, services: SmtpServices) -> None:
        self.login = cast(FakeLogin, services.login)
        session = SmtpSession(cast(Connection, connection), role, services)
        super().__init__(connection, asyncio.ensure_future(Conversation(session, HANDLERS).run()))

    async def lines(self, *lines: str) -> list[str]:
        """Send lines together; gives the lines of the answer."""
        answer = await self.say("".join(line + "\r\n" for line in lines).encode())
        return answer.decode().splitlines()


TalkTo = Callable[..., Awaitable[Talk]]

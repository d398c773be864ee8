"""IMAP sessions over a connection in memory, in front of a real database."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kit.clock import FakeClock
from kit.connection import ClientSide, FakeConnection
from kit.login import NONCE, PASSWORD, FakeLogin
from kit.mail import content_store
from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Line
from pillarbox.base.ids import BlobId, IdSource
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role, User
from pillarbox.domain.mail import append, mailboxes
from pillarbox.domain.mail.content import ContentStore, prepare
from pillarbox.domain.mail.model import Appended, FlagSet
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.mail_search import MailSearch
from pillarbox.pipeline.prepare import Preparation
from pillarbox.protocols.imap.conversation import Conversation
from pillarbox.protocols.imap.options import ImapOptions, ImapServices
from pillarbox.protocols.imap.registry import CORE
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

if TYPE_CHECKING:
    from pillarbox.pipeline.login import Login

USER = "alice@example.test"


class Talk(ClientSide):
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, services: ImapServices) -> None:
        self.fake_login = cast(FakeLogin, services.login)
        self.session = ImapSession(cast(Connection, connection), services)
        conversation = Conversation(self.session, CORE)
        super().__init__(connection, asyncio.ensure_future(conversation.run()))

    async def ask(self, command: str) -> list[str]:
        """Send one command without tag; gives the lines of the answer."""
        answer = await self.say(f"t {command}\r\n".encode())
        return answer.decode("utf-8", "replace").splitlines()

    async def login(self, *commands: str, user: str = USER) -> "Talk":
        """Log in and run commands, whose answers don't matter."""
        await self.hear()
        for command in (f'LOGIN {user} "{PASSWORD}"', *commands):
            answer = await self.ask(command)
            assert answer[-1].startswith("t OK"), answer
        return self


@dataclass
class MailHouse:
    """One user with mail, and sessions for them."""

    database: Database
    content: ContentStore
    bus: LocalBus
    clock: Clock
    ids: IdSource
    user: User
    preparation: Preparation
    in_flight: InFlight = field(default_factory=InFlight)
    searches: Line = field(default_factory=lambda: Line(2, 8))
    others: dict[str, User] = field(default_factory=dict)
    """Further users who may log in, by address."""

    async def add_user(self, address: str) -> User:
        """One more user of the same domain."""
        if address not in self.others:
            self.others[address] = await self.database.write(
                users.create, address, "x", "", Role.USER, 0
            )
        return self.others[address]

    def services(self, options: ImapOptions | None = None) -> ImapServices:
        """What a session works with."""
        login = cast("Login", FakeLogin({self.user.address: self.user, **self.others}))
        return ImapServices(
            self.database,
            login,
            self.bus,
            self.content,
            self.clock,
            self.preparation,
            self.in_flight,
            MailSearch(self.database, self.content, self.searches),
            Authentication(login, lambda: NONCE),
            options or ImapOptions("mx.example.test"),
        )

    def talk(
        self,
        *,
        tls: bool = True,
        can_start_tls: bool = False,
        options: ImapOptions | None = None,
        end_point: bytes | None = None,
    ) -> Talk:
        """A new session."""
        connection = FakeConnection(tls=tls, can_start_tls=can_start_tls, end_point=end_point)
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
    content = content_store(folder / "blobs", 1 << 20)

    def unit(tx: Tx) -> User:
        domains.create(tx, "example.test")
        return users.create(tx, USER, "x", "Alice", Role.USER, 0)

    user = await database.write(unit)
    ids = IdSource()
    return MailHouse(database, content, bus, clock, ids, user, Preparation(content, ids))

"""One client's state, and what commands need to work with it.

Reads nothing and runs no command: `conversation` does. Used by `conversation` and every module of
`commands/`.
"""

import asyncio

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail.maildrop import Maildrop
from pillarbox.pipeline.authentication import Attempt, ChannelFacts
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.protocols.pop3.errors import RefusedCommand
from pillarbox.protocols.pop3.lock import MaildropLock
from pillarbox.protocols.pop3.options import Pop3Services
from pillarbox.protocols.stream import login
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.login import LoginPatience
from pillarbox.wire.pop3.server import ServerParser


class Marks:
    """The maildrop of a session that is logged in, and which messages it has deleted."""

    __slots__ = ("count", "deleted", "drop", "size_bytes")

    def __init__(self, drop: Maildrop) -> None:
        self.drop = drop
        self.deleted = bytearray()
        self.count = self.size_bytes = 0
        self.reset()

    def reset(self) -> None:
        """Take every mark back."""
        self.deleted = bytearray(len(self.drop.uids))
        self.count = len(self.drop.uids)
        self.size_bytes = sum(self.drop.sizes)

    def index(self, number: int) -> int:
        """Where message `number` lies; refused where there is none, or one marked as deleted."""
        if not 1 <= number <= len(self.deleted):
            raise RefusedCommand(f"There is no message {number}")
        if self.deleted[number - 1]:
            raise RefusedCommand(f"Message {number} is deleted")
        return number - 1

    def delete(self, number: int) -> None:
        """Mark a message as deleted."""
        index = self.index(number)
        self.deleted[index] = 1
        self.count -= 1
        self.size_bytes -= self.drop.sizes[index]

    @property
    def any_deleted(self) -> bool:
        """Whether there is anything to remove."""
        return self.count < len(self.deleted)


class Pop3Session:
    """The state of one connection."""

    __slots__ = (
        "_out",
        "_patience",
        "actor",
        "attempt",
        "connection",
        "ending",
        "failed_logins",
        "lock",
        "marks",
        "parser",
        "services",
        "username",
        "utf8",
        "watch",
    )

    def __init__(self, connection: Connection, services: Pop3Services) -> None:
        self.connection = connection
        self.services = services
        self.parser = ServerParser()
        self.username: str | None = None
        """What USER said, until PASS comes."""
        self.attempt: Attempt | None = None
        """The exchange that awaits a line of the client."""
        self.utf8 = False
        """Whether the client said that it takes UTF-8 (RFC 6856 §2.1)."""
        self.actor: Actor | None = None
        self.watch: LoginWatch | None = None
        self.lock: MaildropLock | None = None
        self.marks: Marks | None = None
        self.ending = False
        self.failed_logins = 0
        self._out: list[bytes] = []
        self._patience = LoginPatience(services.options.login_timeout_s)

    def say(self, data: bytes) -> None:
        """Answer, with the answers of this turn."""
        self._out.append(data)

    def flush(self) -> None:
        """Hand what was said to the connection."""
        if self._out:
            self.connection.write(b"".join(self._out))
            self._out.clear()

    async def send(self, data: bytes) -> None:
        """Answer with a piece of much; waits while the client reads too slowly."""
        self._out.append(data)
        await self.yield_turn()

    async def yield_turn(self) -> None:
        """Send what was said and let others have their turn, however fast this client reads."""
        self.flush()
        await self.connection.drain()
        await asyncio.sleep(0)

    def enter(self, actor: Actor, lock: MaildropLock, drop: Maildrop) -> None:
        """From here on the session is the user's, as long as login and lock hold."""
        options = self.services.options
        self.actor, self.lock, self.marks = actor, lock, Marks(drop)
        self.watch = LoginWatch(self.services.login, actor, options.login_asked_every_s)
        self.username = None

    async def close(self) -> None:
        """Give back what the session holds; it is over."""
        lock, self.lock = self.lock, None
        if lock is not None:
            await lock.release()

    def require_marks(self) -> Marks:
        """The maildrop; the registry lets no command that needs it run before login."""
        if self.marks is None:
            raise RefusedCommand("Log in first")
        return self.marks

    def may_send_password(self) -> bool:
        """Whether a password may be sent over this connection."""
        return login.may_send_password(self.connection, self.services.options)

    def channel_facts(self) -> ChannelFacts:
        """What mechanisms depend on."""
        return login.channel_facts(self.connection, may_send_password=self.may_send_password())

    def client_facts(self) -> ClientFacts:
        """Who is at the other end."""
        return login.client_facts(self.connection, "pop3")

    def patience_s(self) -> float:
        """How long the client may stay silent now; `TimeoutError` when login took too long."""
        if self.actor is not None:
            return self.services.options.idle_timeout_s
        return self._patience.left_s()

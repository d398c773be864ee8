"""One client's state, and what commands need to work with it.

Reads nothing but responses to challenges and runs no command: `conversation` does. Used by
`conversation` and every module of `commands/`.
"""

import asyncio

from pillarbox.base.errors import GrammarError
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.authentication import ChannelFacts
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.protocols.managesieve.errors import HangUp, RefusedCommand
from pillarbox.protocols.managesieve.options import ManageSieveServices
from pillarbox.protocols.stream import login
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.login import LoginPatience
from pillarbox.wire.managesieve.receiver import (
    Event,
    Fatal,
    Malformed,
    Receiver,
    ReceiverLimits,
    TooLarge,
)
from pillarbox.wire.managesieve.responses import Code
from pillarbox.wire.managesieve.tokens import Word

_OTHER_OCTETS = 4096
"""What may come in literals beside a script: its name."""
_UNSENT_OCTETS = 64 * 1024
"""Answers up to so much are collected while the client has sent more commands."""


class ManageSieveSession:
    """The state of one connection."""

    __slots__ = (
        "_command_by_s",
        "_out",
        "_patience",
        "_unsent_octets",
        "actor",
        "connection",
        "ending",
        "failed_logins",
        "login_count",
        "receiver",
        "services",
        "watch",
    )

    def __init__(self, connection: Connection, services: ManageSieveServices) -> None:
        self.connection = connection
        self.services = services
        self.receiver = Receiver(ReceiverLimits())
        self.actor: Actor | None = None
        self.watch: LoginWatch | None = None
        self.ending = False
        self.failed_logins = 0
        self.login_count = 0
        self._out: list[bytes] = []
        self._unsent_octets = 0
        self._command_by_s: float | None = None
        self._patience = LoginPatience(services.options.login_timeout_s)

    def say(self, data: bytes) -> None:
        """Answer, with the answers of this turn."""
        self._out.append(data)
        self._unsent_octets += len(data)

    def flush(self) -> None:
        """Hand what was said to the connection."""
        if self._out:
            self.connection.write(b"".join(self._out))
            self._out.clear()
            self._unsent_octets = 0

    @property
    def is_much_unsent(self) -> bool:
        """Whether the client should read before more of its commands run."""
        return self._unsent_octets > _UNSENT_OCTETS

    async def yield_turn(self) -> None:
        """Send what was said and let others have their turn, however fast this client reads."""
        self.flush()
        await self.connection.drain()
        await asyncio.sleep(0)

    async def read_response(self) -> tuple[Word, ...]:
        """The words of the client's answer to a challenge; sends what was said first.

        Raises `GrammarError` for a line that can't be read.
        """
        self.flush()
        await self.connection.drain()
        while (event := self.receiver.next_event()) is None:
            data = await self.connection.read(self.patience_s())
            if not data:
                raise ConnectionResetError("the client left")
            self.receiver.feed(data)
        return words_of(event)

    def enter(self, actor: Actor) -> None:
        """From here on the session is the user's, as long as the login holds."""
        options = self.services.options
        self.actor = actor
        self.watch = LoginWatch(self.services.login, actor, options.login_asked_every_s)
        script_bytes = self.services.scripts.quota.script_bytes
        self.receiver.allow(ReceiverLimits(script_bytes + _OTHER_OCTETS, options.skipped_octets))

    def leave(self) -> None:
        """Be as new, for another user."""
        self.actor = self.watch = None
        self.receiver.allow(ReceiverLimits())
        self._patience = LoginPatience(self.services.options.login_timeout_s)

    def command_ended(self) -> None:
        """Give the next command its own time, however early it begins."""
        self._command_by_s = None

    def require_actor(self) -> Actor:
        """Who is logged in; the registry lets no command that needs it run before."""
        if self.actor is None:
            raise RefusedCommand("Log in first")
        return self.actor

    def may_send_password(self) -> bool:
        """Whether a password may be sent over this connection."""
        return login.may_send_password(self.connection, self.services.options)

    def channel_facts(self) -> ChannelFacts:
        """What mechanisms depend on."""
        return login.channel_facts(self.connection, may_send_password=self.may_send_password())

    def client_facts(self) -> ClientFacts:
        """Who is at the other end."""
        return login.client_facts(self.connection, "managesieve")

    def patience_s(self) -> float:
        """How long the client may stay silent now; `TimeoutError` when it took too long."""
        if self.actor is None:
            return self._patience.left_s()
        options = self.services.options
        if not self.receiver.is_within_command:
            return options.idle_timeout_s
        now_s = asyncio.get_running_loop().time()
        if self._command_by_s is None:
            self._command_by_s = now_s + options.command_timeout_s
        left_s = self._command_by_s - now_s
        if left_s <= 0:
            raise TimeoutError("the command came too slowly")
        return left_s


def words_of(event: Event) -> tuple[Word, ...]:
    """The words of a line that could be read; raises what is to be done where it could not."""
    match event:
        case Malformed(error):
            raise GrammarError(error.text, error.position)
        case TooLarge():
            raise RefusedCommand("That is too large", Code.MAX_SIZE)
        case Fatal(reason, too_large):
            raise HangUp(reason, Code.MAX_SIZE if too_large else None)
        case _:
            return event.words

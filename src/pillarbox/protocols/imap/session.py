"""One client's state, and what commands need to work with it.

Reads nothing but answers to challenges and runs no command: `conversation` does. Used by
`conversation`, `updates` and every module of `commands/`.
"""

import asyncio
from typing import Protocol

from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.authentication import ChannelFacts
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login_watch import ENDED, LoginWatch
from pillarbox.protocols.imap.capability import after_login, before_login
from pillarbox.protocols.imap.errors import BadCommand, HangUp, RefusedCommand
from pillarbox.protocols.imap.options import ImapServices
from pillarbox.protocols.imap.progress import Progress
from pillarbox.protocols.imap.view import View
from pillarbox.protocols.stream import login
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.login import LoginPatience
from pillarbox.wire.imap.parse.notify import NotifyEvent
from pillarbox.wire.imap.receiver import Fatal, Receiver, ReceiverLimits
from pillarbox.wire.imap.respond.replies import number_code, status_response

_OTHER_BYTES = 64 * 1024
"""What may come with the messages in one APPEND."""
_SENT_BYTES = 128 * 1024
"""What is handed to the connection at once."""
_FREE_BYTES = 64 * 1024
"""What a client's command may hold in literals without room being taken for it."""


class Notifying(Protocol):
    """Tells a client what it asked for with NOTIFY, when `wake` is set (RFC 5465)."""

    wake: asyncio.Event

    def wants(self, event: NotifyEvent) -> bool:
        """Whether the client wants to be told of an event in the selected mailbox."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...

    async def push(self, *, idle: bool = False) -> None:
        """Tell what has happened; between two commands, or in IDLE."""
        ...

    async def tell_new(self) -> None:
        """Tell the items asked for of messages the client has just been told of."""
        ...


class ImapSession:
    """The state of one connection."""

    __slots__ = (
        "_condstore",
        "_out",
        "_patience",
        "_reserved_bytes",
        "_reserved_since",
        "_sending",
        "actor",
        "connection",
        "enabled",
        "failed_logins",
        "leaving",
        "notifier",
        "progress",
        "receiver",
        "services",
        "tag",
        "unauthentications",
        "utf8",
        "view",
        "watch",
    )

    def __init__(self, connection: Connection, services: ImapServices) -> None:
        self.connection = connection
        self.services = services
        self.receiver = Receiver(_limits(services.options.max_message_size_bytes))
        self.actor: Actor | None = None
        self.watch: LoginWatch | None = None
        self.view: View | None = None
        self.enabled: set[str] = set()
        """What ENABLE switched on, in upper case."""
        self._condstore = False
        self.utf8 = False
        """Whether names and headers may be UTF-8 (RFC 6855 §3)."""
        self.tag = ""
        """The tag of the command that runs."""
        self.leaving = False
        self.notifier: Notifying | None = None
        """Tells what NOTIFY asked for; without, only of the selected mailbox and when asked."""
        self._reserved_since = 0.0
        self.failed_logins = 0
        self.unauthentications = 0
        self.progress = Progress(self, services.options.progress_every_s)
        """How far the command that runs is."""
        self._out: list[bytes | memoryview] = []
        self._sending = False
        self._reserved_bytes = 0
        self._patience = LoginPatience(self.services.options.login_timeout_s)

    @property
    def condstore(self) -> bool:
        """Whether the client wants modseqs told (RFC 7162 §3.1).

        When it says so first, it is told that of the selected mailbox.
        """
        return self._condstore

    @condstore.setter
    def condstore(self, wanted: bool) -> None:
        if wanted and not self._condstore and self.view is not None:
            code = number_code("HIGHESTMODSEQ", self.view.complete_modseq)
            self.write(status_response("OK", "Highest modseq", code=code))
        self._condstore = wanted

    @property
    def rev2(self) -> bool:
        """Whether the client speaks IMAP4rev2 (RFC 9051 §6.3.1)."""
        return "IMAP4REV2" in self.enabled

    @property
    def qresync(self) -> bool:
        """Whether expunged messages are told by UID (RFC 7162 §3.2.3)."""
        return "QRESYNC" in self.enabled

    @property
    def uidonly(self) -> bool:
        """Whether messages have no numbers for this client (RFC 9586 §3)."""
        return "UIDONLY" in self.enabled

    def write(self, data: bytes | memoryview) -> None:
        """Add to the answer; sent by `flush`, or after the command."""
        self._out.append(data)

    async def flush(self) -> None:
        """Send what was written; waits while the client reads too slowly."""
        connection, out = self.connection, self._out
        if not out:
            await connection.drain()
            return
        self._out = []
        if sum(map(len, out)) <= _SENT_BYTES:
            connection.write(out[0] if len(out) == 1 else b"".join(out))
            await connection.drain()
            return
        sent_bytes = 0
        self._sending = True
        for data in out:
            view = memoryview(data)
            for start in range(0, len(view), _SENT_BYTES):
                connection.write(view[start : start + _SENT_BYTES])
                sent_bytes += _SENT_BYTES if len(view) >= _SENT_BYTES else len(view)
                if sent_bytes >= _SENT_BYTES:
                    await connection.drain()
                    sent_bytes = 0
        self._sending = False
        await connection.drain()

    @property
    def lost(self) -> bool:
        """Whether the client has left."""
        return self.connection.lost

    def interject(self, line: bytes) -> bool:
        """Send a response at once, behind those written; `False` where one is half sent."""
        if self._sending:
            return False
        self.connection.write(b"".join([*self._out, line]))
        self._out = []
        return True

    async def read_line(self) -> bytes:
        """A bare line of the client, for SASL; sends what was written first."""
        await self.flush()
        while (line := self.receiver.next_line()) is None:
            data = await self.connection.read(self.patience_s())
            if not data:
                raise ConnectionResetError("the client left")
            self.receiver.feed(data)
        if isinstance(line, Fatal):
            raise HangUp(line.reason)
        return line

    def wants(self, event: NotifyEvent) -> bool:
        """Whether the client wants to be told of an event in the selected mailbox."""
        return self.notifier is None or self.notifier.wants(event)

    def end_notifying(self) -> None:
        """Forget what NOTIFY asked for."""
        if self.notifier is not None:
            self.notifier.close()
            self.notifier = None

    @property
    def receiving(self) -> bool:
        """Whether room is taken for a message that is on its way in."""
        return self._reserved_bytes > 0

    def account(self) -> None:
        """Take or give back room for what the receiver holds; without room that is dropped."""
        budget = self.services.in_flight
        wanted = max(self.receiver.held_bytes - _FREE_BYTES, 0)
        if not self._reserved_bytes:
            self._reserved_since = asyncio.get_running_loop().time()
        if wanted > self._reserved_bytes:
            if budget.reserve(wanted - self._reserved_bytes):
                self._reserved_bytes = wanted
                return
            self.receiver.starve()
            wanted = 0
        budget.release(self._reserved_bytes - wanted)
        self._reserved_bytes = wanted

    def close(self) -> None:
        """Give back what the session holds; it is over."""
        self.view = None
        self.end_notifying()
        self.services.in_flight.release(self._reserved_bytes)
        self._reserved_bytes = 0

    def logged_in(self, actor: Actor) -> None:
        """From here on the session is the user's, as long as the login holds."""
        self.actor = actor
        self.watch = LoginWatch(
            self.services.login, actor, self.services.options.login_asked_every_s
        )
        self.receiver.allow_append()

    def logged_out(self) -> None:
        """Be as new, for another user: nothing of this one's is left (RFC 8437 §3)."""
        self.actor = self.watch = self.view = None
        self.end_notifying()
        self.enabled.clear()
        self.condstore = self.utf8 = False
        self.receiver.allow_append(False)
        self._patience = LoginPatience(self.services.options.login_timeout_s)

    async def require_standing(self) -> None:
        """End the session of a user who may not go on: disabled, removed, other password."""
        if self.watch is not None and not await self.watch.holds():
            raise HangUp(ENDED)

    def require_actor(self) -> Actor:
        """Who is logged in; the registry lets no command that needs it run before."""
        if self.actor is None:
            raise BadCommand("Log in first")
        return self.actor

    def require_view(self, *, writable: bool = False) -> View:
        """The selected mailbox; NO where it must be changed but was opened read-only."""
        if self.view is None:
            raise BadCommand("Select a mailbox first")
        if writable and self.view.read_only:
            raise RefusedCommand("The mailbox is open read-only", "READ-ONLY")
        return self.view

    def may_login(self) -> bool:
        """Whether a password may be sent over this connection."""
        return login.may_send_password(self.connection, self.services.options)

    def capabilities(self) -> list[str]:
        """What is announced now."""
        if self.actor is not None:
            limit = self.services.options.max_message_size_bytes
            return after_login(
                append_limit_bytes=limit,
                message_limit=self.services.options.message_limit,
                save_limit=self.services.options.save_limit,
                sieve_url=self.services.options.sieve_url,
            )
        mechanisms = self.services.authentication.mechanisms(self.channel_facts())
        return before_login(can_start_tls=self.connection.can_start_tls, mechanisms=mechanisms)

    def channel_facts(self) -> ChannelFacts:
        """What the login may rest on."""
        return login.channel_facts(self.connection, may_send_password=self.may_login())

    def client_facts(self) -> ClientFacts:
        """Who is at the other end."""
        return login.client_facts(self.connection, "imap")

    def _content_by(self) -> float:
        """When the message that is arriving must be there; each part that came buys time."""
        options = self.services.options
        earned_s = self._reserved_bytes / options.content_slowest_bytes
        return self._reserved_since + options.content_total_s + earned_s

    def patience_s(self) -> float:
        """How long the client may stay silent now; `TimeoutError` when login took too long."""
        options = self.services.options
        if self.actor is not None:
            # Nobody may hold the room of others and say nothing.
            if not self._reserved_bytes:
                return options.idle_timeout_s
            left_s = self._content_by() - asyncio.get_running_loop().time()
            if left_s <= 0:
                raise TimeoutError("the message came too slowly")
            return min(left_s, options.content_timeout_s)
        return self._patience.left_s()


def _limits(message_bytes: int) -> ReceiverLimits:
    return ReceiverLimits(
        append_literal_bytes=message_bytes, append_total_bytes=2 * message_bytes + _OTHER_BYTES
    )

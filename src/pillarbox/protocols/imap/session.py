"""One IMAP connection from greeting to goodbye: reads commands, has them run, sends the answers.

Knows no command: `registry` says who runs which, in which states. Started by `stream/listener`;
calls `wire/imap` for the grammar and `commands/*` for the work. Errors are caught here and nowhere
else.
"""

import asyncio

from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login_watch import ENDED, LoginWatch
from pillarbox.protocols.imap.capability import after_login, before_login
from pillarbox.protocols.imap.errors import (
    BadCommand,
    HangUp,
    RefusedCommand,
    refused,
)
from pillarbox.protocols.imap.options import ImapServices
from pillarbox.protocols.imap.registry import CORE, Entry, Registry, States
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import look
from pillarbox.protocols.imap.view import View
from pillarbox.protocols.stream.connection import Connection, Draining
from pillarbox.wire.imap.parse.command import Command, CommandError, parse_command
from pillarbox.wire.imap.receiver import (
    CommandLine,
    Event,
    Fatal,
    NeedContinuation,
    Receiver,
    ReceiverLimits,
    Rejected,
)
from pillarbox.wire.imap.respond.replies import capability_code, continuation, status_response

_LOG = logger("imap")
_LOGIN_PATIENCE = 3
"""How many times the login timeout a client may take in all."""
_OTHER_BYTES = 64 * 1024
"""What may come with the messages in one APPEND."""


class ImapSession:
    """The state of one connection, and what commands need to work with it."""

    __slots__ = (
        "_bad",
        "_commands",
        "_login_by",
        "_out",
        "_registry",
        "actor",
        "condstore",
        "connection",
        "failed_logins",
        "leaving",
        "receiver",
        "services",
        "tag",
        "utf8",
        "view",
        "watch",
    )

    def __init__(
        self, connection: Connection, services: ImapServices, registry: Registry = CORE
    ) -> None:
        self.connection = connection
        self.services = services
        self._registry = registry
        self.receiver = Receiver(_limits(services.options.max_message_size_bytes))
        self.actor: Actor | None = None
        self.watch: LoginWatch | None = None
        self.view: View | None = None
        self.condstore = False
        """Whether the client wants modseqs told (RFC 7162 §3.1)."""
        self.utf8 = False
        """Whether names and headers may be UTF-8 (RFC 6855 §3)."""
        self.tag = ""
        """The tag of the command that runs."""
        self.leaving = False
        self.failed_logins = 0
        self._out: list[bytes] = []
        self._bad = 0
        self._commands = 0
        patience_s = _LOGIN_PATIENCE * services.options.login_timeout_s
        self._login_by = asyncio.get_running_loop().time() + patience_s

    # The life of the connection

    async def run(self) -> None:
        """Serve the client until it leaves, or must."""
        hello = f"{self.services.options.hostname} ready"
        code = capability_code(self.capabilities())
        self.write(status_response("OK", hello, code=code))
        try:
            await self.flush()
            while not self.leaving:
                data = await self.connection.read(self._patience_s(), at_rest=True)
                if not data:
                    return
                self.receiver.feed(data)
                while not self.leaving and (event := self.receiver.next()) is not None:
                    await self._take(event)
                    await self.flush()
            if self.failed_logins >= self.services.options.max_failed_logins:
                raise HangUp("Too many failed logins")
        except Draining:
            await self._bye("Server is restarting")
        except TimeoutError:
            await self._bye("You were quiet for too long")
        except HangUp as error:
            await self._bye(str(error))
        except ConnectionError:
            return
        finally:
            self.view = None

    async def _bye(self, text: str) -> None:
        self.write(status_response("BYE", text))
        try:
            await self.flush()
        except (ConnectionError, TimeoutError):
            return

    def _patience_s(self) -> float:
        options = self.services.options
        if self.actor is not None:
            return options.idle_timeout_s
        # Words that trickle in don't buy more time before login.
        left_s = self._login_by - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise TimeoutError("no login in time")
        return min(left_s, options.login_timeout_s)

    # What commands use

    def write(self, data: bytes) -> None:
        """Add to the answer; sent by `flush`, or after the command."""
        self._out.append(data)

    async def flush(self) -> None:
        """Send what was written; waits while the client reads too slowly."""
        if self._out:
            self.connection.write(b"".join(self._out))
            self._out.clear()
        await self.connection.drain()

    async def read_line(self) -> bytes:
        """A bare line of the client, for SASL; sends what was written first."""
        await self.flush()
        while (line := self.receiver.next_line()) is None:
            data = await self.connection.read(self._patience_s())
            if not data:
                raise ConnectionResetError("the client left")
            self.receiver.feed(data)
        if isinstance(line, Fatal):
            raise HangUp(line.reason)
        return line

    def logged_in(self, actor: Actor) -> None:
        """From here on the session is the user's, as long as the login holds."""
        self.actor = actor
        self.watch = LoginWatch(
            self.services.login, actor, self.services.options.login_asked_every_s
        )
        self.receiver.allow_append()

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
        options, connection = self.services.options, self.connection
        return (
            connection.tls is not None
            or options.allow_plaintext_login
            or (options.allow_trusted_plaintext and connection.trusted)
        )

    def capabilities(self) -> list[str]:
        """What is announced now."""
        if self.actor is not None:
            limit = self.services.options.max_message_size_bytes
            return after_login(append_limit_bytes=limit)
        return before_login(can_start_tls=self.connection.can_start_tls, may_login=self.may_login())

    def client_facts(self) -> ClientFacts:
        """Who is at the other end."""
        connection = self.connection
        return ClientFacts(
            ip=connection.peer_ip,
            protocol="imap",
            tls=connection.tls is not None,
            trusted=connection.trusted,
            session=connection.id,
        )

    # One command

    async def _take(self, event: Event) -> None:
        match event:
            case CommandLine(pieces):
                try:
                    command = parse_command(pieces, self._registry.table, utf8=self.utf8)
                except CommandError as error:
                    self._not_understood(error)
                else:
                    await self._run(command)
            case NeedContinuation():
                self.write(continuation())
            case Rejected(tag, reason, too_big):
                if too_big and tag:
                    self._answer(tag.decode("ascii"), Reply(reason, b"TOOBIG", "NO"))
                else:
                    self._bad_reply(tag.decode("ascii"), reason)
            case Fatal(reason):
                raise HangUp(reason)

    def _not_understood(self, error: CommandError) -> None:
        if error.refused:
            self._answer(error.tag, _no(RefusedCommand(error.text, error.code)))
            return
        self._bad_reply(error.tag, error.text)

    def _answer(self, tag: str, reply: Reply) -> None:
        self.write(status_response(reply.status, reply.text, tag=tag, code=reply.code))

    def _bad_reply(self, tag: str, text: str) -> None:
        self._answer(tag, Reply(text, status="BAD"))
        self._bad += 1
        if self._bad >= self.services.options.max_bad_commands:
            raise HangUp("Too many bad commands")

    def _states(self) -> States:
        if self.actor is None:
            return States.NOT_AUTHENTICATED
        return States.AUTHENTICATED if self.view is None else States.SELECTED

    async def _run(self, command: Command) -> None:
        entry = self._registry.entry(type(command.args))
        self.tag = command.tag
        if self.actor is None:
            self._commands += 1
            if self._commands > self.services.options.max_commands_before_login:
                raise HangUp("Too many commands before login")
        if entry is None or not entry.states & self._states():
            self._bad_reply(command.tag, f"{command.name} is not possible now")
            return
        await self.require_standing()
        try:
            reply = await self._reply(entry, command)
        except (BadCommand, GrammarError) as error:
            self._bad_reply(command.tag, str(error))
            return
        if reply is not None:
            self._answer(command.tag, reply)
            if reply.status == "OK" and self.actor is not None:
                self._bad = 0

    async def _reply(self, entry: Entry, command: Command) -> Reply | None:
        try:
            reply = await entry.handler(self, command.args)
            if self.view is not None and entry.look_after:
                await look(self, expunge=True)
        except RefusedCommand as error:
            return _no(error)
        except Failure as failure:
            if failure.cause:
                _LOG.warning("command failed", command=command.name, why=failure.cause)
            return _no(refused(failure))
        except (BadCommand, GrammarError, ConnectionError, TimeoutError, HangUp, Draining):
            raise
        except Exception:
            _LOG.exception("command failed", command=command.name)
            return Reply("Something went wrong here", b"SERVERBUG", "NO")
        return reply


def _no(error: RefusedCommand) -> Reply:
    return Reply(error.text, error.code.encode("ascii") if error.code else None, "NO")


def _limits(message_bytes: int) -> ReceiverLimits:
    return ReceiverLimits(
        append_literal_bytes=message_bytes, append_total_bytes=2 * message_bytes + _OTHER_BYTES
    )

"""One IMAP connection from greeting to goodbye: reads commands, has them run, sends the answers.

Knows no command: `registry` says who runs which, in which states. Started by `stream/listener`;
calls `wire/imap` for the grammar and `commands/*` for the work. Errors are caught here and nowhere
else.
"""

import asyncio
from array import array
from contextlib import nullcontext

from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S
from pillarbox.protocols.imap.errors import (
    UID_REQUIRED,
    BadCommand,
    HangUp,
    RefusedCommand,
    refused,
)
from pillarbox.protocols.imap.registry import Entry, Registry, States
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.imap.updates import look
from pillarbox.protocols.stream.connection import Draining
from pillarbox.wire.imap.parse.command import Command, CommandError, parse_command
from pillarbox.wire.imap.receiver import (
    CommandLine,
    Event,
    Fatal,
    NeedContinuation,
    Piece,
    Rejected,
    tag_of,
)
from pillarbox.wire.imap.respond.replies import capability_code, continuation, status_response

_LOG = logger("imap")
_NO_ROOM = "Too much is arriving; try again later"


class Conversation:
    """What is said on one connection."""

    __slots__ = ("_bad", "_commands", "_registry", "session")

    def __init__(self, session: ImapSession, registry: Registry) -> None:
        self.session = session
        self._registry = registry
        self._bad = 0
        self._commands = 0

    async def run(self) -> None:
        """Serve the client until it leaves, or must."""
        session = self.session
        options = session.services.options
        code = capability_code(session.capabilities())
        session.write(status_response("OK", f"{options.hostname} ready", code=code))
        try:
            await self._serve(session)
            if session.failed_logins >= options.max_failed_logins:
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
            session.close()

    async def _serve(self, session: ImapSession) -> None:
        await session.flush()
        while not session.leaving:
            data = await self._input(session)
            if not data:
                session.leaving = True
                return
            receiver = session.receiver
            receiver.feed(data)
            session.account()  # and not again before the command that holds it has run
            while not session.leaving and (event := receiver.next()) is not None:
                await self._take(event)
                await session.flush()
                session.account()
            session.account()

    async def _input(self, session: ImapSession) -> bytes:
        """What the client says next; till then it is told what it asked for with NOTIFY."""
        connection, notifier = session.connection, session.notifier
        if notifier is None or session.receiving:
            return await connection.read(session.patience_s(), at_rest=True)
        loop = asyncio.get_running_loop()
        quiet_until = loop.time() + session.patience_s()
        while (left_s := quiet_until - loop.time()) > 0:
            try:
                data = await connection.read_or(notifier.wake, min(LOOK_EVERY_S, left_s))
            except TimeoutError:
                data = None
            if data is not None:
                return data
            notifier.wake.clear()
            await session.require_standing()
            try:
                await notifier.push()
            except Failure as failure:
                # The next look will find what this one did not.
                _LOG.warning("notifying failed", why=failure.cause or failure.public)
            except (ConnectionError, TimeoutError, HangUp, Draining):
                raise
            except Exception:
                _LOG.exception("notifying failed")
            await session.flush()
        raise TimeoutError("the client said nothing")

    async def _bye(self, text: str) -> None:
        self.session.write(status_response("BYE", text))
        try:
            await self.session.flush()
        except (ConnectionError, TimeoutError):
            return

    async def _take(self, event: Event) -> None:
        match event:
            case CommandLine(pieces):
                try:
                    command = parse_command(pieces, self._registry.table, utf8=self.session.utf8)
                except CommandError as error:
                    self._not_understood(error)
                else:
                    await self._run(command)
            case NeedContinuation(size_bytes, pieces):
                self._go_on(size_bytes, pieces)
            case Rejected(tag, reason, too_big, starved):
                if tag and (too_big or starved):
                    code = b"TOOBIG" if too_big else b"LIMIT"
                    self._answer(tag.decode("ascii"), Reply(reason, code, "NO"))
                else:
                    self._bad_reply(tag.decode("ascii"), reason)
            case Fatal(reason):
                raise HangUp(reason)

    def _go_on(self, size_bytes: int, pieces: tuple[Piece, ...]) -> None:
        """Let the literal come, unless it is plain that there is no room for it."""
        session = self.session
        if size_bytes <= session.services.in_flight.room_bytes:
            session.write(continuation())
            return
        head = pieces[0]
        tag = tag_of(head) if isinstance(head, bytes) else b""
        session.receiver.refuse_literal()
        self._answer(tag.decode("ascii"), Reply(_NO_ROOM, b"LIMIT", "NO"))

    def _not_understood(self, error: CommandError) -> None:
        if error.empties_result and self.session.view is not None:
            self.session.view.saved = array("I")
        if error.refused:
            self._answer(error.tag, _no(RefusedCommand(error.text, error.code)))
            return
        self._bad_reply(error.tag, error.text)

    def _answer(self, tag: str, reply: Reply) -> None:
        self.session.write(status_response(reply.status, reply.text, tag=tag, code=reply.code))

    def _bad_reply(self, tag: str, text: str, code: str | None = None) -> None:
        self._answer(tag, Reply(text, code.encode("ascii") if code else None, "BAD"))
        self._bad += 1
        options = self.session.services.options
        known = self.session.actor is not None
        most = options.max_bad_commands_of_users if known else options.max_bad_commands
        if self._bad >= most:
            raise HangUp("Too many bad commands")

    def _states(self) -> States:
        if self.session.actor is None:
            return States.NOT_AUTHENTICATED
        return States.AUTHENTICATED if self.session.view is None else States.SELECTED

    async def _run(self, command: Command) -> None:
        entry = self._registry.entry(type(command.args))
        self.session.tag = command.tag
        if self.session.actor is None:
            self._commands += 1
            if self._commands > self.session.services.options.max_commands_before_login:
                raise HangUp("Too many commands before login")
        if entry is None or not entry.states & self._states():
            self._bad_reply(command.tag, f"{command.name} is not possible now")
            return
        if self.session.uidonly and getattr(command.args, "uid", True) is False:
            self._bad_reply(command.tag, "Messages have no numbers here", UID_REQUIRED)
            return
        await self.session.require_standing()
        try:
            reply = await self._reply(entry, command)
        except (BadCommand, GrammarError) as error:
            self._bad_reply(command.tag, str(error), getattr(error, "code", None))
            return
        if reply is not None:
            self._answer(command.tag, reply)
            if reply.status == "OK" and self.session.actor is not None:
                self._bad = self._commands = 0

    async def _reply(self, entry: Entry, command: Command) -> Reply | None:
        try:
            with self.session.progress if entry.reports else nullcontext():
                reply = await entry.handler(self.session, command.args)
            if self.session.view is not None and entry.look_after:
                await look(self.session, expunge=True)
            if self.session.notifier is not None:
                await self.session.notifier.tell_new()
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

"""One ManageSieve connection from greeting to goodbye: reads commands, has them run, answers.

Knows no command: `registry` says who runs which, in which state. Answers to commands that came
together are sent together. Started by `stream/listener`; calls `wire/managesieve` for the grammar
and `commands/*` for the work.
"""

from collections.abc import Mapping

from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.log import logger
from pillarbox.pipeline.login_watch import ENDED
from pillarbox.protocols.managesieve import errors
from pillarbox.protocols.managesieve.capability import capabilities
from pillarbox.protocols.managesieve.errors import BadCommand, HangUp, RefusedCommand, refusal
from pillarbox.protocols.managesieve.registry import Entry, States
from pillarbox.protocols.managesieve.session import ManageSieveSession, words_of
from pillarbox.protocols.stream.connection import Draining
from pillarbox.wire.managesieve.commands import Command, parse_command
from pillarbox.wire.managesieve.receiver import Event
from pillarbox.wire.managesieve.responses import bye, no, ok

_log = logger("managesieve")
_COMMANDS_AT_ONCE = 16
"""How many commands of one client run before others have their turn."""


class Conversation:
    """What is said on one connection."""

    __slots__ = ("_bad", "_before_login", "_commands", "_registry", "session")

    def __init__(self, session: ManageSieveSession, registry: Mapping[type, Entry]) -> None:
        self.session = session
        self._registry = registry
        self._bad = 0
        self._before_login = self._commands = 0

    async def run(self) -> None:
        """Serve the client until one side ends it; the caller closes the connection."""
        session = self.session
        hostname = session.services.options.hostname
        session.say(capabilities(session) + ok(f"{hostname} ready"))
        try:
            await self._serve(session)
        except Draining:
            session.say(bye(errors.RESTARTING))
        except TimeoutError:
            session.say(bye(errors.TOO_QUIET))
        except HangUp as error:
            session.say(bye(str(error), error.code))
        finally:
            session.flush()

    async def _serve(self, session: ManageSieveSession) -> None:
        receiver, connection = session.receiver, session.connection
        while True:
            session.flush()
            await connection.drain()
            if session.ending:
                return
            data = await connection.read(session.patience_s(), at_rest=True)
            if not data:
                return
            receiver.feed(data)
            while not session.ending and (event := receiver.next_event()) is not None:
                session.command_ended()
                self._judge(session)
                await self._take(session, event)
                if session.is_much_unsent or not self._commands % _COMMANDS_AT_ONCE:
                    await session.yield_turn()

    def _judge(self, session: ManageSieveSession) -> None:
        """End the session of a client that tries too much without logging in."""
        self._commands += 1
        if session.actor is not None:
            self._before_login = 0
            return
        self._before_login += 1
        if self._before_login > session.services.options.max_commands_before_login:
            raise HangUp(errors.TOO_MANY_COMMANDS)

    async def _take(self, session: ManageSieveSession, event: Event) -> None:
        """Run what the client sent; whatever goes wrong in it is answered."""
        try:
            await self._run(session, parse_command(words_of(event)))
        except GrammarError as error:
            self._refuse(session, f"Syntax error: {error.text}")
        except BadCommand as error:
            self._refuse(session, str(error))
        except RefusedCommand as error:
            session.say(no(str(error), error.code))
        except Failure as failure:
            if failure.cause:
                _log.warning("command failed", why=failure.cause)
            session.say(refusal(failure))
        except (TimeoutError, ConnectionError, Draining, HangUp):
            raise
        except Exception:
            _log.exception("command failed")
            session.say(errors.LOCAL_ERROR)

    async def _run(self, session: ManageSieveSession, command: Command) -> None:
        entry = self._registry[type(command)]
        authenticated = session.actor is not None
        now = States.AUTHENTICATED if authenticated else States.NOT_AUTHENTICATED
        if not entry.states & now:
            raise BadCommand("You are logged in" if authenticated else "Log in first")
        if session.watch is not None and not await session.watch.holds():
            raise HangUp(ENDED)
        await entry.handler(session, command)
        if session.actor is not None:
            self._bad = 0

    def _refuse(self, session: ManageSieveSession, text: str) -> None:
        session.say(no(text))
        self._bad += 1
        if self._bad >= session.services.options.max_bad_commands:
            raise HangUp(errors.TOO_MANY_BAD)

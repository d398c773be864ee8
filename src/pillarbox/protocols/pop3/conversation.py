"""One POP3 connection from greeting to goodbye: reads events, has them run, sends the answers.

Knows no command: `registry` says who runs which, in which state. Answers to commands that came
together are sent together (RFC 2449 §6.6). Started by `stream/listener`; calls `wire/pop3/server`
for the events and `commands/*` for the work.
"""

from collections.abc import Mapping

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.pipeline.login_watch import ENDED
from pillarbox.protocols.pop3 import errors
from pillarbox.protocols.pop3.errors import BadCommand, RefusedCommand, refusal
from pillarbox.protocols.pop3.registry import Entry, States
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.protocols.stream.connection import Draining
from pillarbox.wire.pop3.responses import Code, err, ok
from pillarbox.wire.pop3.server import Event

_log = logger("pop3")
_EVENTS_AT_ONCE = 64
"""How many commands of one client run before others have their turn."""


class Conversation:
    """What is said on one connection."""

    __slots__ = ("_bad", "_command_count", "_registry", "session")

    def __init__(self, session: Pop3Session, registry: Mapping[type, Entry]) -> None:
        self.session = session
        self._registry = registry
        self._bad = 0
        self._command_count = 0

    async def run(self) -> None:
        """Serve the client until one side ends it; the caller closes the connection.

        A client that was quiet for too long is told nothing and loses no message (RFC 1939 §3).
        """
        session = self.session
        session.say(ok(f"{session.services.options.hostname} ready"))
        try:
            await self._serve(session)
        except Draining:
            session.say(errors.RESTARTING)
        finally:
            session.flush()
            await session.close()

    async def _serve(self, session: Pop3Session) -> None:
        parser, connection = session.parser, session.connection
        while True:
            session.flush()
            await connection.drain()
            if session.ending:
                return
            data = await connection.read(session.patience_s(), at_rest=True)
            if not data:
                return
            parser.feed(data)
            while not session.ending and (event := parser.next_event()) is not None:
                await self._take(session, event)
                self._judge(session)
                if not self._command_count % _EVENTS_AT_ONCE:
                    await session.yield_turn()

    def _judge(self, session: Pop3Session) -> None:
        """End the session of a client that tries too much without logging in."""
        self._command_count += 1
        most = session.services.options.max_commands_before_login
        if session.actor is None and self._command_count > most and not session.ending:
            session.say(errors.TOO_MANY_COMMANDS)
            session.ending = True

    async def _take(self, session: Pop3Session, event: Event) -> None:
        """Run one event; whatever goes wrong in it is answered."""
        entry = self._registry[type(event)]
        now = States.AUTHORIZATION if session.actor is None else States.TRANSACTION
        if not entry.states & now:
            early = now is States.AUTHORIZATION
            self._refuse(session, "Log in first" if early else "You are logged in")
            return
        if not await self._stands(session):
            return
        try:
            await entry.handler(session, event)
        except RefusedCommand as error:
            session.say(err(str(error)))
        except BadCommand as error:
            self._refuse(session, str(error))
            return
        except Failure as failure:
            if failure.cause:
                _log.warning("command failed", command=type(event).__name__, why=failure.cause)
            session.say(refusal(failure))
        except (TimeoutError, ConnectionError, Draining):
            raise
        except Exception:
            _log.exception("command failed", command=type(event).__name__)
            session.say(errors.LOCAL_ERROR)
        if session.actor is not None:
            self._bad = 0

    async def _stands(self, session: Pop3Session) -> bool:
        """Whether login and lock still hold; else the session ends, and nothing is removed."""
        if session.watch is not None and not await session.watch.holds():
            session.say(err(ENDED, Code.AUTH))
            session.ending = True
        elif session.lock is not None and session.lock.lost:
            session.say(err("Another session has taken this maildrop", Code.IN_USE))
            session.ending = True
        return not session.ending

    def _refuse(self, session: Pop3Session, text: str) -> None:
        session.say(err(text))
        self._bad += 1
        if self._bad >= session.services.options.max_bad_commands:
            session.say(errors.TOO_MANY_BAD)
            session.ending = True

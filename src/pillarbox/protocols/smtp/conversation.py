"""One SMTP or LMTP connection from greeting to goodbye: reads events, has them run, sends replies.

Knows no command: `registry` says who runs which. Keeps the time and the number of commands a
client may take; replies of one turn are sent together, once the input that has come is used up
(RFC 2920 §3.2). Started by `stream/listener`; calls `wire/smtp/server` for the events and
`commands/*` for the work.
"""

import asyncio
from collections.abc import Mapping

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.pipeline.inbound.screening import Screening
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.errors import Stage, refusal
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.registry import Handler
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.protocols.stream.connection import Draining
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Quit
from pillarbox.wire.smtp.server import ChunkEnd, DataEnd, Event

_log = logger("smtp")
_LOGIN_PATIENCE = 3
"""How many times the command timeout a user's program may take to log in."""
_NOT_GREETED = replies.BAD_SEQUENCE.with_text("No mail is taken from you; say QUIT")
_SEE_OFF_S = 20.0
_SEE_OFF = 10
"""How long a client that was not greeted may stay, and how many commands are answered."""


class Conversation:
    """What is said on one connection."""

    __slots__ = ("_began_s", "_command_count", "_handlers", "_wait_from_s", "session")

    def __init__(self, session: SmtpSession, handlers: Mapping[type, Handler]) -> None:
        self.session = session
        self._handlers = handlers
        self._began_s = self._wait_from_s = 0.0
        self._command_count = 0

    async def run(self) -> None:
        """Serve the client until one side ends it; the caller closes the connection."""
        session = self.session
        hostname = session.options.hostname
        self._began_s = self._wait_from_s = session.loop_time()
        try:
            if await _admit(session):
                session.say(replies.greeting(hostname, lmtp=session.role is Role.LMTP))
                await self._serve(session)
            elif not session.ending:
                await self._see_off(session)
        except TimeoutError:
            session.say(replies.timed_out(hostname))
        except Draining:
            session.say(replies.shutting_down(hostname))
        finally:
            session.end_transaction()
            session.peer_name.close()
            if session.screening is not None:
                session.screening.close()
            session.flush()

    async def _serve(self, session: SmtpSession) -> None:
        connection, parser = session.connection, session.parser
        next_event, now_s = parser.next_event, session.loop_time
        while True:
            session.flush()
            await connection.drain()
            if session.ending:
                return
            at_rest = session.transaction is None and not parser.buffered_bytes
            data = await connection.read(self._patience_s(), at_rest=at_rest)
            if not data:
                return
            if parser.in_content:
                _content_came(session, len(data))
            parser.feed(data)
            while not session.ending and (event := next_event()) is not None:
                await self._take(session, event)
                if isinstance(event, DataEnd | ChunkEnd):
                    # Of content that was taken the client has to hear at once, whatever it has
                    # sent behind it: that may take long, and if it left it would come again.
                    session.flush()
                elif session.screening is not None and not session.ending:
                    await _slow_down(session.screening)
                self._wait_from_s = now_s()

    async def _see_off(self, session: SmtpSession) -> None:
        """Do nothing more for a client that was not greeted but wait for its QUIT.

        RFC 5321 §3.1 has a server that says 554 do so; not for long, and not for all it may say.
        """
        connection, parser = session.connection, session.parser
        until_s = session.loop_time() + min(_SEE_OFF_S, session.options.timeout_s)
        answered = 0
        while not session.ending:
            session.flush()
            await connection.drain()
            data = await connection.read(max(0.0, until_s - session.loop_time()), at_rest=True)
            if not data:
                return
            parser.feed(data)
            while not session.ending and (event := parser.next_event()) is not None:
                if isinstance(event, Quit):
                    await self._take(session, event)
                    return
                answered += 1
                session.say(errors.CLOSE_COMMANDS if answered > _SEE_OFF else _NOT_GREETED)

    def _patience_s(self) -> float:
        """How long to wait for input: words that trickle in buy no time but in content."""
        session = self.session
        timeout_s, now_s = session.options.timeout_s, session.loop_time()
        if session.parser.in_content:
            self._wait_from_s = now_s
            return timeout_s
        left_s = self._wait_from_s + timeout_s - now_s
        if session.role is Role.SUBMISSION and session.actor is None:
            left_s = min(left_s, self._began_s + _LOGIN_PATIENCE * timeout_s - now_s)
        if left_s <= 0:
            raise TimeoutError("no command in time")
        return left_s

    async def _take(self, session: SmtpSession, event: Event) -> None:
        """Run one event; whatever goes wrong in it is answered and ends the transaction."""
        try:
            await self._handlers[type(event)](session, event)
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("command failed", command=type(event).__name__, why=why)
            session.say(refusal(failure, Stage.CONTENT))
            session.end_transaction()
        except (TimeoutError, ConnectionError):
            raise
        except Exception:
            _log.exception("command failed", command=type(event).__name__)
            session.say(replies.LOCAL_ERROR)
            session.end_transaction()
        self._command_count += 1
        session.idle_count += 1
        options = session.options
        if session.idle_count > options.max_idle or self._command_count > options.max_commands:
            session.say(errors.CLOSE_COMMANDS)


async def _admit(session: SmtpSession) -> bool:
    """Whether a client may be greeted; the refusal is said where not (RFC 5321 §3.1)."""
    screening = session.screening
    if screening is None:
        session.peer_name.look_up()
        return True
    refused = await screening.admit()
    if refused is not None:
        session.say(refusal(refused, Stage.CONNECTION))
        return False
    session.peer_name.look_up()
    screening.connected()
    pause_s = screening.greeting_pause_s()
    early = pause_s > 0 and await session.connection.input_within(pause_s)
    screening.greeting(early=early)
    return True


async def _slow_down(screening: Screening) -> None:
    delay_s = screening.delay_s()
    if delay_s:
        await asyncio.sleep(delay_s)


def _content_came(session: SmtpSession, size_bytes: int) -> None:
    transaction = session.transaction
    if transaction is None:
        return
    transaction.grow(size_bytes)
    until = transaction.content_until
    if until is not None and session.loop_time() > until:
        session.say(errors.CLOSE_SLOW)

"""One SMTP or LMTP session: greeting, commands, replies; one object per connection.

Keeps the order of commands and the limits. Reads `wire/smtp/server` events, hands messages to
`receive` and logins to `auth`. Replies of one turn are sent together, once the input that has come
is used up (RFC 2920 §3.2). Called by `stream/listener`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final

from pillarbox.base.errors import Busy, Denied, Failure
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.inbound.message import Origin, Recipient
from pillarbox.pipeline.inbound.peer import PeerName
from pillarbox.pipeline.inbound.trace import protocol_name
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.protocols.smtp import auth, errors
from pillarbox.protocols.smtp.auth import Authentication
from pillarbox.protocols.smtp.errors import Stage, refusal
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import SmtpServices, Transaction
from pillarbox.protocols.stream.connection import Connection, Draining
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.data import BdatReader, DataReader
from pillarbox.wire.smtp.params import NO_RCPT_PARAMS, Body, MailParams, UnknownParameter
from pillarbox.wire.smtp.replies import Reply
from pillarbox.wire.smtp.server import (
    AuthLine,
    ChunkEnd,
    DataEnd,
    Event,
    LineTooLong,
    Malformed,
    ServerParser,
)

_log = logger("smtp")
_LOGIN_PATIENCE = 3
"""How many times the command timeout a user's program may take to log in."""


class SmtpSession:
    """A session in one role."""

    __slots__ = (
        "_actor",
        "_authentication",
        "_began_s",
        "_chunk_refusal",
        "_command_count",
        "_connection",
        "_ending",
        "_error_count",
        "_extended",
        "_failed_logins",
        "_idle_count",
        "_name",
        "_options",
        "_out",
        "_parser",
        "_peer_name",
        "_refused_count",
        "_role",
        "_services",
        "_transaction",
        "_wait_from_s",
        "_watch",
    )

    def __init__(self, connection: Connection, role: Role, services: SmtpServices) -> None:
        self._connection = connection
        self._role = role
        self._services = services
        self._options = services.options
        self._parser = ServerParser()
        self._out: list[bytes] = []
        self._name: str | None = None  # what the client called itself
        self._extended = False
        self._actor: Actor | None = None
        self._watch: LoginWatch | None = None
        named = role is Role.MX and not connection.trusted
        self._peer_name = PeerName(services.resolver if named else None, connection.peer_ip)
        self._transaction: Transaction | None = None
        self._authentication: Authentication | None = None
        self._chunk_refusal: Reply = errors.MAIL_FIRST
        self._ending = False
        self._began_s = self._wait_from_s = 0.0
        self._command_count = self._idle_count = 0
        self._error_count = self._refused_count = self._failed_logins = 0

    async def run(self) -> None:
        """Serve the client until one side ends it; the caller closes the connection."""
        options = self._options
        self._began_s = self._wait_from_s = self._loop_time()
        self._peer_name.look_up()
        self._say(replies.greeting(options.hostname, lmtp=self._role is Role.LMTP))
        try:
            await self._serve()
        except TimeoutError:
            self._say(replies.timed_out(options.hostname))
        except Draining:
            self._say(replies.shutting_down(options.hostname))
        finally:
            self._end_transaction()
            self._peer_name.close()
            self._flush()

    async def _serve(self) -> None:
        connection, parser = self._connection, self._parser
        next_event = parser.next_event
        while True:
            self._flush()
            await connection.drain()
            if self._ending:
                return
            at_rest = self._transaction is None and not parser.buffered_bytes
            data = await connection.read(self._patience_s(), at_rest=at_rest)
            if not data:
                return
            if parser.in_content:
                self._content_came(len(data))
            parser.feed(data)
            while not self._ending and (event := next_event()) is not None:
                await self._handle(event)
                self._wait_from_s = self._loop_time()

    def _patience_s(self) -> float:
        """How long to wait for input: words that trickle in buy no time but in content."""
        timeout_s, now_s = self._options.timeout_s, self._loop_time()
        if self._parser.in_content:
            self._wait_from_s = now_s
            return timeout_s
        left_s = self._wait_from_s + timeout_s - now_s
        if self._role is Role.SUBMISSION and self._actor is None:
            left_s = min(left_s, self._began_s + _LOGIN_PATIENCE * timeout_s - now_s)
        if left_s <= 0:
            raise TimeoutError("no command in time")
        return left_s

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()

    def _flush(self) -> None:
        if self._out:
            self._connection.write(b"".join(self._out))
            self._out.clear()

    def _say(self, reply: Reply) -> None:
        """Answer; too many errors end the session."""
        transaction = self._transaction
        self._out.append(reply.to_bytes(utf8=transaction is not None and transaction.smtputf8))
        if reply.code == 421:
            self._ending = True

    def _refuse(self, reply: Reply) -> None:
        """Answer to something the client did wrong."""
        self._say(reply)
        self._error_count += 1
        if self._error_count >= self._options.max_errors:
            self._say(replies.too_many_errors(self._options.hostname))

    def _content_came(self, size_bytes: int) -> None:
        transaction = self._transaction
        if transaction is None:
            return
        transaction.grow(size_bytes)
        until = transaction.content_until
        if until is not None and self._loop_time() > until:
            self._say(errors.CLOSE_SLOW)

    async def _handle(self, event: Event) -> None:
        """Run one event; whatever goes wrong in it is answered and ends the transaction."""
        try:
            await _HANDLERS[type(event)](self, event)
        except Failure as failure:
            why = failure.cause or failure.public
            _log.warning("command failed", command=type(event).__name__, why=why)
            self._say(refusal(failure, Stage.CONTENT))
            self._end_transaction()
        except (TimeoutError, ConnectionError):
            raise
        except Exception:
            _log.exception("command failed", command=type(event).__name__)
            self._say(replies.LOCAL_ERROR)
            self._end_transaction()
        self._command_count += 1
        self._idle_count += 1
        options = self._options
        if self._idle_count > options.max_idle or self._command_count > options.max_commands:
            self._say(errors.CLOSE_COMMANDS)

    def _end_transaction(self) -> None:
        if self._transaction is not None:
            self._transaction.close()
            self._transaction = None

    # Greeting, TLS, login.

    async def _ehlo(self, command: c.Ehlo) -> None:
        if self._role is Role.LMTP:
            self._refuse(errors.USE_LHLO)
        else:
            self._greet(command.domain, extended=True)

    async def _helo(self, command: c.Helo) -> None:
        if self._role is Role.LMTP:
            self._refuse(errors.USE_LHLO)
        else:
            self._greet(command.domain, extended=False)

    async def _lhlo(self, command: c.Lhlo) -> None:
        if self._role is Role.LMTP:
            self._greet(command.domain, extended=True)
        else:
            self._refuse(replies.UNKNOWN_COMMAND)

    def _greet(self, name: str, *, extended: bool) -> None:
        self._end_transaction()
        self._name = name
        self._extended = extended
        if extended:
            self._say(replies.ehlo(self._options.hostname, self._keywords()))
        else:
            self._say(replies.helo(self._options.hostname))

    def _keywords(self) -> tuple[str, ...]:
        keywords = [
            "PIPELINING",
            f"SIZE {self._options.max_message_bytes}",
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "SMTPUTF8",
        ]
        if self._connection.can_start_tls:
            keywords.append("STARTTLS")
        if self._role is Role.SUBMISSION and self._is_safe() and self._actor is None:
            keywords.append(auth.KEYWORD)
        return tuple(keywords)

    def _is_safe(self) -> bool:
        """Whether passwords may cross this connection."""
        if self._connection.tls is not None:
            return True
        ip = self._connection.peer_ip
        return self._options.allow_plaintext_auth and bool(ip) and ip_address(ip).is_loopback

    async def _starttls(self, command: c.StartTls) -> None:
        connection = self._connection
        if connection.tls is not None:
            self._refuse(replies.TLS_ACTIVE)
        elif not connection.can_start_tls:
            self._refuse(replies.TLS_UNAVAILABLE)
        elif self._transaction is not None:
            self._refuse(errors.IN_TRANSACTION)
        else:
            # What came in clear behind the command is no part of what follows (RFC 3207 §6).
            self._parser.reset_after_starttls()
            self._say(replies.READY_FOR_TLS)
            self._flush()
            await connection.start_tls()
            self._name = None
            self._extended = False
            self._actor = None

    async def _auth(self, command: c.Auth) -> None:
        login = self._services.login
        if self._role is not Role.SUBMISSION or login is None:
            self._refuse(errors.NO_LOGIN_HERE)
        elif not self._is_safe():
            self._refuse(replies.ENCRYPTION_REQUIRED)
        elif not self._extended:
            self._refuse(errors.EHLO_FIRST)
        elif self._actor is not None:
            self._refuse(replies.ALREADY_AUTHENTICATED)
        elif self._transaction is not None:
            self._refuse(errors.IN_TRANSACTION)
        else:
            authentication = auth.begin(command, login, self._client())
            if authentication is None:
                self._refuse(replies.UNKNOWN_MECHANISM)
            else:
                await self._authenticate(
                    authentication, authentication.step, command.initial_response
                )

    async def _auth_line(self, event: AuthLine) -> None:
        authentication, self._authentication = self._authentication, None
        if authentication is None:
            self._refuse(replies.BAD_SEQUENCE)
        else:
            await self._authenticate(authentication, authentication.line, event.line)

    async def _authenticate(
        self,
        authentication: Authentication,
        step: Callable[[Any], Awaitable[Reply | Actor]],
        response: bytes | None,
    ) -> None:
        self._flush()  # the check of a password takes its time
        try:
            answer = await step(response)
        except Failure as failure:
            self._say(refusal(failure, Stage.LOGIN))
            self._failed_logins += isinstance(failure, (Denied, Busy))
            if self._failed_logins >= self._options.max_failed_logins and not self._ending:
                self._say(errors.CLOSE_LOGINS)
            return
        if isinstance(answer, Actor):
            self._actor = answer
            if self._services.login is not None:
                self._watch = LoginWatch(
                    self._services.login, answer, self._options.login_asked_every_s
                )
            self._say(replies.AUTH_OK)
        elif answer.code == 334:
            self._authentication = authentication
            self._say(answer)
            self._parser.begin_auth_line()
        else:
            self._refuse(answer)

    def _client(self) -> ClientFacts:
        connection = self._connection
        return ClientFacts(
            ip=connection.peer_ip,
            protocol=self._role.value,
            tls=connection.tls is not None,
            trusted=connection.trusted,
            session=connection.id,
        )

    # The transaction.

    async def _mail(self, command: c.Mail) -> None:
        refused = self._mail_refusal(command)
        if refused is not None:
            self._refuse(refused)
            return
        if self._watch is not None and not await self._watch.holds():
            self._say(errors.CLOSE_LOGIN)
            return
        submission = self._services.submission
        if self._role is Role.SUBMISSION and submission is not None and self._actor is not None:
            try:
                await submission.sender(self._actor, command.reverse_path or "")
            except Failure as failure:
                sender, why = command.reverse_path, failure.cause or failure.public
                _log.info("sender refused", user=self._actor.address, sender=sender, why=why)
                self._refuse(refusal(failure, Stage.SENDER))
                return
        self._transaction = Transaction(command, self._services.in_flight)
        self._say(replies.SENDER_OK)

    def _mail_refusal(self, command: c.Mail) -> Reply | None:
        if self._role is Role.SUBMISSION:
            if not self._is_safe():
                return replies.TLS_REQUIRED
            if self._actor is None:
                return replies.AUTH_REQUIRED
        if self._name is None:
            return errors.LHLO_FIRST if self._role is Role.LMTP else errors.EHLO_FIRST
        if self._transaction is not None:
            return errors.IN_TRANSACTION
        params = command.params
        if _has_unoffered(params, self._role):
            return replies.UNKNOWN_PARAMETER
        if not (params.smtputf8 or command.is_ascii):
            return replies.SMTPUTF8_REQUIRED
        limit_bytes = self._options.max_message_bytes
        if params.size_bytes is not None and params.size_bytes > limit_bytes:
            return replies.message_too_large(limit_bytes)
        return None

    async def _rcpt(self, command: c.Rcpt) -> None:
        transaction = self._transaction
        if transaction is None:
            self._refuse(errors.MAIL_FIRST)
        elif transaction.chunks is not None or transaction.chunk_failed:
            self._refuse(errors.CHUNKS_BEGUN)
        elif command.params is not NO_RCPT_PARAMS:
            self._refuse(replies.UNKNOWN_PARAMETER)
        elif not (transaction.smtputf8 or command.is_ascii):
            self._refuse(replies.SMTPUTF8_REQUIRED)
        elif len(transaction.recipients) >= self._options.max_recipients:
            self._say(replies.TOO_MANY_RECIPIENTS)
        else:
            try:
                recipient = await self._recipient(command.forward_path, transaction)
            except Failure as failure:
                why = failure.cause or failure.public
                _log.info("recipient refused", recipient=command.forward_path, why=why)
                self._refuse_recipient(refusal(failure, Stage.RECIPIENT))
            else:
                transaction.recipients.append(recipient)
                self._say(replies.RECIPIENT_OK)

    async def _recipient(self, path: str, transaction: Transaction) -> Recipient:
        submission = self._services.submission
        if self._role is Role.SUBMISSION and submission is not None:
            return await submission.recipient(path, transaction.announced_bytes)
        return await self._services.inbound.recipient(path, transaction.announced_bytes)

    def _refuse_recipient(self, reply: Reply) -> None:
        """Lists have stale addresses, so these are counted apart; guessing has its limit too."""
        self._say(reply)
        self._refused_count += reply.is_permanent
        if self._refused_count >= self._options.max_refused_recipients:
            self._say(replies.too_many_errors(self._options.hostname))

    def _content_refusal(self) -> Reply | None:
        transaction = self._transaction
        if transaction is None:
            return errors.MAIL_FIRST
        if not transaction.recipients:
            return errors.RCPT_FIRST
        if transaction.chunk_failed:
            return errors.CHUNK_FAILED
        return None

    async def _data(self, command: c.Data) -> None:
        refused = self._content_refusal()
        transaction = self._transaction
        if refused is not None or transaction is None:
            self._refuse(refused or errors.MAIL_FIRST)
        elif transaction.chunks is not None:
            self._refuse(errors.CHUNKS_BEGUN)
        else:
            self._say(replies.START_DATA)
            self._limit_time(transaction)
            came_bytes = self._parser.buffered_bytes
            transaction.data = self._parser.begin_data(self._options.max_message_bytes)
            transaction.grow(came_bytes)

    async def _data_end(self, event: DataEnd) -> None:
        await self._finish(event.reader)

    async def _bdat(self, command: c.Bdat) -> None:
        """The chunk comes whatever the answer will be; unwanted ones are dropped by the parser."""
        refused = self._content_refusal()
        transaction = self._transaction
        if refused is not None or transaction is None:
            self._chunk_refusal = refused or errors.MAIL_FIRST
            return
        if transaction.chunks is None:
            transaction.chunks = BdatReader(self._options.max_message_bytes)
            self._limit_time(transaction)
        transaction.last_chunk = command.last
        came_bytes = min(self._parser.buffered_bytes, command.size_bytes)
        self._parser.begin_bdat(transaction.chunks)
        transaction.grow(came_bytes)

    async def _chunk_end(self, event: ChunkEnd) -> None:
        transaction, reader = self._transaction, event.reader
        if reader is None or transaction is None:
            self._refuse(self._chunk_refusal)
        elif transaction.last_chunk:
            await self._finish(reader)
        elif reader.too_large:
            transaction.chunk_failed = True
            fault = transaction.fault(reader, self._options.max_message_bytes)
            self._say(fault or replies.STORAGE_FULL)
        else:
            self._say(replies.CHUNK_OK)
            self._idle_count = 0

    async def _finish(self, reader: DataReader | BdatReader) -> None:
        """The content is whole: 250 is said once the message is on disk."""
        transaction = self._transaction
        if transaction is None:
            self._refuse(errors.MAIL_FIRST)
            return
        origin = await self._origin(transaction)
        answers = await transaction.hand_over(
            self._services, self._role, origin, self._actor, reader
        )
        for answer in answers:
            self._say(answer)
        self._end_transaction()
        self._idle_count = 0

    def _limit_time(self, transaction: Transaction) -> None:
        transaction.content_until = self._loop_time() + self._options.max_content_s

    async def _origin(self, transaction: Transaction) -> Origin:
        tls = self._connection.tls
        return Origin(
            ip=self._connection.peer_ip,
            name=self._name or "unknown",
            protocol=protocol_name(
                lmtp=self._role is Role.LMTP,
                extended=self._extended,
                tls=tls is not None,
                authenticated=self._actor is not None,
                smtputf8=transaction.smtputf8,
            ),
            tls=None if tls is None else f"{tls.version} {tls.cipher}",
            verified_name=await self._peer_name.within(self._options.peer_name_wait_s),
        )

    # The rest.

    async def _rset(self, command: c.Rset) -> None:
        self._end_transaction()
        self._say(replies.OK)

    async def _noop(self, command: c.Noop) -> None:
        self._say(replies.OK)

    async def _quit(self, command: c.Quit) -> None:
        self._say(replies.closing(self._options.hostname))
        self._ending = True

    async def _vrfy(self, command: c.Vrfy) -> None:
        self._say(replies.CANNOT_VERIFY)

    async def _expn(self, command: c.Expn) -> None:
        self._refuse(replies.NOT_IMPLEMENTED)

    async def _help(self, command: c.Help) -> None:
        self._say(replies.HELP)

    async def _unknown(self, command: c.Unknown) -> None:
        self._refuse(replies.UNKNOWN_COMMAND)

    async def _malformed(self, event: Malformed) -> None:
        if event.verb == "BDAT":
            self._refuse(errors.CLOSE_CHUNK)
        elif isinstance(event.error, UnknownParameter):
            self._refuse(replies.UNKNOWN_PARAMETER)
        else:
            self._refuse(_SYNTAX_ERRORS.get(event.verb, replies.SYNTAX_ERROR))

    async def _line_too_long(self, event: LineTooLong) -> None:
        self._authentication = None
        self._refuse(replies.LINE_TOO_LONG)


def _has_unoffered(params: MailParams, role: Role) -> bool:
    """Whether MAIL has a parameter of an extension that was not announced."""
    return (
        params.body is Body.BINARY
        or params.ret is not None
        or params.envid is not None
        or params.require_tls
        or params.hold_for_s is not None
        or params.hold_until is not None
        or (params.auth is not None and role is not Role.SUBMISSION)
    )


_SYNTAX_ERRORS: Final[Mapping[str, Reply]] = MappingProxyType(
    {
        "": replies.UNKNOWN_COMMAND,
        "MAIL": replies.BAD_SENDER_SYNTAX,
        "RCPT": replies.BAD_RECIPIENT_SYNTAX,
        "AUTH": replies.AUTH_SYNTAX_ERROR,
    }
)

_HANDLERS: Final[Mapping[type, Callable[[SmtpSession, Any], Awaitable[None]]]] = MappingProxyType(
    {
        c.Ehlo: SmtpSession._ehlo,
        c.Helo: SmtpSession._helo,
        c.Lhlo: SmtpSession._lhlo,
        c.Mail: SmtpSession._mail,
        c.Rcpt: SmtpSession._rcpt,
        c.Data: SmtpSession._data,
        c.Bdat: SmtpSession._bdat,
        c.Rset: SmtpSession._rset,
        c.Noop: SmtpSession._noop,
        c.Quit: SmtpSession._quit,
        c.Vrfy: SmtpSession._vrfy,
        c.Expn: SmtpSession._expn,
        c.Help: SmtpSession._help,
        c.StartTls: SmtpSession._starttls,
        c.Auth: SmtpSession._auth,
        c.Unknown: SmtpSession._unknown,
        Malformed: SmtpSession._malformed,
        LineTooLong: SmtpSession._line_too_long,
        AuthLine: SmtpSession._auth_line,
        DataEnd: SmtpSession._data_end,
        ChunkEnd: SmtpSession._chunk_end,
    }
)

"""One connection to another host: greeting, TLS, login, and replies within limits.

Whatever the peer does, waiting ends in time and what is kept is bounded: each reply has its time
and its size, and so has the dialogue as a whole. Not for handing over mail (`transmit`). Called by
`connections` and `transmit`; calls `relay_login` and `wire/smtp/client`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError
from pillarbox.domain.queue.model import Stage
from pillarbox.net import dane
from pillarbox.net.client_tls import ClientContexts, TlsClientOptions, TlsFacts, TlsFailure
from pillarbox.net.stream import ClientStream
from pillarbox.pipeline.outbound import relay_login
from pillarbox.pipeline.outbound.model import HostFailure, NextHop, Peer, Security, TlsSession
from pillarbox.wire.smtp import client
from pillarbox.wire.smtp.client import Capabilities
from pillarbox.wire.smtp.replies import Reply, ReplyParser

MAX_RECEIVED_BYTES = 1 << 20
"""What a peer may say before the first message, and then with each letter."""

_GLANCE_S = 1.0
_NOT_OFFERED = "starttls-not-supported"
_MEMORY = "memory"
_LENIENT = (Security.OPPORTUNISTIC, Security.ENCRYPTED)
_DEMANDING = (Security.ENCRYPTED, Security.VERIFIED, Security.DANE)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds (RFC 5321 §4.5.3.2).

    `setup_s` bounds everything before the first message, `letter_s` one letter with all its
    recipients, to which `slowest_bytes_s` adds what its size may take.
    """

    connect_s: float = 30.0
    greeting_s: float = 300.0
    command_s: float = 300.0
    tls_s: float = 60.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0
    setup_s: float = 600.0
    letter_s: float = 1800.0
    slowest_bytes_s: int = 10_000


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Who we are, and what is waited for; `hostname` greets where the hop has no name for it."""

    hostname: str
    timeouts: Timeouts = Timeouts()


class Broken(Exception):
    """The connection is of no more use; `reply` says why, in the peer's words or ours."""

    def __init__(self, reply: Reply, *, ours: bool = True) -> None:
        super().__init__(reply.text)
        self.reply = reply
        self.ours = ours


class HandshakeFailure(HostFailure):
    """TLS was offered and could not be begun; without it the host may be of use.

    With `certificate` only that was to blame: with TLS that takes any it may be, too.
    """

    certificate: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """What came of TLS with a host on a connection before, where the mail may go all the same.

    `without_tls` is why there is to be none now; else any certificate is taken. `result` is the
    result type of RFC 8460 §4.3.
    """

    result: str = ""
    without_tls: str = ""


NO_TROUBLE = Trouble()


def temporary(enhanced: str, text: str) -> Reply:
    """A finding of ours, in the form of a reply."""
    return Reply(451, enhanced, (text,))


def permanent(enhanced: str, text: str) -> Reply:
    """As `temporary`, for what will not change."""
    return Reply(554, enhanced, (text,))


class Session:
    """A dialogue with a host; one task uses it at a time.

    `in_transaction` says that MAIL was accepted and nothing has ended it since. `broken` is true
    once the connection is of no more use.
    """

    def __init__(
        self,
        stream: ClientStream,
        hop: NextHop,
        options: SessionOptions,
        contexts: ClientContexts,
        clock: Clock,
    ) -> None:
        self.hop = hop
        self.peer = Peer(
            hop.host, stream.ip, stream.port, source="" if hop.proxy else stream.local_ip
        )
        self.capabilities = Capabilities("", {})
        self.messages = 0
        self.in_transaction = False
        self.broken = False
        self.idle_since_s = 0.0
        self._stream = stream
        self._options = options
        self._contexts = contexts
        self._clock = clock
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._received_bytes = 0
        self._deadline_s = 0.0
        self._now_s = asyncio.get_running_loop().time
        self._chain: tuple[bytes, ...] = ()

    @property
    def timeouts(self) -> Timeouts:
        """How long to wait for what."""
        return self._options.timeouts

    @property
    def command_s(self) -> float:
        """How long to wait for the reply to a command."""
        return self._options.timeouts.command_s

    @property
    def is_idle(self) -> bool:
        """Whether the peer is there and has said nothing that nobody asked for."""
        return (
            not self.broken
            and not self._replies
            and not self._parser.has_pending
            and self._stream.quiet
        )

    def limit(self, seconds: float) -> None:
        """All that follows must be over in so many seconds."""
        self._deadline_s = self._now_s() + seconds
        self._received_bytes = 0

    # Speaking and hearing

    async def say(self, data: bytes) -> None:
        """Send commands; raises `Broken` if the peer answered before it was asked."""
        if not self.is_idle:
            await self._heard_too_early()
        self._stream.write(data)

    async def reply(self, timeout_s: float) -> Reply:
        """The next reply; raises `Broken` when it doesn't come, is none, or is 421."""
        replies = self._replies
        if not replies:
            until_s = min(self._now_s() + timeout_s, self._deadline_s)
            while not replies:
                await self._hear(until_s)
        reply = replies.popleft()
        if reply.code == 421:  # RFC 5321 §3.8: may answer any command
            raise self._fail(reply, ours=False)
        return reply

    async def ask(self, data: bytes, timeout_s: float) -> Reply:
        """The reply to one command."""
        await self.say(data)
        return await self.reply(timeout_s)

    async def pour(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Send content, no faster than the peer takes it.

        Raises `Broken` only while the last piece has not been written.
        """
        if not self.is_idle:
            await self._heard_too_early()
        for piece in pieces[:-1]:
            self._stream.write(piece)
            await self._drained()
            if not self.is_idle:
                await self._heard_meanwhile()
        self._stream.write(pieces[-1])

    @property
    def unsent(self) -> bool:
        """Whether something of what was said has not left this machine's hands yet."""
        return self._stream.unsent

    async def _drained(self) -> None:
        left_s = self._deadline_s - self._now_s()
        try:
            await self._stream.drain(max(min(self.timeouts.block_s, left_s), 0.001))
        except TimeoutError:
            raise self._fail(temporary("4.4.2", "The server stopped taking the message")) from None
        except OSError:
            await self._heard_meanwhile()  # it may have said why before it went

    async def _heard_meanwhile(self) -> None:
        """What a peer says before it has all of the content can only be a refusal."""
        until_s = self._now_s() + _GLANCE_S
        while not self._replies:
            await self._hear(until_s)
        reply = self._replies.popleft()
        if reply.code < 400:
            raise self._fail(_out_of_turn())
        raise self._fail(reply, ours=False)

    async def _hear(self, until_s: float) -> None:
        left_s = until_s - self._now_s()
        try:
            if left_s <= 0:
                raise TimeoutError
            data = await self._stream.read(left_s)
        except TimeoutError:
            raise self._fail(temporary("4.4.2", "The server did not answer in time")) from None
        except OSError as error:
            raise self._fail(temporary("4.4.2", f"The connection was lost: {error}")) from None
        if not data:
            raise self._fail(temporary("4.4.2", "The server closed the connection"))
        self._received_bytes += len(data)
        try:
            self._replies += self._parser.feed(data)
        except GrammarError as error:
            text = f"The server does not speak SMTP: {error.text}"
            raise self._fail(temporary("4.5.0", text)) from None
        if self._received_bytes > MAX_RECEIVED_BYTES:
            raise self._fail(temporary("4.5.0", "The server talks too much"))

    async def _heard_too_early(self) -> None:
        if self.broken:
            raise self._fail(temporary("4.4.2", "The connection was lost"))
        if not self._replies and not self._stream.quiet:
            await self._hear(self._now_s() + _GLANCE_S)
        if self._replies and self._replies[0].code == 421:
            raise self._fail(self._replies.popleft(), ours=False)
        raise self._fail(_out_of_turn())

    def _fail(self, reply: Reply, *, ours: bool = True) -> Broken:
        self.broken = True
        return Broken(reply, ours=ours)

    # From the greeting to the first message

    async def open(self, trouble: Trouble = NO_TROUBLE, within_s: float | None = None) -> None:
        """Greet, encrypt and log in as the hop wants it; raises `HostFailure`.

        After a failure the connection is of no more use. `within_s` is how long it may take, if
        that is less than `setup_s`.
        """
        setup_s = self.timeouts.setup_s
        self.limit(setup_s if within_s is None else min(within_s, setup_s))
        without_tls = trouble.without_tls
        self.peer = replace(self.peer, fallback=without_tls, tls_result=trouble.result)
        if self.hop.implicit_tls:
            await self._start_tls()
        await self._greeting()
        await self._hello()
        if not self.hop.implicit_tls and not without_tls:
            await self._encrypt()
        self.peer = replace(self.peer, dsn="DSN" in self.capabilities)
        if self.hop.login is not None:
            try:
                await relay_login.log_in(self, self.hop.login, self._chain)
            except Broken as broken:
                raise self.failure(Stage.AUTH, broken) from None

    def failure(self, stage: Stage, broken: Broken) -> HostFailure:
        """What a lost connection means before anything was handed over."""
        return HostFailure(stage, broken.reply, self.peer, ours=broken.ours)

    async def _greeting(self) -> None:
        try:
            reply = await self.reply(self.timeouts.greeting_s)
        except Broken as broken:
            raise self.failure(Stage.GREETING, broken) from None
        if not reply.is_success:
            self.broken = True
            raise HostFailure(Stage.GREETING, _refusal(reply), self.peer, ours=False)

    async def _hello(self) -> None:
        name = self.hop.helo or self._options.hostname
        wait_s = self.timeouts.command_s
        greet = client.lhlo if self.hop.lmtp else client.ehlo
        refused: Reply | None = None
        try:
            reply = await self.ask(greet(name), wait_s)
            if reply.is_permanent and not self.hop.lmtp:
                refused = reply
                reply = await self.ask(client.helo(name), wait_s)
        except Broken as broken:
            if refused is None:
                raise self.failure(Stage.EHLO, broken) from None
            raise HostFailure(Stage.EHLO, refused, self.peer, ours=False) from None
        if not reply.is_success:
            self.broken = True
            raise HostFailure(Stage.EHLO, _refusal(reply), self.peer, ours=False)
        self.capabilities = Capabilities("", {}) if refused else Capabilities.from_reply(reply)

    async def _encrypt(self) -> None:
        demand = self.hop.tls
        if demand.security is Security.PLAIN:
            return
        if "STARTTLS" not in self.capabilities:
            if demand.security in _DEMANDING:
                raise self._no_tls(
                    f"{self.hop.host} does not offer TLS, which {_why(demand.policy)}"
                )
            fallback = "offered before, and no more" if demand.policy == _MEMORY else ""
            self.peer = replace(self.peer, fallback=fallback, tls_result=_NOT_OFFERED)
            return
        try:
            reply = await self.ask(client.STARTTLS, self.timeouts.command_s)
        except Broken as broken:
            raise self._broken_for_tls(broken) from None
        if not reply.is_success:
            said = f"STARTTLS was refused: {reply.code} {reply.text}"
            if demand.security in _DEMANDING:
                raise self._no_tls(said)
            self.peer = replace(self.peer, fallback=said[:500], tls_result=_NOT_OFFERED)
            return
        if not self.is_idle:
            raise await self._early_for_tls()
        await self._start_tls()
        self.capabilities = Capabilities("", {})
        await self._hello()

    async def _early_for_tls(self) -> HostFailure:
        """What comes in clear after that reply would be read as said under TLS (RFC 3207 §6)."""
        if not self._replies and not self._parser.has_pending:
            try:
                await self._hear(self._now_s() + _GLANCE_S)
            except Broken as broken:
                return self._broken_for_tls(broken)
        text = "The server, or somebody between, spoke before the TLS handshake"
        return self._tls_failure(text, "validation-failure")

    def _broken_for_tls(self, broken: Broken) -> HostFailure:
        """A server that leaves may do without TLS; one that says odd things is not believed."""
        if broken.ours and broken.reply.enhanced == "4.5.0":
            return self._tls_failure(broken.reply.text, "validation-failure")
        return self._handshake_failure(ConnectionError(broken.reply.text))

    def _no_tls(self, text: str) -> HostFailure:
        self.broken = True
        return HostFailure(Stage.TLS, temporary("4.7.4", text), self.peer, tls_result=_NOT_OFFERED)

    def _tls_failure(self, text: str, result: str) -> HostFailure:
        self.broken = True
        return HostFailure(Stage.TLS, temporary("4.7.5", text), self.peer, tls_result=result)

    async def _start_tls(self) -> None:
        demand = self.hop.tls
        # With names a certificate is looked at wherever no earlier connection showed it is wrong.
        wanted = demand.security in _LENIENT and demand.names and not self.peer.tls_result
        verified = demand.security is Security.VERIFIED or bool(wanted)
        is_dane = demand.security is Security.DANE and demand.names
        options = TlsClientOptions(
            demand.names[0] if is_dane else self.hop.host,  # RFC 7672 §8.1
            verified=verified,
            names=(demand.names or (self.hop.host,)) if verified else (),
            timeout_s=max(min(self.timeouts.tls_s, self._deadline_s - self._now_s()), 0.001),
        )
        try:
            facts = await self._stream.start_tls(options, self._contexts)
        except (OSError, TimeoutError) as error:
            raise self._handshake_failure(error) from None
        by = "pkix" if verified else ""
        if demand.security is Security.DANE:
            await self._check_dane(facts)
            by = "dane"
        self._chain = facts.chain
        self.peer = replace(self.peer, tls=TlsSession(facts.version, facts.cipher, by))

    def _handshake_failure(self, error: OSError) -> HostFailure:
        self.broken = True
        result = error.result if isinstance(error, TlsFailure) else "validation-failure"
        why = error.why if isinstance(error, TlsFailure) else str(error) or "no answer in time"
        reply = temporary("4.7.5", f"TLS with {self.hop.host} failed: {why}")
        failure = HandshakeFailure(Stage.TLS, reply, self.peer, tls_result=result)
        failure.certificate = isinstance(error, TlsFailure) and error.certificate
        return failure

    async def _check_dane(self, facts: TlsFacts) -> None:
        demand = self.hop.tls
        names = demand.names or (self.hop.host,)
        fault = dane.fault(facts.chain, demand.tlsa, names, self._clock.now())
        if fault:
            text = f"The certificate of {self.hop.host} does not fit its TLSA records: {fault}"
            raise self._tls_failure(text, fault)

    # The end

    async def close(self) -> None:
        """Say goodbye if the peer still listens, and close; doesn't wait for an answer."""
        if self.is_idle and not self.broken:
            self._stream.write(client.QUIT)
            self.broken = True
            await self._stream.close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self.broken = True
        self._stream.abort()


def _out_of_turn() -> Reply:
    return temporary("4.5.0", "The server answered before it was asked")


def _refusal(reply: Reply) -> Reply:
    """A reply that refuses; one that should not be there, such as 354, as a temporary one."""
    if reply.is_temporary or reply.is_permanent:
        return reply
    return temporary("4.5.0", f"The server answered with {reply.code} {reply.text}")


def _why(policy: str) -> str:
    if policy == _MEMORY:
        return "it did before"
    return f"is demanded by {policy}" if policy else "is demanded"

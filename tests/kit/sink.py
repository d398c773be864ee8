"""A server of the tests that takes mail by SMTP or LMTP, counts it, and misbehaves when told.

Written apart from the server of the product, and quick: thousands of messages a second. Tell it
what to do by `Sink.on`; what it took is in `taken` and, by the marker in the content, in `counts`.
"""

import asyncio
import re
import ssl
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from kit.sink_login import authenticate
from pillarbox.wire.sasl.scram import Verifier

HOST = "127.0.0.1"
KEYWORDS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 50000000")
ALL_KEYWORDS = (*KEYWORDS, "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME", "REQUIRETLS")
MARKER = re.compile(rb"^X-Marker: ([^\r\n]+)", re.MULTILINE | re.IGNORECASE)

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Say:
    """Answer with this text, one or more lines, instead of what would be said."""

    text: str | bytes

    @property
    def data(self) -> bytes:
        data = self.text.encode() if isinstance(self.text, str) else self.text
        return data if data.endswith(b"\n") else data + b"\r\n"


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer; `said` goes first.

    `takes` counts the message before (at `CONTENT`), `reset` closes by RST.
    """

    said: bytes = b""
    takes: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing more, and with `deaf` read nothing more; ends with the client or the sink."""

    deaf: bool = False


@dataclass(frozen=True)
class Slow:
    """Wait so long, then go on as usual."""

    seconds: float


@dataclass(frozen=True)
class Flood:
    """Say `piece` for ever, with a pause between two of them; ends with the connection."""

    piece: bytes
    pause_s: float = 0.0


Act = Say | Drop | Hang | Slow | Flood


@dataclass(frozen=True)
class Taken:
    """A message that was taken; `params` are those of MAIL, `notes` those of each RCPT."""

    sender: str
    params: str
    recipients: tuple[str, ...]
    notes: tuple[str, ...]
    content: bytes
    session: int
    helo: str
    tls: str | None
    login: str | None
    by_bdat: bool

    @property
    def marker(self) -> str:
        """What the field `X-Marker` says."""
        found = MARKER.search(self.content)
        return found[1].decode() if found else ""


@dataclass
class _Rule:
    stage: str
    act: Act
    of: str
    left: int | None


class _Gone(Exception):
    """The session is over."""


@dataclass
class Sink:
    """What the server is like; all may be changed while it runs.

    `keywords` are announced, STARTTLS and AUTH by themselves where `tls` and `logins` (name to
    password) or `tokens` (name to token) are given. With `keep` false contents are only counted.
    """

    keywords: tuple[str, ...] = KEYWORDS
    lmtp: bool = False
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    logins: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    end_point: bytes | None = None
    keep: bool = True
    hostname: str = "sink.test"
    taken: list[Taken] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """How often a message with this marker was taken, once for each transaction."""
    delivered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The same for each marker and recipient."""
    commands: list[str] = field(default_factory=list)
    """What clients said, without content; only with `keep`."""
    sessions: int = 0
    goodbyes: set[int] = field(default_factory=set)
    """The sessions that ended with QUIT."""
    open_now: int = 0
    most_open: int = 0
    messages: int = 0
    bare_newlines: int = 0
    """Messages with a CR or LF alone (not in BINARYMIME)."""
    faults: list[str] = field(default_factory=list)
    """What a client must not do: commands before the answer without PIPELINING, long lines."""
    port: int = 0

    def __post_init__(self) -> None:
        self._rules: list[_Rule] = []
        self._changed = asyncio.Event()
        self.verifier: Verifier | None = None

    def on(self, stage: str, act: Act, *, of: str = "", times: int | None = None) -> "Sink":
        """Do `act` at a stage, `times` times (for ever if `None`), where `of` is in what was said.

        Stages are the commands in upper case, `CONNECT` (the greeting), `TLS` (the handshake),
        `READ` (before content is read) and `CONTENT` (the answer to it; for LMTP that for each
        recipient, for SMTP `of` is looked for in the content).
        """
        self._rules.append(_Rule(stage, act, of, times))
        return self

    def well(self) -> None:
        """Forget all that was said by `on`."""
        self._rules.clear()

    async def wait_for(self, messages: int, timeout_s: float = 30.0) -> None:
        """Wait until so many were taken since the start."""
        await self.until(lambda: self.messages >= messages, timeout_s)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until something holds of what came in: commands, messages or connections."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def changed(self) -> None:
        """Let those look who wait for something."""
        self._changed.set()

    async def wait_for_distinct(self, markers: int, timeout_s: float = 30.0) -> None:
        """Wait until messages of so many different markers were taken since the start."""
        async with asyncio.timeout(timeout_s):
            while len(self.counts) < markers:
                self._changed.clear()
                await self._changed.wait()

    def take(self, taken: Taken) -> None:
        """Count a message."""
        marker = taken.marker
        self.messages += 1
        self.counts[marker] += 1
        for recipient in taken.recipients:
            self.delivered[marker, recipient] += 1
        if self.keep:
            self.taken.append(taken)
        self._changed.set()

    def act(self, stage: str, said: str | bytes = "") -> Act | None:
        """What was told for this stage, if anything."""
        if not self._rules:
            return None
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        for rule in self._rules:
            if rule.stage == stage and rule.left != 0 and rule.of in text:
                if rule.left is not None:
                    rule.left -= 1
                return rule.act
        return None


@asynccontextmanager
async def running(sink: Sink, host: str = HOST, port: int = 0) -> AsyncIterator[Sink]:
    """The sink listening at `sink.port` for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    sessions: set[_Session] = set()
    context = sink.tls if sink.implicit_tls else None
    listener = await loop.create_server(
        lambda: _Session(sink, sessions), host, port, ssl=context, backlog=1000
    )
    sink.port = listener.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        listener.close()
        for session in tuple(sessions):
            session.abort()
        tasks = [session.task for session in sessions if session.task is not None]
        for task in tasks:
            task.cancel()  # it may be waiting on purpose
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        await listener.wait_closed()


class _Session(asyncio.Protocol):
    """One connection: a protocol with a small reader, for streams can't start TLS everywhere."""

    def __init__(self, sink: Sink, sessions: "set[_Session]") -> None:
        self.sink = sink
        self.task: asyncio.Task[None] | None = None
        self._sessions = sessions
        self._buffer = bytearray()
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._transport: asyncio.Transport | None = None
        self.number = 0
        self.tls: str | None = None
        self.login: str | None = None
        self.helo = ""
        self._clear()

    def _clear(self) -> None:
        self.sender: str | None = None
        self.params = ""
        self.recipients: list[str] = []
        self.notes: list[str] = []
        self.chunks = bytearray()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        if self.task is not None:
            return
        sink = self.sink
        sink.sessions += 1
        sink.open_now += 1
        sink.most_open = max(sink.most_open, sink.open_now)
        self.number = sink.sessions
        if sink.implicit_tls:
            self.tls = transport.get_extra_info("ssl_object").version()
        self._sessions.add(self)
        self.task = asyncio.ensure_future(self._run())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._room.set()
        self._wake()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _wake(self) -> None:
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._ended = True
        self._room.set()
        self._wake()

    # Reading and writing

    async def _more(self) -> None:
        if self._ended:
            raise _Gone
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    async def _line(self) -> bytes:
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            await self._more()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            self.sink.faults.append(f"bare LF: {line!r}")
        return line.rstrip(b"\r\n")

    async def _content(self) -> bytes:
        """What follows DATA, without stuffed dots."""
        self._buffer[:0] = b"\r\n"
        start = 0
        while (end := self._buffer.find(b"\r\n.\r\n", start)) < 0:
            start = max(0, len(self._buffer) - 4)
            await self._more()
        raw = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        return raw.replace(b"\r\n.", b"\r\n")[2:]

    async def _chunk(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        chunk = bytes(self._buffer[:size])
        del self._buffer[:size]
        return chunk

    def _say(self, text: str | bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise _Gone
        data = text.encode() if isinstance(text, str) else text
        self._transport.write(data if data.endswith(b"\n") else data + b"\r\n")

    async def _do(self, act: Act) -> bool:
        """Do as told; whether that was the answer."""
        transport = self._transport
        assert transport is not None
        if isinstance(act, Say):
            self._say(act.data)
            return True
        if isinstance(act, Slow):
            await asyncio.sleep(act.seconds)
            return False
        if isinstance(act, Flood):
            while not self._ended and not transport.is_closing():
                transport.write(act.piece)
                await self._room.wait()
                await asyncio.sleep(act.pause_s)
            raise _Gone
        if isinstance(act, Hang):
            if act.deaf:
                transport.pause_reading()
            while True:
                await self._more()
        if act.said:
            transport.write(act.said)
        if act.reset:
            transport.abort()
        raise _Gone

    async def _told(self, stage: str, said: str | bytes = "") -> bool:
        """Whether there was something else to do at this stage, which has been done."""
        act = self.sink.act(stage, said)
        return act is not None and await self._do(act)

    # The dialogue

    async def _run(self) -> None:
        try:
            if not await self._told("CONNECT"):
                self._say(f"220 {self.sink.hostname} {'LMTP' if self.sink.lmtp else 'ESMTP'}")
            while True:
                await self._command(await self._line())
        except (_Gone, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.sink.open_now -= 1
            self.sink.changed()
            self._sessions.discard(self)
            if self._transport is not None:
                self._transport.close()

    async def _command(self, line: bytes) -> None:
        sink = self.sink
        text = line.decode("utf-8", "replace")
        if sink.keep:
            sink.commands.append(text)
            sink.changed()
        if len(line) > 2048:
            sink.faults.append("long command")
        verb, _, rest = text.partition(" ")
        verb = verb.upper()
        if self._buffer and "PIPELINING" not in sink.keywords and verb != "BDAT":
            sink.faults.append(f"pipelined after {verb}")
        if verb != "BDAT" and await self._told(verb, rest):
            return
        handler = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            self._say("500 5.5.1 What?")
        else:
            await handler(rest)

    async def _on_ehlo(self, rest: str) -> None:
        sink = self.sink
        self._clear()
        self.helo = rest
        words = list(sink.keywords)
        if sink.tls is not None and self.tls is None:
            words.append("STARTTLS")
        if sink.logins or sink.tokens:
            words.append("AUTH " + " ".join(sink.mechanisms))
        lines = [sink.hostname, *words]
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}"
        self._say(text)

    _on_lhlo = _on_ehlo

    async def _on_helo(self, rest: str) -> None:
        self._clear()
        self.helo = rest
        self._say(f"250 {self.sink.hostname}")

    async def _on_noop(self, rest: str) -> None:
        self._say("250 2.0.0 OK")

    async def _on_rset(self, rest: str) -> None:
        self._clear()
        self._say("250 2.0.0 OK")

    async def _on_quit(self, rest: str) -> None:
        self.sink.goodbyes.add(self.number)
        self._say("221 2.0.0 Bye")
        raise _Gone

    async def _on_starttls(self, rest: str) -> None:
        context, transport = self.sink.tls, self._transport
        assert transport is not None
        if context is None or self.tls is not None:
            self._say("502 5.5.1 No TLS")
            return
        self._say("220 2.0.0 Go ahead")
        if await self._told("TLS"):
            return
        loop = asyncio.get_running_loop()
        new = await loop.start_tls(transport, self, context, server_side=True)
        if new is None:
            raise _Gone
        self._transport = new = cast(asyncio.Transport, new)
        self.tls = new.get_extra_info("ssl_object").version()
        self._clear()

    async def _on_mail(self, rest: str) -> None:
        if self.sender is not None:
            self._say("503 5.5.1 Nested MAIL")
            return
        found = re.fullmatch(r"FROM:<([^>]*)> ?(.*)", rest, re.IGNORECASE)
        if found is None:
            self._say("501 5.5.4 Malformed")
            return
        self.sender, self.params = found[1], found[2]
        self._say("250 2.1.0 OK")

    async def _on_rcpt(self, rest: str) -> None:
        found = re.fullmatch(r"TO:<([^>]*)> ?(.*)", rest, re.IGNORECASE)
        if self.sender is None or found is None:
            self._say("503 5.5.1 No MAIL" if found else "501 5.5.4 Malformed")
            return
        self.recipients.append(found[1])
        self.notes.append(found[2])
        self._say("250 2.1.5 OK")

    async def _on_data(self, rest: str) -> None:
        if not self.recipients:
            self._say("503 5.5.1 No recipients")
            return
        self._say("354 Go ahead")
        await self._told("READ")
        content = await self._content()
        if _has_bare_newline(content):
            self.sink.bare_newlines += 1
        await self._finish(content)

    async def _on_bdat(self, rest: str) -> None:
        size, _, last = rest.partition(" ")
        chunk = await self._chunk(int(size))
        if await self._told("BDAT", rest):
            self._clear()
            return
        if not self.recipients:
            self._say("503 5.5.1 No recipients")
            return
        self.chunks += chunk
        if not last:
            self._say("250 2.0.0 OK")
            return
        content = bytes(self.chunks)
        if "BINARYMIME" not in self.params and _has_bare_newline(content):
            self.sink.bare_newlines += 1
        await self._finish(content, by_bdat=True)

    async def _finish(self, content: bytes, *, by_bdat: bool = False) -> None:
        sink, accepted = self.sink, list(self.recipients)
        if not sink.lmtp:
            act = sink.act("CONTENT", content)
            if isinstance(act, Drop) and act.takes:
                self._take(content, accepted, by_bdat)
            if act is None or not await self._do(act):
                self._take(content, accepted, by_bdat)
                self._say("250 2.0.0 Taken")
            elif isinstance(act, Say) and act.data.startswith(b"2"):
                self._take(content, accepted, by_bdat)
            self._clear()
            return
        acts = [sink.act("CONTENT", recipient) for recipient in accepted]
        refused = {
            recipient
            for recipient, act in zip(accepted, acts, strict=True)
            if isinstance(act, Say) and not act.data.startswith(b"2")
        }
        kept = [recipient for recipient in accepted if recipient not in refused]
        if kept:
            self._take(content, kept, by_bdat)
        for recipient, act in zip(accepted, acts, strict=True):
            if act is None or not await self._do(act):
                self._say(f"250 2.1.5 <{recipient}> taken")
        self._clear()

    def _take(self, content: bytes, recipients: list[str], by_bdat: bool) -> None:
        self.sink.take(
            Taken(
                self.sender or "",
                self.params,
                tuple(recipients),
                tuple(self.notes),
                content,
                self.number,
                self.helo,
                self.tls,
                self.login,
                by_bdat,
            )
        )

    # Authentication

    async def _ask(self, challenge: bytes) -> bytes:
        self._say(b"334 " + b64encode(challenge))
        line = await self._line()
        if line == b"*":
            self._say("501 5.7.0 Cancelled")
            raise ValueError("cancelled")
        return b64decode(line)

    async def _on_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        first = None
        if initial:
            first = b"" if initial == "=" else b64decode(initial)
        try:
            name = await authenticate(self.sink, self._ask, mechanism.upper(), first)
        except ValueError as problem:
            if str(problem) != "cancelled":
                self._say(f"535 5.7.8 {problem}")
            return
        self.login = name
        self._say("235 2.7.0 Welcome")


def _has_bare_newline(content: bytes) -> bool:
    pairs = content.count(b"\r\n")
    return content.count(b"\n") != pairs or content.count(b"\r") != pairs

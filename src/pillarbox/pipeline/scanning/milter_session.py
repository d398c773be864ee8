"""The conversation with a milter about one message, from negotiation to the last answer.

What it may do: add header fields, put the message into quarantine, refuse it or a recipient.
Called by `milter`; the packets are `wire/milter`'s.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pillarbox.base.errors import GrammarError
from pillarbox.net.stream import ClientStream
from pillarbox.wire import milter as wire
from pillarbox.wire.milter import Command, NewField, Packet, Response, Steps

PROGRESS_MAX = 10_000
PROGRAM = "pillarbox"
FIELDS_MAX = 100
FIELDS_BYTES_MAX = 256 * 1024
_AT_ONCE = 100

Macros = Sequence[tuple[str, str]]


class Word(StrEnum):
    """How a milter left a message or a recipient."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DEFER = "defer"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class MilterMessage:
    """What one milter is told; `header` has the fields as names and values with folding.

    It is gone through once, so each milter needs a message of its own.
    """

    hostname: str
    client_name: str
    ip: str
    port: int
    helo: str
    tls: bool
    sender: str
    recipients: tuple[str, ...]
    header: Iterable[tuple[bytes, bytes]]
    body: memoryview
    queue_id: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A word about a recipient or the message; `reply` is what the client should be told."""

    word: Word
    reply: str = ""


@dataclass(frozen=True, slots=True)
class MilterVerdict:
    """What a milter wants; `recipients` are those it refused alone.

    `quarantine` is the reason where it wants that, else `None`.
    """

    ruling: Ruling
    fields: tuple[NewField, ...] = ()
    quarantine: str | None = None
    recipients: tuple[tuple[str, Ruling], ...] = ()


class MilterSession:
    """One message; used once."""

    def __init__(self, stream: ClientStream, message: MilterMessage, timeout_s: float) -> None:
        self._stream = stream
        self._message = message
        self._timeout_s = timeout_s
        self._receiver = wire.Receiver()
        self._steps = Steps(0)
        self._progress = 0
        self._said = 0
        self._fields: list[NewField] = []
        self._fields_bytes = 0
        self._quarantine: str | None = None
        self._refused: list[tuple[str, Ruling]] = []

    async def run(self) -> MilterVerdict:
        """Tell all and hear the end of it; raises `GrammarError`, `OSError` and `TimeoutError`."""
        self._stream.write(wire.negotiate())
        first = await self._packet()
        if first.response is not Response.NEGOTIATE:
            raise GrammarError(f"it answered the negotiation with {first.response.name}")
        negotiated = wire.read_negotiated(first.data)
        self._steps = negotiated.steps
        if negotiated.version < _DATA_SINCE:
            self._steps |= Steps.NO_DATA
        ruling = await self._envelope() or await self._content()
        self._stream.write(wire.packet(Command.QUIT))
        await self._stream.close()
        return MilterVerdict(ruling, tuple(self._fields), self._quarantine, tuple(self._refused))

    async def _envelope(self) -> Ruling | None:
        """From CONNECT to DATA; gives what ends it."""
        message, steps = self._message, Steps
        ids = [("i", message.queue_id)]
        client = message.client_name or f"[{message.ip}]"
        connect = wire.connect(client, message.ip, message.port)
        return (
            await self._say(
                connect,
                steps.NO_CONNECT,
                steps.NO_REPLY_CONNECT,
                [
                    ("j", message.hostname),
                    ("_", f"{client} [{message.ip}]"),
                    ("{daemon_name}", message.hostname),
                    ("v", PROGRAM),
                ],
            )
            or await self._say(
                wire.helo(message.helo),
                steps.NO_HELO,
                steps.NO_REPLY_HELO,
                [("{tls_version}", "TLS" if message.tls else "")],
            )
            or await self._say(
                wire.mail(message.sender),
                steps.NO_MAIL,
                steps.NO_REPLY_MAIL,
                [*ids, *_address_macros("mail", message.sender, "esmtp")],
            )
            or await self._recipients()
            or await self._say(wire.packet(Command.DATA), steps.NO_DATA, steps.NO_REPLY_DATA, ids)
        )

    async def _recipients(self) -> Ruling | None:
        message = self._message
        for path in message.recipients:
            ruling = await self._say(
                wire.rcpt(path),
                Steps.NO_RCPT,
                Steps.NO_REPLY_RCPT,
                [("i", message.queue_id), *_address_macros("rcpt", path, "local")],
            )
            if ruling is None:
                continue
            if ruling.word in (Word.ACCEPT, Word.DISCARD):
                return ruling
            self._refused.append((path, ruling))
        if message.recipients and len(self._refused) == len(message.recipients):
            return self._refused[0][1]
        return None

    async def _content(self) -> Ruling:
        message, steps = self._message, Steps
        leading_space = bool(self._steps & steps.LEADING_SPACE)
        for name, raw in message.header:
            packet = wire.header(name, raw, leading_space)
            if ruling := await self._say(packet, steps.NO_HEADERS, steps.NO_REPLY_HEADER):
                return ruling
        end = wire.packet(Command.END_OF_HEADER)
        ids = [("i", message.queue_id)]
        ruling = await self._say(end, steps.NO_END_OF_HEADER, steps.NO_REPLY_END_OF_HEADER, ids)
        ruling = ruling or await self._body()
        if ruling is not None:
            return ruling
        await self._write(wire.macros(Command.END_OF_BODY, ids))
        await self._write(wire.packet(Command.END_OF_BODY))
        return await self._last_answer()

    async def _body(self) -> Ruling | None:
        if self._steps & Steps.NO_BODY:
            return None
        for packet in wire.body(self._message.body):
            await self._write(packet)
            if self._steps & Steps.NO_REPLY_BODY:
                continue
            answer = await self._answer()
            if answer.response is Response.SKIP and self._steps & Steps.SKIP:
                return None
            if (ruling := _ruling(answer)) is not None:
                return ruling
        return None

    async def _last_answer(self) -> Ruling:
        while True:
            answer = await self._answer()
            if answer.response in (Response.ADD_HEADER, Response.INSERT_HEADER):
                self._take_field(answer)
            elif answer.response is Response.QUARANTINE:
                self._quarantine = wire.read_reason(answer.data)
            elif answer.response is Response.CONTINUE:
                return Ruling(Word.ACCEPT)
            else:
                ruling = _ruling(answer)
                return Ruling(Word.ACCEPT) if ruling is None else ruling

    def _take_field(self, answer: Packet) -> None:
        field = wire.read_new_field(answer, bool(self._steps & Steps.LEADING_SPACE))
        self._fields_bytes += len(answer.data)
        if len(self._fields) >= FIELDS_MAX or self._fields_bytes > FIELDS_BYTES_MAX:
            raise GrammarError("too many header fields")
        self._fields.append(field)

    async def _say(
        self, packet: bytes, unwanted: Steps, unanswered: Steps, macros: Macros = ()
    ) -> Ruling | None:
        """Tell one thing, unless it is unwanted; gives what the answer ends, or `None`."""
        if self._steps & unwanted:
            return None
        if macros:
            await self._write(wire.macros(Command(packet[4:5]), macros))
        await self._write(packet)
        if self._steps & unanswered:
            return None
        return _ruling(await self._answer())

    async def _write(self, data: bytes) -> None:
        self._stream.write(data)
        await self._stream.drain(self._timeout_s)
        self._said += 1
        if self._said % _AT_ONCE == 0:
            await asyncio.sleep(0)  # thousands of short fields take a while

    async def _answer(self) -> Packet:
        """The next packet that is more than a sign of life."""
        while (packet := await self._packet()).response is Response.PROGRESS:
            self._progress += 1
            if self._progress > PROGRESS_MAX:
                raise GrammarError("it does not come to its point")
        return packet

    async def _packet(self) -> Packet:
        while (packet := self._receiver.next()) is None:
            data = await self._stream.read(self._timeout_s)
            if not data:
                raise ConnectionResetError("it closed the connection")
            self._receiver.feed(data)
        return packet


_DATA_SINCE = 4
"""The version of the protocol that has DATA."""


def _address_macros(which: str, path: str, mailer: str) -> list[tuple[str, str]]:
    host = path.rpartition("@")[2]
    words = (("addr", path), ("host", host), ("mailer", mailer))
    return [(f"{{{which}_{word}}}", value) for word, value in words]


def _ruling(answer: Packet) -> Ruling | None:
    """What an answer ends, `None` for CONTINUE; raises `GrammarError` for what is no answer."""
    match answer.response:
        case Response.CONTINUE:
            return None
        case Response.ACCEPT:
            return Ruling(Word.ACCEPT)
        case Response.REJECT:
            return Ruling(Word.REFUSE)
        case Response.TEMPFAIL | Response.CONNECTION_FAIL | Response.SHUTDOWN:
            return Ruling(Word.DEFER)
        case Response.DISCARD:
            return Ruling(Word.DISCARD)
        case Response.REPLY_CODE:
            reply = wire.read_reply_code(answer.data)
            return Ruling(Word.DEFER if reply.temporary else Word.REFUSE, reply.text)
        case _:
            raise GrammarError(f"it answered {answer.response.name} out of place")

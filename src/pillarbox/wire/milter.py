"""The milter protocol, version 6, as a mail server speaks it (libmilter's mfdef.h and mfapi.h).

Packets to bytes and back, no sequence: that is `pipeline/scanning/milter_session`'s.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag

from pillarbox.base.errors import GrammarError

VERSION = 6
VERSION_MIN = 2
PACKET_BYTES_MAX = 128 * 1024
"""Of what a milter may say in one packet."""
BODY_CHUNK_BYTES = 65_535
TEXT_BYTES_MAX = 65_000
"""Of a text we send: libmilter takes no packet over 65,535 bytes."""
FIELD_NAME_MAX = 200


class Command(Enum):
    """What we say."""

    NEGOTIATE = b"O"
    MACROS = b"D"
    CONNECT = b"C"
    HELO = b"H"
    MAIL = b"M"
    RCPT = b"R"
    DATA = b"T"
    HEADER = b"L"
    END_OF_HEADER = b"N"
    BODY = b"B"
    END_OF_BODY = b"E"
    ABORT = b"A"
    QUIT = b"Q"


class Response(Enum):
    """What a milter says."""

    ADD_RECIPIENT = b"+"
    DELETE_RECIPIENT = b"-"
    ADD_RECIPIENT_ARGS = b"2"
    SHUTDOWN = b"4"
    ACCEPT = b"a"
    REPLACE_BODY = b"b"
    CONTINUE = b"c"
    DISCARD = b"d"
    CHANGE_SENDER = b"e"
    CONNECTION_FAIL = b"f"
    ADD_HEADER = b"h"
    INSERT_HEADER = b"i"
    SET_MACROS = b"l"
    CHANGE_HEADER = b"m"
    NEGOTIATE = b"O"
    PROGRESS = b"p"
    QUARANTINE = b"q"
    REJECT = b"r"
    SKIP = b"s"
    TEMPFAIL = b"t"
    REPLY_CODE = b"y"


class Actions(IntFlag):
    """What a milter may do to a message."""

    ADD_HEADERS = 0x1
    CHANGE_BODY = 0x2
    ADD_RECIPIENTS = 0x4
    DELETE_RECIPIENTS = 0x8
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_ARGS = 0x80
    SET_MACROS = 0x100


class Steps(IntFlag):
    """What a milter does not want to see, or does not answer."""

    NO_CONNECT = 0x1
    NO_HELO = 0x2
    NO_MAIL = 0x4
    NO_RCPT = 0x8
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADER = 0x40
    NO_REPLY_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    NO_REPLY_CONNECT = 0x1000
    NO_REPLY_HELO = 0x2000
    NO_REPLY_MAIL = 0x4000
    NO_REPLY_RCPT = 0x8000
    NO_REPLY_DATA = 0x10000
    NO_REPLY_UNKNOWN = 0x20000
    NO_REPLY_END_OF_HEADER = 0x40000
    NO_REPLY_BODY = 0x80000
    LEADING_SPACE = 0x100000


OFFERED_ACTIONS = Actions.ADD_HEADERS | Actions.QUARANTINE
OFFERED_STEPS = Steps(sum(Steps))


@dataclass(frozen=True, slots=True)
class Packet:
    """One thing a milter said."""

    response: Response
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What a milter wants."""

    version: int
    actions: Actions
    steps: Steps


@dataclass(frozen=True, slots=True)
class ReplyCode:
    """An SMTP reply to give; `text` without codes, of its first line."""

    code: int
    text: str

    @property
    def temporary(self) -> bool:
        return self.code < 500


@dataclass(frozen=True, slots=True)
class NewField:
    """A header field to add; folded lines of the value are divided by CRLF."""

    name: str
    value: str

    @property
    def line(self) -> bytes:
        """The field as it stands in a message."""
        return f"{self.name}: {self.value}\r\n".encode("utf-8", "surrogateescape")


class Receiver:
    """Cuts what a milter says into packets."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self._buffer += data

    def next(self) -> Packet | None:
        """The next packet once it is whole; raises `GrammarError` for what is none."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        length = int.from_bytes(buffer[:4], "big")
        if not 1 <= length <= PACKET_BYTES_MAX:
            raise GrammarError(f"a packet of {length} bytes")
        if len(buffer) < 4 + length:
            return None
        code, data = bytes(buffer[4:5]), bytes(buffer[5 : 4 + length])
        del buffer[: 4 + length]
        try:
            return Packet(Response(code), data)
        except ValueError:
            raise GrammarError(f"a packet of the unknown kind {code!r}") from None


def packet(command: Command, data: bytes | memoryview = b"") -> bytes:
    """A packet as it is sent."""
    return (len(data) + 1).to_bytes(4, "big") + command.value + data


def negotiate() -> bytes:
    """Our offer."""
    words = (VERSION, OFFERED_ACTIONS, OFFERED_STEPS)
    return packet(Command.NEGOTIATE, b"".join(int(one).to_bytes(4, "big") for one in words))


def read_negotiated(data: bytes) -> Negotiated:
    """The answer to our offer; raises `GrammarError`, also where a milter wants more than that."""
    if len(data) < 12:
        raise GrammarError("a negotiation that is too short")
    version, actions, steps = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
    if not VERSION_MIN <= version <= VERSION:
        raise GrammarError(f"version {version} of the protocol")
    if actions & ~OFFERED_ACTIONS:
        missing = Actions(actions & ~OFFERED_ACTIONS & sum(Actions))
        raise GrammarError(f"it must change mail in ways that it may not: {missing!r}")
    if steps & ~OFFERED_STEPS:
        raise GrammarError(f"it wants what was not offered: {steps & ~OFFERED_STEPS:#x}")
    return Negotiated(version, Actions(actions), Steps(steps))


def macros(command: Command, values: Sequence[tuple[str, str]]) -> bytes:
    """The macros for a command, sent before it; those that are empty are left out."""
    data = b"".join(_text(name) + _text(value) for name, value in values if value)
    return packet(Command.MACROS, command.value + data)


def connect(name: str, ip: str, port: int) -> bytes:
    """CONNECT; a client without a verified name has its address in brackets for one."""
    family = b"6" if ":" in ip else b"4"
    return packet(Command.CONNECT, _text(name) + family + port.to_bytes(2, "big") + _text(ip))


def helo(name: str) -> bytes:
    """HELO or EHLO."""
    return packet(Command.HELO, _text(name))


def mail(path: str) -> bytes:
    """MAIL, the null reverse-path empty."""
    return packet(Command.MAIL, _text(f"<{path}>"))


def rcpt(path: str) -> bytes:
    """RCPT."""
    return packet(Command.RCPT, _text(f"<{path}>"))


def header(name: bytes, raw: bytes, leading_space: bool) -> bytes:
    """HEADER; lines of the value are divided by LF alone, as milters expect it.

    A value too long for a packet is cut.
    """
    value = raw.rstrip(b"\r\n").replace(b"\r\n", b"\n").replace(b"\0", b"?")
    if not leading_space:
        value = value.removeprefix(b" ").lstrip(b"\t ") if value[:1] in (b" ", b"\t") else value
    name = name[:FIELD_NAME_MAX]
    return packet(Command.HEADER, name + b"\0" + value[: TEXT_BYTES_MAX - len(name)] + b"\0")


def body(content: memoryview) -> Iterator[bytes]:
    """BODY, as often as it takes."""
    for start in range(0, len(content), BODY_CHUNK_BYTES - 1):
        yield packet(Command.BODY, content[start : start + BODY_CHUNK_BYTES - 1])


_REPLY = re.compile(rb"([45])([0-9]{2})[ -]([^\0\r\n]*)")
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} ")
_NAME = re.compile(rb"[!-9;-~]{1,200}\Z")
_FOLDED = re.compile(r"\r?\n(?=[ \t])")


def read_reply_code(data: bytes) -> ReplyCode:
    """An SMTP reply such as `550 5.7.1 Go away`; raises `GrammarError`."""
    found = _REPLY.match(data)
    if found is None:
        raise GrammarError("a reply code that is none")
    text = "".join(one if " " <= one <= "~" else "?" for one in found[3].decode("ascii", "replace"))
    return ReplyCode(int(found[1] + found[2]), _ENHANCED.sub("", text[:500], count=1).strip())


def read_new_field(packet: Packet, leading_space: bool) -> NewField:
    """ADD_HEADER or INSERT_HEADER (whose index we don't need); raises `GrammarError`."""
    data = packet.data[4:] if packet.response is Response.INSERT_HEADER else packet.data
    name, first, rest = data.partition(b"\0")
    value, second, after = rest.partition(b"\0")
    if not (first and second) or after or not _NAME.match(name):
        raise GrammarError("a header field that is none")
    text = value.decode("utf-8", "surrogateescape")
    if leading_space:
        text = text.removeprefix(" ")
    lines = [line.rstrip(" \t") for line in _FOLDED.split(text.rstrip("\r\n"))]
    if any("\r" in line or "\n" in line for line in lines):
        raise GrammarError("a header field with a line break in it")
    return NewField(name.decode("ascii"), "\r\n".join(line for line in lines if line))


def read_reason(data: bytes) -> str:
    """The reason of QUARANTINE."""
    text = data.partition(b"\0")[0].decode("ascii", "replace")[:300]
    return "".join(one if " " <= one <= "~" else "?" for one in text)


def _text(value: str) -> bytes:
    return value.replace("\0", "?").encode("utf-8", "replace")[:TEXT_BYTES_MAX] + b"\0"

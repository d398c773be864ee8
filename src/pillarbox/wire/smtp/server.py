"""The server's side of an SMTP or LMTP connection: bytes in, events out.

Keeps the boundary between commands, content and SASL responses, and nothing else: order of
commands, policy and replies are the session's. Called by `protocols/smtp/session`; calls
`commands` and `data`.

The loop of a session:

    parser.feed(data)
    while (event := parser.next_event()) is not None:
        ...

An event is a `Command`, or one of the values below. After `Data` was accepted call `begin_data`;
after `Bdat` call `begin_bdat` to keep the chunk (it is read and dropped otherwise); after a 334
reply call `begin_auth_line`.
"""

from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.commands import Bdat, Command, parse_command
from pillarbox.wire.smtp.data import MAX_LINE_BYTES, BdatReader, DataReader

MAX_LINE_OCTETS = 2048  # 512 of RFC 5321 §4.5.3.1.4 and what extensions add
MAX_AUTH_OCTETS = 12288  # RFC 4954 §4


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no command; `verb` (upper case) is what it began with, if that was one.

    After a malformed BDAT the length of what follows is unknown: the session must close.
    """

    verb: str
    error: GrammarError


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """A line over the limit, given once; the line is skipped up to its end."""


@dataclass(frozen=True, slots=True)
class AuthLine:
    """The line after `begin_auth_line`, without CRLF: base64, or `*` to cancel."""

    line: bytes


@dataclass(frozen=True, slots=True)
class DataEnd:
    """The content after DATA is whole: see the reader's `fault`, `too_large` and `content`."""

    reader: DataReader


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """A chunk is whole; `reader` is `None` if the session did not want it."""

    reader: BdatReader | None


Event = Command | Malformed | LineTooLong | AuthLine | DataEnd | ChunkEnd


class ServerParser:
    """Cuts what a client sends into events; see the module for its use."""

    __slots__ = (
        "_auth_line",
        "_buffer",
        "_chunk",
        "_chunk_reader",
        "_data",
        "_position",
        "_skipping",
        "had_pipelined_input",
    )

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._auth_line = False
        self._data: DataReader | None = None
        self._chunk: BdatReader | None = None
        self._chunk_reader: BdatReader | None = None
        self.had_pipelined_input = False

    @property
    def buffered_bytes(self) -> int:
        """How much was fed and not yet given out: input that was pipelined, or half a line."""
        return len(self._buffer) - self._position

    def feed(self, data: bytes) -> None:
        """Take what was read from the client."""
        reader = self._data or self._chunk
        if reader is not None and not self.buffered_bytes:
            if reader.feed(data):
                self._replace(reader.rest)
            else:
                data = b""
        raise NotImplementedError

    def _replace(self, data: bytes) -> None:
        self._buffer = data
        self._position = 0

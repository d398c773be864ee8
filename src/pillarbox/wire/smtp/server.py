"""The server's side of an SMTP or LMTP connection: bytes in, events out.

Keeps the boundary between commands, content and SASL responses, and nothing else: order of
commands, policy and replies are the session's. Called by `protocols/smtp/conversation`; calls
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
from pillarbox.wire.smtp.commands import Bdat, Command, parse_command, verb_of
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
        "_chunk_bytes",
        "_content",
        "_content_end",
        "_position",
        "_skipping",
        "had_pipelined_input",
    )

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._auth_line = False
        self._chunk_bytes: int | None = None  # of the chunk announced, until it is begun
        self._content: DataReader | BdatReader | None = None
        self._content_end: DataEnd | ChunkEnd | None = None
        self.had_pipelined_input = False

    @property
    def buffered_bytes(self) -> int:
        """How much was fed and not yet given out: input that was pipelined, or half a line."""
        return len(self._buffer) - self._position

    @property
    def in_content(self) -> bool:
        """Whether bytes of a message are awaited, so that other time-outs apply."""
        return self._content is not None

    def feed(self, data: bytes) -> None:
        """Take what was read from the client.

        Nothing is dropped here: stop reading while `buffered_bytes` grows.
        """
        if self._content is not None:
            self._feed_content(data)
        elif self._position < len(self._buffer):
            self._buffer = self._buffer[self._position :] + data
            self._position = 0
        else:
            self._buffer = data
            self._position = 0

    def next_event(self) -> Event | None:
        """The next event, or `None` until more is fed."""
        if self._content_end is not None:
            event = self._content_end
            self._content_end = None
            return event
        if self._chunk_bytes is not None:
            self._begin_chunk(None)
            return self.next_event()
        if self._content is not None:
            return None
        return self._next_line()

    def begin_data(self, limit_bytes: int, max_line_bytes: int = MAX_LINE_BYTES) -> DataReader:
        """What follows is content, up to its end mark; a `DataEnd` will come.

        Input buffered at this moment came before the 354 reply, which RFC 2920 §3.1 forbids.
        """
        reader = DataReader(limit_bytes, max_line_bytes)
        self._begin(reader)
        return reader

    def begin_bdat(self, reader: BdatReader) -> None:
        """Put the chunk of the `Bdat` just given out into `reader`; a `ChunkEnd` will come."""
        self._begin_chunk(reader)

    def begin_auth_line(self) -> None:
        """The next line, and only that, is a SASL response: an `AuthLine` or `LineTooLong`."""
        self._auth_line = True

    def reset_after_starttls(self) -> None:
        """Forget everything that came in plaintext, before the handshake begins.

        `had_pipelined_input` then says whether there was any: an attempt to have commands run
        as if they had come encrypted (RFC 3207 §6), or a client that is broken.
        """
        self.had_pipelined_input = self.buffered_bytes > 0
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._auth_line = False

    def _begin_chunk(self, reader: BdatReader | None) -> None:
        if self._chunk_bytes is None:
            raise GrammarError("no chunk was announced")
        if reader is None:
            # The client has sent it already: it must not be read as commands.
            self._begin(_Dropped(self._chunk_bytes))
        else:
            reader.begin(self._chunk_bytes)
            self._begin(reader)
        self._chunk_bytes = None

    def _begin(self, reader: DataReader | BdatReader) -> None:
        data = self._buffer[self._position :]
        self._buffer = b""
        self._position = 0
        self._content = reader
        self._feed_content(data)

    def _feed_content(self, data: bytes) -> None:
        reader = self._content
        if reader is None or not reader.feed(data):
            return
        self._content = None
        self._buffer = reader.rest
        self._position = 0
        if isinstance(reader, DataReader):
            self._content_end = DataEnd(reader)
        else:
            self._content_end = ChunkEnd(None if isinstance(reader, _Dropped) else reader)

    def _next_line(self) -> Event | None:
        buffer, start = self._buffer, self._position
        end = buffer.find(b"\r\n", start)
        if self._skipping:
            self._skipping = end < 0
            self._drop_line(end)
            return None if self._skipping else self._next_line()
        # A CR at the end may be half of the line's end, so it doesn't count yet.
        size = (len(buffer) - buffer.endswith(b"\r", start) if end < 0 else end) + 2 - start
        if size > MAX_LINE_OCTETS and size > self._limit():
            self._skipping = end < 0
            self._drop_line(end)
            self._auth_line = False
            return LineTooLong()
        if end < 0:
            return None
        self._position = end + 2
        line = buffer[start:end]
        if self._auth_line:
            self._auth_line = False
            return AuthLine(line)
        return self._command(line)

    def _limit(self) -> int:
        """The limit of the line at the position, CRLF included."""
        verb = self._buffer[self._position : self._position + 5].upper()
        return MAX_AUTH_OCTETS if self._auth_line or verb == b"AUTH " else MAX_LINE_OCTETS

    def _drop_line(self, end: int) -> None:
        if end >= 0:
            self._position = end + 2
        else:
            self._buffer = b"\r" if self._buffer.endswith(b"\r", self._position) else b""
            self._position = 0

    def _command(self, line: bytes) -> Event:
        try:
            command = parse_command(line)
        except GrammarError as error:
            return Malformed(verb_of(line), error)
        if type(command) is Bdat:
            self._chunk_bytes = command.size_bytes
        return command


class _Dropped(BdatReader):
    """A chunk that nobody wants."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(limit_bytes=-1)
        self.begin(size_bytes)

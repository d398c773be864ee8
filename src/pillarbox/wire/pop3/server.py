"""The server's side of a POP3 connection: bytes in, events out.

Keeps the boundary between commands and SASL responses, and nothing else. Called by
`protocols/pop3/conversation`; calls `commands`.

An event is a `Command` or one of the values below. After a challenge was sent call
`begin_auth_line`.
"""

from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.wire.pop3.commands import MAX_COMMAND_BYTES, Command, parse_command

MAX_LINE_OCTETS = 1024
"""More than the 255 of RFC 2449 §4: addresses and pass phrases in UTF-8 may be longer."""
MAX_AUTH_OCTETS = MAX_COMMAND_BYTES


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no command."""

    error: GrammarError


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """A line over the limit, given once; the line is skipped up to its end."""


@dataclass(frozen=True, slots=True)
class AuthLine:
    """The line after `begin_auth_line`, without CRLF: base64, or `*` to cancel."""

    line: bytes


Event = Command | Malformed | LineTooLong | AuthLine


class ServerParser:
    """Cuts what a client sends into events."""

    __slots__ = ("_auth_line", "_buffer", "_position", "_skipping")

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._auth_line = False

    @property
    def buffered_bytes(self) -> int:
        """How much was fed and not yet given out: commands in a pipeline, or half a line."""
        return len(self._buffer) - self._position

    def feed(self, data: bytes) -> None:
        """Take what was read from the client; call `next_event` until it gives `None`."""
        self._buffer = self._buffer[self._position :] + data
        self._position = 0

    def next_event(self) -> Event | None:
        """The next event, or `None` until more is fed."""
        if self._skipping:
            self._drop_line()
            if self._skipping:
                return None
        start = self._position
        end = self._buffer.find(b"\r\n", start)
        # A CR at the end may be half of the line's end, so it doesn't count yet.
        half = self._buffer.endswith(b"\r", start)
        size = (len(self._buffer) - half if end < 0 else end) + 2 - start
        if size > MAX_LINE_OCTETS and size > self._limit():
            self._auth_line = False
            self._skipping = True
            self._drop_line()
            return LineTooLong()
        if end < 0:
            return None
        self._position = end + 2
        line = self._buffer[start:end]
        if self._auth_line:
            self._auth_line = False
            return AuthLine(line)
        try:
            return parse_command(line)
        except GrammarError as error:
            return Malformed(error)

    def begin_auth_line(self) -> None:
        """The next line, and only that, is a SASL response: an `AuthLine` or `LineTooLong`."""
        self._auth_line = True

    def reset_after_stls(self) -> None:
        """Forget everything that came in plaintext, before the handshake begins."""
        self._buffer = b""
        self._position = 0
        self._skipping = self._auth_line = False

    def _limit(self) -> int:
        """The limit of the line at the position, CRLF included."""
        verb = self._buffer[self._position : self._position + 5].upper()
        return MAX_AUTH_OCTETS if self._auth_line or verb == b"AUTH " else MAX_LINE_OCTETS

    def _drop_line(self) -> None:
        end = self._buffer.find(b"\r\n", self._position)
        self._skipping = end < 0
        if end >= 0:
            self._position = end + 2
        else:
            self._buffer = b"\r" if self._buffer.endswith(b"\r", self._position) else b""
            self._position = 0

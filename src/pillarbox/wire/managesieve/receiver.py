"""The server's side of a ManageSieve connection: bytes in, lines out.

Keeps the boundary between commands and the literals in them, within limits, and nothing else. What
a client announces in a literal comes whether or not it is wanted (RFC 5804 §4), so one that is too
large is skipped, up to a point. Called by `protocols/managesieve`; calls `tokens`.
"""

from dataclasses import dataclass
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.managesieve.tokens import Text, Word, announces_literal, read_words

MAX_TEXT_OCTETS: Final = 16 * 1024
"""Of a command outside of its literals: room for a response of SASL in quotes."""


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """How many octets the literals of one command may hold, and how many more are skipped."""

    held_octets: int = 16 * 1024
    skipped_octets: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line with its literals: a command, or a response of SASL."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that has no words in it that could be read."""

    error: GrammarError


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A command whose literals were skipped, since they are over the limit."""


@dataclass(frozen=True, slots=True)
class Fatal:
    """Where the next command begins can't be known; nothing more is read.

    `too_large` says that the literal is larger than what would be skipped.
    """

    reason: str
    too_large: bool = False


Event = Line | Malformed | TooLarge | Fatal


class Receiver:
    """Cuts what a client sends into lines."""

    __slots__ = (
        "_buffer",
        "_ended",
        "_held",
        "_is_too_large",
        "_limits",
        "_literal",
        "_looked",
        "_skip",
        "_skipped",
        "_text_octets",
        "_words",
    )

    def __init__(self, limits: ReceiverLimits) -> None:
        self._limits = limits
        self._ended = False
        self._buffer = bytearray()
        self._begin()

    @property
    def is_within_command(self) -> bool:
        """Whether a part of a command has come, and its end not yet."""
        return bool(self._buffer or self._words or self._skip or self._literal is not None)

    def allow(self, limits: ReceiverLimits) -> None:
        """Use other limits from the next literal on."""
        self._limits = limits

    def feed(self, data: bytes) -> None:
        """Take what was read from the client; call `next_event` until it gives `None`."""
        if not self._ended:
            self._buffer += data

    def next_event(self) -> Event | None:
        """The next event, or `None` until more is fed."""
        while self._pass_literal():
            segment = self._segment()
            if segment is None or isinstance(segment, Fatal):
                return segment
            try:
                words, size = read_words(segment, len(self._words))
            except GrammarError as error:
                if announces_literal(segment):
                    return self._fatal(f"{error.text}; where the next command begins is unclear")
                self._begin()
                return Malformed(error)
            self._words += words
            if size is None:
                return self._whole()
            if (fatal := self._expect(size)) is not None:
                return fatal
        return None

    def reset_after_starttls(self) -> None:
        """Forget everything that came in plaintext, before the handshake begins."""
        self._buffer.clear()
        self._begin()

    def _begin(self) -> None:
        self._words: list[Word] = []
        self._literal: int | None = None
        self._looked = self._skip = self._skipped = self._held = self._text_octets = 0
        self._is_too_large = False

    def _pass_literal(self) -> bool:
        """Take what has come of a literal; gives whether all of it has."""
        buffer = self._buffer
        if self._skip:
            passed = min(self._skip, len(buffer))
            del buffer[:passed]
            self._skip -= passed
            return not self._skip
        if self._literal is not None:
            if len(buffer) < self._literal:
                return False
            self._words.append(Text(bytes(buffer[: self._literal])))
            del buffer[: self._literal]
            self._literal = None
        return True

    def _segment(self) -> bytes | Fatal | None:
        """The text up to the next CRLF, without it; `None` until that has come."""
        buffer = self._buffer
        # A CR at the end may be half of the line's end.
        end = buffer.find(b"\r\n", max(self._looked - 1, 0))
        self._looked = len(buffer)
        octets = len(buffer) - buffer.endswith(b"\r") if end < 0 else end
        if self._text_octets + octets > MAX_TEXT_OCTETS:
            return self._fatal("The line is too long")
        if end < 0:
            return None
        segment = bytes(buffer[:end])
        del buffer[: end + 2]
        self._looked = 0
        self._text_octets += end
        return segment

    def _expect(self, size: int) -> Fatal | None:
        """Make ready for a literal."""
        if not self._is_too_large and self._held + size <= self._limits.held_octets:
            self._held += size
            self._literal = size
            return None
        self._is_too_large = True
        self._skipped += size
        if self._skipped > self._limits.skipped_octets:
            return self._fatal("That is far too large", too_large=True)
        self._words.append(Text(b""))
        self._skip = size
        return None

    def _whole(self) -> Event:
        event: Event = TooLarge() if self._is_too_large else Line(tuple(self._words))
        self._begin()
        return event

    def _fatal(self, reason: str, *, too_large: bool = False) -> Fatal:
        self._ended = True
        self._buffer.clear()
        self._begin()
        return Fatal(reason, too_large)

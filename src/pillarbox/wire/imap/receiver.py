"""Cut the bytes a client sends into commands and literals; knows nothing of what they mean.

Called by `protocols/imap/session` with whatever the socket gave; its commands go to
`parse.command.parse_command`. How the input is split over reads never changes the result.

A line ends with CRLF; a lone LF is taken as a line end too, since no reading of a command
depends on the difference. Inside literals nothing is changed.
"""

import re
from dataclasses import dataclass
from io import BytesIO

_MARKER = re.compile(rb"(~?)\{([0-9]{1,40})(\+?)\}\Z")
_TAG = re.compile(rb"([!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+) ")
_VERB = re.compile(rb"[!-*,-~]+ (UID +)?([A-Za-z]+)")
# How many words stand before a message's literal, where the mailbox name is no literal itself.
_WORDS_BEFORE = {b"APPEND": 1, b"REPLACE": 2}
_TAIL_BYTES = 64
_HEAD_BYTES = 300


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """Bounds on what one command may hold in memory; all sizes in bytes.

    `append_*` hold for messages once `Receiver.allow_append` was called, the other literal limits
    for everything else; before that, `early_*` hold for all. `nonsync_literal_bytes` is 4096 where
    LITERAL- is announced (RFC 7888 §5). Over `skip_bytes` of unwanted input the connection is given
    up.
    """

    text_bytes: int = 65_536
    early_literal_bytes: int = 8_192
    early_skip_bytes: int = 1_048_576
    literals: int = 1_000
    literal_bytes: int = 65_536
    literal_total_bytes: int = 262_144
    append_literal_bytes: int = 52_428_800
    append_total_bytes: int = 104_857_600
    nonsync_literal_bytes: int | None = None
    skip_text_bytes: int = 1_048_576
    skip_bytes: int = 104_857_600


@dataclass(frozen=True, slots=True)
class Literal:
    """The content of a literal; `binary` for literal8 (`~{n}`, RFC 3516 §4.4)."""

    data: bytes
    binary: bool = False


Piece = bytes | Literal


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A complete command: text, literal, text, …, text, without literal markers and line end."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class NeedContinuation:
    """The client waits before it sends a literal.

    Send `+ …` and go on, or answer the tag and call `Receiver.refuse_literal`. `pieces` is the
    command so far.
    """

    size_bytes: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command was over a limit and is dropped; the connection stays in step.

    Answer the tag, or untagged BAD where it is empty. `too_big` says that a literal was over its
    size (RFC 7889 §4: answer NO [TOOBIG]), `starved` that `Receiver.starve` was called.
    """

    tag: bytes
    reason: str
    too_big: bool = False
    starved: bool = False


@dataclass(frozen=True, slots=True)
class Fatal:
    """The input can't be brought back in step: say BYE and close. Nothing follows."""

    reason: str


Event = CommandLine | NeedContinuation | Rejected | Fatal


def tag_of(text: bytes) -> bytes:
    """The tag a command starts with, or nothing where it has none."""
    found = _TAG.match(text)
    return found.group(1) if found else b""


class Receiver:
    """The receiving half of an IMAP server connection."""

    __slots__ = (
        "_append_allowed",
        "_binary",
        "_buffer",
        "_dead",
        "_left",
        "_limits",
        "_literal",
        "_literal_total",
        "_pieces",
        "_rejected",
        "_scanned",
        "_skipped",
        "_skipped_text",
        "_text_total",
    )

    def __init__(self, limits: ReceiverLimits | None = None) -> None:
        self._limits = limits or ReceiverLimits()
        self._buffer = bytearray()
        self._append_allowed = False
        self._dead = False
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[Piece] = []
        self._literal: BytesIO | None = None
        self._left = -1  # bytes of the current literal still to come; -1 while in text
        self._binary = False
        self._scanned = 0  # the buffer holds no LF before this offset
        self._text_total = 0
        self._literal_total = 0
        self._rejected: Rejected | None = None
        self._skipped = 0
        self._skipped_text = 0

    def allow_append(self, allowed: bool = True) -> None:
        """Let APPEND carry whole messages; for after login, and until the user logs out."""
        self._append_allowed = allowed

    def feed(self, data: bytes) -> None:
        """Add what was read; call `next` until it returns None afterwards."""
        if self._dead:
            return
        if self._left > 0 and not self._buffer:
            taken = data if len(data) <= self._left else data[: self._left]
            self._take(taken)
            if len(taken) == len(data):
                return
            data = data[len(taken) :]
        self._buffer += data

    def next(self) -> Event | None:
        """The next event, or None when more input is needed."""
        while not self._dead:
            if self._left >= 0 and not self._finish_literal():
                return None
            line = self._take_line()
            if line is None:
                return self._fatal("command line too long") if self._text_hopeless() else None
            event = self._text(line)
            if event is not None:
                return event
        return None

    def next_line(self) -> bytes | Fatal | None:
        """The next line as it is, for SASL answers and the DONE of IDLE; no literals."""
        if self._dead:
            return None
        line = self._take_line()
        limit = self._limits.text_bytes
        if line is None:
            over = len(self._buffer) > limit + 1 or self._skipped_text
            return self._fatal("line too long") if over else None
        if len(line) > limit:
            return self._fatal("line too long")
        self._begin()
        return line

    @property
    def held_bytes(self) -> int:
        """How many bytes of literals of the command under way are in memory."""
        if self._rejected is not None:
            return 0
        return self._literal_total - max(self._left, 0)

    def starve(self) -> None:
        """Drop the command under way, since there is no memory for it, and skip what follows."""
        if self._dead or self._rejected is not None:
            return
        self._reject("Too much is arriving; try again later", starved=True)
        self._literal = None
        self._skipped += max(self._left, 0)

    def refuse_literal(self) -> None:
        """Drop the command whose literal was announced by `NeedContinuation`."""
        self._begin()

    def reset_after_starttls(self) -> int:
        """Drop everything received in clear text; returns how many bytes that were.

        Commands sent before the handshake must not be run after it (RFC 9051 §6.2.1).
        """
        return len(self.take_buffered())

    def take_buffered(self) -> bytes:
        """Take out the bytes not looked at yet, for COMPRESS, where they are deflated."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._begin()
        return rest

    # Text

    def _take_line(self) -> bytes | None:
        buffer = self._buffer
        end = buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(buffer)
            return None
        line = bytes(buffer[: end - 1 if end and buffer[end - 1] == 13 else end])
        del buffer[: end + 1]
        self._scanned = 0
        return line

    def _text_hopeless(self) -> bool:
        """Keep memory bounded while a line is too long; True when its end isn't worth awaiting."""
        waiting = len(self._buffer)
        # One byte more: the CR of a line that just fits may be waiting for its LF.
        if self._text_total + waiting <= self._limits.text_bytes + 1 and not self._rejected:
            return False
        if self._rejected is None:
            self._reject("command line too long", self._buffer)
        if waiting > _TAIL_BYTES:
            self._skipped_text += waiting - _TAIL_BYTES
            del self._buffer[: waiting - _TAIL_BYTES]
            self._scanned = len(self._buffer)
        return self._skipped_text + len(self._buffer) > self._limits.skip_text_bytes + 1

    def _text(self, line: bytes) -> Event | None:
        """One line is there: the end of the command, or a literal follows."""
        self._text_total += len(line)
        if self._rejected is None and self._text_total > self._limits.text_bytes:
            self._reject("command line too long", line)
        if self._rejected is not None:
            self._skipped_text += len(line)
            if self._skipped_text > self._limits.skip_text_bytes:
                return self._fatal("command line too long")
        if line.endswith(b"}"):
            marker = _MARKER.search(line, max(0, len(line) - _TAIL_BYTES))
            if marker is not None:
                return self._announce(line, marker)
        if self._rejected is not None:
            rejected = self._rejected
            self._begin()
            return rejected
        pieces = (*self._pieces, line) if self._pieces else (line,)
        self._begin()
        return CommandLine(pieces)

    # Literals

    def _announce(self, line: bytes, marker: re.Match[bytes]) -> Event | None:
        size = int(marker.group(2))
        synchronising = not marker.group(3)
        if self._rejected is None:
            self._pieces.append(line[: marker.start()])
            self._check_literal(size, synchronising)
        if self._rejected is not None:
            if synchronising:  # the client waits for an answer and sends nothing more of this
                rejected = self._rejected
                self._begin()
                return rejected
            self._skipped += size
            early = not self._append_allowed
            if self._skipped > (
                self._limits.early_skip_bytes if early else self._limits.skip_bytes
            ):
                return self._fatal("literal too large")
        self._literal_total += size
        self._left = size
        self._binary = marker.group(1) == b"~"
        if synchronising:
            return NeedContinuation(size, tuple(self._pieces))
        return None

    def _check_literal(self, size: int, synchronising: bool) -> None:
        limits = self._limits
        each, total = limits.literal_bytes, limits.literal_total_bytes
        head = self._pieces[0]
        if not self._append_allowed:
            each = min(each, limits.early_literal_bytes)
            total = min(total, 2 * limits.early_literal_bytes)
        elif isinstance(head, bytes) and _is_message(head, self._pieces):
            each, total = limits.append_literal_bytes, limits.append_total_bytes
        if not synchronising and limits.nonsync_literal_bytes is not None:
            each = min(each, limits.nonsync_literal_bytes)
        if len(self._pieces) // 2 >= limits.literals:
            self._reject("too many literals")
        elif size > each or self._literal_total + size > total:
            self._reject("literal too large", too_big=True)

    def _take(self, data: bytes) -> None:
        self._left -= len(data)
        if self._rejected is None:
            # Grows in place and gives up its buffer as it is: a message is never there twice.
            if self._literal is None:
                self._literal = BytesIO()
            self._literal.write(data)

    def _finish_literal(self) -> bool:
        if self._left and self._buffer:
            data = bytes(self._buffer[: self._left])
            del self._buffer[: len(data)]
            self._take(data)
        if self._left:
            return False
        if self._rejected is None:
            data = b"" if self._literal is None else self._literal.getvalue()
            self._pieces.append(Literal(data, self._binary))
        self._literal = None
        self._left = -1
        self._scanned = 0
        return True

    # Giving up

    def _reject(self, reason: str, line: bytes | bytearray = b"", **kind: bool) -> None:
        # No more than is there whenever a line is found too long, however the input is split.
        head = min(_HEAD_BYTES, self._limits.text_bytes)
        first = self._pieces[0] if self._pieces else bytes(line[:head])
        tag = tag_of(first) if isinstance(first, bytes) else b""
        self._rejected = Rejected(tag, reason, **kind)
        self._pieces = []

    def _fatal(self, reason: str) -> Fatal:
        self._dead = True
        self._buffer.clear()
        self._begin()
        return Fatal(reason)


def _is_message(head: bytes, pieces: list[Piece]) -> bool:
    """Whether the literal now announced can be a message, not the mailbox name before it."""
    found = _VERB.match(head)
    words = 0 if found is None else _WORDS_BEFORE.get(found.group(2).upper(), 0)
    if found is None or not words:
        return False
    return len(pieces) > 1 or len(head[found.end() :].split(None, words)) >= words

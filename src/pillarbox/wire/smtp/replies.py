"""Replies of SMTP and LMTP: the standard ones as a table, and the parser for the client's side.

Texts say what happened and reveal nothing about the system. Called by `protocols/smtp` (to
answer) and by the outbound client (to read answers).
"""

import re
from dataclasses import dataclass
from typing import Final

from pillarbox.base.errors import GrammarError

MAX_REPLY_OCTETS = 512  # a line that is sent, CRLF included, RFC 5321 §4.5.3.1.5
MAX_LINE_BYTES = 2048  # a line that is received
MAX_REPLY_LINES = 100
MAX_REPLY_BYTES = 65536

_PLAIN = re.compile(r"[ -~]*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ \-])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: `enhanced` is the status code of RFC 3463, where RFC 2034 §4 has one."""

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as one."""
        return " ".join(self.lines)

    @property
    def is_success(self) -> bool:
        """2xx."""
        return self.code // 100 == 2

    @property
    def is_temporary(self) -> bool:
        """4xx: the same may succeed later."""
        return self.code // 100 == 4

    @property
    def is_permanent(self) -> bool:
        """5xx."""
        return self.code // 100 == 5

    def with_text(self, *lines: str) -> "Reply":
        """The same codes with other words."""
        return Reply(self.code, self.enhanced, lines)

    def to_bytes(self, *, utf8: bool = False) -> bytes:
        """The reply on the wire, every line with its CRLF and at most 512 octets.

        Control characters become spaces, so text from elsewhere cannot add lines. Without
        `utf8` (RFC 6531 §3.7.4.2) what is not ASCII becomes `?`. Longer lines are folded into
        several.
        """
        status = f"{self.enhanced} " if self.enhanced else ""
        if len(self.lines) == 1:
            text = self.lines[0]
            if len(text) < 450 and _PLAIN.fullmatch(text):
                return f"{self.code} {status}{text}\r\n".encode("ascii")
        # "250-" before, CRLF behind.
        room = MAX_REPLY_OCTETS - 6 - len(status)
        pieces = [piece for line in self.lines for piece in _fold(_clean(line, utf8), room)]
        pieces = pieces or [b""]
        prefix = f"{self.code}-{status}".encode("ascii")
        last = f"{self.code} {status}".encode("ascii")
        body = [prefix + piece for piece in pieces[:-1]] + [last + pieces[-1], b""]
        return b"\r\n".join(body)


def _clean(line: str, utf8: bool) -> bytes:
    return _CONTROLS.sub(" ", line).encode("utf-8" if utf8 else "ascii", "replace")


def _fold(line: bytes, room: int) -> list[bytes]:
    pieces = []
    while len(line) > room:
        cut = line.rfind(b" ", room // 2, room + 1)
        skip = cut >= 0
        if not skip:
            cut = room
            while cut > 1 and line[cut] & 0xC0 == 0x80:  # not inside a UTF-8 sequence
                cut -= 1
        pieces.append(line[:cut])
        line = line[cut + skip :]
    pieces.append(line)
    return pieces


def greeting(hostname: str, *, lmtp: bool = False) -> Reply:
    """The first line of a connection; names no product and no version."""
    return Reply(220, None, (f"{hostname} {'LMTP' if lmtp else 'ESMTP'}",))


def ehlo(hostname: str, keywords: tuple[str, ...]) -> Reply:
    """The answer to EHLO and LHLO: one keyword with its values a line (RFC 5321 §4.1.1.1)."""
    return Reply(250, None, (hostname, *keywords))


def helo(hostname: str) -> Reply:
    """The answer to HELO."""
    return Reply(250, None, (hostname,))


def closing(hostname: str) -> Reply:
    """The answer to QUIT."""
    return Reply(221, "2.0.0", (f"{hostname} closing connection",))


def shutting_down(hostname: str) -> Reply:
    """Sent before the server closes of its own accord (RFC 5321 §3.8)."""
    return Reply(421, "4.3.2", (f"{hostname} service shutting down, try again later",))


def timed_out(hostname: str) -> Reply:
    """Sent before an idle connection is closed (RFC 5321 §4.5.3.2)."""
    return Reply(421, "4.4.2", (f"{hostname} timeout, closing connection",))


def too_many_errors(hostname: str) -> Reply:
    """Sent before a connection with too many errors is closed."""
    return Reply(421, "4.7.0", (f"{hostname} too many errors, closing connection",))


def auth_challenge(challenge_base64: bytes) -> Reply:
    """The next step of a SASL exchange (RFC 4954 §4)."""
    return Reply(334, None, (challenge_base64.decode("ascii"),))


def message_too_large(limit_bytes: int) -> Reply:
    """SIZE or the content is over the limit (RFC 1870 §6)."""
    return Reply(552, "5.3.4", (f"Message exceeds the limit of {limit_bytes} bytes",))


# One place for words and codes (RFC 5321 §4.2.2, RFC 3463 §3, RFC 4954 §6, RFC 3207 §4).
OK: Final = Reply(250, "2.0.0", ("OK",))
SENDER_OK: Final = Reply(250, "2.1.0", ("Sender OK",))
RECIPIENT_OK: Final = Reply(250, "2.1.5", ("Recipient OK",))
CHUNK_OK: Final = Reply(250, "2.0.0", ("Chunk received",))
ACCEPTED: Final = Reply(250, "2.6.0", ("Message accepted",))
CANNOT_VERIFY: Final = Reply(252, "2.1.5", ("Cannot verify, but will accept mail and try",))
HELP: Final = Reply(214, "2.0.0", ("See RFC 5321",))
START_DATA: Final = Reply(354, None, ("Send the message, end with a dot on a line of its own",))
READY_FOR_TLS: Final = Reply(220, "2.0.0", ("Ready to start TLS",))
AUTH_OK: Final = Reply(235, "2.7.0", ("Authenticated",))

LOCAL_ERROR: Final = Reply(451, "4.3.0", ("Local error, try again later",))
UNAVAILABLE: Final = Reply(421, "4.3.2", ("Service not available, try again later",))
MAILBOX_FULL: Final = Reply(452, "4.2.2", ("Mailbox full",))
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", ("Too many recipients",))
STORAGE_FULL: Final = Reply(452, "4.3.1", ("Insufficient storage, try again later",))
TLS_UNAVAILABLE: Final = Reply(454, "4.7.0", ("TLS not available, try again later",))

LINE_TOO_LONG: Final = Reply(500, "5.5.6", ("Line too long",))
UNKNOWN_COMMAND: Final = Reply(500, "5.5.1", ("Command not recognised",))
SYNTAX_ERROR: Final = Reply(501, "5.5.4", ("Syntax error in arguments",))
BAD_SENDER_SYNTAX: Final = Reply(501, "5.1.7", ("Malformed sender address",))
BAD_RECIPIENT_SYNTAX: Final = Reply(501, "5.1.3", ("Malformed recipient address",))
AUTH_SYNTAX_ERROR: Final = Reply(501, "5.5.2", ("Malformed response",))
AUTH_CANCELLED: Final = Reply(501, "5.7.0", ("Authentication cancelled",))
NOT_IMPLEMENTED: Final = Reply(502, "5.5.1", ("Command not implemented",))
BAD_SEQUENCE: Final = Reply(503, "5.5.1", ("Bad sequence of commands",))
ALREADY_AUTHENTICATED: Final = Reply(503, "5.5.1", ("Already authenticated",))
TLS_ACTIVE: Final = Reply(503, "5.5.1", ("TLS is active already",))
UNKNOWN_MECHANISM: Final = Reply(504, "5.5.4", ("Mechanism not supported",))
AUTH_REQUIRED: Final = Reply(530, "5.7.0", ("Authentication required",))
TLS_REQUIRED: Final = Reply(530, "5.7.0", ("Must issue a STARTTLS command first",))
AUTH_FAILED: Final = Reply(535, "5.7.8", ("Authentication failed",))
ENCRYPTION_REQUIRED: Final = Reply(538, "5.7.11", ("Encryption required for authentication",))
NO_SUCH_USER: Final = Reply(550, "5.1.1", ("No such mailbox",))
SMTPUTF8_REQUIRED: Final = Reply(553, "5.6.7", ("Address needs SMTPUTF8",))
BARE_NEWLINE: Final = Reply(554, "5.6.0", ("Message contains a bare CR or LF",))
NUL_IN_CONTENT: Final = Reply(554, "5.6.0", ("Message contains a NUL",))
CONTENT_LINE_TOO_LONG: Final = Reply(554, "5.6.0", ("Message contains a line that is too long",))
UNKNOWN_PARAMETER: Final = Reply(555, "5.5.4", ("Parameter not recognised",))


class ReplyParser:
    """Cuts what a server sends into replies; of no use any more once it raised.

    A lone LF ends a line too, as some servers send it; nothing else hangs on that here.
    """

    __slots__ = ("_buffer", "_code", "_enhanced", "_lines", "_size_bytes")

    def __init__(self) -> None:
        self._buffer = b""
        self._clear()

    @property
    def has_pending(self) -> bool:
        """Whether part of a reply is here; before a TLS handshake that is an injection."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes; raises `GrammarError` for what is no reply."""
        replies = []
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            reply = self._take(line.removesuffix(b"\r"))
            if reply is not None:
                replies.append(reply)
        if len(self._buffer) > MAX_LINE_BYTES:
            raise GrammarError("reply line too long")
        return replies

    def _clear(self) -> None:
        self._code = 0
        self._enhanced: str | None = None
        self._lines: list[str] = []
        self._size_bytes = 0

    def _take(self, line: bytes) -> Reply | None:
        self._size_bytes += len(line)
        if len(line) > MAX_LINE_BYTES or self._size_bytes > MAX_REPLY_BYTES:
            raise GrammarError("reply line too long")
        if len(self._lines) >= MAX_REPLY_LINES:
            raise GrammarError("reply has too many lines")
        found = _LINE.fullmatch(line)
        if found is None:
            raise GrammarError("malformed reply")
        code = int(found[1])
        if self._lines and code != self._code:
            raise GrammarError("reply changes its code")
        text = _CONTROLS.sub(" ", (found[3] or b"").decode("utf-8", "replace"))
        status = _ENHANCED.match(text)
        if status is not None and text[0] == str(code)[0]:
            text = text[status.end() :]
            self._enhanced = self._enhanced or status[1]
        self._code = code
        self._lines.append(text)
        if found[2] == b"-":
            return None
        reply = Reply(code, self._enhanced, tuple(self._lines))
        self._clear()
        return reply

"""APPEND, of one message or several, whole or in pieces (RFC 9051 §6.3.12, RFC 3502, RFC 4469).

A message may come as literal8 (RFC 3516 §4.4) and, with UTF-8 in its header, in `UTF8 (…)`
(RFC 6855 §4).
"""

from dataclasses import dataclass, field
from datetime import datetime

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_MAX_MESSAGES = 1_000
_MAX_PIECES = 1_000


@dataclass(frozen=True, slots=True)
class UrlPiece:
    """A piece that the server has already; see `wire/imap/urls`."""

    url: str


MessagePiece = bytes | UrlPiece


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message: its pieces in order, a single one unless it came by CATENATE.

    `binary` says that a piece came as literal8, `utf8` that it came in `UTF8 (…)`; both allow
    8-bit headers. No data at all takes the whole APPEND back (RFC 3502 §6.3.11).
    """

    pieces: tuple[MessagePiece, ...] = field(repr=False)
    flags: tuple[str, ...] = ()
    internal_date: datetime | None = None
    binary: bool = False
    utf8: bool = False

    @property
    def sent_bytes(self) -> int:
        """How many bytes of it the client has sent."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))


@dataclass(frozen=True, slots=True)
class Append:
    """Messages to add to a mailbox, all or none."""

    mailbox: str
    messages: tuple[AppendMessage, ...]


def parse_message(tokens: Tokens) -> AppendMessage:
    """Flags, date and data of one message, from the space on (`append-message`)."""
    tokens.sp()
    flags: tuple[str, ...] = ()
    internal_date: datetime | None = None
    if tokens.at(b"("):
        flags = tokens.flag_list()
        tokens.sp()
    if tokens.at(b'"'):
        internal_date = tokens.date_time()
        tokens.sp()
    if tokens.at_literal():
        literal = tokens.literal()
        return AppendMessage((literal.data,), flags, internal_date, binary=literal.binary)
    match tokens.keyword():
        case "UTF8":
            data = _utf8(tokens)
            return AppendMessage((data,), flags, internal_date, binary=True, utf8=True)
        case "CATENATE":
            pieces, binary, utf8 = _catenate(tokens)
            return AppendMessage(pieces, flags, internal_date, binary, utf8)
    raise tokens.fault("expected a literal")


def _utf8(tokens: Tokens) -> bytes:
    tokens.expect(b" (")
    literal = tokens.literal()
    if not literal.binary:
        raise tokens.fault("expected a literal8")
    tokens.expect(b")")
    return literal.data


def _catenate(tokens: Tokens) -> tuple[tuple[MessagePiece, ...], bool, bool]:
    """The pieces, and whether any is binary or UTF-8 (RFC 4469 §5)."""
    tokens.expect(b" (")
    pieces: list[MessagePiece] = []
    binary = utf8 = False
    while True:
        match tokens.keyword():
            case "TEXT":
                tokens.sp()
                literal = tokens.literal()
                binary |= literal.binary
                pieces.append(literal.data)
            case "URL":
                tokens.sp()
                pieces.append(UrlPiece(tokens.astring_text()))
            case "UTF8":
                pieces.append(_utf8(tokens))
                binary = utf8 = True
            case _:
                raise tokens.fault("expected TEXT or URL")
        if tokens.skip(b")"):
            return tuple(pieces), binary, utf8
        if len(pieces) == _MAX_PIECES:
            raise tokens.fault("too many pieces")
        tokens.sp()


def parse_append(tokens: Tokens) -> Append:
    """APPEND (RFC 9051 §6.3.12)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    messages = [parse_message(tokens)]
    while not tokens.at_end():
        if len(messages) == _MAX_MESSAGES:
            raise tokens.fault("too many messages")
        messages.append(parse_message(tokens))
    return Append(mailbox, tuple(messages))


APPEND: tuple[CommandEntry, ...] = (("APPEND", parse_append),)

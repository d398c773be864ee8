"""APPEND, of one message or several (RFC 9051 §6.3.12, RFC 3502, RFC 6855 §4)."""

from dataclasses import dataclass, field
from datetime import datetime

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_MAX_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message: `binary` came as literal8, `utf8` in `UTF8 (…)`; both allow 8-bit headers.

    Empty data takes the whole APPEND back (RFC 3502 §6.3.11).
    """

    data: bytes = field(repr=False)
    flags: tuple[str, ...] = ()
    internal_date: datetime | None = None
    binary: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """Messages to add to a mailbox, all or none."""

    mailbox: str
    messages: tuple[AppendMessage, ...]


def _message(tokens: Tokens) -> AppendMessage:
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
        return AppendMessage(literal.data, flags, internal_date, binary=literal.binary)
    if tokens.keyword() != "UTF8":
        raise tokens.fault("expected a literal")
    tokens.expect(b" (")
    literal = tokens.literal()
    if not literal.binary:
        raise tokens.fault("expected a literal8")
    tokens.expect(b")")
    return AppendMessage(literal.data, flags, internal_date, binary=True, utf8=True)


def parse_append(tokens: Tokens) -> Append:
    """APPEND (RFC 9051 §6.3.12)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    messages = [_message(tokens)]
    while not tokens.at_end():
        if len(messages) == _MAX_MESSAGES:
            raise tokens.fault("too many messages")
        messages.append(_message(tokens))
    return Append(mailbox, tuple(messages))


APPEND: tuple[CommandEntry, ...] = (("APPEND", parse_append),)

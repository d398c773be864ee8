"""Lines that are no command, or not a whole one (RFC 5321 §4.2.4, §4.3.2)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Unknown
from pillarbox.wire.smtp.params import UnknownParameter
from pillarbox.wire.smtp.replies import Reply
from pillarbox.wire.smtp.server import LineTooLong, Malformed

_SYNTAX_ERRORS: Final[Mapping[str, Reply]] = MappingProxyType(
    {
        "": replies.UNKNOWN_COMMAND,
        "MAIL": replies.BAD_SENDER_SYNTAX,
        "RCPT": replies.BAD_RECIPIENT_SYNTAX,
        "AUTH": replies.AUTH_SYNTAX_ERROR,
    }
)


async def unknown(session: SmtpSession, command: Unknown) -> None:
    """Refuse a verb nobody knows."""
    session.refuse(replies.UNKNOWN_COMMAND)


async def malformed(session: SmtpSession, event: Malformed) -> None:
    """Say what is wrong; after a BDAT without a size the session can't go on."""
    if event.verb == "BDAT":
        session.refuse(errors.CLOSE_CHUNK)
    elif isinstance(event.error, UnknownParameter):
        session.refuse(replies.UNKNOWN_PARAMETER)
    else:
        session.refuse(_SYNTAX_ERRORS.get(event.verb, replies.SYNTAX_ERROR))


async def line_too_long(session: SmtpSession, event: LineTooLong) -> None:
    """Refuse the line, and with it the login it may have been part of."""
    session.attempt = None
    session.refuse(replies.LINE_TOO_LONG)

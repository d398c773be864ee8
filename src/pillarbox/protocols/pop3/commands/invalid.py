"""Lines that are no command of ours."""

from pillarbox.protocols.pop3.errors import BadCommand
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3.commands import Unknown
from pillarbox.wire.pop3.server import LineTooLong, Malformed


async def unknown(session: Pop3Session, command: Unknown) -> None:
    """Refuse a verb nobody knows."""
    raise BadCommand("There is no such command")


async def malformed(session: Pop3Session, event: Malformed) -> None:
    """Say what is wrong."""
    raise BadCommand(f"Syntax error: {event.error.text}")


async def line_too_long(session: Pop3Session, event: LineTooLong) -> None:
    """Refuse the line, and with it the login it may have been part of."""
    session.attempt = None
    raise BadCommand("The line is too long")

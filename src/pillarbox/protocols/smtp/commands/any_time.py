"""NOOP, HELP, VRFY, EXPN and QUIT, which may come at any time (RFC 5321 §4.1.4)."""

from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Expn, Help, Noop, Quit, Vrfy


async def noop(session: SmtpSession, command: Noop) -> None:
    """Answer, and no more."""
    session.say(replies.OK)


async def quit_(session: SmtpSession, command: Quit) -> None:
    """Say goodbye."""
    session.say(replies.closing(session.options.hostname))
    session.ending = True


async def vrfy(session: SmtpSession, command: Vrfy) -> None:
    """Tell nobody who has a mailbox here (RFC 5321 §7.3)."""
    session.say(replies.CANNOT_VERIFY)


async def expn(session: SmtpSession, command: Expn) -> None:
    """Tell nobody who is on a list."""
    session.refuse(replies.NOT_IMPLEMENTED)


async def help_(session: SmtpSession, command: Help) -> None:
    """Say where help is."""
    session.say(replies.HELP)

"""EHLO, HELO, LHLO and STARTTLS: who the client is, what it is offered (RFC 5321 §4.1.1.1)."""

from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.extensions import keywords
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Ehlo, Helo, Lhlo, StartTls


async def ehlo(session: SmtpSession, command: Ehlo) -> None:
    """Greet, and say which extensions there are."""
    if session.role is Role.LMTP:
        session.refuse(errors.USE_LHLO)
    else:
        _greet(session, command.domain, extended=True)


async def helo(session: SmtpSession, command: Helo) -> None:
    """Greet a client that knows no extensions."""
    if session.role is Role.LMTP:
        session.refuse(errors.USE_LHLO)
    else:
        _greet(session, command.domain, extended=False)


async def lhlo(session: SmtpSession, command: Lhlo) -> None:
    """Greet on LMTP (RFC 2033 §4.1)."""
    if session.role is Role.LMTP:
        _greet(session, command.domain, extended=True)
    else:
        session.refuse(replies.UNKNOWN_COMMAND)


def _greet(session: SmtpSession, name: str, *, extended: bool) -> None:
    session.end_transaction()
    session.name = name
    session.extended = extended
    if session.screening is not None:
        tls = session.connection.tls is not None
        session.screening.greeted(name, extended=extended, tls=tls)
    if extended:
        session.say(replies.ehlo(session.options.hostname, keywords(session)))
    else:
        session.say(replies.helo(session.options.hostname))


async def starttls(session: SmtpSession, command: StartTls) -> None:
    """Begin TLS; the client must greet anew (RFC 3207 §4.2)."""
    connection = session.connection
    if connection.tls is not None:
        session.refuse(replies.TLS_ACTIVE)
    elif not connection.can_start_tls:
        session.refuse(replies.TLS_UNAVAILABLE)
    elif session.transaction is not None:
        session.refuse(errors.IN_TRANSACTION)
    else:
        # What came in clear behind the command is no part of what follows (RFC 3207 §6).
        session.parser.reset_after_starttls()
        session.say(replies.READY_FOR_TLS)
        session.flush()
        await connection.start_tls()
        session.name = None
        session.extended = False
        session.actor = None

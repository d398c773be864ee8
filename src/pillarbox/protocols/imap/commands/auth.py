"""STARTTLS, LOGIN and AUTHENTICATE PLAIN (RFC 9051 §6.2, RFC 4616)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import Denied, GrammarError
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.auth import Authenticate, Login, StartTls, decode_base64
from pillarbox.wire.imap.respond.replies import capability_code, challenge, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def starttls(session: ImapSession, args: StartTls) -> None:
    """Begin TLS; what the client sent before the handshake is dropped (RFC 9051 §6.2.1)."""
    connection = session.connection
    if not connection.can_start_tls:
        raise BadCommand("TLS is not available")
    session.write(status_response("OK", "Begin TLS now", tag=session.tag))
    await session.flush()
    session.receiver.reset_after_starttls()
    await connection.start_tls()


async def login(session: ImapSession, args: Login) -> Reply:
    """Log in with user name and password."""
    return await _check(session, args.user, args.password)


async def authenticate(session: ImapSession, args: Authenticate) -> Reply:
    """Log in by SASL; PLAIN is the one mechanism."""
    if args.mechanism != "PLAIN":
        raise RefusedCommand("That mechanism is not offered", "CANNOT")
    _require_privacy(session)
    response = args.initial
    if response is None:
        session.write(challenge(b""))
        line = await session.read_line()
        if line.strip() == b"*":
            raise BadCommand("Authentication cancelled")
        response = decode_base64(line.strip())
    user, password = _plain(response)
    return await _check(session, user, password)


def _plain(response: bytes) -> tuple[str, str]:
    """User and password of a PLAIN response (RFC 4616 §2)."""
    try:
        identity, user, password = response.decode("utf-8").split("\0")
    except ValueError:
        raise GrammarError("not a PLAIN response") from None
    if identity and identity.lower() != user.lower():
        raise RefusedCommand("You can't act for somebody else", "AUTHORIZATIONFAILED")
    return user, password


def _require_privacy(session: ImapSession) -> None:
    if not session.may_login():
        raise RefusedCommand("Use TLS first", "PRIVACYREQUIRED")


async def _check(session: ImapSession, user: str, password: str) -> Reply:
    _require_privacy(session)
    client = session.client_facts()
    try:
        session.logged_in(await session.services.login.password(user, password, client))
    except Denied as denied:
        session.failed_logins += 1
        if session.failed_logins >= session.services.options.max_failed_logins:
            session.leaving = True
        raise RefusedCommand(denied.public, "AUTHENTICATIONFAILED") from None
    return Reply("Logged in", capability_code(session.capabilities()))

"""STARTTLS, LOGIN, AUTHENTICATE and UNAUTHENTICATE (RFC 9051 §6.2, RFC 8437)."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING

from pillarbox.base.errors import Denied
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.authentication import NotAuthorized, converse
from pillarbox.protocols.imap.errors import BadCommand, HangUp, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.auth import (
    Authenticate,
    Login,
    StartTls,
    Unauthenticate,
    decode_base64,
)
from pillarbox.wire.imap.respond.replies import capability_code, challenge, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

MAX_UNAUTHENTICATED = 100
"""How many users one connection may be handed on to."""


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
    _require_privacy(session)
    client = session.client_facts()
    try:
        actor = await session.services.login.password(args.user, args.password, client)
    except Denied as denied:
        raise _refused(session, denied) from None
    return _welcome(session, actor)


async def authenticate(session: ImapSession, args: Authenticate) -> Reply:
    """Log in by SASL (RFC 9051 §6.2.2, RFC 4959)."""
    _require_privacy(session)
    attempt = session.services.authentication.begin(
        args.mechanism, session.client_facts(), session.channel_facts()
    )
    if attempt is None:
        raise RefusedCommand("That mechanism is not offered", "CANNOT")
    try:
        return _welcome(session, await converse(attempt, args.initial, partial(_ask, session)))
    except Denied as denied:
        raise _refused(session, denied) from None


async def unauthenticate(session: ImapSession, args: Unauthenticate) -> Reply:
    """Forget who is logged in and all that they set; TLS and compression stay (RFC 8437 §3)."""
    session.unauthentications += 1
    if session.unauthentications > MAX_UNAUTHENTICATED:
        raise HangUp("Too many logins on one connection; connect again")
    session.logged_out()
    return Reply("Logged out", capability_code(session.capabilities()))


async def _ask(session: ImapSession, data: bytes) -> bytes:
    session.write(challenge(b64encode(data)))
    line = (await session.read_line()).strip()
    if line == b"*":
        raise BadCommand("Authentication cancelled")
    return decode_base64(line)


def _require_privacy(session: ImapSession) -> None:
    if not session.may_login():
        raise RefusedCommand("Use TLS first", "PRIVACYREQUIRED")


def _refused(session: ImapSession, denied: Denied) -> RefusedCommand:
    session.failed_logins += 1
    if session.failed_logins >= session.services.options.max_failed_logins:
        session.leaving = True
    code = "AUTHORIZATIONFAILED" if isinstance(denied, NotAuthorized) else "AUTHENTICATIONFAILED"
    return RefusedCommand(denied.public, code)


def _welcome(session: ImapSession, actor: Actor) -> Reply:
    session.logged_in(actor)
    return Reply("Logged in", capability_code(session.capabilities()))

"""AUTH and the lines that answer its challenges (RFC 4954 §4)."""

from collections.abc import Awaitable, Callable
from typing import Any

from pillarbox.base.errors import Busy, Denied, Failure
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.authentication import SmtpAttempt
from pillarbox.protocols.smtp.errors import Stage, refusal
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Auth
from pillarbox.wire.smtp.replies import Reply
from pillarbox.wire.smtp.server import AuthLine


async def auth(session: SmtpSession, command: Auth) -> None:
    """Begin a login, and end it where the command holds all it takes."""
    authentication = session.services.authentication
    if session.role is not Role.SUBMISSION or authentication is None:
        session.refuse(errors.NO_LOGIN_HERE)
    elif not session.is_safe():
        session.refuse(replies.ENCRYPTION_REQUIRED)
    elif not session.extended:
        session.refuse(errors.EHLO_FIRST)
    elif session.actor is not None:
        session.refuse(replies.ALREADY_AUTHENTICATED)
    elif session.transaction is not None:
        session.refuse(errors.IN_TRANSACTION)
    else:
        attempt = authentication.begin(
            command.mechanism, session.client_facts(), session.channel_facts()
        )
        if attempt is None:
            session.refuse(replies.UNKNOWN_MECHANISM)
        else:
            under_way = SmtpAttempt(attempt)
            await _authenticate(session, under_way, under_way.step, command.initial_response)


async def auth_line(session: SmtpSession, event: AuthLine) -> None:
    """Go on with the login under way."""
    under_way, session.attempt = session.attempt, None
    if under_way is None:
        session.refuse(replies.BAD_SEQUENCE)
    else:
        await _authenticate(session, under_way, under_way.line, event.line)


async def _authenticate(
    session: SmtpSession,
    under_way: SmtpAttempt,
    step: Callable[[Any], Awaitable[Reply | Actor]],
    response: bytes | None,
) -> None:
    session.flush()  # the check of a password takes its time
    try:
        answer = await step(response)
    except Failure as failure:
        session.say(refusal(failure, Stage.LOGIN))
        session.failed_logins += isinstance(failure, (Denied, Busy))
        if session.failed_logins >= session.options.max_failed_logins and not session.ending:
            session.say(errors.CLOSE_LOGINS)
        return
    if isinstance(answer, Actor):
        _logged_in(session, answer)
    elif answer.code == 334:
        session.attempt = under_way
        session.say(answer)
        session.parser.begin_auth_line()
    else:
        session.refuse(answer)


def _logged_in(session: SmtpSession, actor: Actor) -> None:
    session.actor = actor
    login = session.services.login
    if login is not None:
        session.watch = LoginWatch(login, actor, session.options.login_asked_every_s)
    session.say(replies.AUTH_OK)

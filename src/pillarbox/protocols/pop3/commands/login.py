"""USER, PASS, AUTH, STLS and UTF8: the way into a maildrop (RFC 1939 §4, RFC 5034, RFC 2595)."""

from pillarbox.base.errors import Busy, Denied, GrammarError
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import maildrop
from pillarbox.pipeline.authentication import Attempt
from pillarbox.protocols.pop3 import errors
from pillarbox.protocols.pop3.errors import BadCommand, refusal
from pillarbox.protocols.pop3.lock import MaildropLock
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3.commands import Auth, Pass, Stls, User, Utf8
from pillarbox.wire.pop3.responses import challenge, err, ok
from pillarbox.wire.pop3.server import AuthLine
from pillarbox.wire.sasl.exchange import decode_base64


async def user(session: Pop3Session, command: User) -> None:
    """Note the name; whether there is such a user is told to nobody."""
    if not session.may_send_password():
        session.say(errors.TLS_FIRST)
        return
    session.username = command.name
    session.say(ok("Send the password"))


async def pass_(session: Pop3Session, command: Pass) -> None:
    """Log in by name and password."""
    username, session.username = session.username, None
    if not session.may_send_password():
        session.say(errors.TLS_FIRST)
        return
    if username is None:
        raise BadCommand("Say USER first")
    session.flush()  # the check of a password takes its time
    login = session.services.login
    try:
        actor = await login.password(username, command.password, session.client_facts())
    except (Denied, Busy) as failure:
        _failed(session, failure)
        return
    await _enter(session, actor)


async def auth(session: Pop3Session, command: Auth) -> None:
    """Begin a login, and end it where the command holds all it takes."""
    attempt = session.services.authentication.begin(
        command.mechanism, session.client_facts(), session.channel_facts()
    )
    if attempt is not None:
        await _step(session, attempt, command.initial_response)
    elif session.may_send_password():
        session.say(err("That mechanism is not offered"))
    else:
        session.say(errors.TLS_FIRST)


async def auth_line(session: Pop3Session, event: AuthLine) -> None:
    """Go on with the login under way."""
    attempt, session.attempt = session.attempt, None
    if attempt is None:
        raise BadCommand("No login is under way")
    if event.line == b"*":
        session.say(err("The login was cancelled"))
        return
    try:
        response = decode_base64(event.line)
    except GrammarError as error:
        raise BadCommand(f"Syntax error: {error.text}") from None
    await _step(session, attempt, response)


async def _step(session: Pop3Session, attempt: Attempt, response: bytes | None) -> None:
    session.flush()
    try:
        answer = await attempt.step(response)
    except GrammarError as error:
        raise BadCommand(f"Syntax error: {error.text}") from None
    except (Denied, Busy) as failure:
        _failed(session, failure)
        return
    if isinstance(answer, bytes):
        session.attempt = attempt
        session.say(challenge(answer))
        session.parser.begin_auth_line()
    else:
        await _enter(session, answer)


def _failed(session: Pop3Session, failure: Denied | Busy) -> None:
    session.failed_logins += 1
    session.say(refusal(failure))
    if session.failed_logins >= session.services.options.max_failed_logins:
        session.say(errors.TOO_MANY_LOGINS)
        session.ending = True


async def _enter(session: Pop3Session, actor: Actor) -> None:
    """Take the user's maildrop for this session alone, then look what is in it."""
    services = session.services
    lock = MaildropLock(services.database, actor.account_id, services.options.hold_every_s)
    session.lock = lock  # the session's end gives it back, whatever comes
    try:
        await lock.take()
        drop = await services.database.read(maildrop.snapshot, actor.account_id)
    except Exception:
        await session.close()
        raise
    session.enter(actor, lock, drop)
    marks = session.require_marks()
    session.say(ok(f"{marks.count} messages ({marks.size_bytes} octets)"))


async def stls(session: Pop3Session, command: Stls) -> None:
    """Begin TLS; what the client said before is forgotten (RFC 2595 §4)."""
    connection = session.connection
    if connection.tls is not None:
        raise BadCommand("TLS is active")
    if not connection.can_start_tls:
        raise BadCommand("TLS is not available")
    session.parser.reset_after_stls()
    session.username = session.attempt = None
    session.utf8 = False
    session.say(ok("Begin TLS now"))
    session.flush()
    await connection.start_tls()


async def utf8(session: Pop3Session, command: Utf8) -> None:
    """Note that the client takes UTF-8; messages are sent as they are stored either way."""
    session.utf8 = True
    session.say(ok("UTF-8 it is"))

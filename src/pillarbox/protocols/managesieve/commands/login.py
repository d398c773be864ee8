"""AUTHENTICATE, STARTTLS and UNAUTHENTICATE: who the client is (RFC 5804 §2.1, §2.2, §2.14.1)."""

from pillarbox.base.errors import Busy, Denied
from pillarbox.pipeline.authentication import Attempt, converse
from pillarbox.protocols.managesieve.capability import capabilities
from pillarbox.protocols.managesieve.errors import (
    TOO_MANY_FAILED,
    TOO_MANY_LOGINS,
    BadCommand,
    HangUp,
    RefusedCommand,
    code_of,
)
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve.commands import (
    Authenticate,
    StartTls,
    Unauthenticate,
    parse_response,
)
from pillarbox.wire.managesieve.responses import Code, challenge, logged_in, ok

MAX_LOGINS = 100
"""How many users one connection may be handed on to."""
_TOO_WEAK = frozenset(
    {"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}
)


async def authenticate(session: ManageSieveSession, command: Authenticate) -> None:
    """Log in by SASL; what the mechanism has the server say last goes into the response."""
    attempt = _begin(session, command)
    dialogue = _Dialogue(session, attempt)
    session.flush()  # the check of a password takes its time
    try:
        actor = await converse(attempt, command.initial_response, dialogue.ask)
    except (Denied, Busy) as failure:
        session.failed_logins += 1
        if session.failed_logins >= session.services.options.max_failed_logins:
            raise HangUp(TOO_MANY_FAILED) from None
        raise RefusedCommand(failure.public, code_of(failure)) from None
    session.login_count += 1
    if session.login_count > MAX_LOGINS:
        raise HangUp(TOO_MANY_LOGINS)
    session.enter(actor)
    session.say(logged_in("Logged in", dialogue.last))


async def starttls(session: ManageSieveSession, command: StartTls) -> None:
    """Begin TLS, and tell the capabilities anew; what came in plaintext behind it is dropped."""
    connection = session.connection
    if connection.tls is not None:
        raise BadCommand("TLS is active")
    if not connection.can_start_tls:
        raise BadCommand("TLS is not available")
    session.receiver.reset_after_starttls()
    session.say(ok("Begin TLS now"))
    session.flush()
    await connection.start_tls()
    session.say(capabilities(session) + ok("TLS is active"))


async def unauthenticate(session: ManageSieveSession, command: Unauthenticate) -> None:
    """Forget who is logged in; TLS stays."""
    session.leave()
    session.say(ok("Logged out"))


class _Dialogue:
    """Carries challenges and responses of one attempt; `last` is what the server says last."""

    __slots__ = ("_attempt", "_session", "last")

    def __init__(self, session: ManageSieveSession, attempt: Attempt) -> None:
        self._session = session
        self._attempt = attempt
        self.last: bytes | None = None

    async def ask(self, data: bytes) -> bytes:
        """The client's response to a challenge, or none where that is the server's last word."""
        if self._attempt.proven is not None:
            self.last = data
            return b""
        session = self._session
        session.say(challenge(data))
        response = parse_response(await session.read_response())
        if response is None:
            raise RefusedCommand("The login was cancelled")
        return response


def _begin(session: ManageSieveSession, command: Authenticate) -> Attempt:
    attempt = session.services.authentication.begin(
        command.mechanism, session.client_facts(), session.channel_facts()
    )
    if attempt is None:
        if not session.may_send_password():
            raise RefusedCommand("Use TLS first", Code.ENCRYPT_NEEDED)
        weak = command.mechanism in _TOO_WEAK
        raise RefusedCommand("That mechanism is not offered", Code.AUTH_TOO_WEAK if weak else None)
    if command.initial_response is not None and not attempt.client_first:
        raise BadCommand("The server speaks first in that mechanism: send no initial response")
    return attempt

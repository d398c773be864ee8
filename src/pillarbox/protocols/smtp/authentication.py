"""One login under way: the exchange that AUTH begins, and the mechanisms offered (RFC 4954).

Called by `commands/auth`; calls `wire/sasl` for the form and `pipeline/login` for the rest.
"""

from base64 import b64encode

from pillarbox.base.errors import GrammarError
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import Login
from pillarbox.wire.sasl import login as sasl_login
from pillarbox.wire.sasl import plain as sasl_plain
from pillarbox.wire.sasl.exchange import Challenge, Credentials, Exchange, decode_base64
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.commands import Auth
from pillarbox.wire.smtp.replies import Reply, auth_challenge

_MECHANISMS: tuple[type[sasl_plain.Plain] | type[sasl_login.Login], ...] = (
    sasl_plain.Plain,
    sasl_login.Login,
)
KEYWORD = "AUTH " + " ".join(mechanism.name for mechanism in _MECHANISMS)


class Authentication:
    """One login under way; `step` and `line` give a challenge to send, a refusal, or an actor."""

    __slots__ = ("_client", "_exchange", "_login")

    def __init__(self, login: Login, client: ClientFacts, exchange: Exchange) -> None:
        self._login = login
        self._client = client
        self._exchange = exchange

    async def line(self, line: bytes) -> Reply | Actor:
        """Take the client's answer to a challenge; raises what `step` raises."""
        if line == b"*":
            return replies.AUTH_CANCELLED
        try:
            response = decode_base64(line)
        except GrammarError:
            return replies.AUTH_SYNTAX_ERROR
        return await self.step(response)

    async def step(self, response: bytes | None) -> Reply | Actor:
        """Take a response; raises `Denied`, `Busy` or `Unavailable` from the login."""
        try:
            answer = self._exchange.step(response)
        except GrammarError:
            return replies.AUTH_SYNTAX_ERROR
        if isinstance(answer, Challenge):
            return auth_challenge(b64encode(answer.data))
        return await self._check(answer)

    async def _check(self, credentials: Credentials) -> Reply | Actor:
        if credentials.authzid not in ("", credentials.username):
            return replies.AUTH_FAILED  # nobody may act for another
        return await self._login.password(credentials.username, credentials.password, self._client)


def begin(auth: Auth, login: Login, client: ClientFacts) -> Authentication | None:
    """The exchange an AUTH command starts; `None` for a mechanism that is not offered."""
    for mechanism in _MECHANISMS:
        if mechanism.name == auth.mechanism:
            return Authentication(login, client, mechanism())
    return None

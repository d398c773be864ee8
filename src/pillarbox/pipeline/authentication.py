"""SASL for every protocol: the mechanisms offered, and the way from responses to an `Actor`.

Protocols carry challenges and responses; `wire/sasl` knows their form, `pipeline/login` whether
they are right (RFC 4422).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.errors import Denied, GrammarError
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import FAILED, SCOPES, Login, WrongScope
from pillarbox.wire.sasl import scram
from pillarbox.wire.sasl.exchange import Challenge, Exchange
from pillarbox.wire.sasl.login import Login as SaslLogin
from pillarbox.wire.sasl.oauthbearer import (
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    OAuthBearer,
    XOAuth2,
)
from pillarbox.wire.sasl.plain import Plain
from pillarbox.wire.sasl.scram import Scram, ScramDone, ScramName, ScramProof

MAX_STEPS = 8
"""More responses than any mechanism takes; after so many protocols may give up."""
NOT_YOURS = "You can't act for somebody else"

_NONCE_BYTES = 24
_SECOND = (scram.NAME, OAuthBearer.name, XOAuth2.name, Plain.name, SaslLogin.name)

_log = logger("login")


class NotAuthorized(Denied):
    """The client is who it says, but may not act as the one it names (RFC 4422 §3.4.1)."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What mechanisms depend on: TLS, whether a password may be sent, and the channel's binding.

    `end_point` is tls-server-end-point, the hash of the server's certificate (RFC 5929 §4).
    """

    tls: bool
    may_send_password: bool
    end_point: bytes | None = None


class Attempt(Protocol):
    """One login under way."""

    @property
    def client_first(self) -> bool:
        """Whether there may be an initial response."""
        ...

    @property
    def proven(self) -> Actor | None:
        """Who the client is, where the challenge just given is the server's last word.

        A protocol that can say it with its success does so and takes the step without the client;
        else that sends an empty response (RFC 4422 §4).
        """
        ...

    async def step(self, response: bytes | None) -> bytes | Actor:
        """Take a response (`None`: no initial one); gives a challenge to send, or who it is.

        Raises `GrammarError` for a response that is none, `Denied` (`NotAuthorized`), `Busy`,
        `Unavailable`; after any of them the attempt is over.
        """
        ...


async def converse(
    attempt: Attempt, response: bytes | None, ask: Callable[[bytes], Awaitable[bytes]]
) -> Actor:
    """Carry challenges and responses until it is known who the client is.

    `response` is the initial one; `ask` sends a challenge and gives the client's response. Raises
    what `Attempt.step` and `ask` raise.
    """
    for _ in range(MAX_STEPS):
        answer = await attempt.step(response)
        if isinstance(answer, Actor):
            return answer
        response = await ask(answer)
    raise GrammarError("too many responses")


class _Desk:
    """The client of an attempt, and those who judge it."""

    __slots__ = ("client", "login")

    def __init__(self, login: Login, client: ClientFacts) -> None:
        self.login = login
        self.client = client

    def authorize(self, actor: Actor, authzid: str) -> Actor:
        """The actor, who may act for nobody else (RFC 4616 §2)."""
        if authzid and not self.login.is_self(authzid, actor):
            raise NotAuthorized(NOT_YOURS, "nobody may act for another")
        return actor


class _PasswordAttempt:
    """PLAIN and LOGIN."""

    __slots__ = ("_desk", "_exchange", "client_first")

    proven = None

    def __init__(self, desk: _Desk, exchange: Plain | SaslLogin) -> None:
        self._desk = desk
        self._exchange: Exchange = exchange
        self.client_first = exchange.client_first

    async def step(self, response: bytes | None) -> bytes | Actor:
        answer = self._exchange.step(response)
        if isinstance(answer, Challenge):
            return answer.data
        desk = self._desk
        actor = await desk.login.password(answer.username, answer.password, desk.client)
        return desk.authorize(actor, answer.authzid)


class _ScramAttempt:
    """SCRAM: the challenge depends on the user, and the server proves itself at the end."""

    __slots__ = ("_desk", "_exchange", "_name", "_nonce", "proven")

    client_first = Scram.client_first

    def __init__(self, desk: _Desk, exchange: Scram, nonce: str) -> None:
        self._desk = desk
        self._exchange = exchange
        self._nonce = nonce
        self._name = ScramName("", "")
        self.proven: Actor | None = None

    async def step(self, response: bytes | None) -> bytes | Actor:
        answer = self._exchange.step(response)
        match answer:
            case Challenge(data):
                return data
            case ScramName():
                self._name = answer
                self._require(answer.refused)
                salt, iterations = await self._desk.login.scram_salt(
                    answer.username, self._desk.client
                )
                return self._exchange.challenge(salt, iterations, self._nonce).data
            case ScramProof():
                return await self._prove(answer)
            case ScramDone():
                if self.proven is None:
                    raise GrammarError("nothing was proved")
                return self.proven

    async def _prove(self, answer: ScramProof) -> bytes:
        self._require(answer.refused)
        desk, name = self._desk, self._name
        proven = await desk.login.scram(name.username, answer.message, answer.proof, desk.client)
        self.proven = desk.authorize(proven.actor, name.authzid)
        return self._exchange.success(proven.signature).data

    def _require(self, refused: str | None) -> None:
        """End what is no guess at a password, and so not counted as one."""
        if refused is not None:
            user, ip = self._name.username, self._desk.client.ip
            _log.warning("login refused", user=user, ip=ip, why=refused)
            raise Denied(FAILED, refused)


class _BearerAttempt:
    """OAUTHBEARER and XOAUTH2: a refusal is explained, and takes effect after one response more."""

    __slots__ = ("_desk", "_exchange", "_refusal")

    client_first = OAuthBearer.client_first
    proven = None

    def __init__(self, desk: _Desk, exchange: OAuthBearer) -> None:
        self._desk = desk
        self._exchange = exchange
        self._refusal = Denied(FAILED, "no token was given")

    async def step(self, response: bytes | None) -> bytes | Actor:
        answer = self._exchange.step(response)
        if answer is None:
            raise self._refusal
        if isinstance(answer, Challenge):
            return answer.data
        desk = self._desk
        if not answer.token:
            return self._refuse(INVALID_TOKEN)
        try:
            return await desk.login.token(answer.username, answer.token, desk.client)
        except WrongScope as refusal:
            self._refusal = refusal
            return self._refuse(INSUFFICIENT_SCOPE)
        except Denied as refusal:
            self._refusal = refusal
            return self._refuse(INVALID_TOKEN)

    def _refuse(self, status: str) -> bytes:
        scopes = sorted(SCOPES.get(self._desk.client.protocol, ()), reverse=True)
        return self._exchange.refuse(status, " ".join(scopes[:1])).data


def _new_nonce() -> str:
    return secrets.token_urlsafe(_NONCE_BYTES)


class Authentication:
    """The mechanisms of a process."""

    __slots__ = ("_login", "_nonce")

    def __init__(self, login: Login, nonce: Callable[[], str] = _new_nonce) -> None:
        """`nonce` makes the server's half of a SCRAM nonce; tests choose it."""
        self._login = login
        self._nonce = nonce

    def mechanisms(self, channel: ChannelFacts) -> tuple[str, ...]:
        """The names to announce on this channel, best first.

        None where a password may not be sent: SCRAM would not give it away, but whoever can change
        what is said on the channel could take the session over (RFC 5802 §9).
        """
        if not channel.may_send_password:
            return ()
        return _SECOND if channel.end_point is None else (scram.PLUS_NAME, *_SECOND)

    def begin(self, mechanism: str, client: ClientFacts, channel: ChannelFacts) -> Attempt | None:
        """An attempt by the mechanism of that name (upper case); `None` if it is not offered."""
        if mechanism not in self.mechanisms(channel):
            return None
        desk = _Desk(self._login, client)
        if mechanism in (scram.NAME, scram.PLUS_NAME):
            plus = mechanism == scram.PLUS_NAME
            return _ScramAttempt(desk, Scram(plus=plus, end_point=channel.end_point), self._nonce())
        if mechanism in (OAuthBearer.name, XOAuth2.name):
            return _BearerAttempt(
                desk, OAuthBearer() if mechanism == OAuthBearer.name else XOAuth2()
            )
        return _PasswordAttempt(desk, Plain() if mechanism == Plain.name else SaslLogin())

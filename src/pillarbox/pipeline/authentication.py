"""SASL for every protocol: the mechanisms offered, and the way from responses to an `Actor`.

Protocols carry challenges and responses; `wire/sasl` knows their form, `pipeline/login` whether
they are right (RFC 4422).
"""

from dataclasses import dataclass

from pillarbox.base.errors import Denied
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import FAILED, Login
from pillarbox.wire.sasl import login as sasl_login
from pillarbox.wire.sasl import plain as sasl_plain
from pillarbox.wire.sasl.exchange import Challenge, Exchange


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What mechanisms depend on: TLS, whether a password may be sent, and the channel's binding.

    `end_point` is tls-server-end-point, the hash of the server's certificate (RFC 5929 §4).
    """

    tls: bool
    may_send_password: bool
    end_point: bytes | None = None


class Attempt:
    """One login under way."""

    __slots__ = ("_client", "_exchange", "_login")

    def __init__(self, login: Login, client: ClientFacts, exchange: Exchange) -> None:
        self._login = login
        self._client = client
        self._exchange = exchange

    async def step(self, response: bytes | None) -> bytes | Actor:
        """Take a response (`None`: no initial one); gives a challenge to send, or who it is.

        Raises `GrammarError` for a response that is none, `Denied`, `Busy`, `Unavailable`; after
        any of them the attempt is over.
        """
        answer = self._exchange.step(response)
        if isinstance(answer, Challenge):
            return answer.data
        if answer.authzid not in ("", answer.username):
            raise Denied(FAILED, "nobody may act for another")
        return await self._login.password(answer.username, answer.password, self._client)


class Authentication:
    """The mechanisms of a process."""

    __slots__ = ("_login",)

    def __init__(self, login: Login) -> None:
        self._login = login

    def mechanisms(self, channel: ChannelFacts) -> tuple[str, ...]:
        """The names to announce on this channel, best first."""
        return ("PLAIN", "LOGIN") if channel.may_send_password else ()

    def begin(self, mechanism: str, client: ClientFacts, channel: ChannelFacts) -> Attempt | None:
        """An attempt by the mechanism of that name (upper case); `None` if it is not offered."""
        if mechanism not in self.mechanisms(channel):
            return None
        exchange = sasl_plain.Plain() if mechanism == "PLAIN" else sasl_login.Login()
        return Attempt(self._login, client, exchange)

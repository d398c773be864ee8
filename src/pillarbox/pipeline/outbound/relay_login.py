"""Logging in to a relay: the safest mechanism that it offers and we have what it needs for.

A password or token is given away only to a host whose certificate is the right one: any other may
be somebody between, to whom SCRAM does not tell the password. A refusal is temporary for the mail:
it says nothing of a message, and the admin can put it right.
Called by `session`; calls `wire/sasl/client`.
"""

import asyncio
import ssl
from typing import Protocol

from pillarbox.base.errors import GrammarError
from pillarbox.domain.queue.model import Stage
from pillarbox.net.end_point import end_point
from pillarbox.pipeline.outbound.model import HostFailure, NextHop, Peer, RelayLogin
from pillarbox.wire.sasl.client import (
    ClientExchange,
    Login,
    OAuthBearer,
    Plain,
    Scram,
    XOAuth2,
)
from pillarbox.wire.sasl.exchange import decode_base64
from pillarbox.wire.sasl.scram import NAME as SCRAM
from pillarbox.wire.sasl.scram import PLUS_NAME as SCRAM_PLUS
from pillarbox.wire.smtp import client
from pillarbox.wire.smtp.client import Capabilities
from pillarbox.wire.smtp.replies import Reply

_MOST_CHALLENGES = 4


class Dialogue(Protocol):
    """As much of `session.Session` as a login needs."""

    hop: NextHop
    peer: Peer
    capabilities: Capabilities
    broken: bool

    @property
    def command_s(self) -> float:
        """How long to wait for the reply to a command."""
        ...

    async def ask(self, data: bytes, timeout_s: float) -> Reply:
        """The reply to one command."""
        ...


def choose(
    mechanisms: tuple[str, ...], login: RelayLogin, binding: bytes | None, *, verified: bool
) -> ClientExchange | None:
    """The safest of the mechanisms offered, or `None`; `binding` is the channel's end point.

    `verified` says that somebody vouched for the host.
    """
    name, password, token = login.username, login.password, login.token
    if token:
        if not verified:
            return None
        if OAuthBearer.name in mechanisms:
            return OAuthBearer(name, token)
        return XOAuth2(name, token) if XOAuth2.name in mechanisms else None
    if SCRAM_PLUS in mechanisms and binding is not None:
        return Scram(name, password, end_point=binding)
    if SCRAM in mechanisms:
        return Scram(name, password, can_bind=binding is not None)
    if not verified:
        return None
    if Plain.name in mechanisms:
        return Plain(name, password)
    return Login(name, password) if Login.name in mechanisms else None


async def log_in(session: Dialogue, login: RelayLogin, chain: tuple[bytes, ...]) -> None:
    """Authenticate; raises `HostFailure`, always a temporary one, and `session.Broken`."""
    host = session.hop.host
    if session.peer.tls is None:
        text = f"{host} offers no TLS, and the login is never sent in clear"
        raise _failed(session, "4.7.11", text)
    if "AUTH" not in session.capabilities:
        raise _failed(session, "4.7.0", f"{host} offers no login, but the route has one")
    verified = bool(session.peer.tls.verified)
    exchange = choose(session.capabilities.mechanisms, login, _binding(chain), verified=verified)
    if exchange is None:
        offered = ", ".join(session.capabilities.mechanisms)[:200]
        if not verified and choose(session.capabilities.mechanisms, login, None, verified=True):
            text = (
                f"{host} takes the login only as it is ({offered}), and nobody vouches for its "
                "certificate: let the route's TLS be verified or implicit"
            )
            raise _failed(session, "4.7.5", text)
        kind = "a token" if login.token else "a password"
        text = f"{host} offers no mechanism that takes {kind}: {offered or 'none'}"
        raise _failed(session, "4.7.4", text)
    try:
        reply = await _converse(session, exchange)
        if reply.is_success:
            exchange.done()
    except GrammarError as error:
        text = f"The login at {host} by {exchange.name} failed: {error.text}"
        raise _failed(session, "4.7.8", text) from None
    if not reply.is_success:
        status = f" {reply.enhanced}" if reply.enhanced else ""
        reason = getattr(exchange, "reason", "")
        said = f"{reply.code}{status} {reply.text}{' ' + reason if reason else ''}"
        text = (
            f"{host} refused the login as {login.username}: {said[:400]}; "
            "check user name and password of the route"
        )
        raise _failed(session, "4.7.8", text)


async def _converse(session: Dialogue, exchange: ClientExchange) -> Reply:
    wait_s = session.command_s
    reply = await session.ask(client.auth(exchange.name, exchange.first()), wait_s)
    for _ in range(_MOST_CHALLENGES):
        if reply.code != 334:
            return reply
        try:
            challenge = decode_base64("".join(reply.lines).strip().encode("ascii", "replace"))
            if exchange.slow:
                response = await asyncio.to_thread(exchange.step, challenge)
            else:
                response = exchange.step(challenge)
        except GrammarError:
            await session.ask(client.CANCEL_AUTH, wait_s)
            raise
        reply = await session.ask(client.auth_response(response), wait_s)
    if reply.code == 334:
        raise GrammarError("the server never stops asking")
    return reply


def _binding(chain: tuple[bytes, ...]) -> bytes | None:
    if not chain:
        return None
    return end_point(ssl.DER_cert_to_PEM_cert(chain[0]).encode("ascii"))


def _failed(session: Dialogue, enhanced: str, text: str) -> HostFailure:
    session.broken = True
    return HostFailure(Stage.AUTH, Reply(451, enhanced, (text,)), session.peer)

"""What logging in depends on and is told of: who the client is, and how safe its connection.

Used by the sessions of every protocol with logins.
"""

import asyncio
from typing import Protocol

from pillarbox.pipeline.authentication import ChannelFacts
from pillarbox.pipeline.client import ClientFacts
from pillarbox.protocols.stream.connection import Connection

_PATIENCE = 3
"""How many times the timeout a client may take in all until it is logged in."""


class PlaintextRules(Protocol):
    """Who may send a password without TLS: everybody, or those in trusted networks."""

    @property
    def allow_plaintext_login(self) -> bool: ...

    @property
    def allow_trusted_plaintext(self) -> bool: ...


def may_send_password(connection: Connection, rules: PlaintextRules) -> bool:
    """Whether a password may be sent over a connection."""
    return (
        connection.tls is not None
        or rules.allow_plaintext_login
        or (rules.allow_trusted_plaintext and connection.trusted)
    )


def channel_facts(connection: Connection, *, may_send_password: bool) -> ChannelFacts:
    """What mechanisms depend on."""
    tls = connection.tls
    end_point = None if tls is None else tls.end_point
    return ChannelFacts(tls is not None, may_send_password, end_point)


def client_facts(connection: Connection, protocol: str) -> ClientFacts:
    """Who is at the other end; `protocol` is the face's name."""
    return ClientFacts(
        ip=connection.peer_ip,
        protocol=protocol,
        tls=connection.tls is not None,
        trusted=connection.trusted,
        session=connection.id,
    )


class LoginPatience:
    """How long a client may take to log in: words that trickle in don't buy it more time."""

    __slots__ = ("_by_s", "_timeout_s")

    def __init__(self, timeout_s: float) -> None:
        """`timeout_s` is for one silence; there are a few."""
        self._timeout_s = timeout_s
        self._by_s = asyncio.get_running_loop().time() + _PATIENCE * timeout_s

    def left_s(self) -> float:
        """How long it may stay silent now; `TimeoutError` when it took too long."""
        left_s = self._by_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise TimeoutError("no login in time")
        return min(left_s, self._timeout_s)

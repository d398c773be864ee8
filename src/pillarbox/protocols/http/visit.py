"""The connection that a request came over, as the faces see it.

Made by `http/session`, one for each connection; `visit_of` finds it from a request.
"""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts

if TYPE_CHECKING:
    from starlette.requests import Request

    from pillarbox.protocols.stream.budget import InFlight

STATE = "visit"
"""Under which name a request's `state` has it."""


class Visit:
    """A client's connection and who logged in over it.

    `secure` says whether a password may be sent over it: TLS, a peer on this machine or in a trusted
    network, or an admin who lets passwords cross in clear.
    """

    __slots__ = ("_digest", "_key", "_user", "client", "in_flight", "reserved_bytes", "secure")

    def __init__(
        self, client: ClientFacts, *, secure: bool, in_flight: "InFlight", key: bytes
    ) -> None:
        """`key` is this process's own; credentials are remembered as digests under it."""
        self.client = client
        self.secure = secure
        self.in_flight = in_flight
        self.reserved_bytes = 0
        self._key = key
        self._digest = b""
        self._user: Actor | None = None

    @property
    def user(self) -> Actor | None:
        """Who logged in last over this connection."""
        return self._user

    def remember(self, credentials: str, user: Actor) -> None:
        """Note whose these credentials (the field `Authorization`) are."""
        self._digest = self._of(credentials)
        self._user = user

    def known(self, credentials: str) -> Actor | None:
        """Whose these are, if they were right last time on this connection."""
        if self._user is None or not hmac.compare_digest(self._digest, self._of(credentials)):
            return None
        return self._user

    def forget(self) -> None:
        """Have nobody logged in."""
        self._digest, self._user = b"", None

    def reserve(self, size_bytes: int) -> bool:
        """Take room for content of the request that is answered now; false if there is none."""
        if not self.in_flight.reserve(size_bytes):
            return False
        self.reserved_bytes += size_bytes
        return True

    def release(self) -> None:
        """Give back all the room that the request took; called when it is answered."""
        self.in_flight.release(self.reserved_bytes)
        self.reserved_bytes = 0

    def _of(self, credentials: str) -> bytes:
        return hmac.digest(self._key, credentials.encode("utf-8", "replace"), hashlib.sha256)


def visit_of(request: "Request") -> Visit:
    """The connection of a request."""
    state: dict[str, Any] = request.scope["state"]
    visit: Visit = state[STATE]
    return visit

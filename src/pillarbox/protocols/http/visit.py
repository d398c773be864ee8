"""The connection that a request came over, and the memory that the request takes.

Made by `http/session` and `http/engine`; `visit_of` and `room_of` find them from a request.
"""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.client import ClientFacts
from pillarbox.protocols.stream.budget import InFlight

if TYPE_CHECKING:
    from starlette.requests import Request

VISIT = "visit"
ROOM = "room"
USER = "user"
"""Under which names a request's `state` has them."""


class Visit:
    """A client's connection and who logged in over it.

    `secure` says whether a password may be sent over it: TLS, a peer on this machine or in a
    trusted network, or an admin who lets passwords cross in clear.
    """

    __slots__ = ("_digest", "_key", "_user", "client", "secure")

    def __init__(self, client: ClientFacts, *, secure: bool, key: bytes) -> None:
        """`key` is this process's own; credentials are remembered as digests under it."""
        self.client = client
        self.secure = secure
        self._key = key
        self._digest = b""
        self._user: Actor | None = None

    def remember(self, credentials: str, user: Actor) -> None:
        """Note whose these credentials (the face and the field `Authorization`) are."""
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

    def _of(self, credentials: str) -> bytes:
        return hmac.digest(self._key, credentials.encode("utf-8", "replace"), hashlib.sha256)


class Room:
    """What one request has of the memory for incoming content; given back when it is answered."""

    __slots__ = ("_in_flight", "_taken_bytes")

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._taken_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Take so many bytes more; false, and nothing taken, if there is no room."""
        if not self._in_flight.reserve(size_bytes):
            return False
        self._taken_bytes += size_bytes
        return True

    def give_back(self) -> None:
        """Give back all of it."""
        self._in_flight.release(self._taken_bytes)
        self._taken_bytes = 0


def note_user(request: "Request", user: Actor) -> None:
    """Note who makes a request, for the log."""
    request.scope["state"][USER] = user.address


def visit_of(request: "Request") -> Visit:
    """The connection of a request."""
    state: dict[str, Any] = request.scope["state"]
    visit: Visit = state[VISIT]
    return visit


def room_of(request: "Request") -> Room:
    """The memory of a request."""
    state: dict[str, Any] = request.scope["state"]
    room: Room = state[ROOM]
    return room

"""Connections to other hosts, kept for a while and used again.

Called by `attempt`; calls `session` and `transmit`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pillarbox.domain.queue.model import LeasedMessage
from pillarbox.pipeline.outbound.model import Letter, NextHop, Transmitted
from pillarbox.pipeline.outbound.session import SessionOptions

Resign = Callable[[LeasedMessage, bytes], Awaitable[bytes]]
"""Gives content that had to be converted for a peer, with new signatures on top."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How many connections to one host there may be at once, and how long they are kept unused."""

    session: SessionOptions
    per_hop: int = 20
    messages: int = 100
    idle_s: float = 5.0
    allow_private: bool = False


class Connections:
    """Hands letters to hosts; one object per process."""

    def __init__(self, options: ConnectionOptions, resign: Resign | None = None) -> None:
        self._options = options
        self._resign = resign

    async def send(self, hop: NextHop, letter: Letter) -> Transmitted:
        """Hand a letter over; raises `HostFailure` if nothing could be handed over.

        Waits while `per_hop` connections are busy.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connections that are not in use."""

"""A milter: a filter of somebody else's that follows one message through its stages.

All stages are told when the whole message is there, over a connection of its own. Called by
`inbound/checks/milter`; the conversation is `milter_session`.
"""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.net.daemon import connected
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.scanning.guard import Guard
from pillarbox.pipeline.scanning.milter_session import MilterMessage, MilterSession, MilterVerdict


class OnFailure(StrEnum):
    """What becomes of mail that a milter could not see."""

    ACCEPT = "accept"
    TEMPFAIL = "tempfail"
    REJECT = "reject"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class MilterOptions:
    """Where a milter listens, and what its failure comes to."""

    address: DaemonAddress
    on_failure: OnFailure = OnFailure.ACCEPT


class Milter:
    """One milter; one object per process."""

    def __init__(self, options: MilterOptions, guard: Guard) -> None:
        self.options = options
        self._guard = guard

    @property
    def name(self) -> str:
        """What traces and logs call it."""
        return str(self.options.address)

    @property
    def timeout_s(self) -> float:
        """How long one message takes at most."""
        return self._guard.options.timeout_s

    async def show(self, message: MilterMessage) -> MilterVerdict:
        """What it wants with a message; raises `Unavailable`."""

        async def converse() -> MilterVerdict:
            async with connected(self.options.address, self.timeout_s) as stream:
                return await MilterSession(stream, message, self.timeout_s).run()

        return await self._guard.call(converse)

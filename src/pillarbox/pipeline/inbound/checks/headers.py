"""What is odd about the fields of a header."""

from collections.abc import Sequence

from pillarbox.base.clock import Clock
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival

KINDS: tuple[Kind, ...] = ()


class HeaderCheck:
    """Checks the header of a message."""

    name = "headers"
    stage = Stage.DATA
    kinds = KINDS
    deadline_s = 10.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Nothing is looked for yet."""
        return ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """A failure tells nothing about the message."""
        return ()

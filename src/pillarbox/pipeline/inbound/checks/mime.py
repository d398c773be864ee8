"""What is odd about how a message is put together."""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival

KINDS: tuple[Kind, ...] = ()


class MimeCheck:
    """Checks the parts of a message and how they are encoded."""

    name = "mime"
    stage = Stage.DATA
    kinds = KINDS
    deadline_s = 10.0

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Nothing is looked for yet."""
        return ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """A failure tells nothing about the message."""
        return ()

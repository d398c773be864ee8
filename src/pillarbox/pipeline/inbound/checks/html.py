"""What is odd about the HTML of a message."""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival

KINDS: tuple[Kind, ...] = ()


class HtmlCheck:
    """Checks markup for what readers do not see."""

    name = "html"
    stage = Stage.DATA
    kinds = KINDS
    deadline_s = 10.0

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Nothing is looked for yet."""
        return ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """A failure tells nothing about the message."""
        return ()

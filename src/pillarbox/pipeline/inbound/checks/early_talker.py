"""Clients that speak before they are greeted, which RFC 5321 §3.1 has them wait for.

The gate keeps strangers waiting a moment for it (`gate/visit`); junk mailers often can't wait.
"""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check

EARLY_TALKER = Kind("early_talker", 3.0, "comes from a client that spoke before it was greeted")


class EarlyTalker(Check):
    """The check; at `Stage.MAIL`, since the greeting comes after the client's address is known."""

    name = "early_talker"
    stage = Stage.MAIL
    asks_nobody = True
    kinds = (EARLY_TALKER,)
    deadline_s = 1.0

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Say so if it did."""
        return (EARLY_TALKER.found(),) if arrival.early else ()

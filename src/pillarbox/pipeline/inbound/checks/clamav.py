"""Viruses: what ClamAV says of the content.

Whether a virus is refused, put into quarantine or marked, and what happens while nobody scans, a
domain's policy may say by the names of these findings (`domain/policy`).
"""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.scanning.model import Scanner

VIRUS = Kind("virus", 8.0, "has a virus", Action.REFUSE)
SKIPPED = Kind("clamav_skipped", 0.0, "was not scanned for viruses")
FAILED = Kind("clamav_failed", 0.0, "could not be scanned for viruses")
UNSCANNED = "Mail can't be scanned for viruses now; try again later"
_MARGIN_S = 1.0
"""The scanner's own time runs out first, so that it knows of its failures."""


class ClamavCheck(Check):
    """Shows every message to the scanner; `timeout_s` is what that allows itself."""

    name = "clamav"
    stage = Stage.DATA
    kinds = (VIRUS, SKIPPED, FAILED)

    def __init__(self, scanner: Scanner, timeout_s: float) -> None:
        self._scanner = scanner
        self.deadline_s = timeout_s + _MARGIN_S

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """As `Check.run`."""
        if arrival.content is None:
            return ()
        most = [
            one.clamav_max_scan_bytes for one in arrival.policies.values() if one.has(self.name)
        ]
        if most and len(arrival.content.data) > max(most):
            return (SKIPPED.found(f"it is larger than {max(most)} bytes"),)
        scan = await self._scanner.scan(arrival.content.data)
        if scan.virus:
            reply = f"The message has a virus: {scan.virus[:100]}"
            return (VIRUS.found(scan.virus, reply=reply),)
        return (SKIPPED.found(scan.skipped),) if scan.skipped else ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """As `Check.failed`."""
        return (FAILED.found(why, reply=UNSCANNED),)

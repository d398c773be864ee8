"""Whether the client's address has a name that leads back to it (RFC 8601 §3)."""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.generic_names import looks_generic
from pillarbox.pipeline.inbound.peer import reverse_checked

FAIL = Kind("iprev_fail", 1.0, "comes from an address whose name does not lead back to it")
MISSING = Kind("iprev_missing", 1.5, "comes from an address without a name")
GENERIC = Kind("iprev_generic", 1.0, "comes from an address named like those of home networks")


class IprevCheck(Check):
    """Looks the name up, and writes it down for the trace and for other checks."""

    name = "iprev"
    stage = Stage.CONNECT
    asks_names = True
    kinds = (FAIL, MISSING, GENERIC)
    deadline_s = 6.0

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Ask for the names of the address, and for their addresses."""
        peer, results = arrival.peer, arrival.results
        if not peer.outside:
            return ()
        results.iprev, results.verified_name = await reverse_checked(self._resolver, peer.ip)
        if results.iprev == "permerror":
            return (MISSING.found(peer.ip),)
        if results.iprev == "fail":
            return (FAIL.found(peer.ip),)
        name = results.verified_name
        if name is not None and looks_generic(name, peer.ip):
            return (GENERIC.found(name),)
        return ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Name servers that take too long are a temporary error."""
        arrival.results.iprev = "temperror"
        return ()

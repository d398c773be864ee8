"""What lists of addresses say of the client: block lists, and lists of those who behave."""

import asyncio
from collections.abc import Sequence

from pillarbox.base.clock import Clock
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.dns_lists import DnsList, last_octet, listed_name
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.list_lookup import Hit, ListLookup, kind_name

BLOCK_POINTS = 5.0
ALLOW_POINTS = -3.0

_NOBODY = listed_name("127.0.0.1")
_GRADED = "dnswl.org"
"""Has a level of trust in the last octet of a code: none, low, medium, high."""
_LEVEL_MAX = 3


class DnsblCheck(Check):
    """Asks all lists at once; points of a setting replace the usual ones.

    Those of an allow list are negative, whichever sign the setting gives them.
    """

    name = "dnsbl"
    stage = Stage.CONNECT
    asks_names = True
    deadline_s = 7.0

    def __init__(
        self,
        resolver: Resolver,
        clock: Clock,
        block: Sequence[DnsList] = (),
        allow: Sequence[DnsList] = (),
    ) -> None:
        self._lookup = ListLookup(resolver, clock)
        self._block = {one: _block_kind(one) for one in block}
        self._allow = {one: _allow_kind(one) for one in allow}
        self.kinds = (*self._block.values(), *self._allow.values())

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Ask about the client's address."""
        if not arrival.peer.outside:
            return ()
        name = listed_name(arrival.peer.ip)
        answers = await asyncio.gather(
            *(self._lookup.look_up(one, (name,), _NOBODY) for one in self._block),
            *(self._lookup.look_up(one, (name,), _NOBODY, reasons=False) for one in self._allow),
        )
        hits = [hit for found in answers for hit in found]
        blocked = [hit for hit in hits if hit.source in self._block]
        allowed = [hit for hit in hits if hit.source in self._allow]
        arrival.results.listed = tuple(hit.source.zone for hit in blocked)
        arrival.results.allowed = tuple(hit.source.zone for hit in allowed)
        return (
            *(self._listed(hit, arrival.peer.ip) for hit in blocked),
            *(self._trusted(hit) for hit in allowed),
        )

    def _listed(self, hit: Hit, ip: str) -> Finding:
        zone, reason = hit.source.zone, f": {hit.reason}" if hit.reason else ""
        detail = f"{zone} ({', '.join(hit.codes)}){reason}"
        return self._block[hit.source].found(detail, reply=f"{ip} is listed by {zone}{reason}")

    def _trusted(self, hit: Hit) -> Finding:
        kind = self._allow[hit.source]
        points = kind.points
        if hit.source.zone.endswith(_GRADED):
            level = max(min(last_octet(code), _LEVEL_MAX) for code in hit.codes)
            points = round(points * level / _LEVEL_MAX, 2) or 0.0
        return kind.found(f"{hit.source.zone} ({', '.join(hit.codes)})", points=points)


def _block_kind(one: DnsList) -> Kind:
    points = BLOCK_POINTS if one.points is None else one.points
    text = f"comes from an address that the block list {one.zone} has"
    return Kind(kind_name("dnsbl", one.zone), points, text)


def _allow_kind(one: DnsList) -> Kind:
    points = ALLOW_POINTS if one.points is None else -abs(one.points)
    text = f"comes from an address that the allow list {one.zone} has"
    return Kind(kind_name("dnswl", one.zone), points, text)

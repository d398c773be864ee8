"""Asks lists in the domain name system, and tells the log of those that can't be believed.

Called by `dnsbl` and `uri_lists`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Unavailable
from pillarbox.base.log import logger
from pillarbox.formats.dns_lists import DnsList, Listing, read_answer
from pillarbox.net.dns import Resolver

ASK_S = 4.0
"""How long one list is waited for; the check as a whole has a little more."""
REASON_S = 2.0
REASON_MAX = 200
TOLD_EVERY_MS = 3_600_000

_log = logger("checks")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a list has, with the codes that count and what the list says of it."""

    source: DnsList
    name: str
    codes: tuple[str, ...]
    reason: str = ""


class ListLookup:
    """Asks; one object for each check and process, so that faults are told once an hour."""

    def __init__(self, resolver: Resolver, clock: Clock) -> None:
        self._resolver = resolver
        self._clock = clock
        self._told: dict[str, int] = {}

    async def look_up(
        self, source: DnsList, names: Sequence[str], sound: str, *, reasons: bool = True
    ) -> list[Hit]:
        """What of these names a list has; nothing where it fails or can't be believed.

        `sound` is a name that no list has (RFC 5782 §5): one that does has everything.
        """
        try:
            async with asyncio.timeout(ASK_S):
                answers = await asyncio.gather(*(self._ask(source, name) for name in names))
                hits = [
                    Hit(source, name, listing.codes)
                    for name, listing in zip(names, answers, strict=True)
                    if listing.codes
                ]
                fault = next((one.fault for one in answers if one.fault), "")
                if hits and not fault and await self._resolver.a(f"{sound}.{source.zone}"):
                    fault = "lists everything"
        except (Unavailable, TimeoutError):
            self._tell(source, "does not answer")
            return []
        if fault:
            self._tell(source, fault)
            return []
        if not reasons:
            return hits
        return [Hit(one.source, one.name, one.codes, await self._reason(one)) for one in hits]

    async def _ask(self, source: DnsList, name: str) -> Listing:
        return read_answer(source, await self._resolver.a(f"{name}.{source.zone}"))

    async def _reason(self, hit: Hit) -> str:
        try:
            async with asyncio.timeout(REASON_S):
                texts = await self._resolver.txt(f"{hit.name}.{hit.source.zone}")
        except (Unavailable, TimeoutError):
            return ""
        text = texts[0] if texts else ""
        return "".join(one if one.isprintable() else "?" for one in text[:REASON_MAX])

    def _tell(self, source: DnsList, fault: str) -> None:
        now = self._clock.now_ms()
        if now - self._told.get(source.zone, -TOLD_EVERY_MS) >= TOLD_EVERY_MS:
            self._told[source.zone] = now
            _log.warning(
                "a list can't be asked, so it counts for nothing", list=source.zone, why=fault
            )


def kind_name(prefix: str, zone: str) -> str:
    """The name of what a list finds, under which policies weigh it: `dnsbl_zen_spamhaus_org`."""
    return f"{prefix}_{zone.replace('.', '_').replace('-', '_')}"

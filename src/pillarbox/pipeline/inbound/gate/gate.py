"""Lets clients in, or not, before they have said anything, and keeps an eye on them.

One object per process, to which each connection makes a `Visit`. What is counted here is counted
in memory; only for what bars a client all processes count together. Trusted clients and those of
our own network are not stopped by anything here.
"""

from collections.abc import Callable, Hashable

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.cluster.bus import Bus
from pillarbox.domain.bans.bans import Ban, add_automatic
from pillarbox.net.geo import GeoDatabase
from pillarbox.pipeline.inbound.gate.ban_list import BanList
from pillarbox.pipeline.inbound.gate.model import MINUTE_MS, Barred, GateOptions, TooFast
from pillarbox.pipeline.inbound.gate.rates import Windows
from pillarbox.pipeline.inbound.gate.tarpit import Tarpit
from pillarbox.storage import counters
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

UNKNOWN_PREFIX = "smtp/unknown/"
UNKNOWN_FREE = 3
"""So many unknown recipients, more than known ones, are not written down: lists grow old."""

_log = logger("gate")


class Gate:
    """What all connections of a process share; `close` ends its subscription."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        options: GateOptions,
        geo: GeoDatabase | None = None,
    ) -> None:
        self.options = options
        self.windows = Windows()
        self.met = Windows()
        """Recipients that clients have named, so that each counts once."""
        self.tarpit = Tarpit(options.tarpit)
        self.clock = clock
        self._database = database
        self._geo = geo
        self._bans = BanList(database, bus, clock)
        self.close: Callable[[], None] = self._bans.close

    async def admit(self, ip: str, client: str) -> Failure | None:
        """Why a client may not even be greeted: `Barred` for good, `TooFast` for now."""
        ban = await self._bans.find(ip)
        if ban is not None:
            _log.info("client refused", ip=ip, why=f"{ban.network} is barred: {ban.why}")
            return Barred("No mail is taken from your network", ban.why)
        country = await self._country(ip)
        if country and not self._welcome(country):
            _log.info("client refused", ip=ip, why=f"it is in {country}")
            return Barred("No mail is taken from your country", country)
        most = self.options.connections_minute
        hits = self.windows.hit(("connections", client), MINUTE_MS, self.clock.now_ms())
        if most and hits > most:
            _log.info("client refused", ip=ip, why="too many connections within a minute")
            return TooFast("Too many connections within a minute")
        return None

    async def unknown_recipient(self, ip: str, client: str, path: str) -> Failure | None:
        """Count a recipient that nobody here has; a failure ends the connection."""
        new = self._is_new("unknown", client, path.lower())
        score = self.unknown_score(client, unknown=int(new))
        options = self.options
        if not options.unknown_recipients or score <= UNKNOWN_FREE:
            return None
        ban, hits = None, score
        try:
            if new:
                ban, hits = await self._database.write(_unknown, client, score, options)
        except Failure as failure:
            _log.warning("the guess can't be counted", ip=ip, why=failure.cause or failure.public)
        if ban is not None:
            _log.warning("network barred", network=ban.network, until_ms=ban.expires_ms)
        if max(hits, score) >= options.unknown_recipients:
            return TooFast("Too many unknown recipients")
        return None

    def known_recipient(self, client: str, who: Hashable) -> None:
        """Count a recipient that is somebody's; `who` is the same by all names of theirs."""
        if self._is_new("known", client, who):
            self.unknown_score(client, known=1)

    def unknown_score(self, client: str, *, unknown: int = 0, known: int = 0) -> int:
        """By how many unknown recipients outnumber the others of a client, of late.

        So who brings much mail may have some old addresses among many. A recipient counts once,
        however often it is named: else one known address would pay for any number of guesses, and
        a machine that keeps writing to one old address would be taken for somebody who guesses.
        """
        now_ms, window_ms = self.clock.now_ms(), self.options.window_ms
        totals = []
        for kind, more in (("unknown", unknown), ("known", known)):
            key = (kind, client)
            hits = self.windows.hit(key, window_ms, now_ms) if more else None
            totals.append(self.windows.count(key, now_ms) if hits is None else hits)
        return max(0, totals[0] - totals[1])

    def _is_new(self, *words: Hashable) -> bool:
        window_ms = self.options.window_ms
        return self.met.hit(hash(words), window_ms, self.clock.now_ms()) == 1

    async def _country(self, ip: str) -> str:
        if self._geo is None or not (self.options.geo_allow or self.options.geo_deny):
            return ""
        await self._geo.refresh()
        return self._geo.country(ip)

    def _welcome(self, country: str) -> bool:
        allow, deny = self.options.geo_allow, self.options.geo_deny
        return country not in deny and (not allow or country in allow)


def _unknown(tx: Tx, client: str, score: int, options: GateOptions) -> tuple[Ban | None, int]:
    """Count in the database; the guess too many, here or in all processes, bars the client."""
    most = options.unknown_recipients
    name = UNKNOWN_PREFIX + client
    hits = max(counters.hit(tx, name, options.window_ms).hits + UNKNOWN_FREE, score)
    if hits < most:
        return None, hits
    counters.clear(tx, name)
    why = f"{hits} recipients that nobody has within {options.window_ms // MINUTE_MS} minutes"
    return add_automatic(tx, client, options.ban_ms, why), hits

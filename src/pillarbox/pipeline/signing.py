"""Signing mail that goes out: DKIM signatures, and ARC seals for what is forwarded.

Keys are read from the database once and kept in memory until the directory changes, half a minute
at most. Called by `submission`, `inbound`, `outbound` and the reports; calls `domain/signing` and
`formats/mailauth`.
"""

from collections.abc import Callable

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.cluster.bus import Bus
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.net.dns import Resolver
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


class Signing:
    """Signs and seals with the keys of the domains served here; `close` ends its subscription."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        cpu: Cpu,
        clock: Clock,
        bus: Bus,
        resolver: Resolver | None = None,
    ) -> None:
        """Without a `resolver` chains that came with a message can't be checked or continued."""
        self._database = database
        self._keys = keys
        self._cpu = cpu
        self._clock = clock
        self._resolver = resolver
        self.close: Callable[[], None] = bus.subscribe(TOPIC, self._forget)

    async def sign(self, domain: str, content: bytes) -> bytes:
        """DKIM-Signature fields to put on top of a message, `b""` where there are no keys for it.

        Signs for the domain of the From field if that is served here, else for `domain`, that of
        the envelope's sender; the caller has checked that the sender may use it. A name without
        keys falls to the nearest parent that has some.
        """
        return b""

    async def seal(self, domain: str, content: bytes, authserv_id: str, results: str) -> bytes:
        """The fields of one more ARC set, to put on top of a message that is forwarded.

        `results` is what was found out when it came in, as in Authentication-Results behind the
        name (`spf=pass smtp.mailfrom=example.net; dkim=none`); `arc=` is added to it. Gives `b""`
        where `domain` has no keys, where the chain is closed or full, or can't be checked now.
        """
        return b""

    def _forget(self, topic: str) -> None:
        pass

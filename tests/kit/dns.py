"""Name servers of a test: what is in the zones, and a resolver that knows nothing else."""

from dataclasses import dataclass, field
from ipaddress import ip_address

from kit.clock import FakeClock
from pillarbox.base.errors import Unavailable


@dataclass
class Zone:
    """What the name servers say; a test may change it as it goes.

    Keys of `failing` and `slow` are names, or addresses for their reverse names. `slow` holds how
    many seconds of the test's clock an answer takes.
    """

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reverse: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)


class FakeDns:
    """Answers from a zone; `asked` notes every question."""

    def __init__(self, zone: Zone, clock: FakeClock) -> None:
        self.zone = zone
        self.asked: list[str] = []
        self._clock = clock

    async def reverse(self, ip: str) -> tuple[str, ...]:
        return await self._answer(ip, self.zone.reverse)

    async def addresses(self, name: str) -> tuple[str, ...]:
        found = await self._answer(name.lower().rstrip("."), self.zone.addresses)
        return tuple(sorted(found, key=lambda ip: ip_address(ip).version))

    async def _answer(self, key: str, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        self.asked.append(key)
        if key in self.zone.slow:
            await self._clock.passes(self.zone.slow[key])
        if key in self.zone.failing:
            raise Unavailable("The domain name system does not answer")
        return known.get(key, ())

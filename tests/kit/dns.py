"""Name servers of a test: what is in the zones, and a resolver that knows nothing else."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

from kit.clock import FakeClock
from pillarbox.base.errors import Unavailable
from pillarbox.net.dane import Tlsa
from pillarbox.net.dns import HostAnswer, MxAnswer, MxHost, TlsaAnswer

T = TypeVar("T")


@dataclass
class Zone:
    """What the name servers say; a test may change it as it goes.

    Keys of `failing` and `slow` are names, or addresses for their reverse names; `MX name`, `TXT
    name`, `TLSA name`, `A name` or `AAAA name` is for a question of that kind alone. `slow` holds
    how many seconds of the test's clock an answer takes. `signed` holds the names, or the ends of
    names, whose answers are validated; `.` is all.
    """

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reverse: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    mx: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    txt: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tlsa: dict[str, tuple[Tlsa, ...]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)

    def chain(self, name: str) -> list[str]:
        """A name and what it is an alias of, the last one being the canonical one."""
        names = [name]
        while names[-1] in self.aliases and len(names) < 10:
            names.append(self.aliases[names[-1]])
        return names

    def is_signed(self, name: str) -> bool:
        """Whether a name lies in a signed zone."""
        return any(end == "." or name == end or name.endswith("." + end) for end in self.signed)

    def exists(self, name: str) -> bool:
        """Whether there is anything of that name or below it."""
        known = (*self.addresses, *self.mx, *self.txt, *self.tlsa, *self.aliases)
        return any(one == name or one.endswith("." + name) for one in known)


class FakeDns:
    """Answers from a zone; `asked` notes every question."""

    def __init__(self, zone: Zone, clock: FakeClock) -> None:
        self.zone = zone
        self.asked: list[str] = []
        self._clock = clock

    async def reverse(self, ip: str) -> tuple[str, ...]:
        return await self._answer("", ip, self.zone.reverse) or ()

    async def addresses(self, name: str) -> tuple[str, ...]:
        return (await self.host(name)).addresses

    async def a(self, name: str) -> tuple[str, ...]:
        found = await self._answer("A ", _spelled(name), self.zone.addresses) or ()
        return tuple(one for one in found if ip_address(one).version == 4)

    async def aaaa(self, name: str) -> tuple[str, ...]:
        found = await self._answer("AAAA ", _spelled(name), self.zone.addresses) or ()
        return tuple(one for one in found if ip_address(one).version == 6)

    async def host(self, name: str) -> HostAnswer:
        chain = self.zone.chain(_spelled(name))
        found = await self._answer("", chain[0], self.zone.addresses) or ()
        signed = [self.zone.is_signed(one) for one in chain]
        return HostAnswer(
            tuple(sorted(found, key=lambda ip: ip_address(ip).version)),
            all(signed),
            chain[-1],
            self.zone.exists(chain[-1]),
            signed[0] and not all(signed),
        )

    async def mx(self, name: str) -> MxAnswer:
        found = await self._answer("MX ", _spelled(name), self.zone.mx) or ()
        chain = self.zone.chain(_spelled(name))
        return MxAnswer(
            tuple(MxHost(*one) for one in sorted(found)),
            all(map(self.zone.is_signed, chain)),
            chain[-1],
            self.zone.exists(chain[-1]),
        )

    async def txt(self, name: str) -> tuple[str, ...]:
        return await self._answer("TXT ", _spelled(name), self.zone.txt) or ()

    async def tlsa(self, name: str) -> TlsaAnswer:
        found = await self._answer("TLSA ", _spelled(name), self.zone.tlsa) or ()
        chain = self.zone.chain(_spelled(name))
        return TlsaAnswer(found, all(map(self.zone.is_signed, chain)))

    async def _answer(self, kind: str, name: str, known: dict[str, T]) -> T | None:
        self.asked.append(kind + name)
        chain = self.zone.chain(name)
        for key in chain:
            for one in dict.fromkeys((key, kind + key)):
                if one in self.zone.slow:
                    await self._clock.passes(self.zone.slow[one])
                if one in self.zone.failing:
                    raise Unavailable("The domain name system does not answer")
        return known.get(chain[-1])


def _spelled(name: str) -> str:
    return name.lower().rstrip(".")

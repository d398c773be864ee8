"""The resolver of the network and that of the tests keep one contract.

The first asks a name server on loopback, which is made here.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.base.errors import Unavailable
from pillarbox.net.dns import DnsOptions, Resolver, SystemResolver

SOA = "ns.example.test. admin.example.test. 1 3600 600 86400 120"


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; silent for what is slow, SERVFAIL for what fails."""

    zone: Zone
    ttl: int = 60
    asked: Counter[str] = field(default_factory=Counter)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str | bytes, int]) -> None:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        kind = dns.rdatatype.to_text(asked.rdtype)
        name = asked.name.to_text(omit_final_dot=True)
        key = dns.reversename.to_address(asked.name) if kind == "PTR" else name
        self.asked[f"{kind} {key}"] += 1
        self.seen.set()
        if key in self.zone.slow or f"{kind} {key}" in self.zone.slow:
            return
        response = dns.message.make_response(query)
        if key in self.zone.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(response, asked.name, kind, key)
        self.transport.sendto(response.to_wire(), source)

    def _fill(
        self, response: dns.message.Message, name: dns.name.Name, kind: str, key: str
    ) -> None:
        known = self.zone.reverse if kind == "PTR" else self.zone.addresses
        version = {"A": 4, "AAAA": 6}.get(kind)
        records = [
            f"{record}." if kind == "PTR" else record
            for record in known.get(key, ())
            if kind == "PTR" or ip_address(record).version == version
        ]
        if records:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", kind, *records))
            return
        if key not in known:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(dns.rrset.from_text(dns.name.root, 600, "IN", "SOA", SOA))


@pytest.fixture
def zone() -> Zone:
    return Zone(
        addresses={
            "mx.example.test": ("2001:db8::7", "192.0.2.7", "192.0.2.8"),
            "six.example.test": ("2001:db8::9",),
            "empty.example.test": (),
        },
        reverse={
            "192.0.2.7": ("mx.example.test", "other.example.test"),
            "2001:db8::7": ("mx.example.test",),
        },
        failing={"broken.example.test", "192.0.2.66"},
    )


@pytest.fixture
async def server(zone: Zone) -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(zone), ("127.0.0.1", 0)
    )
    yield server
    transport.close()


@pytest.fixture
def system(server: NameServer, clock: FakeClock) -> SystemResolver:
    return asked_at(server, clock)


def asked_at(server: NameServer, clock: FakeClock, **options: float) -> SystemResolver:
    """A resolver that asks the test's server."""
    port: int = server.transport.get_extra_info("sockname")[1]
    return SystemResolver(clock, DnsOptions(("127.0.0.1",), port, **options))  # type: ignore[arg-type]


@pytest.fixture(params=["system", "fake"])
def resolver(request: pytest.FixtureRequest, zone: Zone, clock: FakeClock) -> Resolver:
    if request.param == "fake":
        return FakeDns(zone, clock)
    return cast(Resolver, request.getfixturevalue("system"))


class TestContract:
    async def test_reverse(self, resolver: Resolver) -> None:
        names = await resolver.reverse("192.0.2.7")
        assert sorted(names) == ["mx.example.test", "other.example.test"]
        assert await resolver.reverse("2001:db8::7") == ("mx.example.test",)

    async def test_addresses_have_ipv4_first(self, resolver: Resolver) -> None:
        found = await resolver.addresses("mx.example.test")
        assert sorted(found[:2]) == ["192.0.2.7", "192.0.2.8"]
        assert found[2:] == ("2001:db8::7",)
        assert await resolver.addresses("six.example.test") == ("2001:db8::9",)

    async def test_names_are_spelled_in_any_way(self, resolver: Resolver) -> None:
        assert await resolver.addresses("SIX.example.TEST.") == ("2001:db8::9",)

    @pytest.mark.parametrize(
        "name", ["nobody.example.test", "empty.example.test", "a..test", "x" * 64 + ".test"]
    )
    async def test_what_does_not_exist_is_empty(self, resolver: Resolver, name: str) -> None:
        assert await resolver.addresses(name) == ()

    async def test_no_reverse_name_is_empty(self, resolver: Resolver) -> None:
        assert await resolver.reverse("192.0.2.99") == ()

    async def test_failures_are_told(self, resolver: Resolver) -> None:
        with pytest.raises(Unavailable):
            await resolver.addresses("broken.example.test")
        with pytest.raises(Unavailable):
            await resolver.reverse("192.0.2.66")


class TestSystemResolver:
    async def test_remembers_for_as_long_as_it_may(
        self, system: SystemResolver, server: NameServer, clock: FakeClock
    ) -> None:
        for _ in range(3):
            await system.addresses("six.example.test")
        assert server.asked == {"A six.example.test": 1, "AAAA six.example.test": 1}
        clock.advance(seconds=59)
        await system.addresses("six.example.test")
        assert server.asked["AAAA six.example.test"] == 1
        clock.advance(seconds=1)
        server.zone.addresses["six.example.test"] = ("2001:db8::a",)
        assert await system.addresses("six.example.test") == ("2001:db8::a",)
        # That there is no IPv4 address holds for as long as the zone says (RFC 2308 §5).
        assert server.asked == {"A six.example.test": 1, "AAAA six.example.test": 2}

    @pytest.mark.parametrize(
        ("ip", "lasts_s"), [("192.0.2.99", 120), ("192.0.2.66", 30), ("192.0.2.7", 3600)]
    )
    async def test_how_long_answers_last(
        self,
        system: SystemResolver,
        server: NameServer,
        clock: FakeClock,
        ip: str,
        lasts_s: int,
    ) -> None:
        server.ttl = 1_000_000
        for seconds, times in ((0, 1), (lasts_s - 1, 1), (1, 2)):
            clock.advance(seconds=seconds)
            await asyncio.gather(system.reverse(ip), return_exceptions=True)
            assert server.asked[f"PTR {ip}"] == times

    async def test_remembers_only_so_much(self, server: NameServer, clock: FakeClock) -> None:
        system = asked_at(server, clock, remembered=2)
        for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.3", "192.0.2.1"):
            await system.reverse(ip)
        assert server.asked == {"PTR 192.0.2.1": 2, "PTR 192.0.2.2": 1, "PTR 192.0.2.3": 1}

    async def test_one_kind_of_address_may_fail(self, server: NameServer, clock: FakeClock) -> None:
        server.zone.slow["AAAA mx.example.test"] = 1
        system = asked_at(server, clock, timeout_s=0.3)
        assert sorted(await system.addresses("mx.example.test")) == ["192.0.2.7", "192.0.2.8"]

    async def test_silence_is_a_failure(self, server: NameServer, clock: FakeClock) -> None:
        server.zone.slow["192.0.2.7"] = 1
        with pytest.raises(Unavailable) as raised:
            await asked_at(server, clock, timeout_s=0.1).reverse("192.0.2.7")
        assert raised.value.temporary
        assert raised.value.cause is not None
        assert re.fullmatch(r"PTR 7\.2\.0\.192\.in-addr\.arpa: .+", raised.value.cause)

    async def test_waits_for_room(self, server: NameServer, clock: FakeClock) -> None:
        """The one socket is taken by a question nobody answers, until that is given up."""
        server.zone.slow["192.0.2.7"] = 1
        system = asked_at(server, clock, questions_at_once=1)
        first = asyncio.create_task(system.reverse("192.0.2.7"))
        await asyncio.wait_for(server.seen.wait(), 5)
        second = asyncio.create_task(system.reverse("2001:db8::7"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == ("mx.example.test",)
        assert first.cancelled()

    async def test_a_mapped_address_is_the_ipv4_one(self, system: SystemResolver) -> None:
        assert "mx.example.test" in await system.reverse("::ffff:192.0.2.7")

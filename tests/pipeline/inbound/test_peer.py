"""The name of an address counts only if it leads back (RFC 8601 §3)."""

import asyncio

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.pipeline.inbound.peer import NAMES_TRIED, PeerName, is_outside, verified_name

IP = "192.0.2.7"
NAME = "mx.elsewhere.test"


@pytest.fixture
def zone() -> Zone:
    return Zone({NAME: ("192.0.2.1", IP)}, {IP: (NAME,)})


@pytest.fixture
def resolver(zone: Zone, clock: FakeClock) -> FakeDns:
    return FakeDns(zone, clock)


async def test_a_name_that_leads_back(resolver: FakeDns) -> None:
    assert await verified_name(resolver, IP) == NAME


async def test_addresses_are_compared_as_such(zone: Zone, resolver: FakeDns) -> None:
    zone.addresses["six.test"] = ("2001:0db8:0::7",)
    zone.reverse["2001:db8::7"] = ("six.test",)
    assert await verified_name(resolver, "2001:db8::7") == "six.test"


async def test_a_name_that_leads_elsewhere(zone: Zone, resolver: FakeDns) -> None:
    zone.addresses[NAME] = ("192.0.2.1",)
    assert await verified_name(resolver, IP) is None


@pytest.mark.parametrize("failing", [IP, NAME])
async def test_failures_name_nobody(zone: Zone, resolver: FakeDns, failing: str) -> None:
    zone.failing.add(failing)
    assert await verified_name(resolver, IP) is None


async def test_the_next_name_may_do(zone: Zone, resolver: FakeDns) -> None:
    zone.reverse[IP] = ("other.test", "broken.test", NAME)
    zone.failing.add("broken.test")
    assert await verified_name(resolver, IP) == NAME


async def test_not_all_of_many_names_are_tried(zone: Zone, resolver: FakeDns) -> None:
    zone.reverse[IP] = (*(f"n{n}.test" for n in range(NAMES_TRIED)), NAME)
    assert await verified_name(resolver, IP) is None
    assert len(resolver.asked) == 1 + NAMES_TRIED


@pytest.mark.parametrize("name", ["[192.0.2.7]", "a b.test", "a\\013\\010b.test", "(x).test", ""])
async def test_what_is_no_host_name_is_not_told(zone: Zone, resolver: FakeDns, name: str) -> None:
    zone.reverse[IP] = (name,)
    zone.addresses[name] = (IP,)
    assert await verified_name(resolver, IP) is None


@pytest.mark.parametrize(
    ("ip", "outside"),
    [
        ("192.0.2.7", True),
        ("2001:db8::7", True),
        ("::ffff:192.0.2.7", True),
        ("", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("10.1.2.3", False),
        ("172.31.0.1", False),
        ("172.32.0.1", True),
        ("192.168.1.1", False),
        ("::ffff:192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.1.1", False),
        ("fe80::1", False),
        ("fd00::1", False),
    ],
)
def test_who_is_outside(ip: str, outside: bool) -> None:
    assert is_outside(ip) is outside


class TestPeerName:
    async def test_is_waited_for(self, resolver: FakeDns) -> None:
        peer = PeerName(resolver, IP)
        peer.look_up()
        assert await peer.within(5) == NAME
        assert await peer.within(0) == NAME

    async def test_is_given_up_for_good(self, zone: Zone, resolver: FakeDns) -> None:
        zone.slow[IP] = 3
        peer = PeerName(resolver, IP)
        peer.look_up()
        assert await peer.within(0.001) is None
        assert await peer.within(60) is None

    async def test_the_lookup_ends_with_the_session(self, zone: Zone, resolver: FakeDns) -> None:
        zone.slow[IP] = 3
        peer = PeerName(resolver, IP)
        before = asyncio.all_tasks()
        peer.look_up()
        (task,) = asyncio.all_tasks() - before
        peer.close()
        await asyncio.wait((task,))
        assert task.cancelled()

    @pytest.mark.parametrize("ip", ["127.0.0.1", "10.0.0.1", ""])
    async def test_nobody_is_asked_about_addresses_inside(self, resolver: FakeDns, ip: str) -> None:
        before = asyncio.all_tasks()
        peer = PeerName(resolver, ip)
        peer.look_up()
        assert asyncio.all_tasks() == before
        assert await peer.within(60) is None
        assert resolver.asked == []

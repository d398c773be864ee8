"""Lists of addresses: those that have the client, and those that can't be believed."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog.testing

from kit.checks import IP, arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.formats.dns_lists import parse_lists
from pillarbox.pipeline.inbound.checks.dnsbl import DnsblCheck

NAME = "7.2.0.192"


@pytest.fixture
def zone() -> Zone:
    return Zone({f"{NAME}.block.test": ("127.0.0.2",)}, txt={f"{NAME}.block.test": ("See x\n",)})


@pytest.fixture
def resolver(zone: Zone, clock: FakeClock) -> FakeDns:
    return FakeDns(zone, clock)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def checking(resolver: FakeDns, clock: FakeClock, block: str = "", allow: str = "") -> DnsblCheck:
    return DnsblCheck(resolver, clock, parse_lists(block), parse_lists(allow))


async def test_listed(resolver: FakeDns, clock: FakeClock) -> None:
    check = checking(resolver, clock, "block.test,other.test")
    one = arrival()
    (found,) = await check.run(one)
    assert (found.name, found.points) == ("dnsbl_block_test", 5.0)
    assert found.detail == "block.test (127.0.0.2): See x?"
    assert found.reply == f"{IP} is listed by block.test: See x?"
    assert one.results.listed == ("block.test",)
    assert [kind.name for kind in check.kinds] == ["dnsbl_block_test", "dnsbl_other_test"]


async def test_points_and_codes(zone: Zone, resolver: FakeDns, clock: FakeClock) -> None:
    zone.addresses[f"{NAME}.other.test"] = ("127.0.0.10",)
    check = checking(resolver, clock, "block.test:2.5, other.test=127.0.0.2,127.0.0.3")
    (found,) = await check.run(arrival())
    assert (found.name, found.points) == ("dnsbl_block_test", 2.5)


async def test_ipv6(zone: Zone, resolver: FakeDns, clock: FakeClock) -> None:
    name = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    zone.addresses[f"{name}.block.test"] = ("127.0.0.2",)
    (found,) = await checking(resolver, clock, "block.test").run(arrival(ip="2001:db8::7"))
    assert found.name == "dnsbl_block_test"


@pytest.mark.parametrize(
    ("code", "points"),
    [("127.0.5.0", 0.0), ("127.0.5.1", -1.0), ("127.0.5.2", -2.0), ("127.0.5.3", -3.0)],
)
async def test_levels_of_trust(
    zone: Zone, resolver: FakeDns, clock: FakeClock, code: str, points: float
) -> None:
    zone.addresses[f"{NAME}.list.dnswl.org"] = (code,)
    one = arrival()
    (found,) = await checking(resolver, clock, allow="list.dnswl.org").run(one)
    assert (found.name, found.points) == ("dnswl_list_dnswl_org", points)
    assert one.results.allowed == ("list.dnswl.org",)
    assert one.results.listed == ()


@pytest.mark.parametrize("setting", ["white.test:2", "white.test:-2"])
async def test_allow_lists_take_points_off(
    zone: Zone, resolver: FakeDns, clock: FakeClock, setting: str
) -> None:
    zone.addresses[f"{NAME}.white.test"] = ("127.0.0.2",)
    (found,) = await checking(resolver, clock, allow=setting).run(arrival())
    assert found.points == -2.0


@pytest.mark.parametrize(
    "answer", ["127.255.255.254", "127.0.0.1", "127.0.0.255", "192.0.2.1", "203.0.113.5"]
)
async def test_a_list_that_refuses_counts_for_nothing(
    zone: Zone, resolver: FakeDns, clock: FakeClock, logged: list[Any], answer: str
) -> None:
    zone.addresses[f"{NAME}.bad.test"] = (answer,)
    check = checking(resolver, clock, "bad.test,block.test")
    one = arrival()
    assert [found.name for found in await check.run(one)] == ["dnsbl_block_test"]
    assert one.results.listed == ("block.test",)
    assert [(line["list"], answer in line["why"]) for line in logged] == [("bad.test", True)]


async def test_faults_are_told_once_an_hour(
    zone: Zone, resolver: FakeDns, clock: FakeClock, logged: list[Any]
) -> None:
    zone.addresses[f"{NAME}.bad.test"] = ("127.255.255.254",)
    zone.failing.add(f"A {NAME}.dead.test")
    check = checking(resolver, clock, "bad.test,dead.test")
    for times, minutes in ((2, 0), (2, 59), (4, 1)):
        clock.advance(minutes=minutes)
        assert await check.run(arrival()) == ()
        assert await check.run(arrival()) == ()
        assert len(logged) == times
    assert {line["list"]: line["why"] for line in logged}["dead.test"] == "does not answer"


async def test_a_list_of_everything_counts_for_nothing(
    zone: Zone, resolver: FakeDns, clock: FakeClock, logged: list[Any]
) -> None:
    """RFC 5782 §5: no list has 127.0.0.1."""
    zone.addresses["1.0.0.127.block.test"] = ("127.0.0.2",)
    assert await checking(resolver, clock, "block.test").run(arrival()) == ()
    assert logged[0]["why"] == "lists everything"


async def test_a_reason_that_can_not_be_had(
    zone: Zone, resolver: FakeDns, clock: FakeClock
) -> None:
    zone.failing.add(f"TXT {NAME}.block.test")
    (found,) = await checking(resolver, clock, "block.test").run(arrival())
    assert found.detail == "block.test (127.0.0.2)"


async def test_nobody_is_asked_about_those_inside(resolver: FakeDns, clock: FakeClock) -> None:
    check = checking(resolver, clock, "block.test", "list.dnswl.org")
    assert await check.run(arrival(outside=False)) == ()
    assert resolver.asked == []

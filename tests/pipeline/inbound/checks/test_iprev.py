"""The client's name, confirmed both ways, and each way in which that can end (RFC 8601 §2.7.3)."""

import pytest

from kit.checks import IP, arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.pipeline.inbound.checks.iprev import IprevCheck

NAME = "mx.sender.test"


@pytest.fixture
def zone() -> Zone:
    return Zone({NAME: (IP,)}, {IP: (NAME,)})


@pytest.fixture
def resolver(zone: Zone, clock: FakeClock) -> FakeDns:
    return FakeDns(zone, clock)


async def outcome(resolver: FakeDns) -> tuple[list[str], str, str | None]:
    one = arrival()
    found = await IprevCheck(resolver).run(one)
    return [finding.name for finding in found], one.results.iprev, one.results.verified_name


async def test_a_name_that_leads_back(resolver: FakeDns) -> None:
    assert await outcome(resolver) == ([], "pass", NAME)


async def test_a_name_like_those_of_home_networks(zone: Zone, resolver: FakeDns) -> None:
    name = "192-0-2-7.dyn.isp.test"
    zone.reverse[IP], zone.addresses[name] = (name,), (IP,)
    assert await outcome(resolver) == (["iprev_generic"], "pass", name)


@pytest.mark.parametrize("addresses", [(), ("192.0.2.99",)])
async def test_a_name_that_leads_elsewhere(
    zone: Zone, resolver: FakeDns, addresses: tuple[str, ...]
) -> None:
    zone.addresses[NAME] = addresses
    assert await outcome(resolver) == (["iprev_fail"], "fail", None)


async def test_no_name(zone: Zone, resolver: FakeDns) -> None:
    zone.reverse.clear()
    assert await outcome(resolver) == (["iprev_missing"], "permerror", None)


@pytest.mark.parametrize("failing", [IP, NAME])
async def test_no_answer(zone: Zone, resolver: FakeDns, failing: str) -> None:
    zone.failing.add(failing)
    assert await outcome(resolver) == ([], "temperror", None)


async def test_another_name_may_do(zone: Zone, resolver: FakeDns) -> None:
    zone.reverse[IP] = ("broken.test", "a b", NAME)
    zone.failing.add("broken.test")
    assert await outcome(resolver) == ([], "pass", NAME)


async def test_nobody_is_asked_about_those_inside(resolver: FakeDns) -> None:
    one = arrival(outside=False)
    assert await IprevCheck(resolver).run(one) == ()
    assert (one.results.iprev, resolver.asked) == ("", [])


def test_giving_up_is_a_temporary_error(resolver: FakeDns) -> None:
    one = arrival()
    assert IprevCheck(resolver).failed(one, "took too long") == ()
    assert one.results.iprev == "temperror"

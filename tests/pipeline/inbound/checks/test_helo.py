"""What clients call themselves, and what that tells."""

import pytest

from kit.checks import IP, arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.pipeline.inbound.checks.generic_names import looks_generic
from pillarbox.pipeline.inbound.checks.helo import HeloCheck

HOSTNAME = "mx.example.test"
OWN_IP = "192.0.2.1"


async def own_domains() -> frozenset[str]:
    return frozenset({"example.test"})


@pytest.fixture
def resolver(clock: FakeClock) -> FakeDns:
    zone = Zone(
        {
            HOSTNAME: (OWN_IP,),
            "mail.sender.test": (IP,),
            "mail.other.test": ("203.0.113.1",),
            "mail_1.sender.test": (IP,),
            "xn--bcher-kva.test": (IP,),
        },
        failing={"broken.test"},
    )
    return FakeDns(zone, clock)


@pytest.mark.parametrize(
    ("helo", "names"),
    [
        ("mail.sender.test", []),
        ("MAIL.Sender.TEST.", []),
        ("mail_1.sender.test", []),
        ("mail.other.test", []),
        ("b\u00fccher.test", []),
        ("broken.test", []),
        ("nobody.test", ["helo_unknown"]),
        ("localhost", ["helo_no_name"]),
        ("a b.test", ["helo_no_name"]),
        ("", ["helo_no_name"]),
        ("-", ["helo_no_name"]),
        (f"[{IP}]", ["helo_literal"]),
        (IP, ["helo_literal"]),
        (f"[IPv6:::ffff:{IP}]", ["helo_literal"]),
        ("[203.0.113.9]", ["helo_other_address"]),
        ("203.0.113.9", ["helo_other_address"]),
        ("[IPv6:2001:db8::1]", ["helo_other_address"]),
        ("[300.1.1.1]", ["helo_no_name"]),
        (f"[{OWN_IP}]", ["helo_ours"]),
        ("[198.51.100.5]", ["helo_ours"]),
        ("MX.example.test", ["helo_ours"]),
        ("example.test", ["helo_ours"]),
        ("192-0-2-7.pool.isp.test", ["helo_generic"]),
    ],
)
async def test_what_helo_tells(resolver: FakeDns, helo: str, names: list[str]) -> None:
    check = HeloCheck(resolver, HOSTNAME, own_domains, ("198.51.100.5",))
    found = await check.run(arrival(helo=helo))
    assert [one.name for one in found] == names
    assert all(one.points < 5 for one in found)


async def test_the_host_of_our_own_domain_may_be_called_so(clock: FakeClock) -> None:
    zone = Zone({"example.test": (IP,), HOSTNAME: (OWN_IP,)})
    check = HeloCheck(FakeDns(zone, clock), HOSTNAME, own_domains)
    assert await check.run(arrival(helo="example.test")) == ()
    (found,) = await check.run(arrival(helo="example.test", ip="203.0.113.5"))
    assert found.name == "helo_ours"


async def test_nobody_is_asked_about_those_inside(resolver: FakeDns) -> None:
    check = HeloCheck(resolver, HOSTNAME, own_domains)
    assert await check.run(arrival(outside=False, helo=HOSTNAME)) == ()
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("name", "ip", "generic"),
    [
        ("192-0-2-7.isp.test", "192.0.2.7", True),
        ("host7.2.0.192.isp.test", "192.0.2.7", True),
        ("p192x000x002x007.isp.test", "192.0.2.7", True),
        ("c0000207.isp.test", "192.0.2.7", True),
        ("h192000002007.isp.test", "192.0.2.7", True),
        ("dhcp-17.isp.test", "192.0.2.7", True),
        ("x.dynamic.isp.test", "192.0.2.7", True),
        ("2001-0db8-0000-0000-0000-0000-0000-0007.isp.test", "2001:db8::7", True),
        ("mail.isp.test", "192.0.2.7", False),
        ("mail7.isp.test", "192.0.2.7", False),
        ("mta-192-7.mail.test", "192.0.2.7", False),
        ("residence.test", "192.0.2.7", False),
        ("dynamic.test", "192.0.2.7", False),
        ("cabletown.mail.test", "192.0.2.7", False),
        ("mail.isp.test", "2001:db8::7", False),
    ],
)
def test_generic_names(name: str, ip: str, generic: bool) -> None:
    assert looks_generic(name, ip) is generic

"""Which hosts take a domain's mail, in which order, and why there may be none."""

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.net.dns import MxHost
from pillarbox.pipeline.outbound import exchangers as module
from pillarbox.pipeline.outbound.exchangers import Surroundings, exchangers, in_order
from pillarbox.pipeline.outbound.model import RouteFailure

HERE = Surroundings("mx.home.example", frozenset({"192.0.2.99"}), inside=True)
OUTSIDE = Surroundings("mx.home.example")


@pytest.fixture
def zone() -> Zone:
    return Zone(
        addresses={
            "a.example": ("192.0.2.1",),
            "b.example": ("192.0.2.2", "2001:db8::2"),
            "c.example": ("192.0.2.3",),
            "mx.home.example": ("192.0.2.50",),
        }
    )


async def names(zone: Zone, domain: str, here: Surroundings = HERE) -> list[str]:
    found = await exchangers(FakeDns(zone, FakeClock()), domain, here)
    return [one.name for one in found.hosts]


async def refusal(zone: Zone, domain: str, here: Surroundings = HERE) -> tuple[int, str | None]:
    with pytest.raises(RouteFailure) as caught:
        await names(zone, domain, here)
    return caught.value.reply.code, caught.value.reply.enhanced


async def test_hosts_come_by_preference(zone: Zone) -> None:
    zone.mx["d.example"] = ((30, "c.example"), (10, "b.example"), (20, "a.example"))
    assert await names(zone, "d.example") == ["b.example", "a.example", "c.example"]


def test_hosts_of_one_preference_come_in_any_order() -> None:
    hosts = [MxHost(10, f"{n}.example") for n in range(4)]
    seen = {tuple(host.name for host in in_order([*hosts, MxHost(5, "first")])) for _ in range(200)}
    assert len(seen) > 5
    assert all(order[0] == "first" for order in seen)


async def test_a_domain_without_exchangers_is_its_own(zone: Zone) -> None:
    assert await names(zone, "a.example") == ["a.example"]


async def test_aliases_are_followed(zone: Zone) -> None:
    zone.aliases["www.d.example"] = "d.example"
    zone.mx["d.example"] = ((10, "a.example"),)
    zone.mx["www.d.example"] = ((10, "a.example"),)
    assert await names(zone, "www.d.example") == ["a.example"]


async def test_only_so_many_hosts_are_looked_at(zone: Zone) -> None:
    zone.mx["d.example"] = tuple((n, f"h{n}.example") for n in range(50))
    for n in range(50):
        zone.addresses[f"h{n}.example"] = (f"192.0.2.{n + 100}",)
    dns = FakeDns(zone, FakeClock())
    found = await exchangers(dns, "d.example", HERE)
    assert len(found.hosts) == module.MAX_HOSTS
    assert len(dns.asked) <= module.MAX_HOSTS + 2


async def test_the_null_exchanger_takes_nothing(zone: Zone) -> None:
    zone.mx["d.example"] = ((0, ""),)
    assert await refusal(zone, "d.example") == (556, "5.1.10")


async def test_a_domain_that_does_not_exist(zone: Zone) -> None:
    assert await refusal(zone, "nowhere.example") == (550, "5.1.2")


async def test_exchangers_without_addresses(zone: Zone) -> None:
    zone.mx["d.example"] = ((10, "gone.example"),)
    assert await refusal(zone, "d.example") == (550, "5.4.4")


async def test_an_address_literal_is_no_domain(zone: Zone) -> None:
    assert await refusal(zone, "[192.0.2.1]") == (550, "5.1.2")


@pytest.mark.parametrize("failing", ["MX d.example", "a.example"])
async def test_silent_name_servers_may_answer_later(zone: Zone, failing: str) -> None:
    zone.mx["d.example"] = ((10, "a.example"),)
    zone.failing.add(failing)
    assert await refusal(zone, "d.example") == (451, "4.4.3")


async def test_one_silent_host_does_not_hide_the_others(zone: Zone) -> None:
    zone.mx["d.example"] = ((10, "a.example"), (20, "b.example"))
    zone.failing.add("a.example")
    assert await names(zone, "d.example") == ["b.example"]


async def test_names_that_no_host_has(zone: Zone) -> None:
    """A name may hold any bytes; logs, certificates and tables are not made for them."""
    odd = ("a b.example", "\\000" * 200 + ".example", "*.example", "<x>.example", "x" * 64)
    for name in odd:
        zone.addresses[name] = ("192.0.2.7",)
    zone.mx["d.example"] = tuple((1, name) for name in odd)
    assert await refusal(zone, "d.example") == (550, "5.4.4")
    zone.mx["d.example"] += ((2, "a.example"),)
    assert await names(zone, "d.example") == ["a.example"]
    zone.addresses["b c"] = ("192.0.2.7",)
    assert await refusal(zone, "b c") == (550, "5.1.2")


async def test_neither_kind_of_address_hides_the_other(zone: Zone) -> None:
    four = tuple(f"192.0.2.{n}" for n in range(20))
    six = tuple(f"2001:db8::{n}" for n in range(20))
    for given, found in (
        (four, four[:8]),
        (six, six[:8]),
        (four + six, four[:4] + six[:4]),
        (four + six[:1], four[:7] + six[:1]),
        (four[:2] + six, four[:2] + six[:6]),
    ):
        zone.addresses["a.example"] = given
        hosts = (await exchangers(FakeDns(zone, FakeClock()), "a.example", HERE)).hosts
        assert hosts[0].answer.addresses == found


class TestLoops:
    async def test_a_backup_sends_to_better_hosts_only(self, zone: Zone) -> None:
        zone.mx["d.example"] = (
            (10, "a.example"),
            (20, "mx.home.example"),
            (20, "b.example"),
            (30, "c.example"),
        )
        for _ in range(20):  # those of one preference come in any order
            assert await names(zone, "d.example") == ["a.example"]

    @pytest.mark.parametrize("own", ["mx.home.example", "other.example", "settings.example"])
    async def test_the_best_host_must_not_be_this_server(self, zone: Zone, own: str) -> None:
        zone.addresses["other.example"] = ("192.0.2.50",)  # what mx.home.example has
        zone.addresses["settings.example"] = ("192.0.2.99",)
        zone.mx["d.example"] = ((10, own), (20, "a.example"))
        assert await refusal(zone, "d.example") == (550, "5.4.6")

    async def test_better_hosts_that_are_not_known_now_are_waited_for(self, zone: Zone) -> None:
        zone.mx["d.example"] = ((10, "a.example"), (20, "mx.home.example"))
        zone.failing.add("a.example")
        assert await refusal(zone, "d.example") == (451, "4.4.3")

    async def test_an_address_of_this_machine_is_this_server(
        self, zone: Zone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else a backup with an address that nobody told it of would send to one no better."""
        monkeypatch.setattr(module, "is_own", lambda ip: ip in ("8.8.4.4", "127.0.0.1"))
        zone.addresses["unnamed.example"] = ("8.8.4.4",)
        zone.addresses["a.example"] = ("8.8.8.8",)
        zone.mx["d.example"] = ((10, "unnamed.example"), (20, "a.example"))
        assert await refusal(zone, "d.example", OUTSIDE) == (550, "5.4.6")
        zone.addresses["unnamed.example"] = ("127.0.0.1",)  # anybody may write that
        assert await names(zone, "d.example", OUTSIDE) == ["a.example"]


class TestInside:
    async def test_inside_addresses_are_not_used(self, zone: Zone) -> None:
        zone.addresses["a.example"] = ("127.0.0.1", "10.0.0.1", "8.8.8.8")
        found = await exchangers(FakeDns(zone, FakeClock()), "a.example", OUTSIDE)
        assert found.hosts[0].answer.addresses == ("8.8.8.8",)

    async def test_a_host_inside_alone_is_none(self, zone: Zone) -> None:
        zone.addresses["a.example"] = ("169.254.169.254",)
        assert await refusal(zone, "a.example", OUTSIDE) == (550, "5.4.4")

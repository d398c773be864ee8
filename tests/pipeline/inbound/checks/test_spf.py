"""SPF of what connects: both identities, what is found, and what the client would be told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kit.checks import IP, arrival
from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.nameserver import HOST, NameServer
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.judgement.model import Finding
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.net.dns import DnsOptions, SystemResolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.spf import SpfCheck
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.storage.db import Database


@pytest.fixture
def zone() -> Zone:
    return Zone(
        txt={
            "sender.test": ("v=spf1 mx -all exp=why.sender.test", "other"),
            "why.sender.test": ("%{i} is no host of %{d}, says %{r} at %{t}",),
            "xn--bcher-kva.test": ("v=spf1 a:six.test a:five.test/24 ~all",),
            "broken.test": ("v=spf1 foo -all",),
            "down.test": ("v=spf1 exists:%{ir}.failing.test -all",),
            "mail.sender.test": ("v=spf1 a -all",),
            "named.test": ("v=spf1 ptr -all",),
            "neutral.test": ("v=spf1 ?all",),
        },
        mx={"sender.test": ((10, "mx.sender.test"),)},
        addresses={
            "mx.sender.test": ("192.0.2.1", "2001:db8::1"),
            "mail.sender.test": (IP,),
            "six.test": ("2001:db8::7",),
            "five.test": ("192.0.2.200",),
            "host.named.test": (IP,),
        },
        reverse={IP: ("host.named.test",)},
        failing={f"A {'.'.join(reversed(IP.split('.')))}.failing.test"},
    )


@pytest.fixture
def resolver(zone: Zone, clock: FakeClock) -> FakeDns:
    return FakeDns(zone, clock)


@pytest.fixture
def check(resolver: FakeDns, clock: FakeClock) -> SpfCheck:
    return SpfCheck(resolver, clock, "mx.example.test")


async def found(check: SpfCheck, one: Arrival) -> list[Finding]:
    findings = list(await check.run(one))
    assert {finding.name for finding in findings} <= {kind.name for kind in check.kinds}
    return findings


async def test_fail_and_what_its_domain_says(check: SpfCheck, clock: FakeClock) -> None:
    one = arrival()
    (finding,) = await found(check, one)
    assert (finding.name, finding.points, finding.action) == ("spf_fail", 4.0, None)
    said = f"{IP} is no host of sender.test, says mx.example.test at {clock.now_ms() // 1000}"
    assert finding.reply == (
        f"sender.test does not allow mail from {IP} (SPF, -all); sender.test explains: {said}"
    )
    assert one.results.spf is not None
    assert one.results.spf.explanation == said
    assert one.results.helo_spf is not None
    assert one.results.helo_spf.status is SpfStatus.PASS


@pytest.mark.parametrize(
    ("reverse_path", "name"),
    [
        ("a@b\u00fccher.test", "spf_pass"),
        ("a@xn--bcher-kva.test", "spf_pass"),
        ("a@named.test", "spf_pass"),
        ("a@neutral.test", "spf_neutral"),
        ("a@nobody.test", "spf_none"),
        ("a@[192.0.2.7]", "spf_none"),
        ("a@localhost", "spf_none"),
        ("a@-\u0000\u00fc.test", "spf_none"),
        ("a@broken.test", "spf_permerror"),
        ("a@down.test", "spf_temperror"),
    ],
)
async def test_outcomes(check: SpfCheck, reverse_path: str, name: str) -> None:
    (finding,) = await found(check, arrival(reverse_path=reverse_path))
    assert finding.name == name


async def test_softfail(check: SpfCheck) -> None:
    (finding,) = await found(check, arrival(reverse_path="a@b\u00fccher.test", ip="198.51.100.1",
                                            helo="nobody.test"))  # fmt: skip
    assert (finding.name, finding.points) == ("spf_softfail", 2.0)
    assert "xn--bcher-kva.test does not allow mail from 198.51.100.1" in finding.reply


async def test_ipv6_is_asked_for_as_such(check: SpfCheck, resolver: FakeDns) -> None:
    one = arrival(ip="2001:db8::1", helo="x")
    (finding,) = await found(check, one)
    assert finding.name == "spf_pass"
    assert resolver.asked == ["TXT sender.test", "MX sender.test", "AAAA mx.sender.test"]


async def test_the_null_path_is_that_of_helo(check: SpfCheck) -> None:
    one = arrival(reverse_path="", helo="mail.sender.test", ip="192.0.2.9")
    (finding,) = await found(check, one)
    assert finding.name == "spf_fail"
    assert one.results.spf == one.results.helo_spf


async def test_a_name_that_the_client_may_not_use(check: SpfCheck) -> None:
    one = arrival(reverse_path="a@neutral.test", ip="192.0.2.9")
    names = [finding.name for finding in await found(check, one)]
    assert names == ["spf_neutral", "spf_helo_fail"]


async def test_nobody_is_asked_about_those_inside(check: SpfCheck, resolver: FakeDns) -> None:
    one = arrival(outside=False)
    assert await found(check, one) == []
    assert resolver.asked == []
    assert one.results.spf is None


def test_giving_up_is_a_temporary_error(check: SpfCheck) -> None:
    one = arrival()
    (finding,) = check.failed(one, "took too long")
    assert (finding.name, finding.points) == ("spf_temperror", 0.0)
    assert one.results.spf is not None
    assert one.results.spf.status is SpfStatus.TEMPERROR


async def test_a_slow_helo_name_hides_no_fail(zone: Zone, check: SpfCheck) -> None:
    zone.slow["TXT mail.sender.test"] = 3600
    one = arrival()
    running = asyncio.create_task(check.run(one))
    for _ in range(100):
        await asyncio.sleep(0)  # so that all goes on that needs not wait
    assert not running.done()
    running.cancel()
    (finding,) = check.failed(one, "took too long")
    assert finding.name == "spf_fail"


class TestPolicy:
    """What `_default` says of the questions, whoever the recipients are."""

    @pytest.fixture
    async def ruled(
        self, database: Database, clock: FakeClock, resolver: FakeDns
    ) -> AsyncIterator[SpfCheck]:
        held = Policies(database, LocalBus(), clock)
        yield SpfCheck(resolver, clock, "mx.example.test", held)
        held.close()

    @pytest.mark.parametrize(
        ("terms", "most", "name"),
        [(2, "1", "spf_permerror"), (2, "2", "spf_pass"), (11, "10", "spf_permerror"),
         (11, "11", "spf_pass")],
    )  # fmt: skip
    async def test_lookups(
        self, ruled: SpfCheck, zone: Zone, database: Database, terms: int, most: str, name: str
    ) -> None:
        several = " ".join(["a:six.test"] * (terms - 1))
        zone.txt["many.test"] = (f"v=spf1 {several} a:five.test/24 -all",)
        zone.addresses["six.test"] = ("192.168.7.7",)
        await database.write(policies.set_values, DEFAULT, {"spf_max_lookups": most})
        (finding,) = await found(ruled, arrival(reverse_path="a@many.test"))
        assert finding.name == name

    async def test_how_long_an_answer_may_take(
        self, ruled: SpfCheck, zone: Zone, database: Database
    ) -> None:
        zone.slow["TXT sender.test"] = 3600
        await database.write(policies.set_values, DEFAULT, {"spf_dns_timeout": "1"})
        async with asyncio.timeout(4):
            (finding,) = await found(ruled, arrival())
        assert finding.name == "spf_temperror"
        assert finding.detail == "sender.test: no answer to TXT sender.test"


class TestOverTheNetwork:
    """With real name servers, and with some that never answer."""

    ZONE = """
        @ TXT "v=spf1 include:_spf.sender.test " "-all"
        _spf TXT "v=spf1 mx:sender.test"
        @ MX 1 mx
        mx A {}
    """

    async def test_pass(self, clock: FakeClock) -> None:
        async with NameServer({"sender.test": self.ZONE.format(IP)}) as server:
            resolver = SystemResolver(clock, DnsOptions((HOST,), server.port))
            one = arrival()
            (finding,) = await found(SpfCheck(resolver, clock, "mx.example.test"), one)
            assert finding.name == "spf_pass"
            assert finding.detail == "sender.test: include:_spf.sender.test"
            assert one.results.spf is not None
            assert one.results.spf.lookups == 2
            assert "AAAA mx.sender.test" not in server.asked

    async def test_no_answer(self, clock: FakeClock) -> None:
        async with NameServer({"sender.test": self.ZONE.format(IP)}) as server:
            server.silent.add("MX sender.test")
            resolver = SystemResolver(clock, DnsOptions((HOST,), server.port, timeout_s=0.2))
            (finding,) = await found(SpfCheck(resolver, clock, "mx.example.test"), arrival())
            assert finding.name == "spf_temperror"
            assert finding.detail == "sender.test: no answer to MX sender.test"

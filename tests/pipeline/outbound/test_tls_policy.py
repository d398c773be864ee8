"""What TLS with a host has to be like, by everything that has a say in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from kit.web import Page, Web
from pillarbox.domain.report_days import day_of
from pillarbox.domain.transport import hosts, results
from pillarbox.domain.transport.results import DaySummary, Result
from pillarbox.net.dane import Tlsa
from pillarbox.pipeline.outbound.model import (
    DomainPolicy,
    HostFailure,
    Peer,
    Security,
    TlsDemand,
    TlsSession,
)
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies, TlsPolicyOptions
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

DOMAIN, HOST = "there.test", "mx.there.test"
HOUR_MS = 3_600_000
EE = Tlsa(3, 1, 1, bytes(32))
TA = Tlsa(2, 0, 1, bytes(32))
PKIX = Tlsa(1, 1, 1, bytes(32))
STS = "version: STSv1\nmode: %s\nmx: mx.there.test\nmx: *.wild.test\nmax_age: 86400\n"
ENCRYPTED = Peer(HOST, "192.0.2.1", 25, TlsSession("TLSv1.3", "x"), source="198.51.100.1")
CLEAR = Peer(HOST, "192.0.2.1", 25, tls_result="starttls-not-supported", source="198.51.100.1")


class World:
    """A domain, its name servers and its policy; and one process that sends to it."""

    def __init__(self, web: Web, database: Database, clock: FakeClock, folder: Path) -> None:
        self.web = web
        self.database = database
        self.clock = clock
        self.folder = folder
        self.zone = Zone(
            mx={DOMAIN: ((10, HOST),)},
            addresses={HOST: ("192.0.2.1",), "mta-sts.there.test": ("127.0.0.1",)},
        )
        self.policies = self.process()

    def process(self, options: TlsPolicyOptions | None = None) -> TlsPolicies:
        options = options or TlsPolicyOptions(sts_port=self.web.port)
        https = self.web.client(self.zone, self.clock, self.folder)
        dns = FakeDns(self.zone, self.clock)
        return TlsPolicies(dns, https, self.database, self.clock, options)

    def sign(self, *records: Tlsa, at: str = HOST) -> None:
        """Everything is signed, and the host has TLSA records."""
        self.zone.signed = {"."}
        self.zone.tlsa[f"_25._tcp.{at}"] = records

    def publish(self, mode: str) -> None:
        self.zone.txt["_mta-sts.there.test"] = ("v=STSv1; id=1;",)
        self.web.pages["mta-sts.there.test"] = Page((STS % mode).encode())
        self.web.vouch("mta-sts.there.test")

    async def policy(self) -> DomainPolicy:
        return await self.policies.of_domain(
            DOMAIN, await FakeDns(self.zone, self.clock).mx(DOMAIN)
        )

    async def demand(
        self,
        host: str = HOST,
        *,
        require_tls: bool = False,
        optional: bool = False,
        attempts: int = 0,
        port: int = 25,
    ) -> TlsDemand:
        answer = await FakeDns(self.zone, self.clock).host(host)
        return await self.policies.demand(
            await self.policy(),
            host,
            answer,
            port=port,
            require_tls=require_tls,
            optional=optional,
            attempts=attempts,
        )

    async def refusal(self, host: str = HOST, *, require_tls: bool = False) -> HostFailure:
        with pytest.raises(HostFailure) as caught:
            await self.demand(host, require_tls=require_tls)
        return caught.value

    async def counted(self) -> list[DaySummary]:
        await self.policies.close()
        return await self.database.read(results.summaries, 0)

    async def rows(self) -> list[tuple[Result, int]]:
        await self.policies.close()
        day = day_of(self.clock.now_ms())
        return await self.database.read(results.of_day, day, DOMAIN)


@pytest.fixture
async def world(database: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    async with Web() as web:
        made = World(web, database, clock, tmp_path)
        yield made
        await made.policies.close()


async def test_nothing_has_a_say(world: World) -> None:
    assert await world.demand() == TlsDemand(Security.OPPORTUNISTIC)


class TestDane:
    async def test_records_demand_it(self, world: World) -> None:
        world.sign(EE, TA, PKIX)
        assert await world.demand() == TlsDemand(Security.DANE, (HOST, DOMAIN), (EE, TA), "dane")

    @pytest.mark.parametrize("unsigned", ["MX", "host", "TLSA"])
    async def test_everything_has_to_be_validated(self, world: World, unsigned: str) -> None:
        """RFC 7672 §2.2: MX, addresses and TLSA."""
        world.sign(EE)
        names = {"MX": DOMAIN, "host": HOST, "TLSA": f"_25._tcp.{HOST}"}
        world.zone.signed = {name for what, name in names.items() if what != unsigned}
        if unsigned == "MX":
            world.zone.signed = {HOST}
        if unsigned == "host":
            world.zone.mx[DOMAIN] = ((10, "mx.else.test"),)
            world.zone.addresses["mx.else.test"] = ("192.0.2.2",)
            world.zone.tlsa["_25._tcp.mx.else.test"] = (EE,)
            world.zone.signed = {DOMAIN, "_25._tcp.mx.else.test"}
            assert (await world.demand("mx.else.test")).security is Security.OPPORTUNISTIC
            return
        if unsigned == "TLSA":
            world.zone.aliases[f"_25._tcp.{HOST}"] = "tlsa.unsigned.test"
            world.zone.tlsa["tlsa.unsigned.test"] = (EE,)
            world.zone.signed = {DOMAIN}
        assert (await world.demand()).security is Security.OPPORTUNISTIC

    async def test_unusable_records_demand_tls_all_the_same(self, world: World) -> None:
        world.sign(PKIX, Tlsa(3, 1, 9, b"x"))
        assert await world.demand() == TlsDemand(Security.ENCRYPTED, policy="dane")

    async def test_no_records(self, world: World) -> None:
        world.sign()
        assert (await world.demand()).security is Security.OPPORTUNISTIC

    async def test_records_that_can_not_be_had(self, world: World) -> None:
        world.sign(EE)
        world.zone.failing.add(f"TLSA _25._tcp.{HOST}")
        failure = await world.refusal()
        assert (failure.reply.code, failure.reply.enhanced) == (451, "4.7.5")
        assert not failure.permanent
        assert HOST in failure.reply.text

    async def test_the_port_counts(self, world: World) -> None:
        world.sign(EE)
        assert (await world.demand(port=2525)).security is Security.OPPORTUNISTIC
        world.zone.tlsa[f"_2525._tcp.{HOST}"] = (TA,)
        assert (await world.demand(port=2525)).tlsa == (TA,)

    async def test_aliases(self, world: World) -> None:
        """RFC 7672 §2.2.3: the name behind the alias first, then the alias itself."""
        world.zone.aliases[HOST] = "real.else.test"
        world.zone.addresses["real.else.test"] = ("192.0.2.9",)
        world.sign(EE)
        world.zone.tlsa = {
            f"_25._tcp.{HOST}": (EE,),
            "_25._tcp.real.else.test": (TA,),
        }
        found = await world.demand()
        assert found == TlsDemand(Security.DANE, ("real.else.test", HOST, DOMAIN), (TA,), "dane")
        del world.zone.tlsa["_25._tcp.real.else.test"]
        assert (await world.demand()).names == (HOST, DOMAIN)
        # An alias into a zone that is not signed: only what stands at the alias counts (§2.2.2).
        world.zone.tlsa["_25._tcp.real.else.test"] = (TA,)
        world.zone.signed = {"there.test"}
        assert (await world.demand()).tlsa == (EE,)

    async def test_the_domain_may_be_an_alias(self, world: World) -> None:
        world.zone.aliases[DOMAIN] = "canonical.test"
        world.zone.mx["canonical.test"] = ((10, HOST),)
        world.sign(TA)
        assert (await world.demand()).names == (HOST, DOMAIN, "canonical.test")

    async def test_it_may_be_turned_off(self, world: World) -> None:
        world.sign(EE)
        world.policies = world.process(TlsPolicyOptions(dane=False, sts_port=world.web.port))
        assert (await world.demand()).security is Security.OPPORTUNISTIC


class TestMtaSts:
    async def test_enforced(self, world: World) -> None:
        world.publish("enforce")
        assert await world.demand() == TlsDemand(Security.VERIFIED, (HOST,), policy="mta-sts")
        assert (await world.demand("a.wild.test")).names == ("a.wild.test",)
        failure = await world.refusal("mx.evil.test")
        assert not failure.permanent
        assert failure.reply.enhanced == "4.7.5"

    async def test_refused_hosts_are_counted_now_and_then(self, world: World) -> None:
        world.publish("enforce")
        for _ in range(5):
            await world.refusal("mx.evil.test")
        world.clock.advance(minutes=2)
        await world.refusal("mx.evil.test")
        ((result, sessions),) = await world.rows()
        assert (result.result, result.host, sessions) == ("validation-failure", "mx.evil.test", 2)

    async def test_tested(self, world: World) -> None:
        world.publish("testing")
        assert await world.demand() == TlsDemand(Security.OPPORTUNISTIC, (HOST,))
        assert await world.demand("mx.evil.test") == TlsDemand(Security.OPPORTUNISTIC)

    async def test_none(self, world: World) -> None:
        world.publish("none")
        assert (await world.policy()).sts is None
        assert await world.demand("mx.evil.test") == TlsDemand(Security.OPPORTUNISTIC)

    async def test_dane_goes_first(self, world: World) -> None:
        """RFC 8461 §2: MTA-STS must not make up for DANE that fails."""
        world.publish("enforce")
        world.sign(EE)
        assert (await world.demand()).security is Security.DANE
        world.zone.failing.add(f"TLSA _25._tcp.{HOST}")
        await world.refusal()
        world.zone.failing.clear()
        world.sign(PKIX)  # nobody can use these: the policy's demand is the stricter one
        assert (await world.demand()).policy == "mta-sts"

    async def test_it_may_be_turned_off(self, world: World) -> None:
        world.publish("enforce")
        world.policies = world.process(TlsPolicyOptions(mta_sts=False))
        assert (await world.demand()).security is Security.OPPORTUNISTIC
        assert world.web.asked == []


class TestWhatTheSenderAsks:
    async def test_required_without_anybody_to_vouch(self, world: World) -> None:
        failure = await world.refusal(require_tls=True)
        assert failure.permanent
        assert failure.reply.enhanced == "5.7.30"

    async def test_required_with_dane(self, world: World) -> None:
        world.sign(EE)
        assert (await world.demand(require_tls=True)).security is Security.DANE

    async def test_required_with_a_validated_name(self, world: World) -> None:
        world.sign()
        verified = TlsDemand(Security.VERIFIED, (HOST,), policy="requiretls")
        assert await world.demand(require_tls=True) == verified
        world.sign(PKIX)
        assert await world.demand(require_tls=True) == verified

    @pytest.mark.parametrize("mode", ["enforce", "testing"])
    async def test_required_with_mta_sts(self, world: World, mode: str) -> None:
        world.publish(mode)
        found = await world.demand(require_tls=True)
        assert (found.security, found.names) == (Security.VERIFIED, (HOST,))
        failure = await world.refusal("mx.evil.test", require_tls=True)
        assert failure.permanent is (mode == "testing")

    async def test_required_of_the_domain_itself(self, world: World) -> None:
        found = await world.demand(DOMAIN, require_tls=True)
        assert (found.security, found.names) == (Security.VERIFIED, (DOMAIN,))

    async def test_not_required(self, world: World) -> None:
        """TLS-Required: No (RFC 8689 §5) lets this message through, and asks nobody."""
        world.publish("enforce")
        world.sign(EE)
        world.zone.failing.add(f"TLSA _25._tcp.{HOST}")
        assert await world.demand(optional=True) == TlsDemand(Security.OPPORTUNISTIC)
        assert await world.demand("x.test", optional=True) == TlsDemand(Security.OPPORTUNISTIC)
        await world.refusal()
        world.zone.failing.clear()
        both = await world.demand(optional=True, require_tls=True)
        assert both.security is Security.DANE


class TestMemory:
    async def test_a_host_that_offered_tls_is_expected_to(self, world: World) -> None:
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
        expected = TlsDemand(Security.ENCRYPTED, policy="memory")
        assert await world.demand() == expected
        assert (await world.demand("other.there.test")).policy == ""
        await world.policies.close()
        world.policies = world.process()  # after a restart, or another process
        assert await world.demand(attempts=2) == expected
        assert await world.demand(attempts=3) == TlsDemand(Security.OPPORTUNISTIC, policy="memory")
        world.clock.advance(days=30, seconds=1)
        assert (await world.demand()).policy == ""

    async def test_it_is_written_once_a_day(self, world: World) -> None:
        def seen(tx: Tx) -> int:
            return hosts.seen(tx, HOST)

        for hour in range(60):
            world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
            await world.policies.close()
            assert await world.database.read(seen) == world.clock.now_ms() - hour % 24 * HOUR_MS
            world.clock.advance(hours=1)

    async def test_tests_of_policies_go_on(self, world: World) -> None:
        world.publish("testing")
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
        assert await world.demand() == TlsDemand(Security.ENCRYPTED, (HOST,), policy="memory")

    async def test_upkeep_forgets(self, world: World) -> None:
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
        await world.policies.close()
        world.clock.advance(days=31)
        await world.policies.upkeep()
        assert await world.database.read(hosts.seen, HOST) == 0


class TestCounting:
    async def test_without_a_policy(self, world: World) -> None:
        policy, demand = await world.policy(), await world.demand()
        for peer in (ENCRYPTED, ENCRYPTED, CLEAR):
            world.policies.note(DOMAIN, policy, peer, HOST, demand=demand)
        well = Result("no-policy-found", DOMAIN)
        clear = Result(
            "no-policy-found", DOMAIN, (), (), "starttls-not-supported", HOST, "192.0.2.1",
            "198.51.100.1",
        )  # fmt: skip
        assert sorted(await world.rows(), key=str) == sorted([(well, 2), (clear, 1)], key=str)

    async def test_under_mta_sts(self, world: World) -> None:
        world.publish("enforce")
        demand = await world.demand()
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST, demand=demand)
        world.policies.note(DOMAIN, None, None, HOST, "certificate-expired", demand=demand)
        (well, _), (failed, _) = sorted(await world.rows(), key=lambda one: one[0].result)
        assert (well.policy_type, well.policy_domain) == ("sts", DOMAIN)
        assert well.policy == tuple((STS % "enforce").splitlines())
        assert well.policy_mx == ("mx.there.test", "*.wild.test")
        assert (failed.result, failed.host) == ("certificate-expired", HOST)

    async def test_under_a_policy_being_tested(self, world: World) -> None:
        world.publish("testing")
        demand = await world.demand()
        bad = Peer(HOST, "192.0.2.1", 25, ENCRYPTED.tls, tls_result="certificate-not-trusted")
        evil = await world.demand("mx.evil.test")
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST, demand=demand)
        world.policies.note(DOMAIN, None, bad, HOST, demand=demand)
        world.policies.note(DOMAIN, None, ENCRYPTED, "mx.evil.test", demand=evil)
        assert sorted(result.result for result, _ in await world.rows()) == [
            "",
            "certificate-not-trusted",
            "validation-failure",
        ]

    async def test_under_dane(self, world: World) -> None:
        world.sign(EE)
        world.publish("enforce")
        demand = await world.demand()
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST, demand=demand)
        ((result, _),) = await world.rows()
        assert (result.policy_type, result.policy_domain) == ("tlsa", HOST)
        assert result.policy == ("3 1 1 " + "00" * 32,)

    async def test_a_policy_that_can_not_be_had(self, world: World) -> None:
        world.publish("enforce")
        world.web.pages.clear()
        demand = await world.demand()
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST, demand=demand)
        ((result, sessions),) = await world.rows()
        assert (result.policy_type, result.result, sessions) == ("sts", "sts-policy-fetch-error", 1)
        assert "404" in result.reason

    async def test_what_is_not_counted(self, world: World) -> None:
        note = world.policies.note
        note(DOMAIN, None, None, HOST)
        note(DOMAIN, None, Peer(HOST, "192.0.2.1", 25), HOST)  # it ended at the greeting
        note(DOMAIN, None, Peer(HOST, "192.0.2.1", 25, ENCRYPTED.tls, reused=True), HOST)
        note(DOMAIN, None, CLEAR, HOST, optional=True)
        note(DOMAIN, None, CLEAR, HOST, demand=TlsDemand(Security.ENCRYPTED, policy="route"))
        assert await world.counted() == []

    async def test_it_may_be_turned_off(self, world: World) -> None:
        world.policies = world.process(TlsPolicyOptions(count=False))
        world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
        assert await world.counted() == []

    async def test_days_are_told_apart(self, world: World) -> None:
        for _ in range(2):
            world.policies.note(DOMAIN, None, ENCRYPTED, HOST)
            world.clock.advance(days=1)
        assert [one.sessions for one in await world.counted()] == [1, 1]

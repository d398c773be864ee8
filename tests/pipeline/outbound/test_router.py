"""The way chosen for a message: here, a route's host, or the domain's mail exchangers."""

from dataclasses import replace
from typing import cast

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.base.ids import AccountId, QueueId
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient, Stage
from pillarbox.domain.routing import routes
from pillarbox.domain.routing.model import Match, Protocol, Route, RouteSecrets, RouteTls
from pillarbox.net.dial import Proxy
from pillarbox.pipeline.outbound.exchangers import Surroundings
from pillarbox.pipeline.outbound.model import (
    DomainPolicy,
    HostFailure,
    Journey,
    RouteFailure,
    RouteKind,
    Security,
    TlsDemand,
)
from pillarbox.pipeline.outbound.router import Router, RouterOptions
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.wire.smtp.replies import Reply

KEYS = KeyRing({1: b"k" * 32})
HERE = Surroundings("mx.home.example", inside=True)
OPPORTUNISTIC = TlsDemand(Security.OPPORTUNISTIC)
MESSAGE = LeasedMessage(
    QueueId(1),
    AccountId(7),
    "ann@home.example",
    100,
    0,
    (LeasedRecipient(1, "x@there.example", 0, 10**15),),
)


class Policies:
    """Policies that refuse the hosts a test names."""

    def __init__(self) -> None:
        self.refused: dict[str, HostFailure] = {}
        self.asked: list[tuple[str, bool, bool, int]] = []
        self.noted: list[tuple[str, str]] = []

    async def of_domain(self, domain: str, mx: object) -> DomainPolicy:
        return DomainPolicy(domain)

    async def demand(
        self,
        policy: DomainPolicy,
        host: str,
        answer: object,
        *,
        port: int,
        require_tls: bool,
        optional: bool,
        attempts: int,
    ) -> TlsDemand:
        self.asked.append((host, require_tls, optional, attempts))
        if host in self.refused:
            raise self.refused[host]
        return OPPORTUNISTIC

    def note(
        self, domain: str, policy: DomainPolicy | None, peer: object, host: str, failure: str = ""
    ) -> None:
        self.noted.append((host, failure))


class Way:
    """A router with what it asks."""

    def __init__(self, database: Database, relay: Route | None = None) -> None:
        self.zone = Zone(
            addresses={
                "a.there.example": ("192.0.2.1",),
                "b.there.example": ("192.0.2.2", "2001:db8::2"),
                "relay.example": ("192.0.2.9",),
            },
            mx={"there.example": ((10, "a.there.example"), (20, "b.there.example"))},
        )
        self.clock = FakeClock()
        self.dns = FakeDns(self.zone, self.clock)
        self.policies = Policies()
        self.bus = LocalBus()
        self.database = database
        self.router = Router(
            database,
            KEYS,
            self.bus,
            self.clock,
            self.dns,
            cast(TlsPolicies, self.policies),
            RouterOptions(HERE, relay, sources=("192.0.2.70",)),
        )

    async def to(self, domain: str = "there.example", **changes: object) -> Journey:
        return await self.router.journey(replace(MESSAGE, **changes), domain)  # type: ignore[arg-type]

    async def refusal(self, domain: str = "there.example", **changes: object) -> RouteFailure:
        with pytest.raises(RouteFailure) as caught:
            await self.to(domain, **changes)
        return caught.value

    async def add(self, route: Route) -> None:
        await self.database.write(routes.add, KEYS, route)
        self.bus.publish(routes.TOPIC)


@pytest.fixture
def way(database: Database) -> Way:
    return Way(database)


async def test_without_routes_to_the_exchangers(way: Way) -> None:
    journey = await way.to()
    assert (journey.kind, journey.name, journey.fallback) == (RouteKind.DIRECT, "direct", ())
    assert [hop.host for hop in journey.hops] == ["a.there.example", "b.there.example"]
    assert journey.hops[1].addresses == ("192.0.2.2", "2001:db8::2")
    assert journey.hops[0].sources == ("192.0.2.70",)
    assert journey.hops[0].port == 25
    assert journey.policy == DomainPolicy("there.example")


async def test_the_name_servers_are_not_asked_for_each_message(way: Way) -> None:
    await way.to()
    asked = len(way.dns.asked)
    assert (await way.to()).hops
    assert len(way.dns.asked) == asked
    way.clock.advance(seconds=6)
    await way.to()
    assert len(way.dns.asked) > asked


class TestLocal:
    async def test_a_domain_served_here(self, way: Way) -> None:
        await way.database.write(domains.create, "home.example")
        assert (await way.to("home.example")).kind is RouteKind.LOCAL

    async def test_even_with_a_relay_for_everything(self, way: Way) -> None:
        await way.database.write(domains.create, "home.example")
        await way.add(Route("relay", host="relay.example"))
        assert (await way.to("home.example")).kind is RouteKind.LOCAL

    async def test_a_relay_domain_is_passed_on(self, way: Way) -> None:
        await way.database.write(domains.create, "there.example", True)
        assert (await way.to()).kind is RouteKind.DIRECT
        await way.add(Route("inside", Match("there.example"), host="192.0.2.33"))
        journey = await way.to()
        assert (journey.kind, journey.name) == (RouteKind.HOST, "inside")

    async def test_a_new_domain_is_noticed(self, way: Way) -> None:
        await way.to()
        await way.database.write(domains.create, "there.example")
        way.bus.publish(routes.TOPIC)
        assert (await way.to()).kind is RouteKind.LOCAL


class TestRoutes:
    async def test_a_host_with_everything(self, way: Way) -> None:
        secrets = RouteSecrets("me", "pw", "", "[2001:db8::5]:1080", "pu", "pp")
        await way.add(
            Route(
                "out",
                host="relay.example",
                port=465,
                protocol=Protocol.LMTP,
                tls=RouteTls.IMPLICIT,
                sources=("192.0.2.71",),
                helo="out.home.example",
                secrets=secrets,
            )
        )
        journey = await way.to()
        (hop,) = journey.hops
        assert (journey.kind, journey.name) == (RouteKind.HOST, "out")
        assert (hop.host, hop.addresses, hop.port) == ("relay.example", ("192.0.2.9",), 465)
        assert (hop.implicit_tls, hop.lmtp, hop.helo) == (True, True, "out.home.example")
        assert hop.tls == TlsDemand(Security.VERIFIED, ("relay.example",), (), "route")
        assert hop.proxy == Proxy("2001:db8::5", 1080, "pu", "pp")
        assert hop.sources == ("192.0.2.71",)
        assert hop.login is not None
        assert (hop.login.username, hop.login.password) == ("me", "pw")
        assert "pw" not in repr(hop)

    @pytest.mark.parametrize(
        ("tls", "security"),
        [
            (RouteTls.OFF, Security.PLAIN),
            (RouteTls.OPPORTUNISTIC, Security.OPPORTUNISTIC),
            (RouteTls.REQUIRED, Security.ENCRYPTED),
            (RouteTls.VERIFIED, Security.VERIFIED),
        ],
    )
    async def test_tls_is_what_the_route_says(
        self, way: Way, tls: RouteTls, security: Security
    ) -> None:
        await way.add(Route("out", host="192.0.2.9", tls=tls))
        assert (await way.to()).hops[0].tls.security is security
        asked_for = (await way.to(require_tls=True)).hops[0].tls
        assert asked_for.security is Security.VERIFIED  # RFC 8689 §4.2.1

    async def test_by_sender_and_user(self, way: Way) -> None:
        await way.add(Route("sender", Match(sender_domain="home.example"), host="192.0.2.1"))
        await way.add(Route("user", Match(account_id=AccountId(8)), host="192.0.2.2"))
        assert (await way.to()).name == "sender"
        assert (await way.to(account_id=AccountId(8))).name == "user"
        assert (await way.to(reverse_path="")).name == "direct"

    async def test_direct_from_another_address(self, way: Way) -> None:
        await way.add(Route("second", Match(sender_domain="home.example"), sources=("192.0.2.72",)))
        journey = await way.to()
        assert (journey.kind, journey.name) == (RouteKind.DIRECT, "second")
        assert journey.hops[0].sources == ("192.0.2.72",)

    async def test_the_exchangers_of_the_host(self, way: Way) -> None:
        await way.add(Route("mx", host="there.example", exchangers=True))
        assert [hop.host for hop in (await way.to("x.example")).hops] == [
            "a.there.example",
            "b.there.example",
        ]

    async def test_an_exchanger_that_nobody_knows_hides_no_other(self, way: Way) -> None:
        await way.add(Route("mx", host="there.example", exchangers=True))
        way.zone.failing.add("a.there.example")
        assert [hop.host for hop in (await way.to("x.example")).hops] == ["b.there.example"]
        way.zone.failing.add("b.there.example")
        way.bus.publish(routes.TOPIC)
        assert (await way.refusal("x.example")).reply.enhanced == "4.4.3"

    @pytest.mark.parametrize("secure", [True, False])
    async def test_certificates_of_the_exchangers_of_the_host(self, way: Way, secure: bool) -> None:
        """Whoever can forge an answer has a certificate for a name of his own."""
        way.zone.mx["there.example"] = ((10, "a.there.example"), (20, "relay.example"))
        if secure:
            way.zone.signed.add("there.example")
        login = RouteSecrets("me", "pw")
        verified = RouteTls.VERIFIED
        await way.add(
            Route("mx", host="there.example", exchangers=True, tls=verified, secrets=login)
        )
        for hop in (await way.to("x.example")).hops:
            certified = (hop.host,) if secure else ("there.example", ".there.example")
            assert hop.tls == TlsDemand(Security.VERIFIED, certified, (), "route")

    async def test_a_certificate_is_looked_at_where_there_is_a_login(self, way: Way) -> None:
        login = RouteSecrets("me", "pw")
        await way.add(Route("out", host="relay.example", tls=RouteTls.REQUIRED, secrets=login))
        asked_for = (await way.to()).hops[0].tls
        assert asked_for == TlsDemand(Security.ENCRYPTED, ("relay.example",), (), "route")

    async def test_a_host_without_address_is_waited_for(self, way: Way) -> None:
        await way.add(Route("out", host="gone.example"))
        failure = await way.refusal()
        assert (failure.reply.code, failure.stage, failure.route) == (451, Stage.ROUTE, "out")
        way.zone.failing.add("gone.example")
        way.bus.publish(routes.TOPIC)
        assert (await way.refusal()).reply.enhanced == "4.4.3"

    async def test_by_hand(self, way: Way) -> None:
        await way.add(Route("all", host="192.0.2.1"))
        await way.add(Route("spare", host="192.0.2.2", fallback=True))
        assert (await way.to(route="direct")).kind is RouteKind.DIRECT
        assert (await way.to(route="spare")).name == "spare"
        failure = await way.refusal(route="gone")
        assert (failure.reply.code, failure.stage) == (451, Stage.ROUTE)


class TestFallback:
    async def test_it_comes_after_the_exchangers(self, way: Way) -> None:
        await way.add(Route("spare", host="relay.example", fallback=True))
        journey = await way.to()
        assert journey.kind is RouteKind.DIRECT
        assert [hop.host for hop in journey.fallback] == ["relay.example"]

    async def test_it_is_taken_where_there_is_nobody_to_ask(self, way: Way) -> None:
        await way.add(Route("spare", host="relay.example", fallback=True))
        way.zone.failing.add("MX there.example")
        journey = await way.to()
        assert (journey.kind, journey.name) == (RouteKind.HOST, "spare")

    async def test_not_for_a_domain_that_takes_no_mail(self, way: Way) -> None:
        await way.add(Route("spare", host="relay.example", fallback=True))
        way.zone.mx["there.example"] = ((0, ""),)
        assert (await way.refusal()).reply.code == 556

    async def test_a_fallback_that_can_not_be_found_hurts_nobody(self, way: Way) -> None:
        await way.add(Route("spare", host="gone.example", fallback=True))
        journey = await way.to()
        assert (journey.kind, journey.fallback) == (RouteKind.DIRECT, ())


class TestSettings:
    async def test_the_relay_takes_what_has_no_route(self, database: Database) -> None:
        way = Way(database, Route("relay", host="relay.example"))
        await way.add(Route("inside", Match("there.example"), host="192.0.2.33"))
        assert (await way.to()).name == "inside"
        assert (await way.to("elsewhere.example")).name == "relay"

    async def test_the_relay_as_a_fallback(self, database: Database) -> None:
        way = Way(database, Route("relay", host="relay.example", fallback=True))
        journey = await way.to()
        assert journey.kind is RouteKind.DIRECT
        assert [hop.host for hop in journey.fallback] == ["relay.example"]


class TestPolicies:
    async def test_a_host_that_is_not_allowed_is_left_out(self, way: Way) -> None:
        reply = Reply(451, "4.7.5", ("not in the policy",))
        way.policies.refused["a.there.example"] = HostFailure(Stage.TLS, reply, tls_result="x")
        assert [hop.host for hop in (await way.to()).hops] == ["b.there.example"]
        assert ("a.there.example", "x") in way.policies.noted

    async def test_one_that_may_be_allowed_later_is_waited_for(self, way: Way) -> None:
        for host, code in (("a.there.example", 550), ("b.there.example", 451)):
            reply = Reply(code, "4.7.5" if code == 451 else "5.7.30", ("no",))
            way.policies.refused[host] = HostFailure(Stage.TLS, reply)
        failure = await way.refusal()
        assert (failure.reply.code, failure.stage, failure.route) == (451, Stage.TLS, "direct")

    async def test_policies_know_what_is_asked_of_them(self, way: Way) -> None:
        recipients = (LeasedRecipient(1, "x@there.example", 2, 10**15),)
        await way.to(require_tls=True, recipients=recipients)
        hosts = ("a.there.example", "b.there.example")
        assert way.policies.asked == [(host, True, False, 2) for host in hosts]
        way.policies.asked.clear()
        await way.to(tls_optional=True)
        assert way.policies.asked == [(host, False, True, 0) for host in hosts]

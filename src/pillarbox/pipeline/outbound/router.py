"""The way for a message: here, to the host of a route, or to its domain's mail exchangers.

Called by `attempt`; calls `exchangers`, `tls_policy`, `domain/routing` and `net/dns`. Routes and
which domains are local are kept in memory and dropped when the directory changes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Unavailable
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import domains
from pillarbox.domain.queue.model import LeasedMessage, Stage
from pillarbox.domain.routing import routes
from pillarbox.domain.routing.model import DIRECT, LOCAL, Protocol, Route, RouteTls, choose
from pillarbox.net.dial import Proxy
from pillarbox.net.dns import HostAnswer, Resolver
from pillarbox.pipeline.outbound.exchangers import (
    Exchangers,
    Surroundings,
    exchangers,
    in_order,
    is_host_name,
)
from pillarbox.pipeline.outbound.model import (
    DomainPolicy,
    HostFailure,
    Journey,
    NextHop,
    RelayLogin,
    RouteFailure,
    RouteKind,
    Security,
    TlsDemand,
)
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.replies import Reply

PLAIN_AFTER = 3
"""From this attempt on the memory of a host's TLS is no reason to wait (`tls_policy`)."""

_REMEMBERED_MS = 5_000
_REMEMBERED = 5_000
_ROUTE_HOSTS = 5
_NO_ROUTE = Route(DIRECT)
_SECURITY = {
    RouteTls.OFF: Security.PLAIN,
    RouteTls.OPPORTUNISTIC: Security.OPPORTUNISTIC,
    RouteTls.REQUIRED: Security.ENCRYPTED,
    RouteTls.VERIFIED: Security.VERIFIED,
    RouteTls.IMPLICIT: Security.VERIFIED,
}


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """`relay` is the route of the settings, which all mail takes that no other route is for.

    `port` is where mail exchangers listen; `sources` are addresses of this server to send from.
    """

    here: Surroundings
    relay: Route | None = None
    port: int = 25
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Direct:
    """The mail exchangers of a domain, ready to be sent to."""

    hops: tuple[NextHop, ...]
    policy: DomainPolicy


@dataclass(slots=True)
class _Known:
    """The directory as it was looked up."""

    routes: tuple[Route, ...]
    until_ms: int
    local: dict[str, bool] = field(default_factory=dict)


class Router:
    """Finds journeys; `close` ends its subscription."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        bus: Bus,
        clock: Clock,
        resolver: Resolver,
        policies: TlsPolicies,
        options: RouterOptions,
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._resolver = resolver
        self._policies = policies
        self._options = options
        self._known: _Known | None = None
        self._direct: dict[tuple[object, ...], tuple[_Direct, int]] = {}
        self.close: Callable[[], None] = bus.subscribe(routes.TOPIC, self._forget)

    async def journey(self, message: LeasedMessage, domain: str) -> Journey:
        """The way for a message to recipients of one domain; raises `RouteFailure`."""
        known = await self._look()
        by_hand = self._by_hand(known, message.route)
        if by_hand is None and await self._is_local(known, domain):
            return Journey(RouteKind.LOCAL, LOCAL)
        sender = message.reverse_path.rpartition("@")[2].lower()
        account = message.account_id
        route = by_hand or choose(known.routes, domain, sender, account) or self._options.relay
        route = route or _NO_ROUTE
        if route.host is not None and not route.fallback:
            return Journey(RouteKind.HOST, route.name, await self._hops(route, message))
        if route.host is not None and by_hand is not None:
            return Journey(RouteKind.HOST, route.name, await self._hops(route, message))
        fallback = choose(known.routes, domain, sender, account, fallback=True)
        if fallback is None and self._options.relay is not None and self._options.relay.fallback:
            fallback = self._options.relay
        if route.host is not None:  # the relay of the settings, as a fallback only
            route = _NO_ROUTE
        try:
            direct = await self._exchangers(route, message, domain)
        except RouteFailure as failure:
            if fallback is None or failure.reply.is_permanent:
                raise
            hops = await self._hops(fallback, message)
            return Journey(RouteKind.HOST, fallback.name, hops)
        further = await self._further(fallback, message)
        return Journey(RouteKind.DIRECT, route.name, direct.hops, further, direct.policy)

    async def _further(self, fallback: Route | None, message: LeasedMessage) -> tuple[NextHop, ...]:
        """The hosts of a fallback; one that can't be found is no reason not to try the others."""
        if fallback is None:
            return ()
        try:
            return await self._hops(fallback, message)
        except RouteFailure:
            return ()

    def _by_hand(self, known: _Known, name: str | None) -> Route | None:
        if name is None:
            return None
        if name == DIRECT:
            return _NO_ROUTE
        relay = self._options.relay
        for route in known.routes if relay is None else (*known.routes, relay):
            if route.name == name:
                return route
        reply = Reply(451, "4.3.5", (f"There is no route {name} any more; reroute the message",))
        raise RouteFailure(Stage.ROUTE, reply, name)

    async def _exchangers(self, route: Route, message: LeasedMessage, domain: str) -> _Direct:
        attempts = min((one.attempts for one in message.recipients), default=0)
        asked = (message.require_tls, message.tls_optional)
        key = (domain, route.name, asked, min(attempts, PLAIN_AFTER))
        now_ms = self._clock.now_ms()
        direct, until_ms = self._direct.get(key, (None, 0))
        if direct is None or until_ms <= now_ms:
            try:
                found = await exchangers(self._resolver, domain, self._options.here)
                direct = await self._demanded(route, message, domain, found, attempts)
            except RouteFailure as failure:
                raise RouteFailure(failure.stage, failure.reply, route.name) from failure
            if len(self._direct) >= _REMEMBERED:
                self._direct.clear()
            self._direct[key] = (direct, now_ms + _REMEMBERED_MS)
        return direct

    async def _demanded(
        self,
        route: Route,
        message: LeasedMessage,
        domain: str,
        found: Exchangers,
        attempts: int,
    ) -> _Direct:
        """The hosts that may be used as far as TLS goes."""
        policy = await self._policies.of_domain(domain, found.mx)
        port = self._options.port
        hops: list[NextHop] = []
        failures: list[HostFailure] = []
        for exchanger in found.hosts:
            try:
                demand = await self._policies.demand(
                    policy,
                    exchanger.name,
                    exchanger.answer,
                    port=port,
                    require_tls=message.require_tls,
                    optional=message.tls_optional,
                    attempts=attempts,
                )
            except HostFailure as failure:
                failures.append(failure)
                self._policies.note(domain, policy, None, exchanger.name, failure.tls_result)
            else:
                hop = NextHop(exchanger.name, exchanger.answer.addresses, demand, port)
                hops.append(self._dressed(hop, route))
        if not hops:
            # One that may be used later is worth waiting for.
            worst = next((one for one in failures if not one.permanent), failures[0])
            raise RouteFailure(worst.stage, worst.reply)
        return _Direct(tuple(hops), policy)

    async def _hops(self, route: Route, message: LeasedMessage) -> tuple[NextHop, ...]:
        """The hosts of a route that names one."""
        host = route.host or ""
        security = _SECURITY[route.tls]
        if message.require_tls and security is not Security.VERIFIED:
            security = Security.VERIFIED
        # With a login a certificate is looked at even where any will do (`relay_login`).
        looked_at = security is Security.VERIFIED or bool(route.secrets.username)
        hops = []
        for name, answer, names in await self._addresses(route, host):
            if answer.addresses:
                hop = NextHop(
                    name,
                    answer.addresses,
                    TlsDemand(security, names if looked_at else (), (), "route"),
                    route.port,
                    implicit_tls=route.tls is RouteTls.IMPLICIT,
                    lmtp=route.protocol is Protocol.LMTP,
                    login=_login(route),
                )
                hops.append(self._dressed(hop, route))
        if hops:
            return tuple(hops)
        text = f"The host {host} of the route {route.name} has no address"
        raise RouteFailure(Stage.ROUTE, Reply(451, "4.4.4", (text,)), route.name)

    async def _addresses(
        self, route: Route, host: str
    ) -> list[tuple[str, HostAnswer, tuple[str, ...]]]:
        """The hosts of a route, where they are, and for which names their certificates may be."""
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            return [(host, HostAnswer((host,), False, host), (host,))]
        try:
            hosts, names = [host], [host]
            if route.exchangers:
                mx = await self._resolver.mx(host)
                hosts = [one.name for one in in_order(mx.hosts) if is_host_name(one.name)] or hosts
                # Else whoever can forge an answer names the host that he has a certificate for.
                names = hosts if mx.secure else [host, f".{host}"]
            hosts = hosts[:_ROUTE_HOSTS]
            answers = await asyncio.gather(*map(self._resolver.host, hosts), return_exceptions=True)
            failed = next((one for one in answers if isinstance(one, BaseException)), None)
            found = [
                (name, answer, (name,) if name in names else tuple(names))
                for name, answer in zip(hosts, answers, strict=True)
                if not isinstance(answer, BaseException)
            ]
            if failed is not None and not (found and isinstance(failed, Unavailable)):
                raise failed
            return found
        except Unavailable as failure:
            cause = f": {failure.cause}" if failure.cause else ""
            text = f"The host {host} of the route {route.name} can't be looked up{cause}"
            raise RouteFailure(Stage.ROUTE, Reply(451, "4.4.3", (text,)), route.name) from failure

    def _dressed(self, hop: NextHop, route: Route) -> NextHop:
        """The hop with what the route says of our side."""
        proxy = None
        secrets = route.secrets
        if secrets.proxy:
            host, _, port = secrets.proxy.rpartition(":")
            proxy = Proxy(
                host.strip("[]"), int(port), secrets.proxy_username, secrets.proxy_password
            )
        sources = route.sources or self._options.sources
        return replace(hop, sources=sources, proxy=proxy, helo=route.helo)

    async def _look(self) -> _Known:
        known = self._known
        now_ms = self._clock.now_ms()
        if known is None or known.until_ms <= now_ms:
            found = await self._database.lookup(routes.all_of, self._keys)
            known = self._known = _Known(found, now_ms + int(LOOK_EVERY_S * 1000))
        return known

    async def _is_local(self, known: _Known, domain: str) -> bool:
        found = known.local.get(domain)
        if found is None:
            if len(known.local) >= _REMEMBERED:
                known.local.clear()
            found = known.local[domain] = await self._database.lookup(_is_local, domain)
        return found

    def _forget(self, topic: str) -> None:
        self._known = None
        self._direct.clear()


def _is_local(tx: Tx, domain: str) -> bool:
    served = domains.get(tx, domain)
    return served is not None and not served.relay


def _login(route: Route) -> RelayLogin | None:
    secrets = route.secrets
    if not secrets.username:
        return None
    return RelayLogin(secrets.username, secrets.password, secrets.token)

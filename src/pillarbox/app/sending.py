"""Makes the parts that send mail to other servers and puts them together; part of `compose`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pillarbox.app.config.options import Options
from pillarbox.base.clock import Clock
from pillarbox.base.log import logger
from pillarbox.cluster.bus import Bus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.queue.model import LeasedMessage
from pillarbox.domain.routing.model import Route, RouteSecrets, RouteTls
from pillarbox.net.client_tls import ClientContexts
from pillarbox.net.dns import Resolver
from pillarbox.net.https import HttpsClient, HttpsOptions
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.outbound.attempt import Attempts, Verdicts
from pillarbox.pipeline.outbound.breaker import BreakerOptions
from pillarbox.pipeline.outbound.connections import ConnectionOptions, Connections
from pillarbox.pipeline.outbound.destination import Parts
from pillarbox.pipeline.outbound.exchangers import Surroundings as Here
from pillarbox.pipeline.outbound.local import LocalDelivery
from pillarbox.pipeline.outbound.pace import Concurrency, Contents, Pace
from pillarbox.pipeline.outbound.reports import Reports
from pillarbox.pipeline.outbound.router import Router, RouterOptions
from pillarbox.pipeline.outbound.runner import Outbound, OutboundOptions
from pillarbox.pipeline.outbound.schedule import Schedule, ScheduleOptions
from pillarbox.pipeline.outbound.session import SessionOptions
from pillarbox.pipeline.outbound.settling import Settling
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies, TlsPolicyOptions
from pillarbox.pipeline.signing import Signing
from pillarbox.storage.db import Database

MEMORY_FOR_OUTGOING_BYTES = 128 << 20
RESTART_S = 5.0
CLOSE_S = 5.0

_log = logger("outbound")


@dataclass(frozen=True, slots=True)
class Foundation:
    """What sending shares with the rest of a process; `workers` share the memory for content."""

    options: Options
    database: Database
    content: ContentStore
    bus: Bus
    clock: Clock
    owner: str
    workers: int
    resolver: Resolver
    recipients: Recipients
    delivery: Delivery
    reports: Reports
    signing: Signing
    inbound: Inbound


@dataclass(frozen=True, slots=True)
class Sending:
    """The parts of sending that run, and end with the process."""

    outbound: Outbound
    router: Router
    connections: Connections
    policies: TlsPolicies
    contexts: ClientContexts
    https: HttpsClient

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep_running("outbound", self.outbound.run))
            tasks.create_task(_keep_running("TLS policies", self.policies.run))

    async def stop(self) -> None:
        """Begin with nothing more; what is on its way may end, for some seconds."""
        try:
            await self.outbound.close()
        except Exception:
            _log.exception("sending did not end well")

    async def close(self) -> None:
        """Stop, if that was not done yet, and let go of everything."""
        await self.stop()
        await self.connections.close()
        await self.policies.close()
        self.router.close()


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """A fault in one part must end neither it nor the others."""
    while True:
        try:
            return await run()
        except Exception:
            _log.exception("a part of sending failed and begins again", name=name)
        await asyncio.sleep(RESTART_S)


def sending(base: Foundation, paces: tuple[Pace, ...] = ()) -> Sending:
    """Everything that sends; `paces` are those of features."""
    options, clock = base.options, base.clock
    contexts = ClientContexts(options.tls_extra_ca)
    inside = options.outbound_inside
    https = HttpsClient(base.resolver, contexts, HttpsOptions(allow_private=inside))
    policies = TlsPolicies(base.resolver, https, base.database, clock, TlsPolicyOptions())
    here = Here(options.hostname, frozenset(options.outbound_sources), inside)
    router = Router(
        base.database,
        base.content.keys,
        base.bus,
        clock,
        base.resolver,
        policies,
        RouterOptions(here, _relay(options), options.outbound_port, options.outbound_sources),
    )

    async def resign(message: LeasedMessage, content: bytes) -> bytes:
        # Who submitted a message may use its From; of one that is only passed on, anybody wrote it.
        if message.account_id is None:
            return content
        domain = message.reverse_path.rpartition("@")[2]
        return await base.signing.sign(domain, content) + content

    connections = Connections(
        ConnectionOptions(
            SessionOptions(options.hostname),
            per_hop=options.queue_per_host,
            idle=options.queue_connections,
            allow_private=True,  # which hosts may be used is the router's to say
        ),
        contexts,
        clock,
        resign,
    )
    settling = Settling(
        base.database, base.content, base.reports, base.owner, options.queue_lease * 1000
    )
    verdicts = Verdicts(Schedule(_schedule(options)), clock)
    concurrency = Concurrency(options.queue_per_host, options.queue_connections)
    room = max(MEMORY_FOR_OUTGOING_BYTES // base.workers, 2 * options.max_message_size)
    parts = Parts(
        settling,
        Contents(settling.load, room),
        router,
        Attempts(connections, (concurrency, *paces), verdicts, clock, policies),
        verdicts,
        _local(base),
        clock,
        BreakerOptions(),
        options.queue_per_destination,
    )
    closing = OutboundOptions(close_s=min(CLOSE_S, options.shutdown_timeout))
    return Sending(
        Outbound(parts, base.bus, closing), router, connections, policies, contexts, https
    )


def _local(base: Foundation) -> LocalDelivery:
    """What waits for room in mailboxes here; by `records` it keeps the verdict it came with."""
    hostname, inbound = base.options.hostname, base.inbound
    return LocalDelivery(
        base.recipients,
        base.delivery,
        hostname,
        inbound.forwarding,
        inbound.records,
        inbound.filters,
        inbound.ids,
    )


def _schedule(options: Options) -> ScheduleOptions:
    return ScheduleOptions(
        retry_ms=tuple(1000 * pause_s for pause_s in options.queue_retry_mins),
        delay_notice_ms=options.queue_delay_notice_hours * 3_600_000,
        max_age_ms=options.queue_max_age_hours * 3_600_000,
    )


def _relay(options: Options) -> Route | None:
    """The route of the settings."""
    if not options.relay_host:
        return None
    tls = RouteTls[options.relay_tls.upper()]
    where = urlsplit(f"//{options.relay_host}")
    port = 465 if tls is RouteTls.IMPLICIT else 25
    return Route(
        "relay",
        fallback=options.relay_fallback,
        host=where.hostname,
        port=where.port or port,
        tls=tls,
        secrets=RouteSecrets(options.relay_username, options.relay_password),
    )

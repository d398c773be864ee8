"""Makes the periodic jobs of a process; part of `compose`."""

from dataclasses import dataclass

from pillarbox.app.config.options import Options
from pillarbox.app.learning import Learning
from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.base.ids import IdSource
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.policy import policies
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.domain.signing.make import KeyChoice
from pillarbox.net.dns import Resolver
from pillarbox.net.https import HttpsClient
from pillarbox.pipeline.collections.attachments import SWEEP_EVERY_S, Sweeping
from pillarbox.pipeline.collections.feeds import FEEDS_EVERY_S, Feeds
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.quarantine import Quarantine
from pillarbox.pipeline.jobs.daily_reports import REPORT_EVERY_S, Post, ReportOptions
from pillarbox.pipeline.jobs.dmarc_reports import DmarcReporting
from pillarbox.pipeline.jobs.forgetting import FORGET_EVERY_S, Forgetting
from pillarbox.pipeline.jobs.gatekeeping import GATE_UPKEEP_EVERY_S, GateUpkeep
from pillarbox.pipeline.jobs.indexing import LOOK_EVERY_S, UPKEEP_EVERY_S, Indexing
from pillarbox.pipeline.jobs.key_rotation import ROTATE_EVERY_S, KeyRotation
from pillarbox.pipeline.jobs.purge import ORPHANS_EVERY_S, PURGE_EVERY_S, Purge
from pillarbox.pipeline.jobs.quarantine import (
    QUARANTINE_EVERY_S,
    QuarantineDigest,
    QuarantineUpkeep,
)
from pillarbox.pipeline.jobs.queue_upkeep import (
    QUEUE_STRAYS_EVERY_S,
    QUEUE_UPKEEP_EVERY_S,
    QueueUpkeep,
)
from pillarbox.pipeline.jobs.runner import PeriodicJob
from pillarbox.pipeline.jobs.sieve_upkeep import SIEVE_UPKEEP_EVERY_S, SieveUpkeep
from pillarbox.pipeline.jobs.threading import THREADS_EVERY_S, Threading
from pillarbox.pipeline.jobs.tls_reports import TlsReporting
from pillarbox.pipeline.jobs.traces import TRACES_EVERY_S, TraceUpkeep
from pillarbox.pipeline.learning.training import UPKEEP_EVERY_S as LEARNING_EVERY_S
from pillarbox.pipeline.outbound.tls_policy import UPKEEP_EVERY_S as TLS_UPKEEP_EVERY_S
from pillarbox.pipeline.outbound.tls_policy import TlsPolicies
from pillarbox.pipeline.prepare import Preparation
from pillarbox.pipeline.signing import Signing
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


@dataclass(frozen=True, slots=True)
class Tools:
    """What the jobs work with."""

    options: Options
    database: Database
    content: ContentStore
    clock: Clock
    cpu: Cpu
    preparation: Preparation
    indexing: Indexing
    signing: Signing
    resolver: Resolver
    https: HttpsClient
    policies: TlsPolicies
    delivery: Delivery
    ids: IdSource
    quarantine: Quarantine
    learning: Learning


def periodic_jobs(tools: Tools) -> tuple[PeriodicJob, ...]:
    """Everything that is done again and again, by one process of those that share a database."""
    options, database, clock = tools.options, tools.database, tools.clock
    keys, blobs = tools.content.keys, tools.content.blobs
    purge = Purge(database, blobs, clock)
    queue = QueueUpkeep(
        database,
        blobs,
        clock,
        options.queue_keep_sent_days,
        options.queue_keep_failed_days,
        options.queue_keep_log_days,
    )
    rotation = KeyRotation(
        database,
        keys,
        tools.cpu,
        tools.resolver,
        KeyChoice(options.dkim_algo),
        options.dkim_selector,
    )
    return (
        PeriodicJob("threads", THREADS_EVERY_S, Threading(database, keys).run),
        PeriodicJob("purge", PURGE_EVERY_S, purge.run),
        PeriodicJob("orphans", ORPHANS_EVERY_S, purge.run_orphans),
        PeriodicJob("forgetting", FORGET_EVERY_S, Forgetting(database, clock).run),
        PeriodicJob("index", LOOK_EVERY_S, tools.indexing.look),
        PeriodicJob("index upkeep", UPKEEP_EVERY_S, tools.indexing.upkeep),
        PeriodicJob(
            "traces",
            TRACES_EVERY_S,
            TraceUpkeep(database, clock, options.trace_keep_days).run,
        ),
        PeriodicJob("queue upkeep", QUEUE_UPKEEP_EVERY_S, queue.run),
        PeriodicJob("queue strays", QUEUE_STRAYS_EVERY_S, queue.run_strays),
        PeriodicJob("dkim keys", ROTATE_EVERY_S, rotation.run),
        PeriodicJob("tls reports", REPORT_EVERY_S, _tls_reporting(tools).run),
        PeriodicJob("dmarc reports", REPORT_EVERY_S, _dmarc_reporting(tools).run),
        PeriodicJob("gate upkeep", GATE_UPKEEP_EVERY_S, GateUpkeep(database).run),
        PeriodicJob("sieve upkeep", SIEVE_UPKEEP_EVERY_S, SieveUpkeep(database).run),
        PeriodicJob("quarantine", QUARANTINE_EVERY_S, QuarantineUpkeep(tools.quarantine).run),
        *_quarantine_digest(tools),
        PeriodicJob("spam tokens", LEARNING_EVERY_S, tools.learning.training.upkeep),
        PeriodicJob("reputations", LEARNING_EVERY_S, tools.learning.outcomes.upkeep),
        PeriodicJob("tls policies", TLS_UPKEEP_EVERY_S, tools.policies.upkeep),
        PeriodicJob("attachments", SWEEP_EVERY_S, Sweeping(database, keys, clock).run),
        PeriodicJob("feeds", FEEDS_EVERY_S, Feeds(database, keys, tools.https, clock).run_due),
    )


def _quarantine_digest(tools: Tools) -> tuple[PeriodicJob, ...]:
    options = tools.options
    if not options.quarantine_digest:
        return ()
    digest = QuarantineDigest(
        tools.database,
        tools.content.keys,
        tools.delivery,
        tools.clock,
        tools.ids,
        options.hostname,
        options.default_domain or options.hostname,
    )
    return (PeriodicJob("quarantine digest", QUARANTINE_EVERY_S, digest.run),)


def _tls_reporting(tools: Tools) -> TlsReporting:
    options = tools.options
    domain = options.default_domain or options.hostname
    wanted = ReportOptions(
        sender=f"postmaster@{domain}", organization=domain, send=options.tls_reports
    )
    post = _post(tools, domain, tls_optional=True)
    return TlsReporting(tools.database, tools.resolver, tools.https, tools.clock, post, wanted)


def _dmarc_reporting(tools: Tools) -> DmarcReporting:
    options = tools.options
    domain = options.default_domain or options.hostname
    wanted = ReportOptions(
        f"postmaster@{domain}", domain, options.dmarc_report_email, options.dmarc_reports
    )
    post = _post(tools, domain, tls_optional=False)

    def contact(tx: Tx) -> str:
        return policies.of(tx, domain).dmarc_report_email

    return DmarcReporting(tools.database, tools.resolver, tools.clock, post, wanted, contact)


def _post(tools: Tools, domain: str, *, tls_optional: bool) -> Post:
    """Sends a message of the server's own, for which there are no reports when it fails."""
    age_ms = tools.options.queue_max_age_hours * 3_600_000

    async def post(content: bytes, recipients: tuple[str, ...]) -> None:
        signed = await tools.signing.sign(domain, content) + content
        blob = await tools.preparation.blob(signed)
        outgoing = Outgoing("", _recipients(recipients), tls_optional=tls_optional)
        await tools.database.write(_enqueue, tools.content, blob, outgoing, age_ms)

    return post


def _recipients(addresses: tuple[str, ...]) -> tuple[OutgoingRecipient, ...]:
    return tuple(OutgoingRecipient(address, "NEVER") for address in addresses)


def _enqueue(
    tx: Tx, content: ContentStore, blob: SealedBlob, outgoing: Outgoing, age_ms: int
) -> None:
    content.blobs.insert(tx, blob)
    enqueue(tx, content.keys, blob, outgoing, tx.now_ms + age_ms)

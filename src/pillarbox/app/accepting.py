"""Makes the parts that accept mail, from other servers and from users; part of `compose`."""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.app.checking import Checking
from pillarbox.app.config.options import Options
from pillarbox.app.filtering import ScriptGround, ScriptParts, script_parts
from pillarbox.app.foundation import blob_store, key_ring
from pillarbox.base.clock import Clock, SystemClock
from pillarbox.base.ids import IdSource
from pillarbox.cluster.bus import Bus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.quarantine.model import DAY_MS, KeepLimits
from pillarbox.domain.sending.model import Limits, SendingLimits
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.filtering.redirects import Redirects
from pillarbox.pipeline.inbound.bounces import Bounces
from pillarbox.pipeline.inbound.complaints import ComplaintInbox
from pillarbox.pipeline.inbound.deliver import Delivery
from pillarbox.pipeline.inbound.dmarc_reports import DmarcReportInbox
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.quarantine import Quarantine
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.report_reading import ReportReading, TlsReports
from pillarbox.pipeline.outbound.reports import Reports
from pillarbox.pipeline.prepare import Preparation
from pillarbox.pipeline.scheduling.mail import MeetingMail
from pillarbox.pipeline.signing import Signing
from pillarbox.pipeline.submission.limits import SendingWatch
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

SRS_PURPOSE = "srs"


@dataclass(frozen=True, slots=True)
class Ground:
    """What accepting shares with the rest of a process; `trap` as in `compose.Surroundings`."""

    options: Options
    database: Database
    keys: KeyRing
    bus: Bus
    clock: Clock
    ids: IdSource
    preparation: Preparation
    signing: Signing
    resolver: Resolver
    checking: Checking
    trap: str | None = None
    tls_reports: TlsReports | None = None


@dataclass(frozen=True, slots=True)
class Accepting:
    """The parts that accept mail; `recipients` and `scripts.programs` have to be closed."""

    recipients: Recipients
    reports: Reports
    delivery: Delivery
    inbound: Inbound
    submission: Submission
    quarantine: Quarantine
    scripts: ScriptParts


def accepting(ground: Ground) -> Accepting:
    """Everything that accepts."""
    options, database, clock = ground.options, ground.database, ground.clock
    hostname, queue_age_ms = options.hostname, options.queue_max_age_hours * 3_600_000
    srs = Srs(ground.keys.lasting(SRS_PURPOSE))
    recipients = Recipients(
        database,
        ground.bus,
        clock,
        options.default_domain or hostname,
        options.subaddress_delimiter,
        srs,
    )

    signing = ground.signing
    reports = Reports(
        hostname, recipients, ground.preparation, signing, clock, queue_age_ms, signing
    )
    delivery = Delivery(database, ground.preparation, queue_age_ms, reports)
    forwarding = Forwarding(hostname, recipients, clock, srs, ground.signing)
    quarantine = Quarantine(
        database, ground.preparation, delivery, hostname, keep_limits(options), forwarding
    )
    own_mail = OwnMail(recipients, signing, ground.resolver)
    limits = sending_limits(options)
    watch = SendingWatch(
        database, ground.keys, limits, recipients, delivery, clock, ground.ids, hostname
    )
    redirects = Redirects(recipients, forwarding, own_mail, watch)
    scripts = script_parts(
        ScriptGround(
            options, database, ground.keys, ground.bus, clock, ground.ids, redirects, signing
        )
    )
    inbound = _inbound(ground, recipients, delivery, forwarding, quarantine, own_mail, scripts)
    submission = Submission(
        hostname,
        recipients,
        delivery,
        clock,
        ground.ids,
        ground.trap,
        signing,
        watch,
        database,
        options.submission_show_client,
        ground.checking.scanning.outgoing,
        scripts.filters,
        ground.checking.records,
        MeetingMail(database, ground.keys, enabled=options.calendar_scheduling),
    )
    return Accepting(recipients, reports, delivery, inbound, submission, quarantine, scripts)


def _inbound(
    ground: Ground,
    recipients: Recipients,
    delivery: Delivery,
    forwarding: Forwarding,
    quarantine: Quarantine,
    own_mail: OwnMail,
    scripts: ScriptParts,
) -> Inbound:
    database, checks = ground.database, ground.checking
    return Inbound(
        ground.options.hostname,
        recipients,
        delivery,
        ground.clock,
        ground.ids,
        forwarding,
        ReportReading(
            Bounces(database, ground.keys),
            ground.tls_reports,
            DmarcReportInbox(database),
            ComplaintInbox(database, ground.keys),
        ),
        own_mail,
        checks.judging,
        checks.records,
        (*checks.aftermaths, quarantine),
        scripts.filters,
        MeetingMail(database, ground.keys, enabled=ground.options.calendar_scheduling),
    )


def keep_limits(options: Options) -> KeepLimits:
    """How much is kept in quarantine, as the settings say."""
    return KeepLimits(
        keep_ms=options.quarantine_keep_days * DAY_MS, size_bytes=options.quarantine_user_size
    )


def rescuing(
    options: Options, database: Database, bus: Bus
) -> tuple[Quarantine, Callable[[], None]]:
    """What releases mail from quarantine, for commands, and what ends it.

    What leaves by it for addresses elsewhere has no seal (ARC).
    """
    clock, keys = SystemClock(), key_ring(options)
    preparation = Preparation(ContentStore(keys, blob_store(options)), IdSource())
    srs = Srs(keys.lasting(SRS_PURPOSE))
    home, delimiter = options.default_domain or options.hostname, options.subaddress_delimiter
    recipients = Recipients(database, bus, clock, home, delimiter, srs)
    delivery = Delivery(database, preparation, options.queue_max_age_hours * 3_600_000)
    forwarding = Forwarding(options.hostname, recipients, clock, srs)
    parts = Quarantine(
        database, preparation, delivery, options.hostname, keep_limits(options), forwarding
    )
    return parts, recipients.close


def sending_limits(options: Options) -> SendingLimits:
    """The limits on what users send, as the settings say."""
    return SendingLimits(
        user=Limits(
            options.sending_user_messages_hour,
            options.sending_user_messages_day,
            options.sending_user_recipients_hour,
            options.sending_user_recipients_day,
            options.sending_user_newcomers_day,
        ),
        domain=Limits(
            options.sending_domain_messages_hour,
            options.sending_domain_messages_day,
            options.sending_domain_recipients_hour,
            options.sending_domain_recipients_day,
        ),
        server=Limits(
            options.sending_server_messages_hour,
            options.sending_server_messages_day,
            options.sending_server_recipients_hour,
            options.sending_server_recipients_day,
        ),
    )

"""Makes the checks of mail from elsewhere, and what judges by them; part of `compose`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pillarbox.app.config.options import Options
from pillarbox.app.gatekeeping import gate
from pillarbox.app.scanning import Scanning, scanning
from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import Failure
from pillarbox.base.ids import IdSource
from pillarbox.cluster.bus import Bus
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arc import ArcCheck
from pillarbox.pipeline.inbound.checks.attachments import AttachmentCheck
from pillarbox.pipeline.inbound.checks.bayes import BayesCheck
from pillarbox.pipeline.inbound.checks.check import Check, RecipientCheck
from pillarbox.pipeline.inbound.checks.correspondents import ContactDomains
from pillarbox.pipeline.inbound.checks.directory import Directory
from pillarbox.pipeline.inbound.checks.dkim import DkimCheck
from pillarbox.pipeline.inbound.checks.dmarc import DmarcCheck
from pillarbox.pipeline.inbound.checks.dnsbl import DnsblCheck
from pillarbox.pipeline.inbound.checks.early_talker import EarlyTalker
from pillarbox.pipeline.inbound.checks.greylist import Greylist
from pillarbox.pipeline.inbound.checks.headers import HeaderCheck
from pillarbox.pipeline.inbound.checks.helo import HeloCheck
from pillarbox.pipeline.inbound.checks.html import HtmlCheck
from pillarbox.pipeline.inbound.checks.iprev import IprevCheck
from pillarbox.pipeline.inbound.checks.links import LinkCheck
from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
from pillarbox.pipeline.inbound.checks.mime import MimeCheck
from pillarbox.pipeline.inbound.checks.reputation import ReputationCheck, Repute
from pillarbox.pipeline.inbound.checks.sender_lists import SenderLists
from pillarbox.pipeline.inbound.checks.spf import SpfCheck
from pillarbox.pipeline.inbound.checks.uri_lists import UriListsCheck
from pillarbox.pipeline.inbound.dmarc_counting import DmarcCounting
from pillarbox.pipeline.inbound.judging import Judging
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.pipeline.inbound.receive import Aftermath
from pillarbox.pipeline.inbound.records import Records
from pillarbox.pipeline.inbound.running import Runner
from pillarbox.pipeline.inbound.screening import Screens
from pillarbox.pipeline.inbound.trace_log import TraceLog
from pillarbox.pipeline.learning.outcomes import Outcomes
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Matter:
    """What checks are made of."""

    options: Options
    database: Database
    keys: KeyRing
    bus: Bus
    clock: Clock
    ids: IdSource
    resolver: Resolver
    signatures: Cpu


@dataclass(frozen=True, slots=True)
class Checking:
    """What checks and judges; `close` ends it."""

    policies: Policies
    traces: TraceLog
    screens: Screens
    judging: Judging
    records: Records
    scanning: Scanning
    outcomes: Outcomes
    senders: SenderLists
    aftermaths: Sequence[Aftermath] = ()

    async def close(self) -> None:
        """Write down what still waits to be."""
        self.policies.close()
        self.senders.close()
        if self.screens.gate is not None:
            self.screens.gate.close()
        await self.traces.close()
        with suppress(Failure):  # some seconds of statistics
            await self.outcomes.flush()


def checking(matter: Matter) -> Checking:
    """Everything that checks."""
    options, database, clock = matter.options, matter.database, matter.clock
    threshold = float(options.spam_threshold)
    policies = Policies(database, matter.bus, clock, threshold)
    scanners = scanning(options, clock)
    senders = SenderLists(database, matter.keys, matter.bus, clock)
    checks = (*_checks(matter, policies), *scanners.checks, senders)
    runner = Runner(checks, _recipient_checks(matter))
    traces = TraceLog(database, matter.keys)
    outcomes = Outcomes(database, matter.keys, options.hostname)
    door = gate(options, database, matter.bus, clock)
    return Checking(
        policies,
        traces,
        Screens(runner, policies, traces, clock, matter.ids, options.checks_inside, door),
        Judging(runner, policies),
        Records(database, matter.keys, clock),
        scanners,
        outcomes,
        senders,
        (outcomes, DmarcCounting()),
    )


def _checks(matter: Matter, policies: Policies) -> tuple[Check, ...]:
    """What is asked of others and of our own memory, then what the content says."""
    options, database, keys = matter.options, matter.database, matter.keys
    resolver, clock, cpu = matter.resolver, matter.clock, matter.signatures
    directory = Directory(database, clock)
    own_domains, hostname = directory.domains, options.hostname
    sealers = options.arc_trusted_sealers
    return (
        IprevCheck(resolver),
        DnsblCheck(resolver, clock, options.spam_dnsbl, options.spam_dnswl),
        EarlyTalker(),
        HeloCheck(resolver, hostname, own_domains),
        SpfCheck(resolver, clock, hostname, policies),
        DkimCheck(resolver, cpu, clock),
        ArcCheck(resolver, cpu, clock, sealers),
        DmarcCheck(resolver, sealers, policies=policies),
        UriListsCheck(resolver, clock, own_domains, options.spam_uribl, options.spam_hashbl),
        HeaderCheck(clock),
        MimeCheck(),
        HtmlCheck(),
        LinkCheck(),
        LookalikeCheck(own_domains, directory.names, ContactDomains(database, keys).of),
        AttachmentCheck(),
        BayesCheck(database, keys),
        ReputationCheck(database, keys),
    )


def _recipient_checks(matter: Matter) -> tuple[RecipientCheck, ...]:
    database, keys = matter.database, matter.keys
    return (Greylist(database, keys, Repute(database, keys)),)

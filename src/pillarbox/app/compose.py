"""The one place where services are made and handed to one another.

Everything else gets what it needs as arguments. Called by `app/worker`, and by commands that work
on the store themselves.
"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from pillarbox.app.accepting import Ground, accepting
from pillarbox.app.calendaring import Calendaring, calendaring
from pillarbox.app.checking import Checking, Matter, checking
from pillarbox.app.config.kinds import Network
from pillarbox.app.config.options import Options
from pillarbox.app.database import open_database
from pillarbox.app.filtering import ScriptParts, imap_events, sieve_url
from pillarbox.app.foundation import blob_store, dns_options, key_ring
from pillarbox.app.learning import Learning, learning
from pillarbox.app.sending import Foundation, Sending, sending
from pillarbox.app.upkeep import Tools, periodic_jobs
from pillarbox.app.web import web_app
from pillarbox.base.cache import ByteCache
from pillarbox.base.clock import Clock, SystemClock
from pillarbox.base.cpu import Cpu, Line
from pillarbox.base.ids import IdSource
from pillarbox.cluster.bus import Bus
from pillarbox.cluster.unix import UnixBus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.formats.sieve.extensions import EXTENSIONS
from pillarbox.net.dns import SystemResolver
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.extraction import Extraction
from pillarbox.pipeline.filtering.imap_events import ImapEvents
from pillarbox.pipeline.filtering.scripts import Scripts
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.tls_reports import TlsReportInbox
from pillarbox.pipeline.jobs.indexing import Indexing
from pillarbox.pipeline.jobs.runner import JobRunner
from pillarbox.pipeline.login import Login
from pillarbox.pipeline.mail_search import MailSearch
from pillarbox.pipeline.passwords import Cost, PasswordHasher
from pillarbox.pipeline.prepare import Preparation
from pillarbox.pipeline.signing import Signing
from pillarbox.pipeline.submission.submit import Submission
from pillarbox.pipeline.throttle import ThrottleOptions
from pillarbox.pipeline.verifiers import Verifiers
from pillarbox.protocols.http.options import HttpOptions, HttpServices
from pillarbox.protocols.http.session import HttpSession
from pillarbox.protocols.imap.conversation import Conversation as ImapConversation
from pillarbox.protocols.imap.options import ImapOptions, ImapServices
from pillarbox.protocols.imap.registry import CORE
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.managesieve.conversation import Conversation as ManageSieveConversation
from pillarbox.protocols.managesieve.options import ManageSieveOptions, ManageSieveServices
from pillarbox.protocols.managesieve.registry import HANDLERS as MANAGESIEVE_HANDLERS
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.protocols.pop3.conversation import Conversation as Pop3Conversation
from pillarbox.protocols.pop3.options import Pop3Options, Pop3Services
from pillarbox.protocols.pop3.registry import HANDLERS as POP3_HANDLERS
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.protocols.smtp.conversation import Conversation as SmtpConversation
from pillarbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbox.protocols.smtp.receive import SmtpServices
from pillarbox.protocols.smtp.registry import HANDLERS
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection
from pillarbox.protocols.stream.listener import LimitOptions, ListenerSpec
from pillarbox.protocols.stream.tls import TlsContexts
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

HASHES_AT_ONCE = 2
HASHES_WAITING = 64
SIGNATURES_AT_ONCE = 2
SIGNATURES_WAITING = 256
SEARCHES_AT_ONCE = 2
"""Fewer than the database has readers: other commands must not wait for searches."""
SEARCHES_WAITING = 32
MEMORY_FOR_INCOMING_BYTES = 256 << 20
IMPLICIT_TLS = ("smtps", "imaps", "pop3s", "https", "caldav")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is not a setting: who composes, and what tests and trials do differently.

    Exactly one process of a server has `checkpoint`. `trap` is the address that gets mail for
    elsewhere.
    """

    checkpoint: bool = True
    workers: int = 1
    clock: Clock = field(default_factory=SystemClock)
    password_cost: Cost | None = None
    trap: str | None = None
    plaintext_login: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a process has; `close` ends it."""

    options: Options
    database: Database
    keys: KeyRing
    content: ContentStore
    bus: Bus
    cpu: Cpu
    passwords: PasswordHasher
    login: Login
    recipients: Recipients
    inbound: Inbound
    submission: Submission
    smtp: SmtpServices
    imap: ImapServices
    pop3: Pop3Services
    scripts: Scripts
    filtering: ScriptParts
    managesieve: ManageSieveServices
    http: HttpServices
    jobs: JobRunner
    indexing: Indexing
    extraction: Extraction
    sending: Sending
    signing: Signing
    signatures: Cpu
    checking: Checking
    learning: Learning
    imap_events: ImapEvents
    calendaring: Calendaring

    async def close(self) -> None:
        """Finish what is under way and let go of everything."""
        await self.sending.close()
        self.recipients.close()
        self.filtering.programs.close()
        await self.indexing.close()
        await self.extraction.close()
        await self.checking.close()
        await self.database.close()
        self.signing.close()
        self.bus.close()
        self.cpu.close()
        self.signatures.close()


def compose(options: Options, data: Path, around: Surroundings) -> Services:
    """Make the services of one process; needs a running event loop.

    Raises `Failure` when the database can't be opened.
    """
    keys, ids, clock, checkpoint = key_ring(options), IdSource(), around.clock, around.checkpoint
    in_flight, bus = InFlight(_in_flight_bytes(options, around)), UnixBus(data / "run" / "bus")
    content = ContentStore(keys, blob_store(options))

    def publish(topic: str) -> None:
        bus.publish(topic)
        indexing.note(topic)

    database = open_database(options, publish=publish, checkpoint=checkpoint, clock=clock, ids=ids)
    owner, extraction, cache = _owner(ids), Extraction(), ByteCache(options.search_cache)
    indexing = Indexing(database, content, cache, extraction, owner)
    cpu, passwords = Cpu(HASHES_AT_ONCE, HASHES_WAITING), PasswordHasher(around.password_cost)
    login = _login(options, database, cpu, passwords, keys, clock)
    authentication, line = Authentication(login), Line(SEARCHES_AT_ONCE, SEARCHES_WAITING)
    preparation, resolver = Preparation(content, ids), SystemResolver(clock, dns_options(options))
    signatures = Cpu(SIGNATURES_AT_ONCE, SIGNATURES_WAITING)
    signing = Signing(database, keys, signatures, clock, bus, resolver)
    checks = checking(Matter(options, database, keys, bus, clock, ids, resolver, signatures))
    learns = learning(database, content, bus, owner, checks.outcomes, checks.scanning.learners)
    taking = accepting(
        Ground(
            options, database, keys, bus, clock, ids, preparation, signing, resolver, checks,
            around.trap, TlsReportInbox(database),
        )
    )  # fmt: skip
    leaving = sending(
        Foundation(
            options, database, content, bus, clock, owner, around.workers, resolver,
            taking.recipients, taking.delivery, taking.reports, signing, taking.inbound,
        )
    )  # fmt: skip
    smtp = SmtpServices(
        _smtp_options(options, around), in_flight, taking.inbound, taking.submission, login,
        resolver if options.dns_reverse else None, authentication, clock, checks.screens,
    )  # fmt: skip
    search = MailSearch(database, content, line, cache, indexing)
    imap = ImapServices(
        database, login, bus, content, clock, preparation, in_flight, search, authentication,
        _imap_options(options, around),
    )  # fmt: skip
    tools = Tools(
        options, database, content, clock, cpu, preparation, indexing, signing, resolver,
        leaving.https, leaving.policies, taking.delivery, ids, taking.quarantine, learns,
    )  # fmt: skip
    jobs = JobRunner(database, clock, owner, periodic_jobs(tools))
    pop3 = Pop3Services(database, login, content, authentication, _pop3_options(options, around))
    managesieve = _managesieve_services(options, around, database, keys, login, authentication)
    http = HttpServices(login, clock, in_flight, _http_options(options, around))
    return Services(
        options, database, keys, content, bus, cpu, passwords, login, taking.recipients,
        taking.inbound, taking.submission, smtp, imap, pop3, managesieve.scripts, taking.scripts,
        managesieve, http, jobs, indexing, extraction, leaving, signing, signatures, checks, learns,
        imap_events(options, database, bus, clock, owner, preparation, taking.scripts),
        calendaring(options, database, keys, clock, bus, owner, leaving.https, taking, signing),
    )  # fmt: skip


def _login(
    options: Options,
    database: Database,
    cpu: Cpu,
    passwords: PasswordHasher,
    keys: KeyRing,
    clock: Clock,
) -> Login:
    throttle = ThrottleOptions(
        max_tries=options.brute_max_tries,
        window_ms=options.brute_window_min * 60_000,
        ban_ms=options.brute_ban_hours * 3_600_000,
    )
    verifiers = Verifiers(keys)
    return Login(database, cpu, passwords, verifiers, clock, throttle, options.default_domain)


def _owner(ids: IdSource) -> str:
    """A name that no other process has, for leases."""
    return f"{os.uname().nodename[:40]} {os.getpid()} {ids.next() & 0xFFFF:x}"


def listener_spec(
    name: str, sockets: Sequence[socket.socket], services: Services, tls: TlsContexts | None
) -> ListenerSpec:
    """What one listener of `config.options.LISTENERS` does."""
    hostname = services.options.hostname
    refusal = f"421 4.7.0 {hostname} Too many connections\r\n".encode()
    session = partial(_smtp, _ROLES.get(name, Role.SUBMISSION), services.smtp)
    if name in ("imap", "imaps"):
        refusal = b"* BYE Too many connections\r\n"
        session = partial(_imap, services.imap)
    elif name in ("pop3", "pop3s"):
        refusal = b"-ERR [SYS/TEMP] Too many connections\r\n"
        session = partial(_pop3, services.pop3)
    elif name == "managesieve":
        refusal = b'BYE "Too many connections"\r\n'
        session = partial(_managesieve, services.managesieve)
    elif name in ("https", "webclient", "caldav"):
        refusal = (
            b"HTTP/1.1 503 Service Unavailable\r\n"
            b"Retry-After: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        session = partial(_http, services)
    return ListenerSpec(name, sockets, name in IMPLICIT_TLS, tls, session, refusal)


async def _smtp(role: Role, services: SmtpServices, connection: Connection) -> None:
    await SmtpConversation(SmtpSession(connection, role, services), HANDLERS).run()


async def _imap(services: ImapServices, connection: Connection) -> None:
    await ImapConversation(ImapSession(connection, services), CORE).run()


async def _pop3(services: Pop3Services, connection: Connection) -> None:
    await Pop3Conversation(Pop3Session(connection, services), POP3_HANDLERS).run()


async def _managesieve(services: ManageSieveServices, connection: Connection) -> None:
    session = ManageSieveSession(connection, services)
    await ManageSieveConversation(session, MANAGESIEVE_HANDLERS).run()


async def _http(services: Services, connection: Connection) -> None:
    await HttpSession(connection, services.http, partial(web_app, services)).run()


_ROLES = MappingProxyType({"smtp": Role.MX, "lmtp": Role.LMTP})


def _smtp_options(options: Options, around: Surroundings) -> SmtpOptions:
    return SmtpOptions(
        hostname=options.hostname,
        max_message_bytes=options.max_message_size,
        max_recipients=options.max_recipients,
        max_hold_s=options.submission_max_hold_hours * 3600,
        timeout_s=float(options.smtp_command_timeout),
        channel_binding=options.submission_channel_binding,
        allow_plaintext_auth=around.plaintext_login or options.tls_mode == "off",
    )


def _in_flight_bytes(options: Options, around: Surroundings) -> int:
    """A process's share; one message of the largest size has to fit in beside others."""
    return max(MEMORY_FOR_INCOMING_BYTES // around.workers, 2 * options.max_message_size)


def _imap_options(options: Options, around: Surroundings) -> ImapOptions:
    return ImapOptions(
        hostname=options.hostname,
        allow_plaintext_login=around.plaintext_login or options.tls_mode == "off",
        max_message_size_bytes=options.max_message_size,
        idle_timeout_s=float(options.imap_idle_timeout),
        message_limit=options.imap_message_limit,
        save_limit=options.imap_save_limit,
        sieve_url=sieve_url(options),
    )


def _pop3_options(options: Options, around: Surroundings) -> Pop3Options:
    return Pop3Options(
        hostname=options.hostname,
        allow_plaintext_login=around.plaintext_login or options.tls_mode == "off",
        idle_timeout_s=float(options.pop3_idle_timeout),
    )


def _managesieve_services(
    options: Options,
    around: Surroundings,
    database: Database,
    keys: KeyRing,
    login: Login,
    authentication: Authentication,
) -> ManageSieveServices:
    quota = ScriptQuota(options.sieve_max_scripts_per_user, options.sieve_max_script_size)
    scripts = Scripts(database, keys, quota, options.sieve_extensions_off)
    return ManageSieveServices(
        login, authentication, scripts, _managesieve_options(options, around)
    )


def _managesieve_options(options: Options, around: Surroundings) -> ManageSieveOptions:
    absent = set(options.sieve_extensions_off)
    if not options.sieve_imap_enabled:
        absent.add("imapsieve")  # scripts may name it all the same, and are kept
    return ManageSieveOptions(
        hostname=options.hostname,
        extensions=tuple(sorted(EXTENSIONS - absent)),
        max_redirects=options.sieve_max_redirects,
        allow_plaintext_login=around.plaintext_login or options.tls_mode == "off",
    )


def _http_options(options: Options, around: Surroundings) -> HttpOptions:
    return HttpOptions(
        hostname=options.hostname,
        allow_plaintext_login=around.plaintext_login or options.tls_mode == "off",
    )


def limit_options(options: Options, workers: int) -> LimitOptions:
    """The limits of one of so many processes; the kernel spreads connections evenly."""
    return LimitOptions(max(1, options.connections_max // workers), options.connections_per_ip)


def within(networks: tuple[Network, ...]) -> Callable[[str], bool]:
    """Whether an address is in one of the networks."""
    if not networks:
        return lambda ip: False

    def is_within(ip: str) -> bool:
        address = ip_address(ip)
        return any(address in network for network in networks)

    return is_within

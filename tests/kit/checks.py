"""Messages on their way in, as checks get them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from textwrap import dedent

from kit.connection import FakeConnection
from kit.smtp import House, Talk
from pillarbox.base.ids import AccountId, IdSource
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer
from pillarbox.pipeline.inbound.checks.check import Check, RecipientCheck
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.judging import Judging
from pillarbox.pipeline.inbound.message import Recipient
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.pipeline.inbound.records import Records
from pillarbox.pipeline.inbound.running import Runner
from pillarbox.pipeline.inbound.screening import Screens
from pillarbox.pipeline.inbound.trace_log import TraceLog
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import SmtpServices

IP = "192.0.2.7"


def arrival(
    content: str | bytes | None = None,
    *,
    ip: str = IP,
    outside: bool = True,
    helo: str = "mail.sender.test",
    reverse_path: str = "ann@sender.test",
    to: tuple[str, ...] = ("bob@example.test",),
    tls: bool = False,
) -> Arrival:
    """A message; text is dedented, and its lines get CRLF."""
    found = Arrival(
        peer=Peer(ip, outside),
        helo=helo,
        reverse_path=reverse_path,
        recipients=[recipient(path, number) for number, path in enumerate(to, 1)],
        tls=tls,
    )
    if content is not None:
        found.content = read_content(data(content))
    return found


def data(content: str | bytes) -> bytes:
    """The bytes of a message that a test wrote as text."""
    if isinstance(content, bytes):
        return content
    return dedent(content).lstrip("\n").replace("\n", "\r\n").encode()


def recipient(path: str, account: int) -> Recipient:
    """A recipient here, with an account of that number."""
    return Recipient(path, (LocalTarget(AccountId(account), path, None),), here=True)


@dataclass
class Scripted(Check):
    """A check that finds what a test wants, or fails as it wants."""

    findings: tuple[Finding, ...] = ()
    stage: Stage = Stage.DATA
    name: str = "scripted"
    error: Exception | None = None
    hangs: bool = False
    deadline_s: float = 0.05
    if_failed: tuple[Finding, ...] = ()
    seen: list[Arrival] = field(default_factory=list)
    kinds: tuple[Kind, ...] = ()

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        self.seen.append(arrival)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.findings

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        return self.if_failed


@dataclass
class ScriptedForRecipients(RecipientCheck):
    """The same for recipients, by their path."""

    findings: dict[str, Finding] = field(default_factory=dict)
    name: str = "scripted recipients"
    kinds: tuple[Kind, ...] = ()
    deadline_s: float = 5.0

    async def run(self, arrival: Arrival, recipient: Recipient) -> Sequence[Finding]:
        found = self.findings.get(recipient.path)
        return () if found is None else (found,)


@dataclass(frozen=True)
class Screened:
    """A house whose mail from elsewhere is checked."""

    house: House
    services: SmtpServices
    traces: TraceLog

    async def talk(self, ip: str = IP, *, trusted: bool = False, role: Role = Role.MX) -> Talk:
        """A session of a client with that address; the greeting has been read."""
        connection = FakeConnection()
        connection.peer_ip, connection.trusted = ip, trusted
        talk = Talk(connection, role, self.services)
        await talk.hear()
        return talk

    async def found(self, what: str) -> list[Trace]:
        """The traces of something, once all are written."""
        await self.traces.close()
        return await self.house.database.read(store.find, self.house.store.keys, what)


def screened(
    house: House, *checks: Check, of_recipients: Sequence[RecipientCheck] = ()
) -> Screened:
    """Check what comes into a house."""
    database, clock, ids = house.database, house.clock, IdSource()
    runner = Runner(checks, of_recipients)
    policies = Policies(database, house.bus, clock)
    traces = TraceLog(database, house.store.keys)
    inbound = replace(
        house.inbound,
        judging=Judging(runner, policies),
        records=Records(database, house.store.keys, clock),
    )
    screens = Screens(runner, policies, traces, clock, ids)
    return Screened(house, replace(house.services(), inbound=inbound, screens=screens), traces)

"""The checks of one connection up to the content: who connects, who sends, who is written to.

What asks others runs beside the session and is awaited where its answer is needed first. Made by
`protocols/smtp` for each connection from elsewhere; what it gathered goes to `judging`.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import msgspec

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Busy, Denied, Failure
from pillarbox.base.ids import IdSource, public_id
from pillarbox.domain.judgement.model import Action, Finding, Run, Stage
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient
from pillarbox.formats.mailauth.organizational import are_suffixes_loaded, load_suffixes
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer, Results
from pillarbox.pipeline.inbound.gate.gate import Gate
from pillarbox.pipeline.inbound.gate.visit import Visit
from pillarbox.pipeline.inbound.message import Recipient
from pillarbox.pipeline.inbound.peer import is_outside
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.pipeline.inbound.running import Runner
from pillarbox.pipeline.inbound.trace_log import TraceLog

RUNS_MAX = 500
"""No more of those of recipients are put down than this; somebody may name them without end."""
REFUSED_MAX = 100
"""Recipients that were refused and are told of in one trace."""


class Deferred(Busy):
    """A check asks the sender to come again later."""


@dataclass(frozen=True, slots=True)
class Screens:
    """What all screenings of a process share."""

    runner: Runner
    policies: Policies
    traces: TraceLog
    clock: Clock
    ids: IdSource
    inside: bool = False
    """Whether clients at private and loopback addresses are checked like all others."""
    gate: Gate | None = None
    """Bounds what clients may do; none of those at private and loopback addresses."""


@dataclass(slots=True)
class Screened:
    """What is known of a message when its content has come."""

    arrival: Arrival
    runs: list[Run] = field(default_factory=list)
    refused: list[TracedRecipient] = field(default_factory=list)
    refused_content: str = ""


class Screening:
    """The checks of one connection; `close` ends what still runs."""

    __slots__ = ("_before", "_connect", "_current", "_mail", "_screens", "_visit", "peer")

    def __init__(self, screens: Screens, peer: Peer) -> None:
        self.peer = peer
        self._screens = screens
        self._visit = None
        if screens.gate is not None:
            self._visit = Visit(screens.gate, peer.ip, exempt=not is_outside(peer.ip))
        self._before = Arrival(peer)
        self._connect: asyncio.Task[tuple[Run, ...]] | None = None
        self._mail: asyncio.Task[tuple[Run, ...]] | None = None
        self._current: Screened | None = None

    async def admit(self) -> Failure | None:
        """Why the client may not even be greeted, if so: `Barred` or `TooFast`."""
        return None if self._visit is None else await self._visit.admit()

    def greeting_pause_s(self) -> float:
        """How long to wait with the greeting, to see who speaks before it."""
        return 0.0 if self._visit is None else self._visit.greeting_pause_s()

    def greeting(self, *, early: bool) -> None:
        """Note that the client is greeted now, and whether it has spoken before."""
        self._before.early = early
        if self._visit is not None:
            self._visit.greeted(early=early)

    def delay_s(self) -> float:
        """How long the next reply is to be put off; each time it is asked that counts."""
        if self._visit is None:
            return 0.0
        return self._visit.delay_s(listed=bool(self._before.results.listed))

    def erred(self) -> None:
        """Note that the client did something wrong."""
        if self._visit is not None:
            self._visit.erred()

    async def unknown(self, path: str) -> Failure | None:
        """Note a recipient whom nobody here knows; gives why to end the connection, if so."""
        return None if self._visit is None else await self._visit.unknown(path)

    def connected(self) -> None:
        """Begin with what can be asked about an address alone."""
        runner = self._screens.runner
        if self.peer.outside and not are_suffixes_loaded():
            # Many checks of content need it; a server that gets no mail does without.
            asyncio.get_running_loop().run_in_executor(None, load_suffixes)
        self._connect = asyncio.create_task(runner.run(Stage.CONNECT, self._before))

    def greeted(self, name: str, *, extended: bool, tls: bool) -> None:
        """Note what the client calls itself."""
        before = self._before
        before.helo, before.extended, before.tls = name, extended, tls

    def begin(self, reverse_path: str) -> None:
        """A message begins: ask about its sender while its recipients come."""
        self.end()
        arrival = replace(
            self._before, reverse_path=reverse_path, recipients=[], policies={}, results=Results()
        )
        self._current = Screened(arrival)
        self._mail = asyncio.create_task(self._screens.runner.run(Stage.MAIL, arrival))

    async def recipient(self, recipient: Recipient) -> None:
        """Raise what a check answers to a recipient: `Denied` or `Deferred`."""
        current = self._current
        if current is None:
            return
        screens, arrival = self._screens, current.arrival
        policy = await screens.policies.of(recipient.domain)
        if self._visit is not None:
            self._visit.known(_identity(recipient))
            too_fast = self._visit.recipient(policy)
            if too_fast is not None:
                raise Deferred(too_fast.public)
        if screens.runner.looks_at_recipients(policy):
            await self._join(current)
            known = dict(arrival.policies)
            arrival.policies[recipient.domain] = policy
            runs = await screens.runner.run_recipient(arrival, recipient)
            if len(current.runs) < RUNS_MAX:
                current.runs += _told(runs)
            answer = _answer(runs)
            if answer is not None:
                arrival.policies = known
                raise answer
        arrival.policies[recipient.domain] = policy
        arrival.recipients.append(recipient)

    def refused(self, path: str, why: Failure) -> None:
        """Note a recipient that was refused."""
        current = self._current
        if current is not None and len(current.refused) < REFUSED_MAX:
            current.refused.append(TracedRecipient(path, reply=why.public))

    def content_refused(self, reply: str) -> None:
        """Note that content was refused for its form or size, unread."""
        if self._current is not None:
            arrival, self._current.refused_content = self._current.arrival, reply
            for recipient in arrival.recipients[:REFUSED_MAX]:
                self._current.refused.append(TracedRecipient(recipient.path, reply=reply))
            arrival.recipients = []

    async def content_came(self) -> Screened | None:
        """What is known of the message; it is then in the hands of `judging`."""
        current = self._current
        if current is not None:
            await self._join(current)
            self._current = None
            if self._visit is not None:
                self._visit.message(current.arrival.policies.values())
        return current

    def end(self) -> None:
        """The message will not come; if recipients of it were refused that is put down."""
        current, self._current = self._current, None
        if self._mail is not None:
            self._mail.cancel()
            self._mail = None
        if current is None or not current.refused:
            return
        screens, arrival = self._screens, current.arrival
        if self._visit is not None and not self._visit.may_be_traced():
            screens.traces.skip()
            return
        recipients = [TracedRecipient(one.path) for one in arrival.recipients]
        screens.traces.put(
            Trace(
                public_id("", screens.ids.next()),
                screens.clock.now_ms(),
                traced_client(arrival),
                arrival.reverse_path,
                (*current.refused, *recipients),
                runs=tuple(current.runs),
                refused=current.refused_content,
            )
        )

    def close(self) -> None:
        """The connection is over."""
        self.end()
        if self._connect is not None:
            self._connect.cancel()
            self._connect = None

    async def _join(self, current: Screened) -> None:
        """Wait for what was begun when the client connected, and at MAIL."""
        mail = self._mail
        if mail is None:
            return
        if self._connect is not None:
            current.runs += await self._connect
        before, results = self._before.results, current.arrival.results
        results.verified_name, results.iprev = before.verified_name, before.iprev
        results.listed, results.allowed = before.listed, before.allowed
        current.runs += await mail
        self._mail = None  # not before: whoever ends us while we wait has to end it too


def _identity(recipient: Recipient) -> Hashable:
    """What is the same for all addresses of the same accounts."""
    accounts = frozenset(one.account_id for one in recipient.local)
    return accounts or recipient.path.lower()


def _answer(runs: tuple[Run, ...]) -> Failure | None:
    for run in runs:
        for finding in run.findings:
            if finding.action is Action.REFUSE:
                return Denied(_reply(finding))
            if finding.action is Action.DEFER:
                return Deferred(_reply(finding))
    return None


def _told(runs: tuple[Run, ...]) -> list[Run]:
    """The checks of a recipient as they stand in the trace: the others are not judged by them."""
    return [
        msgspec.structs.replace(
            run,
            findings=tuple(
                msgspec.structs.replace(one, points=0.0, action=None) for one in run.findings
            ),
        )
        for run in runs
        if run.findings or run.failure
    ]


def _reply(finding: Finding) -> str:
    return finding.reply or f"This message {finding.text}"


def traced_client(arrival: Arrival) -> TracedClient:
    """Who brought a message, for its trace."""
    return TracedClient(
        ip=arrival.peer.ip,
        helo=arrival.helo,
        name=arrival.results.verified_name or "",
        tls="TLS" if arrival.tls else "",
        session=arrival.peer.session,
    )

"""One attempt to hand a message over: host after host, and what its outcome means for recipients.

A host that can't be used makes way for the next one; what a host says of a recipient is final for
this attempt. Called by `destination`; calls `connections`, `pace`, `schedule` and `breaker`'s
terms. Settles nothing itself.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.domain.queue.model import (
    LeasedMessage,
    LeasedRecipient,
    Outcome,
    Result,
    Stage,
    Way,
)
from pillarbox.domain.queue.settle import without_attempt
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.outbound.model import (
    DomainPolicy,
    HostFailure,
    Journey,
    Letter,
    NextHop,
    Peer,
    RouteFailure,
    RouteKind,
    TlsDemand,
    Transmitted,
)
from pillarbox.pipeline.outbound.notices import is_wanted
from pillarbox.pipeline.outbound.pace import Pace, admission
from pillarbox.pipeline.outbound.schedule import Schedule
from pillarbox.wire.smtp.replies import Reply

MAX_HOSTS = 5
"""Tried in one attempt; as many again where there is a fallback."""
MAX_ATTEMPT_MS = 900_000
"""After so long no further host is begun with."""
REPLY_CHARACTERS = 2000
AVOIDED_MS = 60_000
_AVOIDED = 10_000

Note = Callable[[NextHop, Peer | None, str], None]

NO_HOST = Reply(451, "4.4.4", ("There is no host to send it to",))
OVERDUE = Reply(451, "4.4.7", ("It could not be delivered in time",))
OUR_ERROR = Reply(451, "4.3.0", ("This server failed while it was sending; it tries again",))
UNREADABLE = Reply(451, "4.3.0", ("This server could not read the message; it tries again",))

_EARLY = frozenset({Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.TLS, Stage.AUTH, Stage.MAIL})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Transport(Protocol):
    """Hands letters to hosts."""

    async def send(self, hop: NextHop, letter: Letter) -> Transmitted:
        """Raises `HostFailure` where nothing was handed over."""
        ...


class TlsNotes(Protocol):
    """Remembers what came of TLS with a domain's hosts."""

    def note(
        self,
        domain: str,
        policy: DomainPolicy | None,
        peer: Peer | None,
        host: str,
        failure: str = "",
        *,
        demand: TlsDemand | None = None,
        optional: bool = False,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an attempt.

    `hosts_well` says whether a host could be used at all, `None` that none was asked.
    `peer_reports` are the recipients whose next host tells the sender of success by itself.
    """

    results: tuple[Result, ...]
    hosts_well: bool | None = None
    peer_reports: frozenset[int] = frozenset()


class Verdicts:
    """Turns replies into results of recipients."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock

    def of(
        self,
        message: LeasedMessage,
        recipient: LeasedRecipient,
        reply: Reply,
        stage: Stage,
        *,
        ours: bool = True,
        way: Way = Way(),  # noqa: B008 - it can't be changed
        final: bool | None = None,
    ) -> Result:
        """What a reply means for a recipient; `final` overrules its first digit where it failed."""
        code = None if ours else reply.code
        text = _CONTROLS.sub(" ", reply.text)[:REPLY_CHARACTERS]
        if reply.is_success:
            return Result(
                recipient.id, Outcome.DELIVERED, stage, text, code, reply.enhanced, way=way
            )
        if reply.is_permanent if final is None else final:
            return Result(recipient.id, Outcome.FAILED, stage, text, code, reply.enhanced, way=way)
        tell = is_wanted(message, recipient, Action.DELAYED)
        plan = self._schedule.deferral(message, recipient, self._clock.now_ms(), tell=tell)
        outcome = Outcome.EXPIRED if plan.next_attempt_ms is None else Outcome.DEFERRED
        return Result(
            recipient.id,
            outcome,
            stage,
            text,
            code,
            reply.enhanced,
            plan.next_attempt_ms,
            way,
            plan.delay_told,
        )

    def all_of(
        self,
        message: LeasedMessage,
        reply: Reply,
        stage: Stage,
        *,
        route: str = "",
        recipients: Iterable[LeasedRecipient] | None = None,
    ) -> tuple[Result, ...]:
        """The same finding of ours for all recipients of a message, or for some."""
        way = Way(route=route or None)
        chosen = message.recipients if recipients is None else recipients
        return tuple(self.of(message, one, reply, stage, way=way) for one in chosen)

    def without_attempt(self, recipient: LeasedRecipient) -> Result:
        """The result of a recipient that is not tried: suppressed, given up, or its time is up."""
        found = without_attempt(recipient)
        if found is not None:
            return found
        text = OVERDUE.text
        if recipient.last_reply:
            text = f"{text}; the last reply was: {recipient.last_reply}"
        return Result(recipient.id, Outcome.EXPIRED, Stage.QUEUE, text, enhanced=OVERDUE.enhanced)


class AvoidedHosts:
    """Hosts of this process's own bad experience: for a minute they are tried last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms: dict[tuple[str, int], int] = {}

    def note(self, hop: NextHop, *, well: bool) -> None:
        """A host could be used, or not."""
        known, key = self._until_ms, (hop.host, hop.port)
        if well:
            if known:
                known.pop(key, None)
            return
        known.pop(key, None)
        if len(known) >= _AVOIDED:
            del known[next(iter(known))]
        known[key] = self._clock.now_ms() + AVOIDED_MS

    def last(self, hops: Sequence[NextHop]) -> Sequence[NextHop]:
        """The hops in their order, but for those to avoid, which come last."""
        if not self._until_ms or len(hops) < 2:
            return hops
        now_ms, known = self._clock.now_ms(), self._until_ms
        return sorted(hops, key=lambda hop: known.get((hop.host, hop.port), 0) > now_ms)


@dataclass(slots=True)
class _Tries:
    """What an attempt has met with so far; `complete` that no host was left out."""

    until_ms: int
    failures: list[tuple[NextHop, HostFailure]] = field(default_factory=list)
    complete: bool = True

    def final(self) -> bool:
        """Whether every host there is said for good that it won't (RFC 5321 §5.1)."""
        return self.complete and all(failure.permanent for _, failure in self.failures)

    def telling(self) -> tuple[NextHop, HostFailure]:
        """The failure that says most of why: the last temporary one, else the last."""
        for tried in reversed(self.failures):
            if not tried[1].permanent:
                return tried
        return self.failures[-1]


class Attempts:
    """Makes attempts, for all destinations of a process."""

    def __init__(
        self,
        transport: Transport,
        paces: Sequence[Pace],
        verdicts: Verdicts,
        clock: Clock,
        tls_notes: TlsNotes | None = None,
    ) -> None:
        self._transport = transport
        self._paces = tuple(paces)
        self._verdicts = verdicts
        self._clock = clock
        self._tls_notes = tls_notes
        self._avoided = AvoidedHosts(clock)

    async def make(self, letter: Letter, journey: Journey, domain: str) -> Tried:
        """Hand a letter to a host of the journey; raises `NotYet` before anything was tried."""
        tries = _Tries(self._clock.now_ms() + MAX_ATTEMPT_MS)
        note = self._note_tls(domain, journey, letter.message)
        sent = await self._over(journey.hops, letter, domain, tries, note)
        if journey.fallback and (sent is None or _refuses_sender(sent)):
            tries.until_ms = self._clock.now_ms() + MAX_ATTEMPT_MS
            sent = await self._over(journey.fallback, letter, domain, tries, _note_nothing)
        if sent is None:
            return self._failed(letter, journey, tries)
        return self._handed(letter, journey, sent)

    async def _over(
        self,
        hops: Sequence[NextHop],
        letter: Letter,
        domain: str,
        tries: _Tries,
        note: Note,
    ) -> Transmitted | None:
        """The answers of the first host that can be used."""
        for number, hop in enumerate(self._avoided.last(hops)):
            if number >= MAX_HOSTS or (number and self._clock.now_ms() >= tries.until_ms):
                tries.complete = False
                return None
            try:
                async with admission(self._paces, domain, hop.host):
                    sent = await self._transport.send(hop, letter)
            except HostFailure as failure:
                self._avoided.note(hop, well=failure.stage is Stage.MAIL)
                if failure.tls_result:
                    note(hop, failure.peer, failure.tls_result)
                tries.failures.append((hop, failure))
                continue
            note(hop, sent.peer, "")
            if _puts_off(sent):
                answer = sent.answers[0]
                put_off = HostFailure(answer.stage, answer.reply, sent.peer, ours=answer.ours)
                tries.failures.append((hop, put_off))
                continue
            self._avoided.note(hop, well=True)
            return sent
        return None

    def _failed(self, letter: Letter, journey: Journey, tries: _Tries) -> Tried:
        """No host could be used."""
        message = letter.message
        if not tries.failures:
            return Tried(
                self._verdicts.all_of(
                    message,
                    NO_HOST,
                    Stage.ROUTE,
                    route=journey.name,
                    recipients=letter.recipients,
                )
            )
        hop, failure = tries.telling()
        way = _way(hop, failure.peer, journey.name)
        results = tuple(
            self._verdicts.of(
                message,
                recipient,
                failure.reply,
                failure.stage,
                ours=failure.ours,
                way=way,
                final=tries.final(),
            )
            for recipient in letter.recipients
        )
        return Tried(results, not all(_blames_host(one) for _, one in tries.failures))

    def _handed(self, letter: Letter, journey: Journey, sent: Transmitted) -> Tried:
        peer = sent.peer
        way = Way(peer.host, peer.ip, peer.port, tls_text(peer), journey.name)
        answers = {answer.recipient_id: answer for answer in sent.answers}
        results = []
        for recipient in letter.recipients:
            answer = answers.get(recipient.id)
            if answer is None:
                reply, stage, ours = OUR_ERROR, Stage.CONTENT, True
            else:
                reply, stage, ours = answer.reply, answer.stage, answer.ours
            results.append(
                self._verdicts.of(letter.message, recipient, reply, stage, ours=ours, way=way)
            )
        silent = sent.broken and all(answer.ours for answer in sent.answers)
        served = frozenset(answers) if peer.dsn else frozenset()
        return Tried(tuple(results), not silent, served)

    def _note_tls(self, domain: str, journey: Journey, message: LeasedMessage) -> Note:
        notes, policy = self._tls_notes, journey.policy
        if notes is None or journey.kind is not RouteKind.DIRECT:
            return _note_nothing

        def note(hop: NextHop, peer: Peer | None, failure: str) -> None:
            optional = message.tls_optional
            notes.note(domain, policy, peer, hop.host, failure, demand=hop.tls, optional=optional)

        return note


def route_failure(
    verdicts: Verdicts,
    message: LeasedMessage,
    recipients: Iterable[LeasedRecipient],
    failure: RouteFailure,
) -> tuple[Result, ...]:
    """The results where there is no host to try."""
    return verdicts.all_of(
        message, failure.reply, failure.stage, route=failure.route, recipients=recipients
    )


def tls_text(peer: Peer) -> str:
    """TLS with a host as the log shows it: version, cipher and what vouched for it."""
    tls = peer.tls
    if tls is None:
        return f"none ({peer.fallback})"[:200] if peer.fallback else "none"
    return " ".join(filter(None, (tls.version, tls.cipher, tls.verified)))[:200]


def _way(hop: NextHop, peer: Peer | None, route: str) -> Way:
    if peer is None:
        return Way(hop.host, None, hop.port, None, route)
    return Way(peer.host, peer.ip, peer.port, tls_text(peer), route)


def _refuses_sender(sent: Transmitted) -> bool:
    """Whether the host turned the whole message away before it looked at recipients."""
    return all(answer.stage in _EARLY and answer.reply.is_permanent for answer in sent.answers)


def _puts_off(sent: Transmitted) -> bool:
    """Whether the host did so for now, so that another may take it."""
    return bool(sent.answers) and all(
        answer.stage in _EARLY and answer.reply.is_temporary for answer in sent.answers
    )


def _blames_host(failure: HostFailure) -> bool:
    """Whether a failure says something of the host, and not just of the sender."""
    return failure.stage is not Stage.MAIL or failure.reply.code == 421


def _note_nothing(hop: NextHop, peer: Peer | None, failure: str) -> None:
    return

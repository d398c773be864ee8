"""A queue on a real database and its runner, in front of hosts that answer as a test says."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.clock import FakeClock
from kit.mail import SMALL, content_store
from pillarbox.base.ids import BlobId, IdSource, QueueId
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts.model import Resolution
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.queue import inspect, lease, log
from pillarbox.domain.queue.enqueue import TOPIC, enqueue
from pillarbox.domain.queue.model import (
    LeasedMessage,
    LogLine,
    Outgoing,
    OutgoingRecipient,
    QueuedMessage,
    QueuedRecipient,
    Result,
    Stage,
)
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.inbound.deliver import Outcomes, Parcel
from pillarbox.pipeline.outbound.attempt import Attempts, Verdicts
from pillarbox.pipeline.outbound.breaker import BreakerOptions
from pillarbox.pipeline.outbound.destination import Parts
from pillarbox.pipeline.outbound.local import Deliverer, Directory, Judged, LocalDelivery
from pillarbox.pipeline.outbound.model import (
    Answer,
    HostFailure,
    Journey,
    Letter,
    NextHop,
    Peer,
    RouteFailure,
    RouteKind,
    Security,
    TlsDemand,
    TlsSession,
    Transmitted,
)
from pillarbox.pipeline.outbound.pace import Concurrency, Contents, Pace
from pillarbox.pipeline.outbound.reports import PreparedReport
from pillarbox.pipeline.outbound.runner import Outbound, OutboundOptions
from pillarbox.pipeline.outbound.schedule import Schedule, ScheduleOptions
from pillarbox.pipeline.outbound.settling import Settling
from pillarbox.storage.blobs.sealed import SealedBlob, seal
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.replies import Reply

SENDER = "alice@example.test"
DAY_MS = 86_400_000
OPPORTUNISTIC = TlsDemand(Security.OPPORTUNISTIC)
TAKEN = Reply(250, "2.0.0", ("taken",))
LATER = Reply(451, "4.7.1", ("greylisted",))
NOBODY = Reply(550, "5.1.1", ("no such user",))
REFUSED = Reply(451, "4.4.1", ("connection refused",))

Act = Callable[[NextHop, Letter], Transmitted]


def peer(hop: NextHop, *, dsn: bool = False) -> Peer:
    """The host of a hop, over TLS."""
    tls = TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    return Peer(hop.host, "192.0.2.1", hop.port, tls, dsn=dsn)


def says(reply: Reply, stage: Stage = Stage.CONTENT, *, dsn: bool = False) -> Act:
    """A host that answers every recipient alike."""

    def act(hop: NextHop, letter: Letter) -> Transmitted:
        answers = tuple(Answer(one.id, reply, stage) for one in letter.recipients)
        return Transmitted(peer(hop, dsn=dsn), answers)

    return act


def says_to(replies: dict[str, Reply]) -> Act:
    """A host that takes mail but for some recipients."""

    def act(hop: NextHop, letter: Letter) -> Transmitted:
        return Transmitted(
            peer(hop),
            tuple(
                Answer(one.id, replies.get(one.address, TAKEN), Stage.RCPT)
                for one in letter.recipients
            ),
        )

    return act


def fails(reply: Reply = REFUSED, stage: Stage = Stage.CONNECT, *, ours: bool = True) -> Act:
    """A host that can't be used."""

    def act(hop: NextHop, letter: Letter) -> Transmitted:
        raise HostFailure(stage, reply, None if stage is Stage.CONNECT else peer(hop), ours=ours)

    return act


class Hosts:
    """Hosts that do what they were told, one thing after the other, and then take all mail.

    With a `gate` letters wait there until it is set.
    """

    def __init__(self) -> None:
        self.told: defaultdict[str, deque[Act]] = defaultdict(deque)
        self.always: dict[str, Act] = {}
        self.sent: list[tuple[str, QueueId, tuple[str, ...]]] = []
        self.gate: asyncio.Event | None = None
        self.waiting = self.most_at_once = 0

    def on(self, host: str, *acts: Act) -> None:
        """What a host does next."""
        self.told[host].extend(acts)

    async def send(self, hop: NextHop, letter: Letter) -> Transmitted:
        addresses = tuple(one.address for one in letter.recipients)
        self.sent.append((hop.host, letter.message.id, addresses))
        self.waiting += 1
        self.most_at_once = max(self.most_at_once, self.waiting)
        try:
            await (asyncio.sleep(0) if self.gate is None else self.gate.wait())
        finally:
            self.waiting -= 1
        queue = self.told[hop.host]
        act = queue.popleft() if queue else self.always.get(hop.host, says(TAKEN))
        return act(hop, letter)

    def count(self, host: str) -> int:
        """How many letters were offered to a host."""
        return sum(1 for sent in self.sent if sent[0] == host)


def hop(host: str, port: int = 25) -> NextHop:
    return NextHop(host, ("192.0.2.1",), OPPORTUNISTIC, port)


class Map:
    """Journeys by domain; without one mail goes to the host `mx.` of the domain."""

    def __init__(self) -> None:
        self.journeys: dict[str, Journey | RouteFailure | Exception] = {}

    async def journey(self, message: LeasedMessage, domain: str) -> Journey:
        found = self.journeys.get(domain)
        if isinstance(found, Exception):
            raise found
        return found or direct(f"mx.{domain}")


def direct(*hosts: str, fallback: Sequence[str] = ()) -> Journey:
    """The way to these hosts."""
    further = tuple(hop(host, 587) for host in fallback)
    return Journey(RouteKind.DIRECT, "direct", tuple(map(hop, hosts)), further)


@dataclass
class NotedReports:
    """Notes what senders would be told; `filed` counts in the transactions that settle."""

    told: list[tuple[str, Action, str]] = field(default_factory=list)
    filed: int = 0
    failing: bool = False

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None:
        addresses = {one.id: one.address for one in message.recipients}
        for result, kind in zip(results, kinds, strict=True):
            if kind is not None:
                self.told.append((addresses[result.recipient_id], kind, result.reply))
        return PreparedReport((), None, (), None)

    def file(self, tx: Tx, prepared: PreparedReport) -> None:
        if self.failing:
            raise RuntimeError("a fault in the report")
        self.filed += 1


class Nowhere:
    """A directory and a delivery of a server that has no mailboxes."""

    async def find(self, path: str, size_bytes: int = 0) -> Resolution | None:
        return None

    async def deliver(self, parcel: Parcel, also: Callable[[Tx], None] | None = None) -> Outcomes:
        raise NotImplementedError


class Held:
    """A pace under the hand of a test: raises what it is given."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None

    def admit(self, domain: str, host: str) -> AbstractAsyncContextManager[None]:
        return self._admit()

    @asynccontextmanager
    async def _admit(self) -> AsyncIterator[None]:
        if self.refusal is not None:
            raise self.refusal
        yield


@dataclass
class Post:
    """A queue and its runners."""

    database: Database
    store: ContentStore
    clock: FakeClock
    bus: LocalBus = field(default_factory=LocalBus)
    hosts: Hosts = field(default_factory=Hosts)
    map: Map = field(default_factory=Map)
    reports: NotedReports = field(default_factory=NotedReports)
    ids: IdSource = field(default_factory=IdSource)
    paces: list[Pace] = field(default_factory=list)
    directory: Directory = field(default_factory=Nowhere)
    delivery: Deliverer = field(default_factory=Nowhere)
    judged: Judged | None = None
    spread: Callable[[float, float], float] = lambda low, high: (low + high) / 2
    per_destination: int = 10
    room_bytes: int = 1 << 20
    lease_ms: int = 60_000
    slow_s: float = 10.0
    runners: list[Outbound] = field(default_factory=list)

    def runner(self, owner: str = "one", options: OutboundOptions | None = None) -> Outbound:
        """A runner of a process of this name."""
        settling = Settling(self.database, self.store, self.reports, owner, self.lease_ms)
        verdicts = Verdicts(Schedule(ScheduleOptions(), self.spread), self.clock)
        paces = (Concurrency(20, 200), *self.paces)
        parts = Parts(
            settling,
            Contents(settling.load, self.room_bytes),
            self.map,
            Attempts(self.hosts, paces, verdicts, self.clock),
            verdicts,
            LocalDelivery(self.directory, self.delivery, "mx.example.test", judged=self.judged),
            self.clock,
            BreakerOptions(),
            self.per_destination,
            self.slow_s,
        )
        made = Outbound(
            parts, self.bus, replace(options or OutboundOptions(), steady_s=self._steady_s)
        )
        self.runners.append(made)
        return made

    def _steady_s(self) -> float:
        """Steps of the tests' clock are time that passes, not a clock that is set."""
        return self.clock.now_ms() / 1000

    async def enqueue(
        self,
        *addresses: str,
        content: bytes = SMALL,
        age_ms: int = 7 * DAY_MS,
        outgoing: Outgoing | None = None,
    ) -> QueueId:
        """Put a message into the queue."""
        outgoing = outgoing or Outgoing(SENDER, ())
        if addresses:
            recipients = tuple(map(OutgoingRecipient, addresses))
            outgoing = replace(outgoing, recipients=recipients)
        blob = seal(BlobId(self.ids.next()), content)
        if self.store.blobs.in_file(blob):
            self.store.blobs.put(blob)
        message = await self.database.write(_enqueue, self.store, blob, outgoing, age_ms)
        self.bus.publish(TOPIC)
        return message

    async def work(self, runner: Outbound | None = None) -> None:
        """Let a runner do all that is due now."""
        runner = runner or (self.runners[0] if self.runners else self.runner())
        for _ in range(100):
            await runner.look()
            await runner.idle()
            due_ms = await self.database.lookup(lease.next_due_ms)
            if due_ms is None or due_ms > self.clock.now_ms():
                return
        raise TimeoutError("the queue does not become quiet")

    async def get(self, message: QueueId) -> QueuedMessage:
        found = await self.database.read(inspect.get, message)
        assert found is not None
        return found

    async def recipient(self, message: QueueId, address: str = "") -> QueuedRecipient:
        """A recipient of a message, the only one or the one of this address."""
        found = (await self.get(message)).recipients
        return next(one for one in found if not address or one.address == address)

    async def log(self, message: QueueId) -> list[LogLine]:
        return await self.database.read(log.of_message, message)

    async def close(self) -> None:
        for runner in self.runners:
            await runner.close()


def _enqueue(
    tx: Tx, store: ContentStore, blob: SealedBlob, outgoing: Outgoing, age_ms: int
) -> QueueId:
    store.blobs.insert(tx, blob)
    return enqueue(tx, store.keys, blob, outgoing, tx.now_ms + age_ms)


def open_post(database: Database, folder: Path, clock: FakeClock) -> Post:
    """A queue with nothing in it."""
    return Post(database, content_store(folder / "blobs", 1 << 20), clock)

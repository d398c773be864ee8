"""Mail coming in: many connections, many messages each, until the last is readable over IMAP.

Counts a message as accepted when 250 answers its final dot, and as visible when the mailbox's
EXISTS has grown by it. Connections are opened anew after every session, as relays do.

    python bench/smtp_in.py --port 2525 --imap-port 1143 --rcpt a@example.test --password x
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, cast

import corpus
import target
import uvloop
from cost import CostWatch
from imap_wire import ImapWire
from metrics import Metrics, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION_TIMEOUT_S = 60
VISIBLE_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    connections: int
    per_session: int
    size_bytes: int
    messages: int


LOADS = (
    Load("2k_10x20", 10, 20, 2_000, 2000),
    Load("2k_1x1", 1, 1, 2_000, 500),
    Load("2k_50x20", 50, 20, 2_000, 3000),
    Load("50k_10x20", 10, 20, 50_000, 1000),
)


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends, and what: an envelope to the end of DATA, and contents by turns.

    `opening` is sent before all else, as a proxy at `source` would.
    """

    envelope: bytes
    contents: list[bytes]
    name: str = "load.sender.test"
    opening: bytes = b""
    source: str = ""


@dataclass(slots=True)
class Tally:
    """What the sessions of one run share: the messages still to send and the times taken."""

    left: int
    accepted: int = 0
    latencies_s: list[float] = field(default_factory=list)
    session_s: list[float] = field(default_factory=list)


class Sender(asyncio.Protocol):
    """One SMTP session: EHLO, `count` transactions, QUIT; any unexpected reply fails it."""

    def __init__(self, tally: Tally, client: Client, count: int, pipelining: bool) -> None:
        self._tally = tally
        self._client = client
        self._left = count
        self._pipelining = pipelining
        self._buffer = b""
        self._begun = time.perf_counter()
        self._asked = 0.0
        self._transport: asyncio.Transport | None = None
        self._steps = self._session()
        self._expected = next(self._steps)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport, so this cannot be checked.
        self._transport = cast("asyncio.Transport", transport)
        if self._client.opening:
            self._write(self._client.opening)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        while (end := buffer.find(b"\r\n")) >= 0:
            line, buffer = buffer[:end], buffer[end + 2 :]
            if line[3:4] == b"-":
                continue
            if not line.startswith(self._expected):
                self._finish(RuntimeError(f"expected {self._expected!r}, got {line!r}"))
                return
            try:
                self._expected = next(self._steps)
            except StopIteration:
                self._finish(None)
                return
        self._buffer = buffer

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or RuntimeError("closed by the server"))

    def _finish(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is None:
                self._tally.session_s.append(time.perf_counter() - self._begun)
                self.done.set_result(None)
            else:
                self.done.set_exception(error)
            if self._transport:
                self._transport.close()

    def _write(self, octets: bytes) -> None:
        if self._transport:
            self._transport.write(octets)

    def _session(self) -> Iterator[bytes]:
        """Give the reply expected next, then go on when it has come."""
        tally, client = self._tally, self._client
        yield b"220"
        self._write(f"EHLO {client.name}\r\n".encode())
        yield b"250"
        mail, rcpt, data = client.envelope.splitlines(keepends=True)
        for number in range(self._left):
            self._asked = time.perf_counter()
            if self._pipelining:
                self._write(client.envelope)
            else:
                self._write(mail)
            yield b"250"
            if not self._pipelining:
                self._write(rcpt)
            yield b"250"
            if not self._pipelining:
                self._write(data)
            yield b"354"
            self._write(client.contents[number % len(client.contents)])
            yield b"250"
            tally.latencies_s.append(time.perf_counter() - self._asked)
            tally.accepted += 1
        self._write(b"QUIT\r\n")
        yield b"221"


async def _sessions(
    at: target.Target, load: Load, tally: Tally, clients: Iterator[Client], pipelining: bool
) -> None:
    loop = asyncio.get_running_loop()
    while tally.left > 0:
        count = min(load.per_session, tally.left)
        tally.left -= count
        client = next(clients)
        local = (client.source, 0) if client.source else None
        _, sender = await loop.create_connection(
            partial(Sender, tally, client, count, pipelining),
            at.host,
            at.smtp_port,
            local_addr=local,
        )
        await asyncio.wait_for(sender.done, SESSION_TIMEOUT_S)


async def send_all(
    at: target.Target, load: Load, tally: Tally, clients: Iterator[Client], pipelining: bool
) -> float:
    """Send all messages of a load, each session as the next client; give the seconds it took."""
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(load.connections):
            group.create_task(_sessions(at, load, tally, clients, pipelining))
    return time.perf_counter() - begun


def wait_visible(imap: ImapWire, wanted: int) -> int:
    """Poll until the mailbox holds `wanted` messages or time is up; give what it holds."""
    end = time.monotonic() + VISIBLE_TIMEOUT_S
    while True:
        # EXAMINE tells EXISTS every time, where NOOP says nothing when nothing is new.
        exists = imap.command(b"EXAMINE INBOX").exists()
        if exists >= wanted or time.monotonic() > end:
            return exists
        time.sleep(0.01)


def run(at: target.Target, load: Load, pipelining: bool, metrics: Metrics) -> None:
    """Send all messages of the load once and add its figures."""
    recipient = at.recipients[0]
    contents = [
        corpus.transparent(corpus.message(number * 4 + 3, load.size_bytes, recipient))
        for number in range(20)
    ]
    envelope = f"MAIL FROM:<load@{corpus.DOMAIN}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
    tally, clients = Tally(load.messages), repeat(Client(envelope, contents))
    with ImapWire(at.host, at.imap_port, VISIBLE_TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        before = imap.command(b"EXAMINE INBOX").exists()
        watch = CostWatch(at)
        own_cpu_s = time.process_time()
        begun = time.perf_counter()
        try:
            sent_s = uvloop.run(send_all(at, load, tally, clients, pipelining))
        except* Exception as group:
            raise SystemExit(f"{load.name}: {group.exceptions[0]!r}") from None
        own_cpu_s = time.process_time() - own_cpu_s
        exists = wait_visible(imap, before + tally.accepted)
        visible_s = time.perf_counter() - begun
        watch.note(metrics, load.name, load.messages)
        _verify(imap, exists, before + load.messages, load.size_bytes)
    if tally.accepted != load.messages:
        raise SystemExit(f"{tally.accepted} of {load.messages} accepted")
    name = load.name
    metrics.add(f"{name}.accepted", tally.accepted / sent_s, "msg/s")
    metrics.add(f"{name}.visible", tally.accepted / visible_s, "msg/s")
    metrics.add(f"{name}.p50", percentile(tally.latencies_s, 0.5) * 1000, "ms")
    metrics.add(f"{name}.p99", percentile(tally.latencies_s, 0.99) * 1000, "ms")
    metrics.add(f"{name}.session_p50", percentile(tally.session_s, 0.5) * 1000, "ms")
    metrics.add(f"{name}.load_cpu", own_cpu_s * 1000 / tally.accepted, "cpu-s/1000")


def _verify(imap: ImapWire, exists: int, wanted: int, size_bytes: int) -> None:
    if exists != wanted:
        raise SystemExit(f"{exists} messages readable, {wanted} expected")
    octets = imap.command(b"FETCH %d (RFC822.SIZE BODY.PEEK[TEXT])" % exists).octets
    if len(octets) < size_bytes * 0.8:
        raise SystemExit(f"the last message came back short: {len(octets)} octets")


def empty_inbox(at: target.Target) -> None:
    """Delete what earlier runs delivered, so that each begins alike."""
    with ImapWire(at.host, at.imap_port, VISIBLE_TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        if imap.command(b"SELECT INBOX").exists():
            imap.command(rb"STORE 1:* +FLAGS.SILENT (\Deleted)")
            imap.command(b"EXPUNGE")


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--only", default="", help=f"of {', '.join(load.name for load in LOADS)}")
    parser.add_argument("--messages", type=int, default=0, help="instead of each load's number")
    parser.add_argument("--no-pipelining", action="store_true", help="one command a round trip")
    options = parser.parse_args()
    at = target.of(options)
    metrics = Metrics()
    for load in LOADS:
        if options.only and load.name not in options.only.split(","):
            continue
        messages = options.messages or (load.messages // 5 if options.quick else load.messages)
        chosen = Load(load.name, load.connections, load.per_session, load.size_bytes, messages)
        # Once unmeasured: the peer starts the processes it needs only when mail comes.
        warming = Load(load.name, load.connections, 2, load.size_bytes, load.connections * 2)
        run(at, warming, not options.no_pipelining, Metrics())
        for number in range(at.runs):
            print(f"smtp_in {load.name} {number + 1}/{at.runs}", file=sys.stderr)
            run(at, chosen, not options.no_pipelining, metrics)
            empty_inbox(at)
    metrics.print_json("smtp_in")


if __name__ == "__main__":
    main()

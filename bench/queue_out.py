"""Mail leaving: users submit messages for many domains, and a sink takes all of them.

The server sends everything to the sink, which runs in this process and answers at once. Counted are
messages per second from the first submission to the last delivery, and how long after its
acknowledgement a message was first offered to the sink. Each must come exactly once.

    python bench/queue_out.py --submission-port 1587 --sink-port 1625 --rcpt a@example.test
"""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import corpus
import target
import uvloop
from cost import CostWatch
from metrics import Metrics, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION_TIMEOUT_S = 120
DRAIN_TIMEOUT_S = 120
SETTLE_S = 1.0
PER_SESSION = 50


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    connections: int
    domains: int
    size_bytes: int
    messages: int


LOADS = (
    Load("2k_c10", 10, 50, 2_000, 5000),
    Load("2k_c40", 40, 50, 2_000, 5000),
    Load("50k_c10", 10, 50, 50_000, 1000),
)


@dataclass(slots=True)
class Tally:
    """What the sessions of one run share; times are monotonic seconds by message number."""

    load: Load
    contents: list[bytes]
    left: list[int]
    submitted_s: dict[int, float] = field(default_factory=dict)
    offered_s: dict[int, float] = field(default_factory=dict)
    taken_s: dict[int, float] = field(default_factory=dict)
    twice: int = 0
    connections: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Sink(asyncio.Protocol):
    """One connection from the server: takes everything, and notes when."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._content = False
        self._number = -1
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._tally.connections += 1
        self._transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        buffer, answers = self._buffer + data, b""
        while True:
            if self._content:
                end = buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                buffer = buffer[end + 5 :]
                self._content = False
                self._take()
                answers += b"250 2.0.0 taken\r\n"
                continue
            end = buffer.find(b"\r\n")
            if end < 0:
                break
            line, buffer = buffer[:end], buffer[end + 2 :]
            answers += self._answer(line)
        self._buffer = buffer
        if answers and self._transport:
            self._transport.write(answers)

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._number = int(line[line.index(b"<u") + 2 : line.index(b"@")])
            self._tally.offered_s.setdefault(self._number, time.perf_counter())
        elif verb == b"DATA":
            self._content = True
            return b"354 go on\r\n"
        elif verb == b"EHLO":
            return b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n"
        elif verb == b"QUIT":
            if self._transport:
                self._transport.write(b"221 bye\r\n")
                self._transport.close()
            return b""
        return b"250 2.1.0 fine\r\n"

    def _take(self) -> None:
        tally = self._tally
        if self._number in tally.taken_s:
            tally.twice += 1
        tally.taken_s[self._number] = time.perf_counter()
        if len(tally.taken_s) >= tally.load.messages:
            tally.done.set()


class Sender(asyncio.Protocol):
    """One session of a user's program; any unexpected reply fails it."""

    def __init__(self, tally: Tally, numbers: list[int], user: str, password: str) -> None:
        self._tally = tally
        self._numbers = numbers
        self._user = user
        self._password = password
        self._buffer = b""
        self._has_auth = False
        self._transport: asyncio.Transport | None = None
        self._steps = self._session()
        self._expected = next(self._steps)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        while (end := buffer.find(b"\r\n")) >= 0:
            line, buffer = buffer[:end], buffer[end + 2 :]
            self._has_auth = self._has_auth or line[4:9] == b"AUTH "
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
        tally = self._tally
        yield b"220"
        self._write(b"EHLO program.sender.test\r\n")
        yield b"250"
        if self._has_auth:
            token = base64.b64encode(f"\0{self._user}\0{self._password}".encode())
            self._write(b"AUTH PLAIN " + token + b"\r\n")
            yield b"235"
        for number in self._numbers:
            recipient = f"u{number}@d{number % tally.load.domains}.test"
            envelope = f"MAIL FROM:<{self._user}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"
            self._write(envelope.encode())
            yield b"250"
            yield b"250"
            yield b"354"
            self._write(tally.contents[number % len(tally.contents)])
            yield b"250"
            tally.submitted_s[number] = time.perf_counter()
        self._write(b"QUIT\r\n")
        yield b"221"


async def _user(at: target.Target, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    while tally.left:
        numbers, tally.left[:] = tally.left[:PER_SESSION], tally.left[PER_SESSION:]
        _, sender = await loop.create_connection(
            partial(Sender, tally, numbers, at.user, at.password), at.host, at.submission_port
        )
        await asyncio.wait_for(sender.done, SESSION_TIMEOUT_S)


async def _send_all(at: target.Target, tally: Tally) -> float:
    """Submit everything and wait for the last delivery; gives the seconds for both."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        partial(Sink, tally), "127.0.0.1", at.sink_port, backlog=1000
    )
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(tally.load.connections):
            group.create_task(_user(at, tally))
    await asyncio.wait_for(tally.done.wait(), DRAIN_TIMEOUT_S)
    taken_s = time.perf_counter() - begun
    await asyncio.sleep(SETTLE_S)
    listener.close()
    return taken_s


def _contents(load: Load, user: str) -> list[bytes]:
    """Messages whose From is the user's, as only those may be sent."""
    made = []
    for number in range(20):
        whole = corpus.message(number * 4 + 3, load.size_bytes)
        head, _, body = whole.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"From:")]
        lines.append(b"From: <" + user.encode() + b">")
        made.append(corpus.transparent(b"\r\n".join(lines) + b"\r\n\r\n" + body))
    return made


def run(at: target.Target, load: Load, metrics: Metrics) -> None:
    """Send all messages of the load once and add its figures."""
    tally = Tally(load, [], list(range(load.messages)))
    tally.contents = _contents(load, at.user)
    watch = CostWatch(at)
    own_cpu_s = time.process_time()
    try:
        taken_s = uvloop.run(_send_all(at, tally))
    except* Exception as group:
        missing = load.messages - len(tally.taken_s)
        raise SystemExit(f"{load.name}: {group.exceptions[0]!r}, {missing} missing") from None
    watch.note(metrics, load.name, load.messages)
    own_cpu_s = time.process_time() - own_cpu_s
    if tally.twice:
        raise SystemExit(f"{load.name}: {tally.twice} came twice")
    name, count = load.name, load.messages
    submitted_s = max(tally.submitted_s.values()) - min(tally.submitted_s.values())
    waits = [max(0.0, at_s - tally.submitted_s[number]) for number, at_s in tally.offered_s.items()]
    metrics.add(f"{name}.delivered", count / taken_s, "msg/s")
    metrics.add(f"{name}.submitted", count / submitted_s, "msg/s")
    metrics.add(f"{name}.first_attempt_p50", percentile(waits, 0.5) * 1000, "ms")
    metrics.add(f"{name}.first_attempt_p99", percentile(waits, 0.99) * 1000, "ms")
    metrics.add(f"{name}.connections", tally.connections, "connections")
    metrics.add(f"{name}.load_cpu", own_cpu_s * 1000 / count, "cpu-s/1000")


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--only", default="", help=f"of {', '.join(load.name for load in LOADS)}")
    parser.add_argument("--messages", type=int, default=0, help="instead of each load's number")
    options = parser.parse_args()
    at = target.of(options)
    if not at.sink_port:
        raise SystemExit("give --sink-port, where the server sends everything")
    metrics = Metrics()
    for load in LOADS:
        if options.only and load.name not in options.only.split(","):
            continue
        messages = options.messages or (load.messages // 5 if options.quick else load.messages)
        # Once unmeasured: the peer starts the processes it needs only when mail comes.
        run(at, replace(load, messages=100), Metrics())
        for number in range(at.runs):
            print(f"queue_out {load.name} {number + 1}/{at.runs}", file=sys.stderr)
            run(at, replace(load, messages=messages), metrics)
    metrics.print_json("queue_out")


if __name__ == "__main__":
    main()

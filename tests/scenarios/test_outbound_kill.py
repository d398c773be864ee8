"""Killing workers while they deliver: all messages arrive, and twice only where nobody can know.

A second copy of a message is allowed if the connection that took the first one died: then the
host's answer was lost, or the process that had heard it was killed before it was on disk.
PILLARBOX_KILL_MESSAGES sets how many messages are delivered on SQLite.
"""

import asyncio
import os
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.live import USERS, LiveServer, kill
from kit.nameserver import NameServer
from kit.sink import Sink, Slow, Taken, running
from kit.wire import SmtpWire

MESSAGES = int(os.environ.get("PILLARBOX_KILL_MESSAGES", "1000"))
POSTGRES_MESSAGES = max(100, MESSAGES // 3)
DOMAINS = 20
SENDERS = 4
PATIENCE_S = 240.0
SETTLED_S = 300.0
KILLS_IN_A_ROW = 3
"""Of workers in one life of the supervisor, which waits longer each time before a new one."""
LAST = 3
"""A connection takes another message while the one before is being settled."""


def settings(names: NameServer, sink: Sink) -> dict[str, str]:
    return {
        "WORKERS": "2",
        "TLS_MODE": "off",
        "SHUTDOWN_TIMEOUT": "1",
        "LOG_LEVEL": "error",
        "DNS_PRIMARY": "127.0.0.1",
        "DNS_PORT": str(names.port),
        "OUTBOUND_INSIDE": "true",
        "OUTBOUND_PORT": str(sink.port),
        "QUEUE_RETRY_MINS": "1s",
        "QUEUE_LEASE": "3s",
        "DKIM_ALGO": "none",
        "SENDING_USER_MESSAGES_HOUR": "0",
        "SENDING_USER_RECIPIENTS_DAY": "0",
        "SENDING_USER_NEWCOMERS_DAY": "0",
    }


@dataclass
class Ledger:
    """What was submitted: of `unsure` messages the acknowledgement was cut."""

    acknowledged: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)


async def submit(server: LiveServer, ledger: Ledger, numbers: list[int]) -> None:
    """Submit the messages of these numbers; one that is cut off comes again by another name."""
    tries = 0
    while numbers:
        marker = ""
        try:
            smtp = await SmtpWire.open(server.port("SUBMISSION"))
            async with smtp.wire:
                await smtp.login(USERS[0], server.password)
                while numbers:
                    number = numbers[-1]
                    marker = f"{number}.{tries}"
                    head = f"From: {USERS[0]}\r\nSubject: hello\r\nX-Marker: {marker}\r\n\r\n"
                    recipient = f"u{number}@d{number % DOMAINS}.test"
                    content = f"{head}Words.\r\n".encode()
                    code, text = await smtp.data(USERS[0], (recipient,), content)
                    assert code == 250, text
                    ledger.acknowledged.add(marker)
                    numbers.pop()
        except (OSError, EOFError):
            tries += 1
            if marker and marker not in ledger.acknowledged:
                ledger.unsure.add(marker)
            await asyncio.sleep(0.05)


async def kill_again_and_again(server: LiveServer, sink: Sink, wanted: int) -> int:
    """Kill a worker at random moments until most has been delivered; gives how often."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice, kills, in_a_row = random.Random(seed), 0, 0
    while len(sink.counts) < wanted:
        target = len(sink.counts) + dice.randint(1, wanted // 6)
        try:
            await sink.wait_for_distinct(min(target, wanted), PATIENCE_S)
        except TimeoutError:
            raise AssertionError(f"nothing moves: {len(sink.counts)} of {wanted}") from None
        await asyncio.sleep(dice.uniform(0, 0.02))
        workers = server.workers()
        if workers and in_a_row < KILLS_IN_A_ROW:
            kill(dice.choice(workers))
            in_a_row += 1
        else:
            for pid in server.processes():
                kill(pid)
            await asyncio.to_thread(server.reap)
            await asyncio.to_thread(server.start)
            in_a_row = 0
        kills += 1
    return kills


def check(sink: Sink, ledger: Ledger) -> int:
    """Count the copies; gives how many there are too many.

    Only the last messages of a connection that died can be among them: what was handed over before
    those was on disk before the connection was used again, or soon after.
    """
    copies: defaultdict[str, list[Taken]] = defaultdict(list)
    of_session: defaultdict[int, list[str]] = defaultdict(list)
    for taken in sink.taken:
        copies[taken.marker].append(taken)
        of_session[taken.session].append(taken.marker)
    assert ledger.acknowledged <= set(copies) <= ledger.acknowledged | ledger.unsure
    more = 0
    for marker, found in copies.items():
        for taken in found[:-1]:
            more += 1
            assert taken.session not in sink.goodbyes, f"{marker} came again after a good end"
            assert marker in of_session[taken.session][-LAST:], f"{marker} was long settled"
    return more


async def play(tmp_path: Path, database: dict[str, str], wanted: int) -> None:
    zone = {f"d{number}.test": "@ MX 10 mx\nmx A 127.0.0.1" for number in range(DOMAINS)}
    async with NameServer(zone | {"test": "@ TXT x"}) as names, running(Sink()) as sink:
        sink.on("CONTENT", Slow(0.005))
        server, ledger = LiveServer(tmp_path, settings(names, sink) | database), Ledger()
        await asyncio.to_thread(server.start)
        try:
            numbers = [list(range(first, wanted, SENDERS)) for first in range(SENDERS)]
            async with asyncio.TaskGroup() as tasks:
                for part in numbers:
                    tasks.create_task(submit(server, ledger, part))
                kills = await kill_again_and_again(server, sink, wanted)
            await until_settled(server)
            more = check(sink, ledger)
            print(f"{wanted} messages, {kills} kills, {more} copies too many")
            assert kills >= 5
            assert await asyncio.to_thread(server.stop) == 0
            assert "Traceback" not in server.log()
        finally:
            server.end()
            print(server.log()[-4000:])


async def until_settled(server: LiveServer) -> None:
    """Wait until everybody counts as delivered; what was in hand at many deaths waits a while."""
    async with asyncio.timeout(SETTLED_S):
        while set(await asyncio.to_thread(server.queued)) != {"delivered"}:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


@pytest.mark.timeout(900 + MESSAGES // 5)
async def test_kill_on_sqlite(tmp_path: Path) -> None:
    await play(tmp_path, {}, MESSAGES)


@pytest.mark.timeout(900 + POSTGRES_MESSAGES // 5)
async def test_kill_on_postgresql(tmp_path: Path, new_postgres_dsn: Callable[[], str]) -> None:
    database = {"DB_DRIVER": "postgresql", "DB_DSN": new_postgres_dsn()}
    await play(tmp_path, database, POSTGRES_MESSAGES)

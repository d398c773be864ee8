"""Killing processes at any moment: what was acknowledged is there, whole, and not doubled.

PILLARBOX_KILL_ROUNDS sets how many rounds are played on SQLite.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.live import LiveServer, kill
from scenarios import load
from scenarios.load import Ledger

ROUNDS = int(os.environ.get("PILLARBOX_KILL_ROUNDS", "50"))
POSTGRES_ROUNDS = max(1, ROUNDS // 5)
KILLS_OF_WORKERS = 3
"""In one life of the supervisor, which waits longer each time before it starts one again."""

SETTINGS = {"WORKERS": "2", "TLS_MODE": "off", "SHUTDOWN_TIMEOUT": "1", "LOG_LEVEL": "error"}


class Killer:
    """Kills a process each round, and starts the server again when there is none."""

    def __init__(self, server: LiveServer, dice: random.Random) -> None:
        self._server = server
        self._dice = dice
        self._workers_killed = 0

    async def round(self) -> str:
        """One round; gives what was killed."""
        await asyncio.sleep(self._dice.uniform(0.2, 0.6))
        workers = self._server.workers()
        what = self._dice.choices(("worker", "all", "supervisor"), (70, 20, 10))[0]
        if what == "worker" and workers and self._workers_killed < KILLS_OF_WORKERS:
            kill(self._dice.choice(workers))
            self._workers_killed += 1
            return what
        kill(self._server.supervisor())
        if what != "supervisor":
            for pid in workers:
                kill(pid)
        await self.restart()
        return what

    async def restart(self) -> None:
        """Wait for the end of those whose supervisor was killed, and start anew."""
        await asyncio.to_thread(self._server.reap)
        await asyncio.to_thread(self._server.start)
        self._workers_killed = 0


async def play(server: LiveServer, rounds: int) -> None:
    """Kill under load, then count."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    ledger = Ledger(random.Random(seed + 1))
    killer = Killer(server, dice)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(load.send(server, ledger))
        for _ in range(2):
            tasks.create_task(load.append(server, ledger))
        tasks.create_task(load.move(server, ledger))
        for number in range(rounds):
            print(number, await killer.round(), len(ledger.entries))
        for pid in server.processes():
            kill(pid)
        await killer.restart()
        ledger.done.set()
    copies = await load.check(server, ledger)
    cuts = sum(entry.cuts for entry in ledger.entries.values())
    print(f"{len(ledger.entries)} messages, {cuts} cut, {sum(copies.values())} copies")
    assert sum(entry.acknowledged for entry in ledger.entries.values()) > rounds
    used = {row["address"]: row for row in json.loads(server.command("user", "list", "--json"))}
    assert sum(row["used_messages"] for row in used.values()) == sum(copies.values())


@pytest.mark.timeout(120 + 4 * ROUNDS)
async def test_kill_on_sqlite(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SETTINGS)
    server.start()
    try:
        await play(server, ROUNDS)
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    finally:
        server.end()
        print(server.log()[-4000:])


@pytest.mark.timeout(120 + 4 * POSTGRES_ROUNDS)
async def test_kill_on_postgresql(tmp_path: Path, new_postgres_dsn: Callable[[], str]) -> None:
    database = {"DB_DRIVER": "postgresql", "DB_DSN": new_postgres_dsn()}
    server = LiveServer(tmp_path, SETTINGS | database)
    server.start()
    try:
        await play(server, POSTGRES_ROUNDS)
        assert server.stop() == 0
    finally:
        server.end()
        print(server.log()[-4000:])


def test_supervisor_dies_while_a_worker_starts(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SETTINGS)
    server.start()
    try:
        before = server.workers()
        kill(before[0])
        until_s = time.monotonic() + 30
        while not set(server.workers()) - set(before):
            assert time.monotonic() < until_s
            time.sleep(0.001)
        kill(server.supervisor())
        server.reap()
        assert "Traceback" not in server.log()
        server.start()
    finally:
        server.end()

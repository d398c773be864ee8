"""Killing processes at any moment: each message that is there has its trace, and each trace it.

PILLARBOX_KILL_ROUNDS sets how many rounds are played; a fifth of what `test_kill` plays.
"""

import asyncio
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.live import USERS, LiveServer, kill
from kit.wire import ImapWire, SmtpWire
from scenarios.load import BROKEN, PATIENCE_S

ROUNDS = max(3, int(os.environ.get("PILLARBOX_KILL_ROUNDS", "50")) // 5)
SETTINGS = {"WORKERS": "2", "TLS_MODE": "off", "SHUTDOWN_TIMEOUT": "1", "LOG_LEVEL": "error"}
SENDERS = ("", "", "", "", "192.0.2.7", "198.51.100.9")
"""Clients that are trusted, and clients whose mail is checked."""

_RECEIVED_ID = re.compile(rb"\bid ([0-9a-z]{13})\b")


@dataclass(slots=True)
class Sent:
    """What was acknowledged: how many recipients each has, by the id its client was told."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: dict[str, int] = field(default_factory=dict)
    number: int = 0


async def send(server: LiveServer, sent: Sent, ip: str) -> None:
    """Send message after message to one or both users."""
    while not sent.done.is_set():
        try:
            opening = SmtpWire.open(server.port("SMTP"), ip=ip)
            async with (smtp := await asyncio.wait_for(opening, PATIENCE_S)).wire:
                while not sent.done.is_set():
                    sent.number += 1
                    to = USERS if sent.number % 3 else USERS[:1]
                    content = f"Message-ID: <{sent.number}@outside.test>\r\n\r\nWords.\r\n"
                    giving = smtp.data("someone@outside.test", to, content.encode())
                    code, text = await asyncio.wait_for(giving, PATIENCE_S)
                    assert code in (250, 421, 451), text
                    if code == 250:
                        sent.accepted[text.split()[-1]] = len(to)
                    await asyncio.sleep(0.01)
        except BROKEN:
            await asyncio.sleep(0.05)


async def stored(server: LiveServer) -> Counter[str]:
    """How many copies of each message there are, by the id in its trace field."""
    found: Counter[str] = Counter()
    for user in USERS:
        for mailbox in ("INBOX", "Junk"):
            imap = await ImapWire.open(server.port("IMAP"), user, server.password, select=mailbox)
            async with imap.wire:
                for content in (await imap.bodies()).values():
                    header = content.partition(b"Message-ID:")[0]
                    (one,) = _RECEIVED_ID.findall(header)
                    found[one.decode()] += 1
    return found


async def play(server: LiveServer, dice: random.Random) -> None:
    sent = Sent()
    async with asyncio.TaskGroup() as tasks:
        for ip in SENDERS:
            tasks.create_task(send(server, sent, ip))
        for _ in range(ROUNDS):
            before = len(sent.accepted)
            async with asyncio.timeout(PATIENCE_S):
                while len(sent.accepted) < before + 5:  # noqa: ASYNC110
                    await asyncio.sleep(dice.uniform(0.01, 0.1))
            for pid in server.workers() if dice.random() < 0.5 else ():
                kill(pid)
            kill(server.supervisor())
            await asyncio.to_thread(server.reap)
            await asyncio.to_thread(server.start)
        sent.done.set()
    copies = await stored(server)
    traced = await asyncio.to_thread(server.traced)
    placed = {one: len(places) for one, places in traced.items() if any(places)}
    print(len(sent.accepted), "acknowledged,", len(copies), "stored,", len(placed), "traced")
    assert sent.accepted.items() <= copies.items()
    assert placed == copies


@pytest.mark.timeout(120 + 15 * ROUNDS)
async def test_every_message_has_its_trace(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    server = LiveServer(tmp_path, SETTINGS)
    server.start()
    try:
        server.command("policy", "set", "example.test", "greylist_enabled=false")
        await play(server, random.Random(seed))
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    finally:
        server.end()
        print(server.log()[-4000:])

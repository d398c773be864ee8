"""Killing processes at any moment: what a script wants is done whole, once, or not at all.

PILLARBOX_KILL_ROUNDS sets how many rounds are played; a tenth of what `test_kill` plays.
"""

import asyncio
import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from kit.live import USERS, LiveServer, kill
from kit.wire import ImapWire, SmtpWire
from scenarios.load import BROKEN, PATIENCE_S

ROUNDS = max(3, int(os.environ.get("PILLARBOX_KILL_ROUNDS", "50")) // 10)
SETTINGS = {
    "WORKERS": "2",
    "TLS_MODE": "off",
    "SHUTDOWN_TIMEOUT": "1",
    "LOG_LEVEL": "error",
    "SENDING_USER_MESSAGES_HOUR": "0",
    "SENDING_USER_RECIPIENTS_DAY": "0",
    "SENDING_USER_NEWCOMERS_DAY": "0",
}
SCRIPT = (
    'require ["fileinto", "copy"];\nfileinto "Lists";\nfileinto "Lists/Again";\n'
    'redirect "friend@outside.test";\n'
)
_ID = re.compile(rb"^Message-ID: <(\d+)@", re.MULTILINE)


async def send(server: LiveServer, accepted: set[int], done: asyncio.Event) -> None:
    """Send message after message."""
    while not done.is_set():
        try:
            opening = SmtpWire.open(server.port("SMTP"))
            async with (smtp := await asyncio.wait_for(opening, PATIENCE_S)).wire:
                while not done.is_set():
                    number = random.getrandbits(60)
                    content = f"Message-ID: <{number}@outside.test>\r\n\r\nWords.\r\n".encode()
                    giving = smtp.data("someone@outside.test", USERS[:1], content)
                    code, text = await asyncio.wait_for(giving, PATIENCE_S)
                    assert code in (250, 421, 451), text
                    if code == 250:
                        accepted.add(number)
                    await asyncio.sleep(0.01)
        except BROKEN:
            await asyncio.sleep(0.05)


async def stored(server: LiveServer, mailbox: str) -> Counter[int]:
    imap = await ImapWire.open(server.port("IMAP"), USERS[0], server.password, select=mailbox)
    async with imap.wire:
        bodies = (await imap.bodies()).values()
    return Counter(int(_ID.findall(content)[0]) for content in bodies)


async def play(server: LiveServer, dice: random.Random) -> None:
    accepted: set[int] = set()
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(send(server, accepted, done))
        for _ in range(ROUNDS):
            before = len(accepted)
            async with asyncio.timeout(PATIENCE_S):
                while len(accepted) < before + 5:  # noqa: ASYNC110
                    await asyncio.sleep(dice.uniform(0.01, 0.1))
            for pid in server.workers() if dice.random() < 0.5 else ():
                kill(pid)
            kill(server.supervisor())
            await asyncio.to_thread(server.reap)
            await asyncio.to_thread(server.start)
        done.set()
    first, again = await stored(server, "Lists"), await stored(server, "Lists/Again")
    leaving = sum((await asyncio.to_thread(server.queued)).values())
    print(len(accepted), "acknowledged,", len(first), "stored,", leaving, "queued")
    assert set(first.values()) == {1}
    assert accepted <= first.keys()
    assert first == again
    assert leaving == len(first)
    assert await stored(server, "INBOX") == Counter()


@pytest.mark.timeout(120 + 15 * ROUNDS)
async def test_what_scripts_want_is_done_whole_and_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    server = LiveServer(tmp_path, SETTINGS)
    server.start()
    script = tmp_path / "mine.sieve"
    script.write_text(SCRIPT)
    try:
        server.command("sieve", "put", USERS[0], "mine", str(script), "--activate")
        await play(server, random.Random(seed))
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    finally:
        server.end()
        print(server.log()[-4000:])

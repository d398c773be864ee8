"""Mail that flows while a server is killed, and a ledger of what the server has acknowledged."""

import asyncio
import hashlib
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field

from kit.live import USERS, LiveServer
from kit.wire import ImapWire, SmtpWire

ALICE, BOB = USERS
SENDER = "someone@outside.test"
PATIENCE_S = 15.0
MOVED_TO = "Moved"
APPENDED_TO = "Kept"
BROKEN = (OSError, EOFError, asyncio.TimeoutError)

_MARK = re.compile(rb"^X-Mark: (\w+) (\w+)\r$", re.M)


@dataclass(slots=True)
class Entry:
    """One message: who is to have it, and how often its acknowledgement was cut."""

    users: tuple[str, ...]
    cuts: int = 0
    acknowledged: bool = False


@dataclass(slots=True)
class Ledger:
    """Every message by its name; `done` ends the load."""

    random: random.Random
    done: asyncio.Event = field(default_factory=asyncio.Event)
    entries: dict[str, Entry] = field(default_factory=dict)
    appended: dict[int, str] = field(default_factory=dict)
    """By UID, as APPENDUID told."""

    def new_message(self, users: tuple[str, ...]) -> tuple[Entry, bytes]:
        """A message nobody has sent; most are small, a few go to the file store."""
        name = f"m{len(self.entries)}"
        size = self.random.choices((300, 40_000, 1_200_000), (90, 9, 1))[0]
        body = os.urandom(size // 2).hex().encode()
        lines = b"\r\n".join(body[at : at + 76] for at in range(0, len(body), 76)) + b"\r\n"
        digest = hashlib.sha256(lines).hexdigest()
        entry = self.entries[name] = Entry(users)
        head = f"Subject: {name}\r\nX-Mark: {name} {digest}\r\n\r\n"
        return entry, head.encode() + lines


def name_of(content: bytes) -> str:
    """The name of a message that came back; fails unless it is whole."""
    found = _MARK.search(content)
    assert found is not None, content[:300]
    body = content.partition(b"\r\n\r\n")[2]
    assert hashlib.sha256(body).hexdigest() == found[2].decode(), found[1]
    return found[1].decode()


async def send(server: LiveServer, ledger: Ledger) -> None:
    """Send message after message; one whose acknowledgement was cut is sent again."""
    choices = (
        ((ALICE,), (ALICE,)),
        ((BOB,), (BOB,)),
        (USERS, USERS),
        (USERS, ("all@example.test",)),
    )
    pending: tuple[Entry, bytes, tuple[str, ...]] | None = None
    while not ledger.done.is_set() or pending is not None:
        asked = False
        try:
            opening = SmtpWire.open(server.port("SMTP"))
            async with (smtp := await asyncio.wait_for(opening, PATIENCE_S)).wire:
                while not ledger.done.is_set() or pending is not None:
                    if pending is None:
                        users, recipients = ledger.random.choice(choices)
                        pending = (*ledger.new_message(users), recipients)
                    entry, content, recipients = pending
                    asked = False
                    await smtp.begin(SENDER, recipients)
                    asked = True
                    await smtp.wire.send(b"BDAT %d LAST\r\n" % len(content) + content)
                    code, text = await asyncio.wait_for(smtp.reply(), PATIENCE_S)
                    assert code in (250, 421, 451), text
                    asked = False
                    if code == 250:
                        entry.acknowledged = True
                        pending = None
                    await asyncio.sleep(0.02)
        except BROKEN:
            if asked and pending is not None:
                pending[0].cuts += 1
            await asyncio.sleep(0.05)


async def append(server: LiveServer, ledger: Ledger) -> None:
    """APPEND message after message to a mailbox of Alice."""
    while not ledger.done.is_set():
        entry = None
        try:
            imap = await _open(server, ALICE)
            async with imap.wire:
                await imap.do(f"CREATE {APPENDED_TO}")
                while not ledger.done.is_set():
                    entry, content = ledger.new_message((ALICE,))
                    answer = await asyncio.wait_for(imap.append(APPENDED_TO, content), PATIENCE_S)
                    found = re.match(rb"OK \[APPENDUID \d+ (\d+)\]", answer)
                    if found is None:
                        assert answer.startswith(b"NO"), answer
                        entry.users = ()
                        continue
                    entry.acknowledged = True
                    ledger.appended[int(found[1])] = name_of(content)
                    entry = None
                    await asyncio.sleep(0.03)
        except BROKEN:
            if entry is not None:
                entry.cuts += 1
            await asyncio.sleep(0.1)


async def move(server: LiveServer, ledger: Ledger) -> None:
    """Mark and MOVE whatever comes into Bob's inbox."""
    while not ledger.done.is_set():
        try:
            imap = await _open(server, BOB)
            async with imap.wire:
                await imap.do(f"CREATE {MOVED_TO}")
                await imap.ok("SELECT INBOX")
                while not ledger.done.is_set():
                    await imap.do(r"STORE 1:3 +FLAGS.SILENT (\Seen kept)")
                    await asyncio.wait_for(imap.do(f"MOVE 1:3 {MOVED_TO}"), PATIENCE_S)
                    await asyncio.sleep(0.05)
        except BROKEN:
            await asyncio.sleep(0.1)


async def _open(server: LiveServer, user: str) -> ImapWire:
    opening = ImapWire.open(server.port("IMAP"), user, server.password)
    return await asyncio.wait_for(opening, PATIENCE_S)


async def check(server: LiveServer, ledger: Ledger) -> Counter[str]:
    """Read every mailbox and hold it against the ledger; gives the copies by message."""
    everything: Counter[str] = Counter()
    for user in USERS:
        copies: Counter[str] = Counter()
        imap = await _open(server, user)
        async with imap.wire:
            for mailbox in ("INBOX", MOVED_TO if user == BOB else APPENDED_TO):
                names = await _read(imap, mailbox, ledger)
                copies.update(names)
        for name, entry in ledger.entries.items():
            wanted = int(entry.acknowledged and user in entry.users)
            allowed = wanted + entry.cuts if user in entry.users else 0
            assert wanted <= copies[name] <= allowed, (user, name, entry, copies[name])
        everything += copies
    return everything


async def _read(imap: ImapWire, mailbox: str, ledger: Ledger) -> list[str]:
    await imap.ok(f'SELECT "{mailbox}"')
    bodies = await imap.bodies()
    uids = list(bodies)
    assert uids == sorted(set(uids))
    status = await imap.status(mailbox)
    assert status["MESSAGES"] == len(uids)
    assert status["UIDNEXT"] > max(uids, default=0)
    assert status["SIZE"] == sum(map(len, bodies.values()))
    unseen = (await imap.ok("UID SEARCH UNSEEN"))[0][0].split()[2:]
    assert status["UNSEEN"] == len(unseen)
    assert mailbox != MOVED_TO or not unseen
    names = {uid: name_of(content) for uid, content in bodies.items()}
    if mailbox == APPENDED_TO:
        assert ledger.appended.items() <= names.items()
    return list(names.values())

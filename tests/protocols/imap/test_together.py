"""Sessions that change one mailbox at random: each client's picture must stay true."""

import asyncio
import random
import re

import pytest

from kit.imap import MailHouse, Talk
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.model import Flag
from pillarbox.protocols.imap import updates
from pillarbox.protocols.imap.flagsets import render_flags
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.storage.tx import Tx

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "Work", "$Junk")
STEPS = 120


class Picture:
    """What a client knows from the responses it was given, and whether they were allowed."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.uids: list[int | None] = []
        self.flags: list[frozenset[str] | None] = []

    async def select(self) -> None:
        await self.talk.login()
        self.take(await self.talk.ask("SELECT INBOX"))

    async def ask(self, command: str) -> list[str]:
        lines = await self.talk.ask(command)
        if command.startswith("SELECT"):
            self.uids, self.flags = [], []
        by_number = command.split(" ")[0] in ("FETCH", "STORE", "SEARCH")
        self.take(lines, may_expunge=not by_number)
        assert re.match(r"t (OK|NO \[EXPUNGEISSUED\])", lines[-1]), (command, lines)
        return lines

    def take(self, lines: list[str], *, may_expunge: bool = True) -> None:
        for line in lines:
            if found := re.fullmatch(r"\* (\d+) EXISTS", line):
                count = int(found[1])
                assert count >= len(self.uids)
                self.uids += [None] * (count - len(self.uids))
                self.flags += [None] * (count - len(self.flags))
            elif found := re.fullmatch(r"\* (\d+) EXPUNGE", line):
                assert may_expunge
                assert 1 <= int(found[1]) <= len(self.uids)
                del self.uids[int(found[1]) - 1]
                del self.flags[int(found[1]) - 1]
            elif found := re.match(r"\* (\d+) FETCH \((?:UID (\d+) ?)?(?:FLAGS \((.*?)\))?", line):
                self._fetched(int(found[1]) - 1, found[2], found[3])

    def _fetched(self, index: int, uid: str | None, flags: str | None) -> None:
        assert index < len(self.uids)
        if uid is not None:
            assert self.uids[index] in (None, int(uid))
            self.uids[index] = int(uid)
        if flags is not None:
            self.flags[index] = frozenset(flags.split()) - {"\\Recent"}

    async def check(self, truth: dict[int, frozenset[str]]) -> None:
        """After a NOOP the picture is the mailbox; what is still unknown is asked for."""
        await self.ask("NOOP")
        assert len(self.uids) == len(truth)
        known = [
            (uid, flags) for uid, flags in zip(self.uids, self.flags, strict=True)
            if uid is not None and flags is not None
        ]  # fmt: skip
        assert all(truth[uid] == flags for uid, flags in known)
        if truth:
            await self.ask("FETCH 1:* (UID FLAGS)")
        assert dict(zip(self.uids, self.flags, strict=True)) == truth


async def true_state(house: MailHouse) -> dict[int, frozenset[str]]:
    """The mailbox as the database has it; its counters must agree."""

    def unit(tx: Tx) -> dict[int, frozenset[str]]:
        inbox = mailboxes.by_name(tx, house.user.account_id, "INBOX")
        assert inbox is not None
        rows = read.select_rows(tx, inbox.id)
        assert inbox.total == len(rows)
        assert inbox.unseen == sum(not bits & Flag.SEEN for _, bits, _, _ in rows)
        return {
            uid: frozenset(render_flags(bits, keywords).decode()[1:-1].split())
            for uid, bits, keywords, _ in rows
        }

    return await house.database.read(unit)


def any_command(draw: random.Random, count: int) -> str:
    """A command that is right for a client that knows of `count` messages."""
    low, high = sorted((draw.randint(1, count), draw.randint(1, count)))
    numbers = f"{low}:{high}"
    flag = draw.choice(FLAGS)
    return draw.choice(
        (
            f"STORE {numbers} +FLAGS ({flag})",
            f"STORE {numbers} -FLAGS ({flag})",
            f"STORE {low} FLAGS ({flag})",
            f"UID STORE 1:{high * 2} +FLAGS ({flag})",
            f"FETCH {numbers} (UID FLAGS)",
            f"FETCH {low} (UID BODY[TEXT])",
            f"UID FETCH {low}:* (FLAGS)",
            f"SEARCH {numbers} {draw.choice(('SEEN', 'UNDELETED', 'TEXT hello'))}",
            f"COPY {low} INBOX",
            f"MOVE {low} {draw.choice(('INBOX', 'Trash'))}",
            f"UID MOVE {low} Trash",
            "EXPUNGE",
            f"UID EXPUNGE 1:{high}",
            "NOOP",
            "SELECT INBOX",
            "STATUS INBOX (MESSAGES)",
        )
    )


@pytest.mark.parametrize(
    ("small", "on_loop"), [(0, 5_000), (500, 5_000), (0, 0)],
    ids=["read late", "read at once", "in threads"],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
async def test_pictures_stay_true(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch, seed: int, small: int, on_loop: int
) -> None:
    monkeypatch.setattr(updates, "_WORKED_ON_LOOP", on_loop)
    options = ImapOptions(small_mailbox_messages=small)
    draw = random.Random(seed)
    for number in range(8):
        await house.deliver(b"Subject: %d\r\n\r\nhello\r\n" % number)
    pictures = [Picture(house.talk(options=options)) for _ in range(3)]
    for picture in pictures:
        await picture.select()
    for _ in range(STEPS):
        picture = draw.choice(pictures)
        if not picture.uids or draw.random() < 0.15:
            await house.deliver(b"Subject: new\r\n\r\nhello\r\n", bits=draw.choice((0, 1, 9)))
            await picture.ask("NOOP")
            continue
        busy = [one for one in pictures if one.uids] if draw.random() < 0.5 else [picture]
        await asyncio.gather(*(one.ask(any_command(draw, len(one.uids))) for one in busy))
        if draw.random() < 0.1:
            await draw.choice(pictures).check(await true_state(house))
    for picture in pictures:
        await picture.check(await true_state(house))


async def test_all_sessions_tell_the_same_keywords(house: MailHouse) -> None:
    first = await house.talk().login("SELECT INBOX")
    await first.ask(r"NOOP")
    other = await house.talk().login("SELECT INBOX")
    await other.say(b"t APPEND INBOX (Gone) {1+}\r\nx\r\n")
    await other.ask(r"STORE 1 +FLAGS (\Deleted)")
    await other.ask("EXPUNGE")
    flags = [line for line in await first.ask("NOOP") if line.startswith("* FLAGS")]
    assert len(flags) == 1
    assert "Gone" in flags[0]
    third = await house.talk().login()
    assert any("Gone" in line for line in await third.ask("SELECT INBOX"))

"""Coming back after any time: clients that resynchronise must end with what the mailbox has."""

import asyncio
import random
import re

import pytest

from kit.imap import MailHouse, Talk
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import mailboxes, read, tombstones
from pillarbox.domain.mail.model import Mailbox
from pillarbox.protocols.imap.errors import BadCommand
from pillarbox.protocols.imap.flagsets import render_flags
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.resync import check_matches, highest_match, vanished
from pillarbox.protocols.imap.view import View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.sets import SequenceSet

Flags = frozenset[str]
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "Work", "$Junk")
ROUNDS = 60


def new_view(uids: tuple[int, ...], uidnext: int) -> View:
    mailbox = Mailbox(
        MailboxId(1), AccountId(1), "INBOX", None, 1, uidnext, 7, len(uids), 0, 0, 0, uidnext
    )
    view = View(mailbox, read_only=False, recent_uids=(0, 0))
    view.load([(uid, 0, None, 7) for uid in uids], [], 7, uidnext)
    return view


@pytest.mark.parametrize(
    ("gone", "known", "above", "expected"),
    [
        ([1, 3, 4, 9], [(1, 99)], 0, [(1, 1), (3, 4), (9, 9)]),
        ([1, 3, 4, 9], [(2, 3), (9, 9)], 0, [(3, 3), (9, 9)]),
        ([1, 3, 4, 9], [(1, 99)], 3, [(4, 4), (9, 9)]),
        ([2, 12], [(1, 99)], 0, []),
        (None, [(1, 99)], 0, [(1, 1), (3, 4), (6, 9)]),
        (None, [(3, 3), (5, 5), (7, 8)], 3, [(7, 8)]),
        (None, [(1, 99)], 99, []),
    ],
)
def test_vanished(
    gone: list[int] | None,
    known: list[tuple[int, int]],
    above: int,
    expected: list[tuple[int, int]],
) -> None:
    assert vanished(new_view((2, 5), 10), gone, known, above) == expected


@pytest.mark.parametrize(
    ("numbers", "uids", "expected"),
    [
        ("1:2", "3,6", 6),
        ("1:9", "3,6,9,10:15", 9),
        ("2", "7", 0),
        ("1:3", "3:5", 3),
        ("1,3", "3,9", 9),
        ("500", "9", 0),
        ("1:4294967295", "1:4294967295", 0),
    ],
)
def test_highest_match(numbers: str, uids: str, expected: int) -> None:
    pair = SequenceSet.parse(numbers.encode()), SequenceSet.parse(uids.encode())
    check_matches(*pair)
    assert highest_match(new_view((3, 6, 9, 12), 20), *pair) == expected


@pytest.mark.parametrize(("numbers", "uids"), [("1:2", "3"), ("2,1", "3,4"), ("3:1", "1:3")])
def test_matches_that_do_not_pair_up(numbers: str, uids: str) -> None:
    with pytest.raises(BadCommand):
        check_matches(SequenceSet.parse(numbers.encode()), SequenceSet.parse(uids.encode()))


class Client:
    """A client with a cache, that takes modseqs as RFC 7162 §6 says."""

    def __init__(self, cache: dict[int, Flags], modseq: int) -> None:
        self.cache = dict(cache)
        self.modseq = modseq
        self.validity = self.seen = 0
        self.talk: Talk | None = None

    def copy(self) -> "Client":
        """The same without its connection."""
        copy = Client(self.cache, self.modseq)
        copy.validity, copy.seen = self.validity, self.seen
        return copy

    async def connect(self, talk: Talk, select: str, modes: str) -> None:
        self.talk = await talk.login(f"ENABLE {modes}")
        await self.ask(select)
        await self.news()

    async def news(self) -> None:
        """What came since the highest UID in the cache."""
        await self.ask(f"UID FETCH {self.seen + 1}:* (FLAGS)", count_modseqs=False)
        self.seen = max(self.seen, *self.cache, 0)

    async def ask(self, command: str, *, count_modseqs: bool = True) -> None:
        assert self.talk is not None
        lines = await self.talk.ask(command)
        assert re.match(r"t (OK|NO \[EXPUNGEISSUED\])", lines[-1]), (command, lines)
        seen, said = self.modseq, 0
        for line in lines:
            if found := re.search(r"\[HIGHESTMODSEQ (\d+)\]", line):
                said = int(found[1])
            elif found := re.search(r"\[UIDVALIDITY (\d+)\]", line):
                self.validity = int(found[1])
            elif found := re.match(r"\* VANISHED (?:\(EARLIER\) )?([\d:,]+)", line):
                for low, high in SequenceSet.parse(found[1].encode()).ranges:
                    for uid in [uid for uid in self.cache if low <= uid <= high]:
                        del self.cache[uid]
            elif found := re.match(r"\* (\d+) (UID)?FETCH \((.*)\)$", line):
                uid = re.search(r"UID (\d+)", found[3])
                flags = re.search(r"FLAGS \((.*?)\)", found[3])
                key = int(found[1]) if found[2] else int(uid[1]) if uid else 0
                if flags and key:
                    self.cache[key] = frozenset(flags[1].split()) - {"\\Recent"}
                if count_modseqs and (modseq := re.search(r"MODSEQ \((\d+)\)", found[3])):
                    seen = max(seen, int(modseq[1]))
        self.modseq = said or seen


async def truth(house: MailHouse) -> dict[int, Flags]:
    def unit(tx: Tx) -> dict[int, Flags]:
        inbox = mailboxes.by_name(tx, house.user.account_id, "INBOX")
        assert inbox is not None
        return {
            uid: frozenset(render_flags(bits, keywords).decode()[1:-1].split())
            for uid, bits, keywords, _ in read.select_rows(tx, inbox.id)
        }

    return await house.database.read(unit)


def uid_set(uids: list[int]) -> str:
    return ",".join(map(str, uids)) or "1"


def way_back(draw: random.Random, client: Client) -> str:
    """A SELECT from what a client knew, with or without the optional parts."""
    parts = [str(client.validity), str(client.modseq)]
    uids = sorted(client.cache)
    if draw.random() < 0.5:
        parts.append(uid_set(uids))
    # Numbers are known as far as everything was asked for.
    uids = [uid for uid in uids if uid <= client.seen]
    if uids and draw.random() < 0.5:
        picked = sorted(draw.sample(range(len(uids)), draw.randint(1, len(uids))))
        numbers = ",".join(str(index + 1) for index in picked)
        parts.append(f"({numbers} {uid_set([uids[index] for index in picked])})")
    return f"{draw.choice(('SELECT', 'EXAMINE'))} INBOX (QRESYNC ({' '.join(parts)}))"


def any_command(draw: random.Random, count: int, silent: str = "") -> str:
    low, high = sorted((draw.randint(1, count), draw.randint(1, count)))
    flag, sign = draw.choice(FLAGS), draw.choice("+-")
    return draw.choice(
        (
            f"STORE {low}:{high} {sign}FLAGS ({flag})",
            f"STORE {low} {sign}FLAGS{silent} ({flag})",
            f"UID STORE {low}:{high * 2} (UNCHANGEDSINCE 30) {sign}FLAGS{silent} ({flag})",
            f"FETCH {low} (BODY[TEXT])",
            f"UID FETCH 1:{high} (FLAGS)",
            f"SEARCH {low}:{high} SEEN",
            f"COPY {low} INBOX",
            f"MOVE {low} {draw.choice(('INBOX', 'Trash'))}",
            "EXPUNGE",
            f"UID EXPUNGE 1:{high}",
            "NOOP",
        )
    )


@pytest.mark.parametrize("small", [0, 500], ids=["read late", "read at once"])
@pytest.mark.parametrize("forgets", [False, True], ids=["knows all", "forgets"])
@pytest.mark.parametrize("seed", range(2))
async def test_clients_that_come_back(
    house: MailHouse, seed: int, forgets: bool, small: int
) -> None:
    options = ImapOptions(small_mailbox_messages=small)
    draw = random.Random(seed)
    for number in range(6):
        await house.deliver(b"Subject: %d\r\n\r\nhello\r\n" % number)
    other = await house.talk(options=options).login("SELECT INBOX")
    online = Client({}, 1)
    await online.connect(house.talk(options=options), "SELECT INBOX", "QRESYNC")
    assert online.cache == await truth(house)
    kept: list[Client] = []
    for _ in range(ROUNDS):
        assert online.talk is not None
        if draw.random() < 0.3:
            await house.deliver(b"Subject: new\r\n\r\nhello\r\n", bits=draw.choice((0, 1, 9)))
        count = len(await truth(house))
        if count:
            view = other.session.view
            told = view.told if view is not None else 0
            orders = [other.ask(any_command(draw, told, ".SILENT"))] if told else []
            mine = online.talk.session.view
            if mine is not None and mine.told:
                orders.append(online.ask(any_command(draw, mine.told)))
            await asyncio.gather(*orders)
        # Whatever was said last may have been the last before the line broke.
        kept.append(online.copy())
        if forgets and draw.random() < 0.2:
            later = house.clock.now_ms() + 1
            await house.database.write(tombstones.prune, MailboxId(0), later, 1_000)
        if draw.random() < 0.4:
            again = draw.choice(kept).copy()
            way = way_back(draw, again)
            await again.connect(house.talk(options=options), way, "QRESYNC")
            assert again.cache == await truth(house), way
            assert again.talk is not None
            await again.talk.hang_up()
    await online.ask("NOOP")
    await online.news()
    assert online.cache == await truth(house)


async def test_uids_alone_are_enough(house: MailHouse) -> None:
    for _ in range(4):
        await house.deliver(b"x")
    client = Client({}, 1)
    await client.connect(house.talk(), "SELECT INBOX", "QRESYNC UIDONLY")
    assert sorted(client.cache) == [1, 2, 3, 4]
    await client.ask("UID STORE 2:3 +FLAGS (\\Deleted Work)")
    await client.ask("UID EXPUNGE 3")
    assert client.cache == await truth(house)


async def test_annotations_move_the_modseq_of_their_mailbox(house: MailHouse) -> None:
    client = Client({}, 1)
    await client.connect(house.talk(), "SELECT INBOX", "QRESYNC")
    before = client.modseq
    await client.ask('SETMETADATA INBOX (/private/comment "x")')
    await client.ask("SELECT INBOX")
    assert client.modseq > before

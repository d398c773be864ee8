"""Random operations against a plain model: counters, rows, and the change since every moment."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kit.clock import FakeClock
from kit.database import open_database
from kit.mail import EVERYTHING, MailAccount, content_store
from pillarbox.base.errors import OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.mail.copy import copy, move
from pillarbox.domain.mail.expunge import expunge, remove
from pillarbox.domain.mail.flags import FlagChange, change_flags
from pillarbox.domain.mail.model import Flag, FlagSet, Mailbox
from pillarbox.domain.mail.tables import emails, unplaced
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.tx import Tx

NAMES = ("INBOX", "Archive")
QUOTA_BYTES = 40

Ranges = tuple[tuple[int, int], ...]


@dataclass
class Message:
    """What the model knows of a message."""

    email: int
    size: int
    bits: int
    keywords: frozenset[str]
    changed: int = 0  # the step that last touched it

    @property
    def state(self) -> tuple[int, str | None, int]:
        return self.bits, " ".join(sorted(self.keywords)) or None, self.size


@dataclass
class Model:
    """Mailboxes as dictionaries from UID to message."""

    boxes: dict[str, dict[int, Message]] = field(default_factory=lambda: {n: {} for n in NAMES})
    uidnext: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))
    step: int = 0

    def used(self) -> int:
        return sum(m.size for box in self.boxes.values() for m in box.values())

    def chosen(self, name: str, ranges: Ranges) -> list[int]:
        return [u for u in self.boxes[name] if any(a <= u <= b for a, b in ranges)]

    def add(self, name: str, message: Message) -> int:
        uid = self.uidnext[name]
        self.uidnext[name] += 1
        message.changed = self.step
        self.boxes[name][uid] = message
        return uid


@st.composite
def uid_ranges(draw: st.DrawFn) -> Ranges:
    edges = sorted(draw(st.sets(st.integers(1, 14), min_size=1, max_size=6)))
    pairs = [(edges[i], edges[min(i + 1, len(edges) - 1)]) for i in range(0, len(edges), 2)]
    return tuple(pairs)


BITS = st.integers(0, 15)
KEYWORDS = st.frozensets(st.sampled_from("abc"), max_size=2)
NAME = st.sampled_from(NAMES)
APPENDS = st.tuples(st.just("append"), NAME, BITS, KEYWORDS, st.integers(0, 4))
FLAGS_AGAIN = st.tuples(
    st.just("flags"), NAME, st.just(EVERYTHING), st.just(FlagChange.ADD), BITS, KEYWORDS, st.none()
)
OPERATIONS = st.one_of(
    APPENDS,
    FLAGS_AGAIN,
    st.tuples(
        st.just("flags"),
        NAME,
        uid_ranges(),
        st.sampled_from(FlagChange),
        BITS,
        KEYWORDS,
        st.none() | st.integers(0, 10),
    ),
    st.tuples(st.just("copy"), NAME, uid_ranges(), NAME),
    st.tuples(st.just("move"), NAME, uid_ranges(), NAME),
    st.tuples(st.just("expunge"), NAME, st.none() | uid_ranges()),
    st.tuples(st.just("remove"), NAME, uid_ranges()),
)


Seen = dict[str, tuple[Mailbox, list[Any], list[read.Changed]]]


def observe(tx: Tx, account: AccountId, moments: list[dict[str, int]]) -> Seen:
    """Each mailbox, its rows, and what changed in it since each moment."""
    seen: Seen = {}
    for name in NAMES:
        box = mailboxes.by_name(tx, account, name)
        assert box is not None
        changes = [read.changed(tx, box.id, moment[name]) for moment in moments]
        seen[name] = box, read.rows(tx, box.id, EVERYTHING), changes
    return seen


class Pair:
    """The model and the account, doing the same."""

    def __init__(self, account: MailAccount) -> None:
        self.account = account
        self.model = Model()
        self.moments: list[tuple[dict[str, int], Model]] = []

    async def do(self, operation: tuple[Any, ...]) -> None:
        self.model.step += 1
        doers: dict[str, Callable[..., Any]] = {
            "append": self.append,
            "flags": self.flags,
            "copy": self.copy,
            "move": self.move,
            "expunge": self.expunge,
            "remove": self.expunge,
        }
        await doers[operation[0]](*operation)
        await self.compare()

    async def append(
        self, _: str, name: str, bits: int, keywords: frozenset[str], size: int
    ) -> None:
        flags = FlagSet(bits, tuple(sorted(keywords)))
        try:
            done = await self.account.put(b"x" * size, name, flags)
        except OverQuota:
            assert self.model.used() + size > QUOTA_BYTES
            return
        assert self.model.used() + size <= QUOTA_BYTES or not size
        uid = self.model.add(name, Message(done.email_id, size, bits, keywords))
        assert uid == done.uid

    async def flags(
        self,
        _: str,
        name: str,
        ranges: Ranges,
        how: FlagChange,
        bits: int,
        keywords: frozenset[str],
        back: int | None,
    ) -> None:
        moments = self.moments[: len(self.moments) - (back or 0)] or self.moments[:1]
        limit = None if back is None else moments[-1][0][name]
        done = await self.account.do(
            change_flags, name, ranges, how, FlagSet(bits, tuple(sorted(keywords))), limit
        )
        refused = []
        for uid in self.model.chosen(name, ranges):
            message = self.model.boxes[name][uid]
            if limit is not None and message.changed > moments[-1][1].step:
                refused.append(uid)
                continue
            before = message.bits, message.keywords
            if how is FlagChange.SET:
                message.bits, message.keywords = bits, keywords
            elif how is FlagChange.ADD:
                message.bits, message.keywords = before[0] | bits, before[1] | keywords
            else:
                message.bits, message.keywords = before[0] & ~bits, before[1] - keywords
            if before != (message.bits, message.keywords):
                message.changed = self.model.step
        assert sorted(done.refused) == refused

    async def copy(self, _: str, name: str, ranges: Ranges, target: str) -> None:
        target_id = (await self.account.box(target)).id
        chosen = self.model.chosen(name, ranges)
        size = sum(self.model.boxes[name][uid].size for uid in chosen)
        try:
            done = await self.account.do(copy, name, ranges, target_id)
        except OverQuota:
            assert self.model.used() + size > QUOTA_BYTES
            return
        messages = [deepcopy(self.model.boxes[name][uid]) for uid in chosen]
        uids = [self.model.add(target, message) for message in messages]
        assert (list(done.source_uids), list(done.uids)) == (chosen, uids)

    async def move(self, _: str, name: str, ranges: Ranges, target: str) -> None:
        target_id = (await self.account.box(target)).id
        chosen = self.model.chosen(name, ranges)
        done = await self.account.do(move, name, ranges, target_id)
        messages = [self.model.boxes[name].pop(uid) for uid in chosen]
        uids = [self.model.add(target, message) for message in messages]
        assert (list(done.source_uids), list(done.uids)) == (chosen, uids)

    async def expunge(self, what: str, name: str, ranges: Ranges | None) -> None:
        gone = await self.account.do(expunge if what == "expunge" else remove, name, ranges)
        box = self.model.boxes[name]
        chosen = [
            uid
            for uid in self.model.chosen(name, EVERYTHING if ranges is None else ranges)
            if what == "remove" or box[uid].bits & Flag.DELETED
        ]
        for uid in chosen:
            del box[uid]
        assert list(gone) == chosen

    async def compare(self) -> None:
        """Everything that can be asked must be as the model has it."""
        model, account = self.model, self.account
        seen = await account.database.read(observe, account.id, [m[0] for m in self.moments])
        assert await account.usage() == (model.used(), sum(map(len, model.boxes.values())))
        now: dict[str, int] = {}
        for name, (box, rows, changes) in seen.items():
            now[name] = box.modseq
            messages = model.boxes[name]
            assert {row[0]: (row[1], row[2], row[5]) for row in rows} == {
                uid: message.state for uid, message in messages.items()
            }
            assert (box.uidnext, box.total) == (model.uidnext[name], len(messages))
            assert box.unseen == sum(not m.bits & Flag.SEEN for m in messages.values())
            assert box.deleted == sum(bool(m.bits & Flag.DELETED) for m in messages.values())
            assert box.size_bytes == sum(m.size for m in messages.values())
            for changed, (modseqs, past) in zip(changes, self.moments, strict=True):
                self.compare_change(name, changed, modseqs[name], past)
        self.moments.append((now, deepcopy(model)))

    def compare_change(self, name: str, changed: read.Changed, since: int, past: Model) -> None:
        """The change since a moment is what has changed since, no more and no less."""
        messages, before = self.model.boxes[name], past.boxes[name]
        assert [(row[0], row[1], row[2]) for row in changed.rows] == [
            (uid, *message.state[:2])
            for uid, message in messages.items()
            if message.changed > past.step
        ]
        assert {row[0] for row in changed.rows if row[4] > since} == set(messages) - set(before)
        gone = set(changed.gone)
        assert gone & set(before) == set(before) - set(messages)
        assert not gone & set(messages)
        assert all(uid >= past.uidnext[name] for uid in gone - set(before))

    async def compare_unplaced(self) -> None:
        """The emails to be swept are those that have no placement left."""
        core = (
            select(emails.c.id)
            .join_from(emails, unplaced, unplaced.c.email_id == emails.c.id)
            .where(emails.c.account_id == self.account.id)
        )
        rows = await self.account.database.read(lambda tx: tx.select(core))
        living = {m.email for box in self.model.boxes.values() for m in box.values()}
        seen = {
            m.email for _, past in self.moments for box in past.boxes.values() for m in box.values()
        }
        assert {row[0] for row in rows} == seen - living


async def play(dialect: Dialect, folder: Path, operations: list[tuple[Any, ...]]) -> None:
    database = open_database(dialect, folder, FakeClock(), lambda topic: None)
    try:
        account = await MailAccount.open(database, content_store(folder / "blobs"), QUOTA_BYTES)
        pair = Pair(account)
        await pair.compare()
        for operation in operations:
            await pair.do(operation)
        await pair.compare_unplaced()
    finally:
        await database.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.lists(APPENDS, min_size=6, max_size=14),
    operations=st.lists(OPERATIONS, min_size=6, max_size=16),
)
def test_account_does_what_the_model_does(
    dialect: Dialect,
    tmp_path: Path,
    first: list[tuple[Any, ...]],
    operations: list[tuple[Any, ...]],
) -> None:
    asyncio.run(play(dialect, tmp_path, first + operations))

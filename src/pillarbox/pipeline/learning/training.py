"""Learning what users sorted: opens the messages that are noted, and moves the counts.

Delivery and commands only write rows (`domain/spam/training`) and give a hint; whoever of the
server's processes takes the lease works them off, at once. A process that is killed leaves what it
had not committed to the next, and nothing is learnt twice: the row goes in the transaction that
learns.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from pillarbox.base.errors import Failure, Unavailable
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.cluster.bus import Bus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.read import email_content
from pillarbox.domain.spam import store, training, upkeep
from pillarbox.domain.spam.model import SERVER, Category, Scope, Task
from pillarbox.domain.spam.training import Lesson
from pillarbox.pipeline.inbound.checks.content import Content, read_content
from pillarbox.pipeline.inbound.checks.tokens import tokens_of
from pillarbox.pipeline.noted import Holds, NotedWork
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

UPKEEP_EVERY_S = 24 * 3600
LEASE = "spam training"
BATCH = 8
ROWS_MOST = 2000
"""After so many digests a transaction takes no further message; the largest one has 3,000, for
which other writers of SQLite wait some tens of milliseconds."""
CONTENT_BYTES = 1 << 20
"""Of a message so much is looked at; its text lies near its beginning."""
PRUNE_AFTER = 500
"""A scope is looked at for too many tokens after so many messages learnt in one go."""

Wanted = Callable[[Tx, AccountId], bool]
"""Whether an account's domain has learning on."""
Told = Callable[[Task, Content, Category], None]
"""Told of each message that was learnt, and what it had been learnt as before."""


class Learner(Protocol):
    """Another filter that learns what users say."""

    async def learn(self, content: bytes, spam: bool) -> None:
        """Teach it a message; raises `Failure`."""
        ...


_log = logger("learning")


class Training:
    """Learns what is noted; one for a process, `owner` is a name that no other has."""

    def __init__(
        self,
        database: Database,
        content: ContentStore,
        bus: Bus,
        owner: str,
        wanted: Wanted = lambda tx, account_id: True,
        told: Told = lambda task, content, before: None,
        learners: Sequence[Learner] = (),
    ) -> None:
        self._database = database
        self._content = content
        self._work = NotedWork(
            database, bus, owner, LEASE, training.TOPIC, training.waiting, self._drain
        )
        self._wanted = wanted
        self._told = told
        self._learners = tuple(learners)

    async def run(self) -> None:
        """Learn at every hint, and look without one now and then, until cancelled."""
        await self._work.run()

    async def run_once(self) -> int:
        """Learn everything that is noted, unless another process is at it; gives how many."""
        return await self._work.run_once()

    async def upkeep(self) -> None:
        """Drop what takes too much room; a periodic job of one process."""
        for scope in await self._database.read(upkeep.scopes):
            await self.prune(scope)
        await self._database.write(upkeep.forget_old_messages)

    async def prune(self, scope: int) -> None:
        """Drop the least useful tokens of a scope that has too many."""
        cut = await self._database.read(upkeep.cut_of, scope)
        after: int | None = -1
        while cut is not None and after is not None:
            after = await self._database.write(upkeep.prune, cut, after)

    async def _drain(self, holds: Holds) -> int:
        learnt = 0
        touched: dict[int, int] = {}
        after = -1
        while tasks := await self._database.read(training.waiting, BATCH, after):
            after = tasks[0].account_id
            learnt += await self._learn(tasks)
            for scope in (SERVER, *(task.account_id for task in tasks)):
                touched[scope] = touched.get(scope, 0) + 1
                if touched[scope] >= PRUNE_AFTER:
                    touched[scope] = 0
                    await self.prune(scope)
            if not await holds():
                break
        return learnt

    async def _learn(self, tasks: list[Task]) -> int:
        keys, database = self._content.keys, self._database
        accounts = tuple({task.account_id for task in tasks})
        known = await database.lookup(store.scopes, keys, accounts)
        if not known.keys() >= {SERVER, *accounts}:
            known = await database.write(store.ensure, keys, accounts)
        lessons: dict[int, tuple[Lesson, Content]] = {}
        rows = 0
        for task in tasks:
            found = await self._lesson(task, known)
            if found is None:
                await database.write(training.drop, task)
                continue
            lessons[task.email_id] = found
            rows += len(found[0].digests) + len(found[0].server_digests)
            if rows >= ROWS_MOST:
                break
        if not lessons:
            return 0
        changed = await database.write(training.learn, keys, [one for one, _ in lessons.values()])
        for item, before in changed:
            lesson, content = lessons[item]
            if lesson.task is not None:
                self._told(lesson.task, content, before)
                await self._teach(lesson.task, content)
        return len(changed)

    async def _lesson(self, task: Task, known: dict[int, Scope]) -> tuple[Lesson, Content] | None:
        """A message read; `None` where there is nothing to learn from."""
        content = await self._open(task, known)
        if content is None:
            return None
        try:
            return await asyncio.to_thread(_lesson, known, task, content), content
        except Exception:
            # A message that can't be read must not keep all others from being learnt.
            _log.exception("a message can't be learnt", email=task.email_id)
            return None

    async def _teach(self, task: Task, content: Content) -> None:
        """Have other filters learn what a user said, as far as they can be reached."""
        if task.implied or task.category is Category.FORGOTTEN:
            return
        for learner in self._learners:
            try:
                await learner.learn(content.data, task.category is Category.SPAM)
            except Failure as failure:
                _log.info("a filter did not learn", why=failure.cause or failure.public)

    async def _open(self, task: Task, known: dict[int, Scope]) -> Content | None:
        """A message; `None` for one that is gone, or damaged, or not to be learnt from."""
        if task.account_id not in known:
            return None
        if not await self._database.lookup(self._wanted, task.account_id):
            return None
        try:
            data = await self._database.read(
                email_content, self._content, task.account_id, task.email_id, CONTENT_BYTES
            )
        except Unavailable as failure:
            _log.warning("a message can't be learnt", why=failure.cause or failure.public)
            return None
        return None if data is None else await asyncio.to_thread(read_content, data)


def _lesson(known: dict[int, Scope], task: Task, content: Content) -> Lesson:
    tokens = tokens_of(content, stored=True)
    return Lesson(
        task.account_id,
        task.email_id,
        task.category,
        store.digests(known[task.account_id], tokens),
        store.digests(known[SERVER], tokens),
        task,
    )


async def learn_contents(
    database: Database,
    keys: KeyRing,
    contents: Sequence[bytes],
    category: Category,
    account_id: int = SERVER,
) -> int:
    """Learn messages that lie in no mailbox, for the server or for an account and the server.

    A few at a time: it is one transaction. Gives how many changed anything: one that was learnt so
    before does not.
    """
    known = await database.write(store.ensure, keys, [account_id] if account_id else [])

    def made(data: bytes) -> Lesson:
        tokens = tokens_of(read_content(data[:CONTENT_BYTES]), stored=True)
        own = known[account_id]
        digests = store.digests(own, tokens) if account_id else []
        item = store.item_of(own, data)
        return Lesson(account_id, item, category, digests, store.digests(known[SERVER], tokens))

    lessons = [await asyncio.to_thread(made, data) for data in contents]
    return len(await database.write(training.learn, keys, lessons))

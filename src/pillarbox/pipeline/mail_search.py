"""Finding messages: what SEARCH, SORT and THREAD, JMAP and the web UI ask, in one place.

Calls `domain/mail/search` in a database thread; few searches that open mail run at once. Where some
hundreds of a mailbox are not indexed yet, that is done first; fewer, and very many, are read by the
search itself. So nothing is missed that came in before the search began.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pillarbox.base.cache import ByteCache
from pillarbox.base.cpu import Line
from pillarbox.base.ids import AccountId, MailboxId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.changes import topic
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index.store import behind
from pillarbox.domain.mail.query import Query
from pillarbox.domain.mail.search import Outcome, Report, opens_mail, search
from pillarbox.pipeline.jobs.indexing import Indexing
from pillarbox.storage.db import Database

Progress = Callable[[int, int], None]
"""Is told from time to time how many messages of how many have been looked at."""

CACHE_BYTES = 64 << 20
INDEX_FIRST_AT_MOST_S = 5.0
INDEX_FIRST_FROM = 256
"""So many messages above the mark are indexed rather than read one by one."""
INDEX_FIRST_UP_TO = 5_000
"""More, as after an import, take longer to index than to read."""
INDEXINGS_WAITING = 32
ATTACHMENTS_AT_MOST_S = 30.0
"""So long a search waits for the text of documents that came lately; then it goes without."""
_TRIES = 3
_log = logger("search")


@dataclass(frozen=True, slots=True)
class Found:
    """UIDs in ascending order; `relevancy` (1 to 100) of those a fuzzy query found."""

    uids: list[int]
    relevancy: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailSearch:
    """Searches mailboxes; one for a process. `line` is for searches that open mail.

    Without `indexing` what is not indexed is always read, and attachments are not looked into.
    """

    database: Database
    content: ContentStore
    line: Line
    cache: ByteCache = field(default_factory=lambda: ByteCache(CACHE_BYTES))
    indexing: Indexing | None = None
    indexing_line: Line = field(default_factory=lambda: Line(1, INDEXINGS_WAITING))

    async def find(
        self,
        account: AccountId,
        mailbox: MailboxId,
        query: Query,
        progress: Progress | None = None,
        is_wanted: Callable[[], bool] | None = None,
    ) -> Found:
        """The messages of a mailbox of `account` that the query holds for.

        Raises `Busy` when too many searches wait, and `ConnectionResetError` soon after `is_wanted`
        (called in any thread) said that nobody waits for the result.
        """
        report = _report(progress, is_wanted)
        if not opens_mail(query):
            outcome = await self._search(account, mailbox, query, report)
            return Found(outcome.uids, outcome.relevancy)
        await self._catch_up(account, mailbox, progress)
        until_s = time.monotonic() + ATTACHMENTS_AT_MOST_S

        def go_on() -> bool:
            return time.monotonic() < until_s and (is_wanted is None or is_wanted())

        async with self.line:
            outcome = await self._search(account, mailbox, query, report)
        for _ in range(_TRIES):
            if not outcome.missing or self.indexing is None or not go_on():
                break
            # Others search meanwhile: documents may take long, and their senders choose how long.
            await self.indexing.know_attachments(account, outcome.missing, go_on)
            async with self.line:
                outcome = await self._search(account, mailbox, query, report)
        if outcome.unreadable:
            ids = [public_id("M", email) for email in outcome.unreadable]
            _log.warning("messages can't be read by a search", emails=ids)
        return Found(outcome.uids, outcome.relevancy)

    async def _catch_up(
        self, account: AccountId, mailbox: MailboxId, progress: Progress | None
    ) -> None:
        if self.indexing is None:
            return
        count = await self.database.lookup(behind, mailbox)
        if count < INDEX_FIRST_FROM:
            return
        if count > INDEX_FIRST_UP_TO:
            self.indexing.note(topic(account))
            return
        # A line of its own: those who search what is indexed need not wait for it.
        with suppress(TimeoutError):
            async with asyncio.timeout(INDEX_FIRST_AT_MOST_S), self.indexing_line:
                if await self.database.lookup(behind, mailbox) >= INDEX_FIRST_FROM:
                    await self.indexing.index(account, urgent=True, progress=progress)

    async def _search(
        self, account: AccountId, mailbox: MailboxId, query: Query, report: Report | None
    ) -> Outcome:
        return await self.database.read(
            search, self.content, self.cache, account, mailbox, query, report
        )


def _report(progress: Progress | None, is_wanted: Callable[[], bool] | None) -> Report:
    """Tells progress on the event loop, for who works in a thread; a total of 0 is not told."""
    loop = asyncio.get_running_loop()

    def report(done: int, total: int) -> None:
        if is_wanted is not None and not is_wanted():
            raise ConnectionResetError("nobody waits for the result")
        if progress is not None and total:
            loop.call_soon_threadsafe(progress, done, total)

    return report

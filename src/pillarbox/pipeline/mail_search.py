"""Finding messages: what SEARCH, SORT and THREAD, JMAP and the web UI ask, in one place.

Calls `domain/mail/search` in a database thread; few searches that open mail run at once.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from pillarbox.base.cpu import Line
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.query import Query
from pillarbox.domain.mail.search import opens_mail, search
from pillarbox.storage.db import Database

Progress = Callable[[int, int], None]
"""Is told from time to time how many messages of how many have been looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """UIDs in ascending order; `relevancy` (1 to 100) of those a fuzzy query found."""

    uids: list[int]
    relevancy: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailSearch:
    """Searches mailboxes; one for a process. `line` is for searches that open mail."""

    database: Database
    content: ContentStore
    line: Line

    async def find(
        self,
        account: AccountId,
        mailbox: MailboxId,
        query: Query,
        progress: Progress | None = None,
    ) -> Found:
        """The messages of a mailbox of `account` that the query holds for.

        Raises `Busy` when too many searches wait.
        """
        async with self.line if opens_mail(query) else nullcontext():
            uids = await self.database.read(search, self.content, account, mailbox, query)
        return Found(uids)

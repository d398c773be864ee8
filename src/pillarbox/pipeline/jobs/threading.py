"""Giving emails a thread that came in before there were threads.

A job of `runner`; in a store without such emails it looks once and is done. Calls
`domain/mail/threads`.
"""

from dataclasses import dataclass

from pillarbox.base.ids import EmailId
from pillarbox.domain.mail import threads
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

THREADS_EVERY_S = 24 * 3600
STEP = 50


@dataclass(frozen=True, slots=True)
class Threading:
    """Joins old emails to threads, a few at a time, so that new mail need not wait."""

    database: Database
    keys: KeyRing

    async def run(self) -> None:
        """Go through all emails that have no thread; may be stopped and begun again."""
        after: EmailId | None = EmailId(0)
        while after is not None:
            after = await self.database.write(threads.join_old, self.keys, after, STEP)

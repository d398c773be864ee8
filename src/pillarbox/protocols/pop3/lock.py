"""The lock of one session on its maildrop, renewed as long as the session lives."""

import asyncio
import secrets

from pillarbox.base.errors import Failure
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.mail import maildrop
from pillarbox.storage.db import Database

_log = logger("pop3")


class MaildropLock:
    """Taken by `take`; the caller must `release` it, whether that worked or not."""

    __slots__ = ("_database", "_every_s", "_renewing", "account_id", "lost", "owner")

    def __init__(self, database: Database, account_id: AccountId, every_s: float) -> None:
        self._database = database
        self._every_s = every_s
        self._renewing: asyncio.Task[None] | None = None
        self.account_id = account_id
        self.owner = secrets.token_hex(16)
        self.lost = False
        """Whether it ran out and another session took it."""

    async def take(self) -> None:
        """Take it and renew it from now on; `Conflict` where another session has it."""
        await self._database.write(maildrop.take, self.account_id, self.owner)
        self._renewing = asyncio.get_running_loop().create_task(self._renew())

    def stop(self) -> None:
        """Renew it no more; for who gives it back in a transaction of their own."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None

    async def release(self) -> None:
        """Give it back; where that fails it runs out by itself."""
        self.stop()
        try:
            await self._database.write(maildrop.release, self.account_id, self.owner)
        except Failure as failure:
            _log.warning("a maildrop stays locked for a minute", why=failure.cause or str(failure))

    async def _renew(self) -> None:
        while not self.lost:
            await asyncio.sleep(self._every_s)
            try:
                held = await self._database.write(maildrop.hold, self.account_id, self.owner)
            except Failure as failure:
                _log.warning(
                    "a maildrop's lock can't be renewed", why=failure.cause or str(failure)
                )
                continue
            if not held:
                self.lost = True
                _log.warning("a maildrop's lock ran out", account=self.account_id)

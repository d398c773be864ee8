"""Ends the sessions of users who were disabled, removed or given another password, and those of
tokens that were revoked or expired.

A session asks before each command, and now and then where it only waits; the database is asked
again after `ASK_EVERY_S`. Not told by the bus, since hints may be lost and rights must not be.
Called by the sessions of `protocols`; calls `pipeline/login`.
"""

import asyncio

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.login import Login

ASK_EVERY_S = 5.0
ENDED = "Your login has ended; log in again"

_log = logger("login")


class LoginWatch:
    """Watches over the login of one session."""

    __slots__ = ("_actor", "_ask_again_s", "_ended", "_every_s", "_login")

    def __init__(self, login: Login, actor: Actor, every_s: float = ASK_EVERY_S) -> None:
        self._login = login
        self._actor = actor
        self._every_s = every_s
        self._ended = False
        self._ask_again_s = asyncio.get_running_loop().time() + every_s

    async def holds(self) -> bool:
        """Whether the user may go on; assumed where the database can't tell just now."""
        now_s = asyncio.get_running_loop().time()
        if self._ended or now_s < self._ask_again_s:
            return not self._ended
        self._ask_again_s = now_s + self._every_s
        try:
            self._ended = not await self._login.still_holds(self._actor)
        except Failure:
            return True
        if self._ended:
            _log.info("a session's login has ended", user=self._actor.address)
        return not self._ended

"""Meetings: what a change means to others, and telling them.

A caller that changes an object asks `plan` first, stores `Plan.content`, and gives the plan to
`note` in the transaction of the change. After the commit `settle` delivers what was noted; what a
process that was killed left, `run` does in another.
"""

import asyncio
from collections import defaultdict
from dataclasses import replace

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.cluster.bus import Bus
from pillarbox.domain.scheduling import messages, parties
from pillarbox.domain.scheduling.model import LEASE, TOPIC, NewMessage, WaitingMessage, Why
from pillarbox.domain.scheduling.parties import Reached, Way
from pillarbox.domain.sharing.principals import Principal, PrincipalKind
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.changes import Role, role
from pillarbox.formats.itip.model import Message, Status
from pillarbox.formats.itip.organizer import refreshed
from pillarbox.formats.itip.series import invited, series_of
from pillarbox.pipeline.noted import Holds, NotedWork
from pillarbox.pipeline.scheduling import copies, planning
from pillarbox.pipeline.scheduling.copies import Copy
from pillarbox.pipeline.scheduling.local import LocalDelivery
from pillarbox.pipeline.scheduling.planning import Plan
from pillarbox.pipeline.scheduling.posting import DoneElsewhere, Posting, TooManyAnswers
from pillarbox.pipeline.scheduling.statuses import Statuses
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

__all__ = ["Plan", "Scheduling"]

SETTLE_S = 2.0
"""For so long whoever changed an object waits at most for others to be told."""
BATCH = 50
_PAUSE_S = 0.2

_log = logger("scheduling")


class Scheduling:
    """Plans, notes and delivers; one for a process."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        bus: Bus,
        owner: str,
        posting: Posting,
        *,
        delimiter: str = "+",
        known_only: bool = True,
        mail_here: bool = True,
        enabled: bool = True,
    ) -> None:
        """`owner` is a name no other process has.

        With `known_only` invitations of strangers by mail are not put into calendars, with
        `mail_here` users here get mail too when others here invite them. Where it is not `enabled`
        nobody is told anything.
        """
        self._mail_here = mail_here
        self._database = database
        self._keys = keys
        self._clock = clock
        self._delimiter = delimiter
        self._enabled = enabled
        self._posting = posting
        self._local = LocalDelivery(database, keys, clock, delimiter, known_only)
        self._statuses = Statuses(database, keys)
        self._settling: set[AccountId] = set()
        self._noted = NotedWork(database, bus, owner, LEASE, TOPIC, messages.due, self._drain)

    async def plan(
        self, owner: AccountId, old: bytes | None, new: bytes | None, *, reply: bool = True
    ) -> Plan:
        """What it means that an object of `owner`'s calendar becomes `new`.

        `old` and `new` are contents, `None` where there is none; `new` has passed `check_object`.
        `reply` false is `Schedule-Reply: F`. Raises `SchedulingDenied` with its `.rule`.
        """
        if not self._enabled:
            return Plan(new)
        return await planning.plan(
            self._database,
            self._clock,
            self._delimiter,
            owner,
            old,
            new,
            reply=reply,
            mail_here=self._mail_here,
        )

    def note(self, tx: Tx, owner: AccountId, plan: Plan) -> None:
        """Note the messages of a plan, in the transaction of the change. Sync."""
        messages.note(tx, self._keys, owner, plan.messages)

    async def settle(self, owner: AccountId) -> None:
        """Deliver what is noted for an owner; never fails: what can't be done now stays noted.

        What takes longer than `SETTLE_S` is left to `run`.
        """
        try:
            loop = asyncio.get_running_loop()
            if owner not in self._settling:
                await self._work_off(owner, loop.time() + SETTLE_S, early=True)
            await self._database.write(messages.release, owner)
        except Failure as failure:
            _log.warning("messages about meetings wait", why=failure.cause or failure.public)
        except Exception:
            _log.exception("messages about meetings can't be delivered now")

    async def run(self) -> None:
        """Deliver whatever is noted, at every hint, until cancelled."""
        await self._noted.run()

    async def run_once(self) -> int:
        """Deliver everything that is due, unless another process is at it; gives how much."""
        return await self._noted.run_once()

    async def _drain(self, holds: Holds) -> int:
        done = 0
        while accounts := await self._database.read(messages.due, BATCH):
            before = done
            for account in dict.fromkeys(accounts):
                if account not in self._settling:
                    deadline = asyncio.get_running_loop().time() + SETTLE_S
                    done += await self._work_off(account, deadline, early=False)
                if not await holds():
                    return done
            if done == before:
                # Whoever changed something is at it; soon it is done, or left to us.
                await asyncio.sleep(_PAUSE_S)
                break
        return done

    async def _work_off(self, account: AccountId, deadline: float, *, early: bool) -> int:
        """Deliver an account's messages until a time of the loop; gives how many are dealt with.

        With `early` also those whose own process has still time for them.
        """
        self._settling.add(account)
        found: dict[str, dict[str, Status]] = defaultdict(dict)
        done = after = 0
        loop = asyncio.get_running_loop()
        try:
            while waiting := await self._waiting(account, after, early):
                after = waiting[-1].id
                for message in waiting:
                    status = await self._deliver(message)
                    done += 1
                    told = message.message
                    if status is not None and told.prior and status.value != told.prior:
                        found[told.uid][told.recipient] = status
                    if loop.time() > deadline:
                        return done
        finally:
            self._settling.discard(account)
            for uid, statuses in found.items():
                await self._statuses.write(account, uid, statuses)
        return done

    async def _waiting(self, account: AccountId, after: int, early: bool) -> list[WaitingMessage]:
        def look(tx: Tx) -> list[WaitingMessage]:
            return messages.of_account(tx, self._keys, account, after, BATCH, early=early)

        return await self._database.read(look)

    async def _deliver(self, waiting: WaitingMessage) -> Status | None:
        """Deliver one message, or put it off; `None` where nothing is to be told of it."""
        try:
            return await self._send(waiting)
        except DoneElsewhere:
            return None
        except TooManyAnswers:
            _log.warning("answered too often today", account=waiting.account_id)
            await self._database.write(messages.done, waiting)
            return None
        except Exception as error:
            if not isinstance(error, Failure):
                _log.exception("a message about a meeting can't be delivered now")
            if await self._database.write(messages.put_off, waiting):
                return None
            why = error.cause or error.public if isinstance(error, Failure) else "a defect"
            _log.warning("a message about a meeting is given up", why=why)
            await self._database.write(messages.done, waiting)
            return Status.NOT_DELIVERED

    async def _send(self, waiting: WaitingMessage) -> Status | None:
        message = waiting.message
        if message.why is Why.REFRESH:
            await self._refresh(waiting)
            return None
        if message.why is Why.ARRIVED:
            return await self._local.deliver(waiting, waiting.account_id)
        principal = await self._database.lookup(parties.of_account, waiting.account_id)
        if principal is None:
            await self._database.write(messages.done, waiting)
            return None
        reached = await self._database.lookup(parties.reach, message.recipient, self._delimiter)
        if message.why is Why.MAIL:
            return await self._mail(waiting, principal, reached)
        if reached.way is Way.HERE and reached.account_id is not None:
            return await self._local.deliver(waiting, reached.account_id)
        if reached.way is Way.NONE:
            await self._database.write(messages.done, waiting)
            return Status.INVALID_USER
        if message.why is Why.REFRESH_COPY:
            await self._database.write(messages.done, waiting)
            return None
        return await self._posting.post(waiting, principal)

    async def _mail(
        self, waiting: WaitingMessage, sender: Principal, reached: Reached
    ) -> Status | None:
        """Mail to somebody here; rooms and things read none."""
        found = None
        if reached.account_id is not None:
            found = await self._database.lookup(parties.of_account, reached.account_id)
        if found is None or found.kind not in (PrincipalKind.USER, PrincipalKind.GROUP):
            await self._database.write(messages.done, waiting)
            return None
        return await self._posting.post(waiting, sender)

    async def _refresh(self, waiting: WaitingMessage) -> None:
        """Bring the copies of all who are invited here up to date with the organizer's.

        The row goes first: who answers meanwhile notes another. Then the copies' own are noted.
        """
        account, uid = waiting.account_id, waiting.message.uid
        copy = await self._database.read(copies.find, self._keys, account, uid)
        found: list[NewMessage] = []
        if copy is not None:
            try:
                found = await asyncio.to_thread(self._refreshed, copy)
            except GrammarError:
                found = []
        reached = await self._database.read(
            parties.reach_all, {one.recipient for one in found}, self._delimiter
        )
        here = [one for one in found if reached[one.recipient].way is Way.HERE]
        await self._database.write(_replace, self._keys, waiting, here)

    def _refreshed(self, copy: Copy) -> list[NewMessage]:
        calendar = copy.calendar()
        series = None if calendar is None else series_of(calendar)
        me = Identity(copy.principal.addresses)
        if series is None or role(series, me) is not Role.ORGANIZER:
            return []
        others = sorted(invited(series).keys() - set(me.addresses))
        made: list[NewMessage] = []
        for message in refreshed(series, others, self._clock.now()):
            made += _copies(message, series.uid)
        return made


def _copies(message: Message, uid: str) -> list[NewMessage]:
    content, sender = message.calendar.written(), planning.sender_of(message)
    one = NewMessage(message.method.value, uid, sender, "", content, Why.REFRESH_COPY)
    return [replace(one, recipient=recipient) for recipient in message.recipients]


def _replace(tx: Tx, keys: KeyRing, waiting: WaitingMessage, found: list[NewMessage]) -> None:
    if messages.done(tx, waiting):
        messages.note(tx, keys, waiting.account_id, found, now=True)

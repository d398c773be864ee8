"""Meetings: what a change means to others, and telling them.

A caller that changes an object asks `plan` first, stores `Plan.content`, and gives the plan to
`note` in the transaction of the change. After the commit `settle` delivers what was noted; what a
process that was killed left, `run` does in another.
"""

from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.domain.scheduling.model import NewMessage
from pillarbox.storage.tx import Tx


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change of an object means.

    `content` is to be stored instead of what was sent (`None`: the object goes); with `as_sent` it
    is the same bytes. `tag_kept` says that the Schedule-Tag stays (RFC 6638 §3.2.10), which is
    `None` for what `is_scheduled` is not true of.
    """

    content: bytes | None
    as_sent: bool = True
    is_scheduled: bool = False
    tag_kept: bool = False
    messages: tuple[NewMessage, ...] = ()


class Scheduling:
    """Plans, notes and delivers; one for a process."""

    async def plan(
        self, owner: AccountId, old: bytes | None, new: bytes | None, *, reply: bool = True
    ) -> Plan:
        """What it means that an object of `owner`'s calendar becomes `new`.

        `old` and `new` are contents, `None` where there is none; `new` has passed `check_object`.
        `reply` false is `Schedule-Reply: F`. Raises `SchedulingDenied` with its `.rule`.
        """
        raise NotImplementedError

    def note(self, tx: Tx, owner: AccountId, plan: Plan) -> None:
        """Note the messages of a plan, in the transaction of the change. Sync."""
        raise NotImplementedError

    async def settle(self, owner: AccountId) -> None:
        """Deliver what is noted for an owner; never fails: what can't be done now stays noted."""
        raise NotImplementedError

    async def run(self) -> None:
        """Deliver whatever is noted, at every hint, until cancelled."""
        raise NotImplementedError

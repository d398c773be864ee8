"""What the scripts of a user want done with a message: values, made before the transaction.

Made by `pipeline/filtering`; carried out by `planned`, as part of `deliver`'s transaction.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from pillarbox.base.errors import Busy, Failure
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail.model import FlagSet
from pillarbox.pipeline.inbound.message import Envelope, Fate
from pillarbox.storage.tx import Tx

if TYPE_CHECKING:
    from pillarbox.pipeline.inbound.judging import Judgement

NO_FLAGS = FlagSet()


class PutOff(Busy):
    """What an account's scripts make does not fit beside what others' make: it is delivered from
    the queue, for that account alone."""

    def __init__(self) -> None:
        super().__init__("There is much to do for this message; it is delivered in a moment")


@dataclass(frozen=True, slots=True)
class Destination:
    """A mailbox that a script names; made where it is missing.

    `special_use` comes before the name, and `mailbox_id` before that.
    """

    name: str
    special_use: str = ""
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True)
class Filing:
    """A copy in a mailbox: of the message, or of `content` where that is given.

    Without `destination` it goes where it would have gone without a script.
    """

    destination: Destination | None = None
    flags: FlagSet = NO_FLAGS
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """Something that leaves because of a script, and what is done in the transaction with it.

    `wanted` says whether it is still to leave (a sender gets one vacation reply), `count` counts
    it and raises `Failure` where the user may send no more. `filing` is a copy of it to keep.
    `after` is run once the transaction has happened. `fields` goes on top of `content`.
    """

    what: str
    recipients: tuple[str, ...]
    reverse_path: str
    content: bytes
    wanted: Callable[[Tx], bool] | None = None
    count: Callable[[Tx], None] | None = None
    filing: Filing | None = None
    smtputf8: bool = False
    after: Callable[[], Awaitable[None]] | None = None
    fields: bytes = b""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done for one account instead of the usual delivery; all of it, or nothing.

    With neither `filings` nor `refusal` the message is in no mailbox, as the scripts want it.
    `note` is run in the transaction (what scripts remember). `lines` are for the trace.
    """

    actor: Actor
    filings: tuple[Filing, ...] = (Filing(),)
    postings: tuple[Posting, ...] = ()
    refusal: Failure | None = None
    note: Callable[[Tx], None] | None = None
    lines: tuple[str, ...] = ()


def placement(filings: Sequence[Filing]) -> str | None:
    """Where a message goes, in words for the trace; `None` for the usual place."""
    places = [
        one.destination.name or one.destination.special_use or one.destination.mailbox_id
        for one in filings
        if one.destination is not None
    ]
    if len(places) < len(filings):
        return None if not places else f"{', '.join(places)} and its usual place"
    return ", ".join(places) or "nowhere (by script)"


_UNWANTED = frozenset(("\\junk", "\\trash", "junk", "trash"))

Plans = Mapping[AccountId, Plan]
NO_PLANS: Plans = MappingProxyType({})


def unwanted(plans: Plans) -> dict[AccountId, Fate]:
    """Whose scripts refuse a message, drop it, or file it as junk only; for them it is junk."""
    return {account: Fate.JUNK for account, plan in plans.items() if _is_unwanted(plan)}


def _is_unwanted(plan: Plan) -> bool:
    if plan.refusal is not None:
        return True
    if not plan.filings:
        return not any(one.what == "redirect" for one in plan.postings)
    places = (one.destination for one in plan.filings)
    return all(
        one is not None and (one.special_use or one.name).lower() in _UNWANTED for one in places
    )


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message about to be delivered; its `pieces` make what local recipients will have.

    The first piece is the Return-Path field, which scripts don't see. `fates` as in
    `deliver.Parcel`. `sender` is who submitted it, if a user did and is known; what any user
    of ours submitted is `believed`. Without a `judgement` nobody judged it.
    """

    envelope: Envelope
    pieces: tuple[bytes, ...]
    fates: Mapping[AccountId, Fate] = field(default_factory=lambda: MappingProxyType({}))
    sender: str = ""
    believed: bool = False
    judgement: "Judgement | None" = None


class Filters(Protocol):
    """Runs the scripts of those who get a message."""

    async def plans(self, arrived: Arrived) -> Plans:
        """The plans of the accounts that have scripts; a failing script's is to keep it."""
        ...

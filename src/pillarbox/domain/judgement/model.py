"""The words in which checks speak of a message, and those in which it is judged.

Written by `pipeline/inbound/checks`, weighed by `decide`, kept and told by `domain/trace`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import msgspec

JUNK_SCORE = 5.0


class Stage(StrEnum):
    """When a check runs: the checks of one stage run together, those of the next see the results.

    `AUTHOR` asks about the domain in From, once signatures are known; `VERDICT` is for checks that
    need what the others found.
    """

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    AUTHOR = "author"
    VERDICT = "verdict"


class Action(StrEnum):
    """What a finding asks for, whatever the points are; the later word beats the earlier one."""

    ALLOW = "allow"
    """Into the inbox whatever else was found, but for what is refused or put into quarantine."""
    JUNK = "junk"
    QUARANTINE = "quarantine"
    DEFER = "defer"
    REFUSE = "refuse"


class Verdict(StrEnum):
    """What becomes of a message for one recipient."""

    ACCEPT = "accept"
    JUNK = "junk"
    QUARANTINE = "quarantine"
    """Accepted, and kept where its recipient can have it for some days; in no mailbox."""
    DEFER = "defer"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Kind:
    """Something a check can find: its name (`spf_fail`), its points, and what to tell people.

    Points may be negative. Admins may give a name other points (`domain/policy`). `text` is a
    sentence without a full stop that goes on after "the message ": `has no Date`.
    """

    name: str
    points: float
    text: str
    action: Action | None = None

    def found(
        self,
        detail: str = "",
        *,
        points: float | None = None,
        action: Action | None = None,
        reply: str = "",
        account_id: int | None = None,
    ) -> "Finding":
        """That it was found; `points` and `action` as here, unless given."""
        return Finding(
            name=self.name,
            points=self.points if points is None else points,
            text=self.text,
            detail=detail[:DETAIL_MAX],
            action=self.action if action is None else action,
            reply=reply,
            account_id=account_id,
        )


DETAIL_MAX = 300


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing that was found in one message.

    `detail` is what was found: a name, an address, a reason; it may hold words of the message, so
    it is sealed wherever it is stored. `reply` is what the client is told where the finding's
    action refuses or defers. With an `account_id` it counts for that account alone.
    """

    name: str
    points: float
    text: str
    detail: str = ""
    action: Action | None = None
    reply: str = ""
    account_id: int | None = None


class Run(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One check of one message: what it found, how long it took, and why it failed if it did."""

    check: str
    stage: Stage
    took_us: int
    findings: tuple[Finding, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """By which one recipient's copy is judged: the domain's policy and the user's own wishes.

    A message goes to Junk from `junk_score` points on, into quarantine from `quarantine_score` and
    is refused from `refuse_score`; `None`: never for its points. `points` and `actions` replace
    those of findings of these names, an action `None` takes it away. Findings of `ignored` checks
    do not count.
    """

    junk_score: float | None = JUNK_SCORE
    quarantine_score: float | None = None
    refuse_score: float | None = None
    points: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    actions: Mapping[str, Action | None] = field(default_factory=lambda: MappingProxyType({}))
    ignored: frozenset[str] = frozenset()


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The verdict for one recipient, and what it rests on.

    `because` names the findings that decided: those whose action won, or all that have points.
    `reply` is for the client where it is refused or deferred.
    """

    verdict: Verdict
    score: float
    because: tuple[str, ...] = ()
    reply: str = ""

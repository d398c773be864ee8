"""What a check is. Each is one module beside this one, made in `app/checking`, run by `running`."""

from collections.abc import Sequence
from typing import Protocol

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.message import Recipient


class Check(Protocol):
    """One check of a stage; one object serves all sessions of a process.

    `name` is the word under which policies turn it off and traces show it. `kinds` is everything
    it can find.
    """

    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def kinds(self) -> tuple[Kind, ...]: ...
    @property
    def deadline_s(self) -> float:
        """It is given up after so long; what it then comes to `failed` says."""
        ...

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at what has come so far; may raise anything, which counts as a failure."""
        ...

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """What its failure comes to: most often nothing, never a refusal unless the admin asked."""
        ...


def asks_nobody(check: Check) -> bool:
    """Whether a check looks at the message and our own data only: it says `asks_nobody = True`."""
    return bool(getattr(check, "asks_nobody", False))


def asks_names(check: "Check | RecipientCheck") -> bool:
    """Whether a check waits for name servers: it says `asks_names = True`.

    All of those share `running.NAMES_S`, so that dead name servers don't delay every stage.
    """
    return bool(getattr(check, "asks_names", False))


class RecipientCheck(Protocol):
    """A check of one recipient, before it is accepted (`Stage.RCPT`).

    A finding that defers or refuses is the answer to RCPT; it counts for that recipient alone.
    """

    @property
    def name(self) -> str: ...
    @property
    def kinds(self) -> tuple[Kind, ...]: ...
    @property
    def deadline_s(self) -> float: ...

    async def run(self, arrival: Arrival, recipient: Recipient) -> Sequence[Finding]:
        """As `Check.run`."""
        ...

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """As `Check.failed`."""
        ...

"""What a check is. Each is one module beside this one, made in `app/checking`, run by `running`."""

from collections.abc import Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.message import Recipient


class AnyCheck:
    """What all checks have; one object serves all sessions of a process."""

    name: str
    """The word under which policies turn it off and traces show it."""
    kinds: tuple[Kind, ...] = ()
    """Everything it can find."""
    deadline_s: float = 10.0
    """It is given up after so long; what it then comes to `failed` says."""
    asks_names: bool = False
    """Whether it waits for name servers. All that do share `running.NAMES_S`, so that dead ones
    don't delay every stage."""

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """What its failure comes to: most often nothing, so that the other checks decide."""
        return ()


class Check(AnyCheck):
    """One check of a stage."""

    stage: Stage
    asks_nobody: bool = False
    """Whether it looks at the message and our own data only."""

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at what has come so far; may raise anything, which counts as a failure."""
        raise NotImplementedError


class RecipientCheck(AnyCheck):
    """A check of one recipient, before it is accepted (`Stage.RCPT`).

    A finding that defers or refuses is the answer to RCPT; it counts for that recipient alone.
    """

    async def run(self, arrival: Arrival, recipient: Recipient) -> Sequence[Finding]:
        """As `Check.run`."""
        raise NotImplementedError

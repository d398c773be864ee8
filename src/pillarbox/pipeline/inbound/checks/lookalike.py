"""Whether a message pretends to come from somebody whom its reader trusts."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival

KINDS: tuple[Kind, ...] = ()

Domains = Callable[[], Awaitable[Collection[str]]]
Names = Callable[[str], Awaitable[Collection[str]]]
Correspondents = Callable[[Arrival], Awaitable[Collection[str]]]


class LookalikeCheck:
    """Compares the sender with those whom the recipients know.

    `own_domains` gives the domains served here, `names` the display names of a domain's users,
    `correspondents` the domains to which the recipients write; `organizational` is the function
    that finds the organizational domain. All domains are A-labels in lower case.
    """

    name = "lookalike"
    stage = Stage.DATA
    kinds = KINDS
    deadline_s = 10.0

    def __init__(
        self,
        own_domains: Domains,
        names: Names,
        organizational: Callable[[str], str],
        correspondents: Correspondents | None = None,
    ) -> None:
        self._own_domains = own_domains
        self._names = names
        self._organizational = organizational
        self._correspondents = correspondents

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Nothing is looked for yet."""
        return ()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """A failure tells nothing about the message."""
        return ()
